"""A minimal conflict: what a request cannot have together, and with one less of anything could.

A minimal unsatisfiable subset by deletion: whatever can be left out of all facts is, as long as the rest still clashes.
First what is probably not needed, all at once: what the search's own finding is not about, what a core of the guarded
model does without; then large pieces, then single facts. A second pass lowers the number of each counted fact: what is
left out may be so or not (`Relaxation`), so that what clashes with fewer clashes with more, and bisection finds the
least. A third proves that this is minimal: with one less of any there is a request, which may state more than these
facts, with a layout.

Each question is encoded anew and without guards; what could not be decided counts as neither.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import Final

from ...schema.explanation.conflict import CAPACITY_RULES, ENOUGH_SLOTS, Conflict, Fact, Facts, with_least
from ...schema.explanation.restrict import Relaxation, any_function, restricted
from ...schema.finding import Finding
from ...schema.request.guest import Guest
from ..search.cpsat import Limits
from ..search.feasibility import InfeasibilityProof, feasible, prove_infeasible
from .guarded_core import facts_outside_core
from .witness import wider

TRIED_ONE_BY_ONE: Final = 5
"""Facts that are as soon tried one by one."""


def minimal_conflict(guest: Guest, facts: Facts, limits: Limits, known: Sequence[Finding] = ()) -> Conflict:
    """Of all facts of a guest that is known to be infeasible.

    `known` is what the search found: what breaks a rule by itself may well be all it takes.
    """
    search = _Search(guest, facts, limits)
    clash, minimal = search.prove_minimal(_few(search, known))
    # whether the same clashes with ever so many slots: then their number is no part of it
    clash = search.delete(clash, [{fact for fact in clash.facts if fact.rule == ENOUGH_SLOTS}])
    return Conflict(facts=clash.facts, broken_rule=search.broken_rule(clash), minimal=minimal)


def few_that_clash(guest: Guest, facts: Facts, limits: Limits) -> Facts:
    """Of all facts of a guest that is known to be infeasible some that clash: as a rule those of a minimal conflict,
    without the proof, which takes a layout for each."""
    return _few(_Search(guest, facts, limits), ()).facts


def _few(search: "_Search", known: Sequence[Finding]) -> "_Clash":
    facts, limits = search.all, search.limits
    clash = _Clash(facts, Relaxation.of(search.guest, facts), without(facts), known[0].rule if known else "")
    clash = search.delete(clash, [_not_about(clash, {name for finding in known for name in finding.subjects})])
    if len(clash.facts) > TRIED_ONE_BY_ONE:
        clash = search.delete(clash, [facts_outside_core(clash.relaxation, clash.facts, limits)])
    size = len(clash.facts) // 2
    while size > 1 and len(clash.facts) > TRIED_ONE_BY_ONE:
        clash = search.delete(clash, _pieces(_droppable(clash.facts), size))
        size //= 2
    clash = search.delete_singles(clash)
    for fact in _droppable(clash.facts):
        clash = search.lower(clash, fact)
    return clash


def without(facts: Iterable[Fact]) -> frozenset[str]:
    """The limits that are none of these facts."""
    return frozenset(CAPACITY_RULES) - {fact.rule for fact in facts}


@dataclass(frozen=True, slots=True)
class _Clash:
    """Facts that are proved to clash: the relaxation that they state has no layout without those limits. `rule` is that
    of the proof, see InfeasibilityProof."""

    facts: Facts
    relaxation: Relaxation
    without: frozenset[str]
    rule: str


def _droppable(facts: Facts) -> list[Fact]:
    """All but that slots are as many as there are: without that there is no layout to verify."""
    return [fact for fact in facts if fact.rule != ENOUGH_SLOTS]


def _not_about(clash: _Clash, names: Set[str]) -> set[Fact]:
    """Facts that say nothing of these; none where there are no names."""
    return {fact for fact in _droppable(clash.facts) if names and names.isdisjoint(fact.subjects)}


def _pieces(facts: list[Fact], size: int) -> Iterator[set[Fact]]:
    return (set(facts[start : start + size]) for start in range(0, len(facts), size))


@dataclass(frozen=True, slots=True)
class _Search:
    """Asks whether fewer of the guest's facts still clash."""

    guest: Guest
    all: Facts
    limits: Limits
    asked: dict[tuple[Relaxation, frozenset[str], bool], InfeasibilityProof | None] = field(default_factory=dict)
    """What was answered before: different facts may state the same request."""

    def smaller(self, clash: _Clash, fewer: Facts, *, thorough: bool = False) -> _Clash | None:
        """The proof that these clash, too; None where there is none. Where they say the same, there is nothing to
        ask."""
        relaxation, limits = Relaxation.of(self.guest, fewer), without(fewer)
        if (relaxation, limits) == (clash.relaxation, clash.without):
            return _Clash(fewer, relaxation, limits, clash.rule)
        question = relaxation, limits, thorough
        if question not in self.asked:
            self.asked[question] = prove_infeasible(relaxation, self.limits, limits, thorough=thorough)
        proof = self.asked[question]
        return None if proof is None else _Clash(fewer, relaxation, limits, proof.rule)

    def delete(self, clash: _Clash, removals: Iterable[Set[Fact]]) -> _Clash:
        """Without each of these sets of facts that it clashes without."""
        for removal in removals:
            clash = self.smaller(clash, tuple(fact for fact in clash.facts if fact not in removal)) or clash
        return clash

    def delete_singles(self, clash: _Clash) -> _Clash:
        """Without each single fact; of a wish first only that its devices are there, which is tried in its turn."""
        waiting = [fact.key for fact in _droppable(clash.facts)]
        while waiting:
            key = waiting.pop(0)
            fact = next(one for one in clash.facts if one.key == key)
            left = with_least(clash.facts, fact, 0)
            there = self.presence(fact)
            smaller = self.smaller(clash, _with_at_least(left, there))
            clash = smaller or clash
            if smaller and there:
                waiting += [one.key for one in clash.facts if one.rule == "complete" and one.key not in waiting]
        return clash

    def presence(self, fact: Fact) -> Facts:
        """Of a wish about listed parts that these are there: what is left of it when it is left out."""
        listed = [one for one in self.all if one.rule == "complete"]
        places = {name: (one, place) for one in listed for place, name in enumerate(one.subjects, 1)}
        if fact.rule == "complete" or not places.keys() >= {*fact.subjects}:
            return ()
        return tuple(one.with_least(place) for one, place in (places[name] for name in fact.first_subjects))

    def lower(self, clash: _Clash, fact: Fact) -> _Clash:
        """With the least number of that fact that clashes, the others as they are: by bisection."""
        low, least = 1, fact.least
        while low < least:
            middle = (low + least) // 2
            smaller = self.smaller(clash, with_least(clash.facts, fact, middle))
            if smaller is None:
                low = middle + 1
            else:
                clash, least = smaller, middle
        return clash

    def prove_minimal(self, clash: _Clash) -> tuple[_Clash, bool]:
        """Whether each set with one less has a layout. What clashes still is gone on with: facts can hold each other
        up, where one fills function 0 for another, say."""
        proved, waiting = True, _droppable(clash.facts)
        while waiting:
            fact = waiting.pop(0)
            fewer = with_least(clash.facts, fact, fact.least - 1)
            if self.has_layout(fewer, fact):
                continue
            smaller = self.smaller(clash, fewer, thorough=True)
            if smaller is None:
                proved = False
            else:
                clash, proved, waiting = smaller, True, _droppable(smaller.facts)
        return clash, proved

    def has_layout(self, facts: Facts, dropped: Fact) -> bool:
        """One that keeps all limits but a dropped one is sought first; then one of a request that states more."""
        own, left = frozenset({dropped.rule}) & frozenset(CAPACITY_RULES), without(facts)
        stated = restricted(self.guest, facts)
        if any(feasible(stated, self.limits, limits) for limits in (own, left)):
            return True
        others = wider(self.guest, self.all, facts, dropped, self.limits, left)
        return any(feasible(other, self.limits, left) for other in others)

    def broken_rule(self, clash: _Clash) -> str:
        """Only what none of the facts says already. Function 0 it is where other functions of the same slots would
        do."""
        rule, stated = clash.rule, clash.relaxation.stated
        if not rule and any(one.address is not None and one.address.function for one in stated.parts):
            rule = "function-zero" if feasible(any_function(stated), self.limits, clash.without) else ""
        return "" if rule in {fact.rule for fact in clash.facts} else rule


def _with_at_least(facts: Facts, more: Facts) -> Facts:
    """Also these, each of which may be among them with a lower number."""
    kept = {fact.key: fact for fact in facts}
    for fact in more:
        known = kept.get(fact.key)
        if known is None or known.least < fact.least:
            kept[fact.key] = fact
    return tuple(kept.values())
