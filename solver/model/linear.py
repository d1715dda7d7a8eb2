"""A model as integer variables and linear rows: all that the counting formulation needs of CP-SAT."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Sum:
    """A linear sum over variables (by index) plus a constant. Mutable while a row is being gathered."""

    terms: dict[int, int] = field(default_factory=dict)
    constant: int = 0

    def add(self, what: "Sum | int", times: int = 1) -> "Sum":
        """Adds `times * what` in place."""
        if isinstance(what, int):
            self.constant += times * what
            return self
        if times:
            for variable, factor in what.terms.items():
                self.terms[variable] = self.terms.get(variable, 0) + times * factor
        self.constant += times * what.constant
        return self

    def __add__(self, other: "Sum | int") -> "Sum":
        return Sum(dict(self.terms), self.constant).add(other)

    def __sub__(self, other: "Sum | int") -> "Sum":
        return Sum(dict(self.terms), self.constant).add(other, -1)

    def __mul__(self, times: int) -> "Sum":
        return Sum({variable: factor * times for variable, factor in self.terms.items()}, self.constant * times)

    def value(self, values: Sequence[int]) -> int:
        return self.constant + sum(factor * values[variable] for variable, factor in self.terms.items())


def total(parts: Iterable[Sum]) -> Sum:
    terms: dict[int, int] = {}
    constant = 0
    for part in parts:
        for variable, factor in part.terms.items():
            terms[variable] = terms.get(variable, 0) + factor
        constant += part.constant
    return Sum(terms, constant)


@dataclass(frozen=True, slots=True)
class Capacity:
    """Something that runs out: `rule` says that no more is used than available, in bus numbers or in `unit` bytes."""

    rule: str
    used: Sum
    available: int
    part: str = ""
    """Of memory, where it is."""
    unit: int = 1


@dataclass(slots=True)
class Rows:
    """Variables with their ranges, and rows `low <= sum <= high`."""

    ranges: list[tuple[int, int]] = field(default_factory=list)
    rows: list[tuple[tuple[int, ...], tuple[int, ...], int, int]] = field(default_factory=list)
    infeasible: bool = False
    """A row without variables cannot be met."""
    check: Callable[[], object] = bool
    """Called at each row: raises where there is no time left to write the others."""

    def variable(self, low: int, high: int) -> Sum:
        """A new integer variable; a constant where its range has one value."""
        if low >= high:
            self.infeasible |= low > high
            return Sum(constant=low)
        self.ranges.append((low, high))
        return Sum({len(self.ranges) - 1: 1})

    def between(self, low: int | None, what: Sum, high: int) -> None:
        """`low <= what <= high`; without `low` there is no limit below."""
        self.check()
        terms = [(variable, factor) for variable, factor in what.terms.items() if factor]
        least = most = what.constant
        for variable, factor in terms:
            lowest, highest = self.ranges[variable]
            least += factor * (lowest if factor > 0 else highest)
            most += factor * (highest if factor > 0 else lowest)
        low = least if low is None else low
        self.infeasible |= most < low or least > high
        if terms and (least < low or most > high):
            variables, factors = zip(*terms, strict=True)
            self.rows.append((variables, factors, max(low, least) - what.constant, min(high, most) - what.constant))

    def at_most(self, what: Sum, limit: "Sum | int") -> None:
        self.between(None, what - limit, 0)

    def equal(self, what: Sum, other: "Sum | int") -> None:
        self.between(0, what - other, 0)

    def least(self, what: Sum) -> int:
        """The smallest value that the ranges alone allow."""
        return what.constant + sum(
            factor * self.ranges[variable][0 if factor > 0 else 1] for variable, factor in what.terms.items()
        )

    def most(self, what: Sum) -> int:
        return -self.least(what * -1)
