"""A domain as far as its PCI layout goes."""

from functools import lru_cache
from typing import Final

from ..pci.machine_types import Family, machine_type
from .bridge_places import place_bridges
from .collector import Collector
from .controller_indexes import controller_indexes
from .controllers import bridges_of, root_hotplug
from .domain_model import Domain as Domain
from .domain_model import DomainDevice as DomainDevice
from .implicit import adds_piix3_usb, first_scsi_controllers
from .override import overrides
from .splice import Element, SourceError, parse
from .vocabulary import unknown_names

DOMAIN_TYPES: Final = ("qemu", "kvm", "hvf", "kqemu")
"""Of QEMU."""


@lru_cache(maxsize=2)
def read_domain(data: bytes) -> Domain:
    """Raises SourceError for what is no domain XML of an x86 machine with PCI. The last ones are remembered."""
    root = parse(data)
    if root.tag != "domain":
        raise SourceError(f"the root element is <{root.tag}>, not <domain>")
    machine, family = _machine(root)
    devices = root.first("devices") or Element("devices", {}, root.close, root.close, root, root.close, root.close)
    domain = Domain(root, devices, machine, family, properties=overrides(root))
    domain.unread += unknown_names(root)
    domain.indexes = controller_indexes(devices, first_scsi_controllers(devices))
    domain.usb = family == "pc" and adds_piix3_usb(devices, domain.indexes)
    domain.root_hotplug = root_hotplug(devices)
    Collector(domain).run()
    used = [part.address for part in domain.parts if part.address is not None]
    used += domain.reserved
    domain.bridges = bridges_of(devices, family, used)
    place_bridges(domain.bridges, family, used)
    return domain


def _machine(root: Element) -> tuple[str, Family]:
    kind = root.first("os", "type")
    if root.get("type") not in DOMAIN_TYPES or kind is None:
        raise SourceError(
            f"domain type {root.get('type')[:40]!r}, {'no ' if kind is None else ''}<os><type>: a domain of QEMU says "
            f"<domain type='kvm'> (or {', '.join(DOMAIN_TYPES)}) and <os><type machine='q35'>hvm</type></os>"
        )
    if kind.text not in ("hvm", ""):
        raise SourceError(f"os type {kind.text[:40]!r}: only hvm is planned")
    arch = kind.get("arch", "x86_64")
    if arch not in ("x86_64", "i686"):
        raise SourceError(f"architecture {arch!r}: only x86_64 and i686 are planned")
    machine = kind.get("machine", "pc")
    known = machine_type(machine)
    if known is None:
        raise SourceError(f"machine {machine!r}: only q35 and i440fx (pc) are planned")
    return machine, known.family
