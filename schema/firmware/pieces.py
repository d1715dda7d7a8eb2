"""Memory that something needs, in pieces: each is placed as a whole, at a multiple of its own alignment."""

from typing import Final, NamedTuple

from ..pci.size import MIB


class Piece(NamedTuple):
    """Bytes in a row that start at a multiple of `align`, a power of two."""

    size: int
    align: int

    def whole(self, unit: int) -> int:
        """How many blocks of that many bytes, each at a multiple of its size, are in it at least, wherever it is.

        Up to a MiB, of which windows are multiples, what counts is its size alone.
        """
        if unit <= MIB:
            return self.size // unit
        align = min(self.align, unit)
        return max(0, (self.size // align + 1) * align // unit - 1)


Pieces = tuple[Piece, ...]
CRUMB: Final = Piece(1, 1)
"""Less than a MiB, however much."""


def aligned(*sizes: int) -> Pieces:
    """Of powers of two, as BARs are: at multiples of their sizes. Large ones first."""
    return tuple(Piece(size, size) for size in sorted(sizes, reverse=True))


def whole(pieces: Pieces, unit: int) -> int:
    """Blocks of that many bytes in all of them, at least."""
    return sum(piece.whole(unit) for piece in pieces)


class Memory(NamedTuple):
    """What must be below 4 GiB, and what may be above."""

    low: Pieces = ()
    high: Pieces = ()
    narrow: bool = False
    """With SeaBIOS, keeps all prefetchable memory behind the bridges above below 4 GiB."""
    some: bool = False
    """With OVMF, takes memory below 4 GiB in any case, be it too little for a piece."""
    plain: Pieces = ()
    """Of `low`, what is not prefetchable, there or in a bridge's window; with a CRUMB for whatever is too little for a
    piece."""
    prefetchable: Pieces = ()
    """Of `low`, what SeaBIOS has among what is prefetchable; with a CRUMB on a root bus."""

    def __add__(self, other: "Memory") -> "Memory":  # type: ignore[override] # of each part, not a longer tuple
        narrow, some = self.narrow or other.narrow, self.some or other.some
        low, high, plain = self.low + other.low, self.high + other.high, self.plain + other.plain
        return Memory(low, high, narrow, some, plain, self.prefetchable + other.prefetchable)

    def or_as(self, other: "Memory") -> "Memory":
        """No more of anything than either has."""
        narrow, some = self.narrow and other.narrow, self.some and other.some
        parts = ("low", "high", "plain", "prefetchable")
        low, high, plain, prefetchable = (_less(getattr(self, part), getattr(other, part)) for part in parts)
        return Memory(low, high, narrow, some, plain, prefetchable)


def _less(one: Pieces, other: Pieces) -> Pieces:
    pairs = zip(sorted(one, reverse=True), sorted(other, reverse=True), strict=False)
    return tuple(Piece(min(a.size, b.size), min(a.align, b.align)) for a, b in pairs)


NONE: Final = Memory()
