"""A model as integer variables and linear rows: all that the counting formulation needs of CP-SAT."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace

from ...schema.records import record

Row = tuple[tuple[int, ...], tuple[int, ...], int, int]
"""Variables, their factors, and what the sum is at least and at most."""


@record
class LinearExpr:
    """A linear sum over variables (by index) plus a constant. Mutable while a row is being gathered."""

    terms: dict[int, int] = field(default_factory=dict)
    constant: int = 0

    def add(self, what: "LinearExpr | int", times: int = 1) -> "LinearExpr":
        """Adds `times * what` in place."""
        if isinstance(what, int):
            self.constant += times * what
            return self
        if times:
            terms = self.terms
            for variable, factor in what.terms.items():
                terms[variable] = terms.get(variable, 0) + times * factor
        self.constant += times * what.constant
        return self

    def __add__(self, other: "LinearExpr | int") -> "LinearExpr":
        return LinearExpr(dict(self.terms), self.constant).add(other)

    def __sub__(self, other: "LinearExpr | int") -> "LinearExpr":
        return LinearExpr(dict(self.terms), self.constant).add(other, -1)

    def __mul__(self, times: int) -> "LinearExpr":
        return LinearExpr({variable: factor * times for variable, factor in self.terms.items()}, self.constant * times)

    def value(self, values: Sequence[int]) -> int:
        """What it is under an assignment of all variables."""
        return self.constant + sum(factor * values[variable] for variable, factor in self.terms.items())


def sum_of(parts: Iterable[LinearExpr]) -> LinearExpr:
    """The sum of expressions, made in one pass."""
    terms: dict[int, int] = {}
    constant = 0
    for part in parts:
        for variable, factor in part.terms.items():
            terms[variable] = terms.get(variable, 0) + factor
        constant += part.constant
    return LinearExpr(terms, constant)


@record(frozen=True)
class Capacity:
    """Something that runs out: `rule` says that no more is used than available, in bus numbers or in `unit` bytes."""

    rule: str
    used: LinearExpr
    available: int
    part: str = ""
    """Of memory, where it is."""
    unit: int = 1


@record
class LinearModel:
    """Variables with their ranges, and rows `low <= sum <= high`."""

    ranges: list[tuple[int, int]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    names: list[tuple[object, ...]] = field(default_factory=list)
    """Of the variables: what each counts, and of whom. Rendered only where a model is written down."""
    parts: list[tuple[str, int, int]] = field(default_factory=list)
    """What the rows that follow are about, and how many variables and rows there were before."""
    infeasible: bool = False
    """A row without variables cannot be met."""
    check: Callable[[], object] = bool
    """Called at each row: raises where there is no time left to write the others."""

    def begin(self, part: str) -> None:
        """From here on variables and rows are about that."""
        self.parts.append((part, len(self.ranges), len(self.rows)))

    def variable(self, low: int, high: int, *name: object) -> LinearExpr:
        """A new integer variable; a constant where its range has one value. The name says what it counts."""
        if low >= high:
            self.infeasible |= low > high
            return LinearExpr(constant=low)
        self.ranges.append((low, high))
        self.names.append(name)
        return LinearExpr({len(self.ranges) - 1: 1})

    def add_range(self, low: int | None, what: LinearExpr, high: int) -> None:
        """`low <= what <= high`; without `low` there is no limit below."""
        self.check()
        terms, ranges = [], self.ranges
        least = most = what.constant
        for variable, factor in what.terms.items():
            lowest, highest = ranges[variable]
            if factor > 0:
                least += factor * lowest
                most += factor * highest
            elif factor:
                least += factor * highest
                most += factor * lowest
            else:
                continue
            terms.append((variable, factor))
        low = least if low is None else low
        self.infeasible |= most < low or least > high
        if terms and (least < low or most > high):
            variables, factors = zip(*terms, strict=True)
            self.rows.append((variables, factors, max(low, least) - what.constant, min(high, most) - what.constant))

    def add_le(self, what: LinearExpr, limit: "LinearExpr | int") -> None:
        """Adds the row `what <= limit`."""
        if isinstance(limit, int):
            self.add_range(None, what, limit)
        else:
            self.add_range(None, what - limit, 0)

    def add_eq(self, what: LinearExpr, other: "LinearExpr | int") -> None:
        """Adds the row `what == other`."""
        if isinstance(other, int):
            self.add_range(other, what, other)
        else:
            self.add_range(0, what - other, 0)

    def fixed(self, what: LinearExpr, value: int) -> "LinearModel":
        """The same model with one more row, `what == value`, if `what` has variables; this one stays as it is."""
        rest = value - what.constant
        more = [(tuple(what.terms), tuple(what.terms.values()), rest, rest)] if what.terms else []
        return replace(self, rows=self.rows + more)

    def limited(self, what: LinearExpr, limit: int) -> "LinearModel":
        """The same model with one more row, `what <= limit`; this one stays as it is."""
        other = replace(self, rows=list(self.rows))
        other.add_le(what, limit)
        return other

    def is_some(self, number: LinearExpr, *name: object) -> LinearExpr:
        """1 where a number, which is never negative, is not 0; where it is, no row keeps this at 0."""
        if number.constant or not number.terms:
            return LinearExpr(constant=min(1, number.constant))
        result = self.variable(0, 1, *name)
        self.add_le(number, result * self.upper_bound(number))
        return result

    def lower_bound(self, what: LinearExpr) -> int:
        """The smallest value that the ranges alone allow."""
        return what.constant + sum(
            factor * self.ranges[variable][0 if factor > 0 else 1] for variable, factor in what.terms.items()
        )

    def upper_bound(self, what: LinearExpr) -> int:
        """The most that an expression can be by the ranges of its variables."""
        return -self.lower_bound(what * -1)
