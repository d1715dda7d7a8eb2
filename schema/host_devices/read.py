"""Where the host's devices are looked up: a folder of sysfs, a file that lists them, or the machine that this is."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from ..bounded_input import ENDLESS_NUMBER, UnreadableError, has_endless_number, read_bytes
from ..errors import InputError
from ..request.device import Device
from .device import HostDevices, Listed, Several
from .fill import listed, look_up
from .sysfs import Sysfs

SYSFS: Final = Path("/sys/bus/pci/devices")
SUBFOLDERS: Final = ("", "bus/pci/devices", "sys/bus/pci/devices")
"""Where the folder of functions may be below the one that is named."""


Sources = Iterable[str | Path]
"""Folders and files that show the devices of one host."""


def of_this_machine() -> HostDevices:
    """Those that Linux shows here; none on another system."""
    return Sysfs(SYSFS)


def as_here(devices: Iterable[object]) -> list[str]:
    """Ids of the devices of the host whose BARs are those that this machine has at the same address. They may be as a
    file has them, not yet validated."""
    here, ids = of_this_machine(), []
    for device in devices:
        fields = dict(device) if isinstance(device, Device | Mapping) else {}
        found = look_up(fields.get("properties"), here)
        if found is not None and found.bars and fields.get("bars") in (found.bars, listed(found.bars)):
            ids.append(str(fields.get("id")))
    return ids


def read_host_devices(sources: Sources) -> HostDevices:
    """Those of one host, by folders of sysfs (or copies) and files of `lspci -vvv -nn` or `virsh nodedev-dumpxml`; what
    the first does not say, the next may. Raises InputError."""
    return Several([_source(Path(source)) for source in sources])


def _source(path: Path) -> HostDevices:
    if os.path.isdir(path):  # Path.is_dir raises for a name that is too long
        folders = [Sysfs(path / below) for below in SUBFOLDERS]
        found = next((folder for folder in folders if not folder.empty), None)
        if found is None:
            raise InputError(str(path), ["no PCI devices in it: give /sys/bus/pci/devices, or a copy of it"])
        return found
    from .lspci import read_lspci  # most guests are of this machine, or of none
    from .nodedev import read_nodedev

    try:
        text = read_bytes(path).decode(errors="replace")
        if has_endless_number(text):
            raise UnreadableError(ENDLESS_NUMBER)
        known: Listed = read_nodedev(text) if text.lstrip().startswith("<") else read_lspci(text)
    except UnreadableError as error:
        raise InputError(str(path), [str(error)]) from None
    if not known.functions:
        words = "no PCI devices in it: give the text of `lspci -vvv -nn`, or of `virsh nodedev-dumpxml`"
        raise InputError(str(path), [words])
    return known
