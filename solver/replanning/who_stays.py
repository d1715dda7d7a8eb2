"""Who stays where not everybody can: trying, with the proof that fewer cannot move where there are few to choose from.

A layout in which so many move keeps all but so many. If each choice of these is planned, all such layouts have been
looked at: where none has a layout more must move, and the best of the best is the best.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import comb
from typing import Final, NamedTuple

from ...schema.layout.layout import HISTORY, Layout
from ...schema.layout.outcome import Infeasible, Outcome, Solved, known_layout
from ...schema.request.fields import Term
from ...schema.request.guest import Guest
from ..search.cpsat import Limits

Plan = Callable[[Guest, Limits], Outcome]
"""How a request without a previous layout is planned."""

MOST_PLANNED: Final = 600
"""Devices of all requests that are planned for this together: a number, so that the answer is the same everywhere."""


class StayingChoice(NamedTuple):
    """The answer to one request that says who stays."""

    stay: frozenset[str]
    outcome: Outcome

    @property
    def layout(self) -> Layout | None:
        """The best known, if any."""
        return known_layout(self.outcome)

    @property
    def is_decided(self) -> bool:
        """Whether its best layout is known, or that there is none."""
        return isinstance(self.outcome, Solved | Infeasible)


@dataclass(slots=True)
class WhoStays:
    """Looks for a layout in which as few move as can be."""

    names: Sequence[str]
    """Who may stay."""
    choose: Callable[[Collection[str]], StayingChoice]
    cost: Callable[[Layout], tuple[int, ...]]
    """By which of two layouts the better one has less."""
    least: int
    """So many of them must move; proved."""
    movers: tuple[frozenset[str], ...] = ()
    """All sets of as few as can be that may move, where each was looked at; else nothing."""
    proved: dict[Term, int] = field(default_factory=dict)
    """Of the terms that do not compare, what layouts in which no more move cost at least."""
    budget: int = MOST_PLANNED

    def best(self, guess: frozenset[str]) -> StayingChoice | None:
        """The best layout that is found, if any."""
        found = self.choose(guess)
        if found.layout is None:
            found = self.choose(())
        if found.layout is None:
            return self._of_all_choices()
        left = [*(one for one in self.names if one in guess), *(one for one in self.names if one not in guess)]
        if len(found.stay) < len(self.names) - self.least:
            found = self._with_more(found, [one for one in left if one not in found.stay])
        return self._of_all_choices() or found

    def _with_more(self, found: StayingChoice, names: Sequence[str]) -> StayingChoice:
        """Those of them added that can be: all at once, else one half after the other."""
        more = self.choose(found.stay | {*names})
        if more.layout is not None:
            return more
        if len(names) <= 1:
            return found
        half = len(names) // 2
        return self._with_more(self._with_more(found, names[:half]), names[half:])

    def _of_all_choices(self) -> StayingChoice | None:
        """The best of all layouts in which as few move as can be, where there are few enough choices to plan each."""
        while (
            self.least <= len(self.names)
            and (cost := comb(len(self.names), self.least) * max(1, len(self.names))) <= self.budget
        ):
            self.budget -= cost
            gone = combinations(self.names, self.least)
            choices = [self.choose(frozenset(self.names) - frozenset(some)) for some in gone]
            found = [one for one in choices if one.layout is not None]
            decided = all(one.is_decided for one in choices)
            if found:
                if decided:
                    self.movers = tuple(frozenset(self.names) - one.stay for one in found)
                    self.proved = min((terms_of(one) for one in found), key=lambda terms: tuple(terms.values()))
                return min(found, key=lambda one: self.cost(one.layout) if one.layout else ())
            if not decided:
                return None
            self.least += 1
        return None

    @property
    def is_infeasible(self) -> bool:
        """Whether there is no layout, however many move."""
        return self.least > len(self.names)


def terms_of(choice: StayingChoice) -> dict[Term, int]:
    """What its layout costs, in the policy's order, of the terms that do not compare: proved where it is decided."""
    terms = () if choice.layout is None else choice.layout.objective
    return {one.term: one.value for one in terms if one.term not in HISTORY}


def bounds_of(layout: Layout) -> dict[Term, int]:
    """What is proved of these terms, of all layouts of the request that this one is of."""
    return {one.term: one.bound for one in layout.objective if one.term not in HISTORY}
