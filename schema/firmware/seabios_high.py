"""Where SeaBIOS puts 64-bit memory above 4 GiB: behind RAM up to 1.16.2, at the top of the CPU's addresses from 1.16.3.

Sources: src/fw/pciinit.c and src/fw/paravirt.c of rel-1.16.2, rel-1.16.3 and rel-1.17.0. Measured with 1.16.3 on QEMU
10.0 and with 1.17.0 on QEMU 11.1: tests/real/test_firmware.py.
"""

from typing import Final, NamedTuple

from ..layout.layout import Platform
from ..pci.address_bits import are_believed
from ..pci.machine import Machine
from ..pci.ram import (
    AMD_RESERVED,
    FOUR_GIB,
    GIB,
    TIB,
    has_high_memory,
    high_memory_end,
    present_memory_end,
    tells_of_reserved,
)
from ..pci.size import align

FROM_THE_TOP: Final = (1, 16, 3)
"""The version from which 64-bit memory goes to the top of the CPU's addresses."""
WORD: Final = 1 << 64
"""SeaBIOS reckons addresses in so many: what would begin below 0 begins at the far end, and what follows at 0."""
ALIGNS_LARGE_BARS: Final = (1, 17)
"""The version from which a window is aligned as its largest BAR at least, and 64-bit memory goes up whether the CPU's
bits are believed or not."""
MOST_BITS: Final = {FROM_THE_TOP: 46, ALIGNS_LARGE_BARS: 44}
"""Address bits that are used at most, as some Linux kernels take no more; from 1.17 on only of guests with less than
1 TiB of RAM above 4 GiB."""


class HighMemory(NamedTuple):
    """Of one guest, in bytes."""

    start: int
    """The end of RAM."""
    top: int | None = None
    """Where memory given from the top ends; None where it goes from `start` on."""
    padded: bool = False
    """Whether all 64-bit memory of the root buses goes up, and has room for more."""
    window: int = 0
    """What a window of 64-bit prefetchable memory of a bridge with hot-plug has at least, and is aligned to, to have
    room for more; 0 is none."""
    raises_small: bool = False
    """Whether all windows of such a bridge are as large as aligned before a reserve counts; else only empty ones."""
    misaligns: bool = False
    """Whether it is aligned to no more than that where a BAR in it is larger."""
    most: int = 0
    """What all such windows are aligned to at most, where only the least is asked for; 0 is no limit."""
    reserved: bool = False
    """Whether AMD's reserved addresses are known to the firmware."""

    @property
    def room(self) -> int | None:
        """How many bytes find a place at most; None where they go up from RAM, as far as it takes. With more than that
        `base` is below 0: it wraps around."""
        if self.top is None:
            return None
        if not self.reserved or self.start >= AMD_RESERVED[1]:
            room = self.top
        elif self.top > AMD_RESERVED[1]:
            room = self.top - AMD_RESERVED[1]
        else:
            # all of it reaches the reserved addresses, and has to begin as much further down as it is large
            room = max(self.top - self.top // 2, self.start) - GIB
        return room // (self.top >> 3) * (self.top >> 3) if self.padded else room

    def window_alignment(self, alignment: int, *, hot: bool) -> int:
        """Of a window of 64-bit prefetchable memory whose largest BAR is aligned to `alignment`; `hot`: of a bridge
        with hot-plug."""
        if hot and self.window:
            return self.window if self.misaligns else max(alignment, self.window)
        return min(alignment, self.most or alignment)

    def without_room(self) -> "HighMemory":
        """With windows no larger than whatever is added to them leaves them: a 32-bit BAR takes one's room away."""
        return self._replace(window=0, most=self.window if self.misaligns else 0)

    def base(self, memory: int, prefetchable: int) -> int:
        """Where so many bytes of memory that is not prefetchable start, with as many of prefetchable behind it; as yet
        without their alignment."""
        if self.top is None:
            return self.start
        size = align(memory, GIB) + align(prefetchable, GIB)
        if self.padded:
            size = align(size, self.top >> 3)
        base = max(self.start, (self.top - size) % WORD)
        if self.reserved and base < AMD_RESERVED[1] and base + size > AMD_RESERVED[0]:
            base -= size
        return base % WORD


def high_memory(machine: Machine, platform: Platform, version: tuple[int, ...]) -> HighMemory:
    """Where SeaBIOS of that version puts what goes above 4 GiB."""
    start, cpu = high_memory_end(machine, platform), platform.cpu
    if version < FROM_THE_TOP:
        return HighMemory(start)
    newer = version >= ALIGNS_LARGE_BARS
    known = not cpu.long_mode or are_believed(cpu.vendor_seen, platform.address_bits)
    most = MOST_BITS[ALIGNS_LARGE_BARS if newer else FROM_THE_TOP]
    if newer and present_memory_end(machine, platform) - FOUR_GIB >= TIB:  # a gap before it included
        most = platform.address_bits
    top = 1 << min(platform.address_bits, most) if known else None
    padded = cpu.long_mode and has_high_memory(machine, platform.memory) and (newer or known)
    return HighMemory(
        start,
        top,
        padded,
        window=top >> 11 if padded and top is not None else 0,
        raises_small=True,
        misaligns=not newer,
        reserved=tells_of_reserved(machine, cpu, platform.address_bits),
    )
