"""What a host knows, from libvirt's XML of it: `virsh domcapabilities`, or `virsh capabilities`.

Source: libvirt's formatdomaincaps and formatcaps; what libvirt 9.0 says of QEMU 7.2 (measured: it lists the models of
disks and rng devices, of no other virtio device, and only the machine type that was asked for; of the host's CPU
capabilities tell vendor and address bits, tests/real/test_advise.py).
"""

from typing import Any, Final
from xml.etree import ElementTree

from ..bounded_input import UnreadableError
from ..bounded_xml import xml_root
from ..environment.host import OLDEST_WITH_TYPES, Host, Version
from ..pci.controllers import VirtioMode
from ..pci.cpu import vendor_named
from ..pci.machine_types import family_of, machine_type
from .splice import SourceError

MODE_OF_VALUE: Final[dict[str, VirtioMode | None]] = {
    "virtio": None,
    "virtio-transitional": VirtioMode.TRANSITIONAL,
    "virtio-non-transitional": VirtioMode.MODERN,
}
LISTED: Final = {"disk": ("virtio-blk", "vhost-user-blk"), "rng": ("virtio-rng",)}
"""Catalogue models of the elements whose `model` is listed."""
TOLD: Final = ("virtio-blk", "virtio-rng")
"""Where domain XML can say their mode, it can say that of every device."""
MODERN_ONLY: Final = {
    ("video", "modelType", "virtio"): ("virtio-gpu", "virtio-vga"),
    ("filesystem", "driverType", "virtiofs"): ("vhost-user-fs",),
}
"""Values that stand for virtio models without a choice of mode."""


def host_of_capabilities(data: bytes, name: str) -> Host:
    """Raises SourceError where it is neither of the two, or of another architecture than x86_64."""
    try:
        root = xml_root(data)
    except UnreadableError as error:
        raise SourceError(str(error)) from None
    if root.tag == "domainCapabilities":
        return _of_domain(root, name)
    if root.tag == "capabilities":
        return _of_host(root, name)
    raise SourceError(
        f"<{root.tag}> is neither <domainCapabilities> nor <capabilities>: virsh domcapabilities writes one"
    )


def _of_domain(root: ElementTree.Element, name: str) -> Host:
    if root.findtext("arch") != "x86_64":
        raise SourceError(f"arch is {root.findtext('arch')}, not x86_64")
    machine = root.findtext("machine", "")
    models: dict[str, frozenset[VirtioMode | None]] = {}
    for element, mine in LISTED.items():
        models |= _listed(root.find(f"devices/{element}"), mine)
    for (element, enum, value), mine in MODERN_ONLY.items():
        there = root.find(f"devices/{element}")
        values = None if there is None else _values(there, enum)
        if values is not None:
            models |= dict.fromkeys(mine, frozenset({VirtioMode.MODERN, None} if value in values else ()))
    qemu, libvirt = _version([machine]), None
    if any({VirtioMode.TRANSITIONAL, VirtioMode.MODERN} <= models.get(model, frozenset()) for model in TOLD):
        qemu, libvirt = max(qemu or (), OLDEST_WITH_TYPES["qemu"]), OLDEST_WITH_TYPES["libvirt"]
    known = machine if (asked := machine_type(machine)) is not None and asked.version is not None else None
    versions = Host(name=name, qemu=qemu, libvirt=libvirt, managed=True, models=models, machine=known)
    of_host = next((one for one in root.iterfind("cpu/mode") if one.get("name") == "host-model"), None)
    return versions.model_copy(update=_processor(of_host, "limit"))


def _of_host(root: ElementTree.Element, name: str) -> Host:
    """Machine types of all x86_64 emulators: those of q35 and i440fx, and what their aliases stand for."""
    guests = (arch for arch in root.iterfind("guest/arch") if arch.get("name") == "x86_64")
    listed = {machine.text or "": machine.get("canonical") for arch in guests for machine in arch.iter("machine")}
    if not listed:
        raise SourceError("no machine types for x86_64: not a host with QEMU")
    aliases = {alias: canonical for alias, canonical in listed.items() if canonical and machine_type(canonical)}
    types = filter(None, map(machine_type, (*listed, *aliases.values())))
    known = frozenset(one.name for one in types if one.name not in aliases and (one.version or not one.known))
    version = _version(known)
    versions = Host(name=name, qemu=version, runs=version, managed=True, machines=known, aliases=aliases)
    return versions.model_copy(update=_processor(root.find("host/cpu"), "bits"))


def _processor(cpu: ElementTree.Element | None, name: str) -> dict[str, Any]:
    """Vendor and physical address bits of the host's CPU, as far as they are told; `name` is the attribute of
    `maxphysaddr` that says the bits."""
    if cpu is None:
        return {}
    vendor, stated = cpu.findtext("vendor"), cpu.find("maxphysaddr")
    bits = "" if stated is None else stated.get(name, "")
    told: dict[str, Any] = {} if not vendor else {"vendor": vendor_named(vendor)}
    return told | ({"phys_bits": int(bits)} if bits.isdecimal() else {})


def _listed(element: ElementTree.Element | None, models: tuple[str, ...]) -> dict[str, frozenset[VirtioMode | None]]:
    """A missing enum says nothing; an element that is not supported says that there is none."""
    if element is None:
        return {}
    values = [] if element.get("supported") == "no" else _values(element, "model")
    return (
        {}
        if values is None
        else dict.fromkeys(models, frozenset(MODE_OF_VALUE[one] for one in values if one in MODE_OF_VALUE))
    )


def _values(element: ElementTree.Element, enum: str) -> list[str] | None:
    found = next((one for one in element.iterfind("enum") if one.get("name") == enum), None)
    return None if found is None else [value.text or "" for value in found.iterfind("value")]


def _version(names: list[str] | frozenset[str]) -> Version | None:
    """QEMU is as new as its newest machine type."""
    return max((family_of(one)[1] or () for one in names), default=()) or None
