"""Disks of a domain: on which bus, and which controller a name such as `sdh` means."""

from typing import Final

from .splice import Element, SourceError

BUSES: Final = ("virtio", "ide", "fdc", "scsi", "xen", "usb", "uml", "sata", "sd", "nvme")
BUS_BY_NAME: Final = {
    "hd": "ide",
    "sd": "scsi",
    "vd": "virtio",
    "xvd": "xen",
    "fd": "fdc",
    "ubd": "uml",
    "nvme": "nvme",
}
"""Buses by how the name begins that the guest may give a disk."""
MOST_DISKS: Final = 1 << 14
MOST_CONTROLLERS: Final = 255
"""Index of a controller."""


def disk_bus(disk: Element) -> str:
    """Stated, or by the first letters of its name. Raises SourceError for a bus that is not known, or not said."""
    target = disk.first("target")
    if target is None:
        raise SourceError("disk: no <target dev='...'>")
    dev, stated = target.get("dev"), target.get("bus")
    if stated and stated not in BUSES:
        raise SourceError(f"disk {dev[:40]!r}: bus {stated!r} is not known: {', '.join(BUSES)}")
    bus = stated or next((bus for prefix, bus in BUS_BY_NAME.items() if dev.startswith(prefix)), "")
    if not bus:
        raise SourceError(f"disk {dev[:40]!r}: neither such a name nor an attribute says its bus: {', '.join(BUSES)}")
    return bus


def disk_number(device: Element) -> int:
    """By the name that the guest may give it: `vda` is 0, `vdaa` 26."""
    number = 0
    name = device.value("target", name="dev")
    for letter in name.removeprefix("x")[2:].rstrip("0123456789"):
        number = number * 26 + ord(letter) - ord("a") + 1
        if not 0 < number <= MOST_DISKS:
            raise SourceError(f"disk {name[:40]!r}: not a name such as vda or sdb")
    return max(0, number - 1)


def disk_name(number: int) -> str:
    """What libvirt calls a virtio disk by default.

    >>> disk_name(0), disk_name(25), disk_name(26), disk_name(27)
    ('vda', 'vdz', 'vdaa', 'vdab')
    """
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("a") + rest) + letters
    return f"vd{letters}"


def stated_controller(device: Element) -> int | None:
    """The controller that its address names, if any."""
    stated = device.value("address", name="controller")
    if not stated.isdecimal():
        return None
    if int(stated) > MOST_CONTROLLERS:
        raise SourceError(f"{device.tag}: address controller {stated}: at most {MOST_CONTROLLERS}")
    return int(stated)


def nvme_controller(disk: Element) -> int:
    """That of `nvme3n1` is 3."""
    digits = disk.value("target", name="dev").removeprefix("nvme").partition("n")[0]
    number = int(digits) if digits.isdecimal() else 0
    if number > MOST_CONTROLLERS:
        raise SourceError(f"disk: controller {number} of its name: at most {MOST_CONTROLLERS}")
    return number
