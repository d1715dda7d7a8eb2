"""Memory that devices need at least, wherever the others sit, and what there is of it: sums that no layout undercuts.

Where the sums fit, alignment may still say no; `predict` knows. BARs below 1 MiB and option ROMs are left out.
"""

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from ..layout import Platform
from ..machine import Machine
from ..properties import integer
from ..traits import mode_on
from .apertures import ovmf_apertures, seabios_hole
from .bars import Bars, Kind, requested
from .budget import MIB, align

if TYPE_CHECKING:
    from ..device import Controller
    from ..guest import Firmware, Guest

Where = Literal["root", "bridge", "port"]
"""On a root bus; behind a bridge with others; alone behind a port."""

MEMORY_RESERVES: Final = frozenset({"mem-reserve", "pref32-reserve", "pref64-reserve"})
"""Properties of bridges."""

SEABIOS_WINDOW: Final = 2 * MIB
"""Bytes of 32-bit memory that SeaBIOS gives each port at least; its windows are multiples of that."""


class Memory(NamedTuple):
    """In bytes: what must be below 4 GiB, and what may be above."""

    low: int
    high: int

    def __add__(self, other: "Memory") -> "Memory":  # type: ignore[override] # sums, not a longer tuple
        return Memory(self.low + other.low, self.high + other.high)


NONE: Final = Memory(0, 0)


def available(machine: Machine, platform: Platform, firmware: "Firmware") -> tuple[int, int | None]:
    """Bytes below 4 GiB, and above; None where that has no end: SeaBIOS goes up from the end of RAM."""
    if firmware.name == "seabios":
        return seabios_hole(machine, platform.memory).size, None
    small, large = ovmf_apertures(machine, platform, firmware.number)
    return small.size, large.size


def available_to(guest: "Guest") -> tuple[int, int | None]:
    return available(guest.platform, Platform.of(guest), guest.firmware)


def may_be_short(guest: "Guest") -> bool:
    """Whether devices ask for so much that memory may be what decides: more than half of what is below 4 GiB."""
    asked = sum(spare.count * spare.memory for spare in guest.spare) + sum(map(_kept, guest.controllers))
    known: dict[tuple[object, ...], int] = {}  # guests have many devices of few sorts
    for device in guest.devices:
        sort = (device.model, device.virtio, device.bars, *device.properties.items())
        if sort not in known:
            traits = guest.traits[device.id]
            bars = requested(traits, mode_on(traits, behind_port=True))
            known[sort] = sum(size for _, kind, size in bars if kind is not Kind.IO)
        asked += known[sort]
    return asked > available_to(guest)[0] // 2


def _kept(controller: "Controller") -> int:
    """Bytes that its properties reserve."""
    return sum(integer(controller.properties, name) or 0 for name in MEMORY_RESERVES)


def port_memory(firmware: str) -> int:
    """Bytes below 4 GiB of a port whatever is behind it, if that is no bridge. OVMF's reservations are no need."""
    return SEABIOS_WINDOW if firmware == "seabios" else 0


def needed(bars: Bars, where: Where, firmware: str) -> Memory:
    """What the BARs of one slot need at least.

    Behind a bridge memory that is not prefetchable is below 4 GiB whatever the BAR's width (PCI-to-PCI Bridge 1.2,
    3.2.5.8). SeaBIOS rounds windows up to their largest BAR, and prefetchable ones with any 32-bit BAR are below 4 GiB.
    """
    sizes: dict[Kind, list[int]] = {kind: [] for kind in Kind}
    for _, kind, size in bars:
        if size >= MIB and kind is not Kind.IO:
            sizes[kind].append(size)
    narrow, wide = sizes[Kind.PREF32], sizes[Kind.PREF64]
    if where == "root":
        return Memory(sum(sizes[Kind.MEM32]) + sum(narrow), sum(sizes[Kind.MEM64]) + sum(wide))
    plain = sizes[Kind.MEM32] + sizes[Kind.MEM64]
    if where == "bridge" or firmware == "ovmf":
        return Memory(sum(plain) + sum(narrow), sum(wide))
    window, prefetchable = _window(plain), _window(narrow + wide)
    return Memory(window + prefetchable, 0) if narrow else Memory(window, prefetchable)


def _window(sizes: list[int]) -> int:
    return align(sum(sizes), max([SEABIOS_WINDOW, *sizes])) if sizes else 0
