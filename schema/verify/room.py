"""What is in a bridge's window of memory that is not prefetchable beside spare slots: docs/semantics.md, rule spare."""

from collections.abc import Iterator

from ..firmware.bars import window_bytes
from ..firmware.need import SEABIOS_WINDOW
from ..layout.topology import Bus, has_shpc
from ..pci.qemu_properties import integer
from ..pci.size import MIB, align
from ..request.bars import requested_with_rom
from .context import Context


def memory_beside(known: Context, bus: Bus) -> int:
    """Bytes of BARs and option ROMs of the devices on a conventional bus, and of the windows of the bridges there."""
    return sum(_of_devices(known, bus)) + sum(_window(known, below) for below in known.topology.below[bus.id])


def _of_devices(known: Context, bus: Bus) -> Iterator[int]:
    for place in known.places.values():
        if place.bus is bus:
            bars, rom = requested_with_rom(place.resolved, place.mode)
            yield rom + window_bytes(bars)


def _window(known: Context, bus: Bus) -> int:
    """SeaBIOS gives bridges with SHPC a window even where nothing asks."""
    if bus.controller is None:
        return 0
    least = SEABIOS_WINDOW if known.guest.firmware.name == "seabios" and has_shpc(bus.controller) else 0
    kept = integer(bus.controller.properties, "mem-reserve") or 0
    return max(least, kept, align(memory_beside(known, bus), MIB))
