"""What libvirt refuses of single devices, told in words of our own before anything is planned."""

from collections.abc import Mapping

from ..pci.machine_types import Family
from .addresses import address_of, host_address
from .disks import disk_bus, disk_number, stated_controller
from .splice import Element, SourceError

PHANTOMS = frozenset(
    {"tpm", "sound", "controller", "hub", "parallel", "serial", "console", "channel", "panic", "input", "memballoon"}
    | {"graphics", "redirfilter", "audio", "lease"}
)
"""Elements on which libvirt takes a PCI address though they are no PCI devices: of most it keeps the address free."""
IDE_DISKS = 4
"""Of the chipset's controller."""


def check(
    device: Element, domain: Element, devices: Element, family: Family, indexes: Mapping[Element, int], *, is_pci: bool
) -> None:
    """`indexes` are those of the controllers. Raises SourceError."""
    if device.value("address", "zpci", name="uid"):
        raise SourceError(f"{device.tag}: zpci addresses are of s390 guests")
    if not is_pci and device.tag not in PHANTOMS and address_of(device) is not None:
        raise SourceError(f"{device.tag}: a PCI address on what is no PCI device: leave it out")
    if device.tag == "iommu":
        _iommu(device, domain, family)
    if device.tag == "disk" and disk_bus(device) == "ide":
        _ide(device, family)
    if device.tag == "controller" and device.get("type") == "usb":
        _usb(device, devices, indexes)
    if device.tag == "hostdev" and device.get("type") == "pci":
        _only_once(device, devices)


def _iommu(device: Element, domain: Element, family: Family) -> None:
    model = device.get("model")
    if family == "pc":
        raise SourceError(f"iommu: {model} goes with q35, not with pc: change the machine, or leave it out")
    if model == "virtio" and device.value("address", name="type") not in ("", "pci"):
        raise SourceError("iommu: virtio takes a PCI address")
    if model == "virtio" and domain.first("features", "acpi") is None:
        raise SourceError("iommu: virtio needs ACPI: add <acpi/> to <features>")


def _ide(disk: Element, family: Family) -> None:
    dev = disk.value("target", name="dev")
    if family == "q35":
        raise SourceError(f"disk {dev!r}: q35 has no IDE controller, and none can be added: bus sata takes its disks")
    stated = stated_controller(disk)
    if stated or (stated is None and disk_number(disk) >= IDE_DISKS):
        raise SourceError(f"disk {dev!r}: pc has one IDE controller, with {IDE_DISKS} disks: hda to hdd")


def _usb(device: Element, devices: Element, indexes: Mapping[Element, int]) -> None:
    usb = [one for one in devices.all("controller") if one.get("type") == "usb"]
    if device.get("model") == "none" and len(usb) > 1:
        raise SourceError("controller usb: model none says that there is no USB: leave out the others, or it")
    same = [one.get("model") for one in usb if indexes.get(one) == indexes.get(device)]
    # libvirt overlooks it beside an xHCI controller, and QEMU then misses the master's bus
    if device.get("model").startswith("ich9-uhci") and "ich9-ehci1" not in same:
        index = indexes.get(device)
        raise SourceError(
            f"controller usb {index}: {device.get('model')} is a companion of ich9-ehci1, which is missing"
        )


def _only_once(device: Element, devices: Element) -> None:
    mine = host_address(device)
    for other in devices.all("hostdev"):
        if other is device:
            return
        if mine is not None and host_address(other) == mine:
            raise SourceError(f"hostdev {mine} is listed twice")
