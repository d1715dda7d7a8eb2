"""The lexicographically smallest solution of rows, where it is found without search: no need to ask CP-SAT then.

Each variable in turn takes the least value that the rows leave it after all before it: a dive. Rows only ever take away
values that no solution has, so a dive that ends with all variables fixed is at the smallest solution. Where it comes to
a contradiction nothing is known, and CP-SAT is asked; nothing here ever says that there is no solution.
"""

from collections.abc import Iterable

from ...schema.records import record
from ..model.linear import LinearModel, Row

PATIENCE = 40
"""How often each row is looked at, on average, before CP-SAT is asked: rows may narrow wide ranges by one each time."""


def dive(linear: LinearModel) -> tuple[int, ...] | None:
    """The lexicographically smallest solution, or None where this way does not come to it."""
    ranges = Ranges.of(linear)
    if not ranges.narrow(range(len(linear.rows))):
        return None
    for variable, rows in enumerate(ranges.lowered):
        least = ranges.low[variable]
        if ranges.high[variable] != least:
            ranges.high[variable] = least
            if not ranges.narrow(rows):
                return None
    return tuple(ranges.low)


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
    looks: int
    """At rows, that are left."""

    @classmethod
    def of(cls, linear: LinearModel) -> "Ranges":
        """All of each range."""
        low, high = [low for low, _ in linear.ranges], [high for _, high in linear.ranges]
        raised: list[list[int]] = [[] for _ in low]
        lowered: list[list[int]] = [[] for _ in low]
        result = cls(low, high, linear.rows, raised, lowered, PATIENCE * len(linear.rows))
        for index, row in enumerate(linear.rows):
            above, below, least_to_most = result.room(row)
            for variable, factor in zip(row[0], row[1]):
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
        least = most = 0
        for variable, factor in zip(variables, factors):
            if factor > 0:
                least += factor * low[variable]
                most += factor * high[variable]
            else:
                least += factor * high[variable]
                most += factor * low[variable]
        return highest - least, most - lowest, most - least

    def narrow(self, rows: Iterable[int]) -> bool:
        """Takes away what these rows, and those that this changes something for, leave no solution for. False where
        nothing is left of a range, or patience is at its end."""
        waiting = dict.fromkeys(rows)
        while waiting:
            now, waiting = waiting, {}
            self.looks -= len(now)
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
            for variable, factor in zip(row[0], row[1]):
                first, last = low[variable], high[variable]
                size, up, down = (factor, above, below) if factor > 0 else (-factor, below, above)
                if size * (last - first) > up:
                    high[variable] = first + up // size
                    waiting.update(dict.fromkeys(self.lowered[variable]))
                if size * (last - first) > down:
                    low[variable] = last - down // size
                    waiting.update(dict.fromkeys(self.raised[variable]))
        return True
