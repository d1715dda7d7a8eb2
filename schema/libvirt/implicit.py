"""Devices that a domain has though it does not list them: libvirt adds them when it defines the domain.

They take addresses, so the plan has them and the result lists them.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from ..pci.machine import Family
from .models import disk_bus, disk_number
from .splice import Element, SourceError

SCSI_DISKS: Final = 15
"""Names sda, sdb ... go to controllers in turn, so many each."""
SATA_DISKS: Final = 6
MOST_CONTROLLERS: Final = 255
"""Index of a controller."""


def missing(devices: Element, family: Family) -> Iterator[str]:
    """XML of each device that is to be added, without its address, in the order in which libvirt does."""
    controllers = {(one.get("type"), index) for one in devices.all("controller") if (index := one.get("index", "0"))}
    if family == "q35" and ("usb", "0") not in controllers:
        yield "<controller type='usb' index='0' model='qemu-xhci'/>"
    for sort, model, wanted in (
        ("scsi", " model='lsilogic'", range(max(_scsi(devices), default=-1) + 1)),
        ("sata", "", range(family == "q35", max(_sata(devices), default=-1) + 1)),
        ("virtio-serial", "", sorted({*_virtio_serial(devices)})),
    ):
        for number in wanted:
            if (sort, str(number)) not in controllers:
                yield f"<controller type='{sort}' index='{number}'{model}/>"
    if any(True for _ in devices.all("graphics")) and devices.first("video") is None:
        yield "<video>\n  <model type='cirrus'/>\n</video>"
    if devices.first("memballoon") is None:
        yield "<memballoon model='virtio'/>"


def adds_piix3_usb(devices: Element) -> bool:
    """Whether a pc has the chipset's own USB controller: unless controller 0 is listed as another one."""
    first = [one for one in devices.all("controller") if one.get("type") == "usb" and one.get("index", "0") == "0"]
    return all(one.get("model") in ("", "piix3-uhci") for one in first)


def _scsi(devices: Element) -> Iterator[int]:
    for disk in devices.all("disk"):
        if disk_bus(disk) == "scsi":
            yield _controller(disk, SCSI_DISKS)
    for host in devices.all("hostdev"):
        if host.get("type") == "scsi":
            yield _controller(host, SCSI_DISKS)


def _sata(devices: Element) -> Iterator[int]:
    return (_controller(disk, SATA_DISKS) for disk in devices.all("disk") if disk_bus(disk) == "sata")


def _virtio_serial(devices: Element) -> Iterator[int]:
    lines: Iterable[Element] = (*devices.all("channel"), *devices.all("console"))
    for line in lines:
        if line.value("target", name="type") == "virtio":
            yield _controller(line, 1 << 16)


def _controller(device: Element, each: int) -> int:
    """The one its address names; else by its name in the guest, `sda` being the first."""
    stated = device.value("address", name="controller")
    if stated.isdecimal():
        if int(stated) > MOST_CONTROLLERS:
            raise SourceError(f"{device.tag}: address controller {stated}: at most {MOST_CONTROLLERS}")
        return int(stated)
    return disk_number(device) // each
