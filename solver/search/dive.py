"""The lexicographically smallest solution of rows, where it is found without search: no need to ask CP-SAT then.

Each variable in turn takes the least value that the rows leave it after all before it: a dive. Rows only ever take away
values that no solution has, so a dive that ends with all variables fixed is at the smallest solution. Where it comes to
a contradiction on its way nothing is known, and CP-SAT is asked. A contradiction before the first step saves a question
whose answer would be no; no proof of ours is made of it.
"""

from collections.abc import Iterable

from ...schema.records import record
from ..model.linear import LinearModel, Row
from .cpsat import SolveResult, Status

MOST_LOOKS = 30_000
"""Coefficients that are looked at before CP-SAT is asked: some milliseconds. Rows may narrow wide ranges by one each
time, and large models seldom come to an end without going back."""


def dive(linear: LinearModel) -> SolveResult:
    """The lexicographically smallest solution; UNKNOWN where this way does not come to it, INFEASIBLE where the rows
    contradict each other as they are."""
    ranges = Ranges.of(linear)
    if not ranges.narrow(range(len(linear.rows))):
        return SolveResult(Status.UNKNOWN if ranges.looks < 0 else Status.INFEASIBLE)
    for variable, rows in enumerate(ranges.lowered):
        least = ranges.low[variable]
        if ranges.high[variable] != least:
            ranges.high[variable] = least
            if not ranges.narrow(rows):
                return SolveResult(Status.UNKNOWN)
    return SolveResult(Status.OPTIMAL, tuple(ranges.low))


def contradictory(linear: LinearModel) -> bool:
    """Whether the rows contradict each other as they are, as far as that is seen without a step."""
    ranges = Ranges.of(linear)
    return not ranges.narrow(range(len(linear.rows))) and ranges.looks >= 0


@record
class Ranges:
    """What is left of each variable's range."""

    low: list[int]
    high: list[int]
    rows: list[Row]
    raised: list[list[int]]
    """By variable: the rows that may take more away once its low end has gone up."""
    lowered: list[list[int]]
    """The same once its high end has gone down."""
    looks: int = MOST_LOOKS
    """At coefficients, that are left."""

    @classmethod
    def of(cls, linear: LinearModel) -> "Ranges":
        """All of each range."""
        low, high = [low for low, _ in linear.ranges], [high for _, high in linear.ranges]
        raised: list[list[int]] = [[] for _ in low]
        lowered: list[list[int]] = [[] for _ in low]
        result = cls(low, high, linear.rows, raised, lowered)
        for index, row in enumerate(linear.rows):
            above, below, least_to_most = result.room(row)
            for variable, factor in zip(row[0], row[1], strict=True):
                if least_to_most > (above if factor > 0 else below):
                    raised[variable].append(index)
                if least_to_most > (below if factor > 0 else above):
                    lowered[variable].append(index)
        return result

    def room(self, row: Row) -> tuple[int, int, int]:
        """How far the least of a sum is below its limit, how far the most is above its other one, and how far those are
        apart."""
        variables, factors, lowest, highest = row
        low, high = self.low, self.high
        self.looks -= len(variables)
        least = most = 0
        for variable, factor in zip(variables, factors, strict=True):
            if factor > 0:
                least += factor * low[variable]
                most += factor * high[variable]
            else:
                least += factor * high[variable]
                most += factor * low[variable]
        return highest - least, most - lowest, most - least

    def narrow(self, rows: Iterable[int]) -> bool:
        """Takes away what these rows, and those that this changes something for, leave no solution for. False where
        nothing is left of a range, or the looks are at their end."""
        waiting = dict.fromkeys(rows)
        while waiting:
            now, waiting = waiting, {}
            if self.looks < 0 or not all(self._narrow(self.rows[index], waiting) for index in now):
                return False
        return True

    def _narrow(self, row: Row, waiting: dict[int, None]) -> bool:
        """By one row: with all others where they help most, a variable may be as far from its own such end as the
        row's limit leaves room. False where it cannot be met."""
        above, below, apart = self.room(row)
        if above < 0 or below < 0:
            return False
        if apart > above or apart > below:
            low, high = self.low, self.high
            for variable, factor in zip(row[0], row[1], strict=True):
                first, last = low[variable], high[variable]
                size, up, down = (factor, above, below) if factor > 0 else (-factor, below, above)
                if size * (last - first) > up:
                    high[variable] = first + up // size
                    waiting.update(dict.fromkeys(self.lowered[variable]))
                if size * (last - first) > down:
                    low[variable] = last - down // size
                    waiting.update(dict.fromkeys(self.raised[variable]))
        return True
