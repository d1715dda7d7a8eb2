"""What a host knows: machine types, and virtio models in each mode; and its CPU. From libvirt's capabilities, from
versions, or from /proc/cpuinfo.

Where capabilities do not say (domain capabilities list models of disks and rng only, and one machine type), versions
decide; a machine type is a lower bound of its QEMU's version. What neither says is unknown, and not relied on.
Sources: what libvirt's own tests record of QEMU 2.4, 2.6, 3.1 and 4.0; release notes of QEMU and libvirt.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from ..base import Frozen
from ..catalog import models
from ..pci.controllers import VirtioMode
from ..pci.cpu import Vendor, vendor_named
from ..pci.machine_types import Family, MachineType, lists_upstream_names, machine_type
from ..pci.qemu_versions import has_type
from ..request.device import ModeSource

Version = tuple[int, ...]

OLDEST_WITH_TYPES: Final = {"qemu": (4, 0), "libvirt": (5, 2)}
"""From these on there are device types of a mode, and domain XML has models for them."""
SWITCHES: Final = {"qemu": (2, 4), "libvirt": (8, 2)}
"""From these on there are `disable-legacy` and `disable-modern`, and domain XML passes them on (`<qemu:override>`)."""
SINCE: Final[dict[str, Version]] = {
    "virtio-gpu": (2, 4), "virtio-vga": (2, 4), "virtio-keyboard": (2, 4), "virtio-mouse": (2, 4),
    "virtio-tablet": (2, 4), "virtio-input-host": (2, 4), "vhost-vsock": (2, 8), "virtio-crypto": (2, 8),
    "vhost-user-scsi": (2, 10), "vhost-user-blk": (2, 12), "virtio-pmem": (4, 1), "vhost-user-gpu": (4, 1),
    "vhost-user-vga": (4, 1), "vhost-user-input": (4, 1), "vhost-user-fs": (4, 2), "virtio-iommu": (5, 0),
    "virtio-mem": (5, 1), "vhost-user-vsock": (5, 1), "virtio-gpu-gl": (6, 1), "virtio-vga-gl": (6, 1),
    "vhost-user-i2c": (6, 2), "vhost-user-rng": (6, 2), "vhost-user-gpio": (7, 2),
}  # fmt: skip
"""QEMU that brought a virtio model; the others are older than what is planned for."""


_VERSION: Final = re.compile(r"\d{1,4}(\.\d{1,4}){0,3}")
STATED: Final = {
    "qemu": _VERSION,
    "libvirt": _VERSION,
    "phys_bits": re.compile(r"3[2-9]|4\d|5[0-2]"),
    "vendor": re.compile("amd|intel|other"),
}
"""What of a host can be stated by itself, as `NAME=VALUE`, and how."""


class Host(Frozen):
    """A host that the guest runs on or may migrate to."""

    name: str
    """What the user calls it: a file, or its versions."""
    qemu: Version | None = None
    """Version of its QEMU, at least; None where it is not known."""
    runs: Version | None = None
    """Version of its QEMU where that is told, by itself or by the list of its machine types; one of them alone tells
    how old it is at most."""
    libvirt: Version | None = None
    """Version of its libvirt, at least; None where it is not known."""
    managed: bool = False
    """Whether libvirt manages it, of whatever version."""
    machines: frozenset[str] | None = None
    """All its machine types but aliases, where they are listed; else None."""
    aliases: Mapping[str, str] = {}
    """What its names for its own newest machine types stand for: `q35` may be a distribution's."""
    machine: str | None = None
    """A machine type that it has, where only one is told; else None."""
    phys_bits: int | None = None
    """Physical address bits of its CPU; None where they are not known."""
    vendor: Vendor | None = None
    """Whose its CPU is; None where that is not known."""
    models: Mapping[str, frozenset[VirtioMode | None]] = {}
    """The modes of each virtio model that is listed: None is the model without a mode, an empty set that there is no
    such model."""

    @property
    def tells_only_cpu(self) -> bool:
        """Whether nothing but its CPU is known: then all of QEMU is there, as where there is no host."""
        programs = (self.qemu, self.libvirt, self.machines, self.machine)
        told = self.managed or self.models or any(one is not None for one in programs)
        return not told and (self.phys_bits is not None or self.vendor is not None)

    def has_machine(self, name: str) -> bool | None:
        """Whether it knows that machine type; None where nothing tells."""
        if self.tells_only_cpu:
            return True
        if self.machines is not None:
            return name in self.machines or name in self.aliases
        if name == self.machine:
            return True
        asked = machine_type(name)
        if self.qemu is None or asked is None or not asked.known:
            return None
        if asked.vendor is None and asked.version is not None and not lists_upstream_names(self._vendor):
            return False
        if asked.version is None:
            return True if asked.vendor is None else None  # a bare family is there in every version
        return self._has_version(asked)

    def _has_version(self, asked: MachineType) -> bool | None:
        """By its QEMU's version; whether it has a distribution's own types that does not say."""
        assert self.qemu is not None
        assert asked.version is not None
        fits = has_type(self.qemu, asked.family, asked.version)
        return None if fits and asked.vendor is not None else fits

    @property
    def _vendor(self) -> str | None:
        known = None if self.machine is None else machine_type(self.machine)
        return None if known is None else known.vendor

    def has_model(self, model: str) -> bool | None:
        """Whether it knows the model, in whatever mode."""
        if self.tells_only_cpu:
            return True
        if model in self.models:
            return bool(self.models[model])
        known = models().get(model)
        since = (known.since if known is not None else None) or SINCE.get(model, (0,))
        return None if self.qemu is None and since != (0,) else self.qemu is None or self.qemu >= since

    def takes(self, model: str, mode: VirtioMode, means: ModeSource) -> bool | None:
        """Whether the mode of such a device can be said to it by these means.

        A mode that the slot decides can always be had, where the device sits in the right one (rule virtio-slot).
        """
        if means == "slot":
            return self.has_model(model)
        if means == "type":
            return mode in self.models[model] if model in self.models else self._since(OLDEST_WITH_TYPES)
        return self._since(SWITCHES)

    def _since(self, versions: Mapping[str, Version]) -> bool | None:
        """Of both programs, as far as they take part."""
        old = self.qemu is not None and self.qemu < versions["qemu"]
        old |= self.libvirt is not None and self.libvirt < versions["libvirt"]
        if old:
            return False
        if self.tells_only_cpu:
            return True
        return None if self.qemu is None or (self.managed and self.libvirt is None) else True

    def with_statements_of(self, other: "Host") -> "Host":
        """The same host with the versions, and what of its CPU, the other one states in place of its own."""
        told = {name: getattr(other, name) for name in ("qemu", "runs", "libvirt", "phys_bits", "vendor")}
        return self.model_copy(update={name: value for name, value in told.items() if value is not None})

    @cached_property
    def words(self) -> str:
        """What it is known by: `old.xml (QEMU 3.1 or newer)`."""
        if self.qemu is None or "=" in self.name:
            return self.name
        return f"{self.name} (QEMU {'.'.join(map(str, self.qemu))} or newer)"


def host_of_versions(text: str) -> Host:
    """From `qemu=6.2,libvirt=8.0`, or one of the two; `phys_bits=46,vendor=intel` say what its CPU is. Raises
    ValueError.

    >>> host_of_versions("qemu=6.2").takes("virtio-net", VirtioMode.TRANSITIONAL, "type")
    True
    """
    stated: dict[str, Any] = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        if name not in STATED or STATED[name].fullmatch(value) is None or name in stated:
            raise ValueError(
                f"{text!r} does not say versions, as qemu=6.2,libvirt=8.0 does, or what the CPU is, as "
                "phys_bits=46,vendor=intel does (32 to 52 bits; amd, intel or other), each once at most"
            )
        stated[name] = tuple(map(int, value.split("."))) if STATED[name] is _VERSION else value
    return Host.model_validate({"name": text, "runs": stated.get("qemu"), "managed": "libvirt" in stated, **stated})


def host_of_cpuinfo(text: str, name: str) -> Host:
    """What a /proc/cpuinfo says of the host's CPU: its vendor, and how many physical address bits it has. Raises
    ValueError where the text does not say these.

    >>> host_of_cpuinfo("vendor_id : GenuineIntel\\naddress sizes : 46 bits physical, 48 bits virtual", "h").phys_bits
    46
    """
    lines = (line.partition(":") for line in text.splitlines())
    said = {field.strip(): value.strip() for field, _, value in lines}
    bits, vendor = said.get("address sizes", "").partition(" bits physical")[0], said.get("vendor_id")
    if STATED["phys_bits"].fullmatch(bits) is None or vendor is None:
        raise ValueError("no /proc/cpuinfo of an x86 machine: vendor_id and address sizes are missing")
    return Host(name=name, phys_bits=int(bits), vendor=vendor_named(vendor))


def newest_machine(family: Family, hosts: Sequence[Host]) -> str | None:
    """The newest machine type with a version that every host is known to have; None if there is none. Of those that
    stand for the same version, one that is listed everywhere before one that follows from QEMU's version, and
    upstream's own before a distribution's."""
    chip = "q35" if family == "q35" else "i440fx"
    hosts = [host for host in hosts if not host.tells_only_cpu]
    told = [host.machines or {host.machine} for host in hosts]
    names = {name for one in told for name in one if name is not None}
    names |= {f"pc-{chip}-{'.'.join(map(str, host.qemu[:2]))}" for host in hosts if host.qemu is not None}
    known = [one for one in map(machine_type, names) if one is not None and one.family == family]
    common = [one for one in known if one.version and all(host.has_machine(one.name) for host in hosts)]

    def rank(one: MachineType) -> tuple[Version, bool, bool, int, str]:
        listed = all(one.name in names for names in told)
        return one.version or (), listed, one.vendor is None, -len(one.name), one.name

    return max(common, key=rank).name if common else None


def meant_by(alias: str, hosts: Sequence[Host]) -> str | None:
    """The machine type that an alias stands for on every host that lists its own; None where they differ in that, or
    one is not known to have it."""
    meant = {host.aliases[alias] for host in hosts if alias in host.aliases}
    name = next(iter(meant), None)
    return name if len(meant) == 1 and all(host.has_machine(str(name)) for host in hosts) else None
