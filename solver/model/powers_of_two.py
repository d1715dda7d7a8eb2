"""Reserves that are powers of two, as rows."""

from dataclasses import dataclass

from ...schema.firmware.budget import power_of_two
from .linear import Rows, Sum, total


@dataclass(frozen=True, slots=True)
class PowerOfTwo:
    """A power of two, or nothing."""

    sizes: tuple[tuple[int, Sum], ...]
    """Each that it may be, and whether it is."""
    used: Sum
    """Whether it is anything."""

    @property
    def value(self) -> Sum:
        return total(chosen * size for size, chosen in self.sizes)

    @property
    def most(self) -> int:
        return self.sizes[-1][0]


def rounded_up(rows: Rows, what: Sum, unit: int = 1) -> PowerOfTwo:
    """No less than `what`, where it is used; `unit` is the smallest that it may be."""
    most = rows.most(what)
    bits = max(1, (power_of_two(most) // unit).bit_length())
    sizes = tuple((unit << bit, rows.variable(0, 1)) for bit in range(bits))
    result = PowerOfTwo(sizes, total(chosen for _, chosen in sizes))
    rows.at_most(result.used, 1)
    rows.at_most(what - result.value, (result.used * -1 + 1) * most)
    return result
