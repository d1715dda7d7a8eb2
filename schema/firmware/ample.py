"""A quick look at memory: most guests ask for so little that nothing need be laid out to know that it fits."""

from typing import Final

from ..layout.layout import Layout
from ..pci.bars import BarKind
from ..pci.controllers import MEMORY_RESERVES
from ..pci.size import MIB
from .bars import device_bars, listed_virtual, virtual_bars
from .budget import PAGE
from .need import available, window_with_room

SMALL_BAR: Final = 2 * MIB
"""Bytes: up to that size of BARs both firmwares' windows are whole MiB, aligned to 2 MiB at most."""
PER_BRIDGE: Final = {"seabios": 4 * MIB, "ovmf": 8 * MIB}
"""Bytes that a bridge adds at most to what is below it: its two windows' rounding, with edk2 gaps between them, too."""
BRIDGES_AT_MOST: Final = {"seabios": 255, "ovmf": 100}
"""Bridges up to which edk2's default reservations of prefetchable memory, each a 256th of what there is, and as large a
gap beside each, find room."""


def memory_is_ample(layout: Layout) -> bool:
    """Whether memory cannot be short; if False, only `predict` knows. Raises UnknownModel as that does.

    With no large BAR behind a bridge and no reserve, windows add up without large gaps, however they nest.
    """
    if any(MEMORY_RESERVES & controller.properties.keys() for controller in layout.controllers):
        return False
    machine = layout.machine_model
    firmware, padded = layout.firmware.name, window_with_room(machine, layout.platform, layout.firmware) > 0
    listed = listed_virtual(layout.devices)
    need, largest = PER_BRIDGE[firmware] * (1 + len(layout.controllers)), SMALL_BAR
    for device in layout.devices:
        bars, rom = device_bars(device, machine)
        for _, kind, size in bars:
            if kind is not BarKind.IO:
                need += max(size, PAGE)
                largest = max(largest, size)
                held = padded and kind is BarKind.PREF32  # and with it windows of any size, where those are
                if (size > SMALL_BAR or held) and device.bus != machine.root:
                    return False
        need += rom
        for virtual in virtual_bars(device, listed.get(device.id, ())):
            need += virtual.size * virtual.functions
        if rom > SMALL_BAR:
            return False
    below, above = available(machine, layout.platform, layout.firmware)
    if above == 0:
        return False  # what edk2 reserves by itself, large as it is, goes below 4 GiB
    return len(layout.controllers) <= BRIDGES_AT_MOST[firmware] and need + 2 * largest <= below
