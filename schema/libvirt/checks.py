"""What libvirt refuses of single devices, told in words of our own before anything is planned."""

from .addresses import LARGEST, address_of, number_of
from .splice import Element, SourceError

PHANTOMS = frozenset({"tpm", "sound", "controller", "hub", "parallel", "serial", "console", "channel", "panic"})
"""Devices whose PCI address libvirt takes though they are none, and for whose sake it leaves the slot free."""


def check(device: Element, domain: Element, devices: Element, *, is_pci: bool) -> None:
    """Raises SourceError."""
    if device.value("address", "zpci", name="uid"):
        raise SourceError(f"{device.tag}: zpci addresses are of s390 guests")
    if not is_pci and device.tag not in PHANTOMS and address_of(device) is not None:
        raise SourceError(f"{device.tag}: a PCI address on what is no PCI device: leave it out")
    if device.tag == "iommu" and device.get("model") == "virtio":
        _iommu(device, domain)
    if device.tag == "controller" and device.get("model").startswith("ich9-uhci"):
        _companion(device, devices)
    if device.tag == "hostdev" and device.get("type") == "pci":
        _only_once(device, devices)


def _iommu(device: Element, domain: Element) -> None:
    if device.value("address", name="type") not in ("", "pci"):
        raise SourceError("iommu: virtio takes a PCI address")
    if domain.first("features", "acpi") is None:
        raise SourceError("iommu: virtio needs ACPI: add <acpi/> to <features>")


def _companion(device: Element, devices: Element) -> None:
    index = device.get("index", "0")
    same = (one for one in devices.all("controller") if one.get("type") == "usb" and one.get("index", "0") == index)
    if all(one.get("model") != "ich9-ehci1" for one in same):
        raise SourceError(
            f"controller usb {index}: {device.get('model')} is a companion of ich9-ehci1, which is missing"
        )


def _only_once(device: Element, devices: Element) -> None:
    mine = device.first("source", "address")
    for other in devices.all("hostdev"):
        if other is device:
            return
        source = other.first("source", "address")
        if mine is not None and source is not None and _host(source) == _host(mine):
            raise SourceError(f"hostdev {':'.join(f'{number:x}' for number in _host(mine))} is listed twice")


def _host(source: Element) -> tuple[int, ...]:
    """The host's address of a device, whose numbers may be written in several ways."""
    return tuple(number_of(source, name, "hostdev") for name in LARGEST)
