"""Base address registers as the firmware sizes them."""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final, NamedTuple, Protocol


class BarKind(IntEnum):
    """What a BAR can hold: IO ports, or memory by address width; PREF is prefetchable memory."""

    IO = 0
    MEM32 = 1
    PREF32 = 2
    MEM64 = 3
    PREF64 = 4


class SizedBar(NamedTuple):
    """One BAR as the firmware sizes it. `size` in bytes."""

    number: int
    kind: BarKind
    size: int


Bars = tuple[SizedBar, ...]

ROM_BAR: Final = 6
"""Number under which option ROMs go, after the six BARs. Firmware unmaps ROMs after it ran them."""


class Described(Protocol):
    """A BAR as the catalogue or a request describes it."""

    @property
    def bar(self) -> int:
        """Number of the register, from 0 to 5."""

    @property
    def kind(self) -> str:
        """`io`, `mem32` or `mem64`."""

    @property
    def size(self) -> int:
        """Size in bytes."""

    @property
    def prefetchable(self) -> bool:
        """Whether its memory is prefetchable."""


def sized(bars: Iterable[Described]) -> Bars:
    """By rising number."""
    return tuple(sorted(SizedBar(bar.bar, kind_of(bar), bar.size) for bar in bars))


def kind_of(bar: Described) -> BarKind:
    """What it can hold."""
    if bar.kind == "io":
        return BarKind.IO
    if bar.kind == "mem32":
        return BarKind.PREF32 if bar.prefetchable else BarKind.MEM32
    return BarKind.PREF64 if bar.prefetchable else BarKind.MEM64
