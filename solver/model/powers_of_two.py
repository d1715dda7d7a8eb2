"""Reserves that are powers of two, as rows."""

from typing import Final

from ...schema.pci.size import power_of_two
from ...schema.records import record
from .linear import LinearExpr, LinearModel, sum_of

ADDRESSES: Final = 1 << 52
"""Bytes that an x86 guest can address at most, so no reserve is larger; nested ones would double at each level, beyond
what CP-SAT can count."""


@record(frozen=True)
class PowerOfTwo:
    """A power of two, or nothing."""

    sizes: tuple[tuple[int, LinearExpr], ...]
    """Each that it may be, and whether it is."""
    used: LinearExpr
    """Whether it is anything."""

    @property
    def value(self) -> LinearExpr:
        """The power chosen, or 0 where none is."""
        return sum_of(chosen * size for size, chosen in self.sizes)

    @property
    def most(self) -> int:
        """The largest power that can be chosen."""
        return self.sizes[-1][0]


def rounded_up(linear: LinearModel, what: LinearExpr, unit: int = 1, *, name: object) -> PowerOfTwo:
    """No less than `what`, where it is used; `unit` is the smallest that it may be, `name` whose it is."""
    most = min(ADDRESSES, linear.upper_bound(what))
    bits = max(1, (power_of_two(most) // unit).bit_length())
    sizes = tuple((unit << bit, linear.variable(0, 1, "reserves", name, unit << bit)) for bit in range(bits))
    result = PowerOfTwo(sizes, sum_of(chosen for _, chosen in sizes))
    linear.add_le(result.used, 1)
    linear.add_le(what, most)
    linear.add_le(what - result.value, (result.used * -1 + 1) * most)
    return result
