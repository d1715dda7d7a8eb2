"""Functions of the host as Linux shows them below /sys/bus/pci/devices, or as a copy of that folder does.

Sources: Linux's include/linux/ioport.h (flags of `resource`), PCI Local Bus 3.0 6.7 (list of capabilities).
"""

import os
from pathlib import Path
from typing import Final

from ..pci.host_address import HostAddress
from ..records import record
from ..request.device import Bar
from .bars import checked
from .device import HostDevice

IO, MEMORY, PREFETCHABLE, BITS_64 = 0x100, 0x200, 0x2000, 0x100000
"""Flags of a line of `resource`."""
ROM_LINE: Final = 6
CONFIG_BYTES: Final = 256
"""Of the configuration space; only root reads more than its first 64."""
CAPABILITY_LIST: Final = 0x34
STATUS: Final = 0x06
HAS_CAPABILITIES: Final = 0x10
EXPRESS: Final = 0x10
"""Capability of PCI Express."""


@record(frozen=True)
class Sysfs:
    """The folder with a folder, or a link to one, for each function."""

    devices: Path

    def find(self, address: HostAddress) -> HostDevice | None:
        """None where the folder does not have it, or it can't be read."""
        folder = self.devices / str(address)
        try:
            lines = (folder / "resource").read_text(encoding="ascii").splitlines()
        except (OSError, UnicodeDecodeError):
            return None
        ranges = [_range(line) for line in lines[: ROM_LINE + 1]]
        bars = None if None in ranges[:ROM_LINE] or len(ranges) <= ROM_LINE else _bars(list(filter(None, ranges)))
        return HostDevice(_express(folder), bars, _rom(ranges), _iommu_group(folder))

    @property
    def empty(self) -> bool:
        """Whether it has no function at all."""
        try:
            return all(HostAddress.parse(name) is None for name in os.listdir(self.devices))
        except OSError:
            return True


_Range = tuple[int, int]
"""Size in bytes, 0 for none, and flags."""


def _range(line: str) -> _Range | None:
    """None for a line that is not as Linux writes it."""
    try:
        first, last, flags = (int(word, 16) for word in line.split())
    except ValueError:
        return None
    return (last - first + 1 if flags & (IO | MEMORY) else 0), flags


def _bars(ranges: list[_Range]) -> tuple[Bar, ...] | None:
    rows = [
        (
            number,
            "io" if flags & IO else "mem64" if flags & BITS_64 else "mem32",
            size,
            bool(flags & PREFETCHABLE and not flags & IO),
        )
        for number, (size, flags) in enumerate(ranges[:ROM_LINE])
        if size
    ]
    return checked(rows)


def _rom(ranges: list[_Range | None]) -> int | None:
    line = ranges[ROM_LINE] if len(ranges) > ROM_LINE else None
    return None if line is None else line[0]


def _express(folder: Path) -> bool | None:
    """By its list of capabilities; where only root may read that, by what Linux has of PCI Express functions alone."""
    try:
        config = (folder / "config").read_bytes()
        size = (folder / "config").stat().st_size
    except OSError:
        config, size = b"", 0
    if len(config) >= CONFIG_BYTES:
        return EXPRESS in _capabilities(config)
    if (folder / "max_link_width").exists() or (folder / "physfn").is_symlink():
        return True
    return {4096: True, CONFIG_BYTES: False}.get(size)


def _capabilities(config: bytes) -> set[int]:
    if not config[STATUS] & HAS_CAPABILITIES:
        return set()
    found: dict[int, int] = {}
    at = config[CAPABILITY_LIST] & ~3
    while at and at not in found:
        found[at] = config[at]
        at = config[at + 1] & ~3
    return set(found.values())


def _iommu_group(folder: Path) -> int | None:
    try:
        name = Path(os.readlink(folder / "iommu_group")).name
    except OSError:
        return None
    return int(name) if name.isdecimal() else None
