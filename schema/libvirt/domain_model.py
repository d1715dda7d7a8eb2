"""What matters of a domain's XML: machine, devices and PCI controllers, each with its element."""

from dataclasses import field
from typing import Any

from ..pci.machine_types import Family
from ..records import record
from .addresses import PciAddress
from .controllers import DomainController
from .models import QemuDevice
from .splice import Element


@record
class DomainDevice:
    """A PCI device. What the document does not list has the XML to add, without an address, in `added`."""

    id: str
    kind: QemuDevice
    source: Element
    """Its element, of the document or of `added`."""
    added: str = ""
    address: PciAddress | None = None
    group: str | None = None
    function: int | None = None
    chipset_place: bool = False
    """Whether libvirt would give it one of the chipset's places, which no guest can hot-plug."""
    switched: bool = False
    """Whether overrides, and not its element, say its virtio mode."""


@record
class Domain:
    """What matters of a domain's XML, with the elements that say it: they know where in the text they stand."""

    root: Element
    devices: Element
    """Of no length where the domain has none."""
    machine: str
    family: Family
    parts: list[DomainDevice] = field(default_factory=list)
    fixed: list[tuple[Element, PciAddress]] = field(default_factory=list)
    """Chipset functions that the domain lists, and where they are."""
    bridges: list[DomainController] = field(default_factory=list)
    usb: bool = False
    """Whether a pc has its own USB controller."""
    root_hotplug: bool = True
    """Off, libvirt would still put devices there: no guest can hot-plug them, and none of them needs to be."""
    properties: dict[str, dict[str, Any]] = field(default_factory=dict)
    """QEMU properties that the domain overrides, by alias."""
    indexes: dict[Element, int] = field(default_factory=dict)
    """Of its controllers of every type."""
    reserved: list[PciAddress] = field(default_factory=list)
    """Addresses that libvirt keeps free for what is no PCI device."""
    unread: list[str] = field(default_factory=list)
    """What is not understood, or not as it stands there."""
