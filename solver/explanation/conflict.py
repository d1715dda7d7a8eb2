"""The smallest set of facts that clash: what a request cannot have together.

Shrunk from all facts by leaving out what is not needed: what a core of the guarded model does without, then large
pieces first, in a fixed order. What is left out may be so or not (`Relaxation`), so that what clashes with fewer facts
does with more. Then proved: these facts alone are infeasible, and with one less of any there is a request, which may
state more than these, with a layout. Each step is encoded anew and without guards; what could not be decided counts as
neither.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from ...schema.explanation.facts import CAPACITY_RULES, ENOUGH_SLOTS, Fact, FactCounts
from ...schema.explanation.restrict import Relaxation, restricted
from ...schema.finding import Finding
from ...schema.request.guest import Guest
from ..search.cpsat import Limits
from ..search.feasibility import feasible, prove_infeasible
from .guarded_core import facts_outside_core
from .witness import wider

TRIED_ONE_BY_ONE: Final = 5
"""Facts that are as soon tried one by one."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """How many of each fact clash, and how many there are of all. `minimal`: proved that with one less of any of those
    that clash they do not. `rule`: see Proof."""

    kept: FactCounts
    all: FactCounts
    minimal: bool
    rule: str


def minimal_conflict(guest: Guest, facts: Iterable[Fact], limits: Limits, known: Sequence[Finding] = ()) -> Conflict:
    """Of all facts of a guest that is known to be infeasible; what is found of it already may well be all it takes."""
    every = {fact: fact.count for fact in facts}
    search = _Search(guest, limits, dict(every), every)
    search.rule = known[0].rule if known else ""
    search.keep_only_about([name for finding in known for name in finding.subjects])
    if len(search.kept) > TRIED_ONE_BY_ONE:
        search.leave_out(facts_outside_core(search.now[0], search.kept, limits))
    search.leave_out_pieces()
    search.leave_out_singles()
    search.count_down()
    minimal = search.is_minimal()
    search.drop_enough_slots()
    return Conflict(search.kept, every, minimal, search.rule)


def without(kept: FactCounts) -> frozenset[str]:
    """The limits that are none of these facts."""
    return frozenset(CAPACITY_RULES) - {fact.rule for fact in kept}


@dataclass(slots=True)
class _Search:
    """`kept` always clashes, and that is proved: it is what `now` says, without those limits."""

    guest: Guest
    limits: Limits
    kept: dict[Fact, int]
    all: FactCounts
    now: tuple[Relaxation, frozenset[str]] = field(init=False)
    there: dict[str, tuple[Fact, int]] = field(init=False)
    """The fact that a device or controller is there, and its place among those alike."""
    rule: str = ""

    def __post_init__(self) -> None:
        self.now = Relaxation.of(self.guest, self.kept), without(self.kept)
        listed = [fact for fact in self.kept if fact.rule == "complete"]
        self.there = {name: (fact, place) for fact in listed for place, name in enumerate(fact.subjects, 1)}

    def accept_if_infeasible(self, fewer: dict[Fact, int], *, thorough: bool = False) -> bool:
        """Goes on with these if they clash, too. Where they say the same, there is nothing to ask."""
        relaxation, limits = Relaxation.of(self.guest, fewer), without(fewer)
        if (relaxation, limits) != self.now:
            proof = prove_infeasible(relaxation, self.limits, limits, thorough=thorough)
            if proof is None:
                return False
            self.now, self.rule = (relaxation, limits), proof.rule
        self.kept = fewer
        return True

    def with_count(self, fact: Fact, count: int) -> dict[Fact, int]:
        return {one: count if one is fact else number for one, number in self.kept.items() if one is not fact or count}

    @property
    def droppable(self) -> list[Fact]:
        """All but that slots are as many as there are: without that there is no layout to verify."""
        return [fact for fact in self.kept if fact.rule != ENOUGH_SLOTS]

    def keep_only_about(self, names: Sequence[str]) -> None:
        """Leaves out, if that may be, what says nothing of these."""
        if names:
            self.leave_out({fact for fact in self.droppable if {*names}.isdisjoint(fact.subjects)})

    def leave_out(self, piece: set[Fact]) -> None:
        self.accept_if_infeasible({fact: number for fact, number in self.kept.items() if fact not in piece})

    def leave_out_pieces(self) -> None:
        size = len(self.kept) // 2
        while size > 1 and len(self.kept) > TRIED_ONE_BY_ONE:
            rest = self.droppable
            for start in range(0, len(rest), size):
                self.leave_out(set(rest[start : start + size]))
            size //= 2

    def leave_out_singles(self) -> None:
        """One by one; a wish so that its devices are still there, which is left out in its turn."""
        waiting = self.droppable
        while waiting:
            fact = waiting.pop(0)
            if fact.rule == "complete" or not fact.subjects or not self.there.keys() >= {*fact.subjects}:
                self.leave_out({fact})
            elif self.accept_if_infeasible(weaker := self.presence_only(fact)):
                waiting += [one for one in weaker if one.rule == "complete" and one not in waiting]

    def presence_only(self, fact: Fact) -> dict[Fact, int]:
        """Of a wish only that its devices are there."""
        weaker = self.with_count(fact, 0)
        for name in fact.subjects[: self.kept[fact] if fact.count > 1 else None]:
            present, place = self.there[name]
            weaker[present] = max(weaker.get(present, 0), place)
        return weaker

    def count_down(self) -> None:
        """The least number of each counted fact, the others as they are."""
        for fact in self.droppable:
            # numbers that clash are the upper ones; the last that is taken is the least
            bisect_left(range(1, self.kept[fact]), True, key=partial(self.accept_count, fact))

    def accept_count(self, fact: Fact, count: int) -> bool:
        return self.accept_if_infeasible(self.with_count(fact, count))

    def is_minimal(self) -> bool:
        """Whether each set with one less has a layout. What clashes still is gone on with: facts can hold each other
        up, where one fills function 0 for another, say."""
        proved, facts = True, self.droppable
        while facts:
            fact = facts.pop(0)
            fewer = self.with_count(fact, self.kept[fact] - 1)
            if self.has_layout(fewer, fact):
                continue
            if self.accept_if_infeasible(fewer, thorough=True):
                proved, facts = True, self.droppable
            else:
                proved = False
        return proved

    def has_layout(self, kept: FactCounts, dropped: Fact) -> bool:
        """One that keeps all limits but a dropped one is sought first; then one of a request that states more."""
        own, left = frozenset({dropped.rule}) & frozenset(CAPACITY_RULES), without(kept)
        stated = restricted(self.guest, kept)
        if any(feasible(stated, self.limits, limits) for limits in (own, left)):
            return True
        others = wider(self.guest, self.all, kept, dropped, self.limits, left)
        return any(feasible(other, self.limits, left) for other in others)

    def drop_enough_slots(self) -> None:
        """Where the same clashes with ever so many slots."""
        self.leave_out({fact for fact in self.kept if fact.rule == ENOUGH_SLOTS})
