"""What is left out of a request loses none of its layouts, whatever is left out: random guests that have one, as they
are and pinned to it, are never infeasible for it. And what clashes goes on clashing with more beside it."""

from collections.abc import Iterable, Iterator
from random import Random

import pytest

from qslot.schema import Guest, Infeasible
from qslot.schema.explanation.conflict import CAPACITY_RULES, Fact, Facts
from qslot.schema.explanation.facts import facts_of
from qslot.schema.explanation.restrict import Relaxation
from qslot.solver.explanation.conflict import without
from qslot.solver.explanation.explain import with_conflict
from qslot.solver.search.cpsat import Limits
from qslot.solver.search.feasibility import prove_infeasible
from qslot.solver.search.optimize import optimize
from qslot.testing.generator import any_guest, small_guest

from ..laws.changes import pinned_back
from ..profile import sample

SEEDS = range(sample(50, ci=200))
STEADY = Limits().steady
DRAWS = 4
"""Sets of facts of each guest."""


def has_layout(guest: Guest) -> bool:
    outcome = optimize(guest, Limits(10.0))
    return not isinstance(outcome, Infeasible) and outcome.layout is not None


def with_a_layout(guest: Guest, rng: Random) -> Iterator[Guest]:
    """The guest, and the same with the controllers and some seats of its layout demanded, if it has one."""
    outcome = optimize(guest, Limits(10.0))
    if not isinstance(outcome, Infeasible) and outcome.layout is not None:
        yield guest
        pinned = pinned_back(guest, outcome.layout, rng)
        if pinned is not None and has_layout(pinned.guest):  # the laws ask whether it has
            yield pinned.guest


def drawn(facts: Iterable[Fact], rng: Random) -> Facts:
    """Few or most facts, of some only a part; all limits."""
    share = rng.choice((0.0, 0.1, 0.3, 0.6, 0.9))
    return tuple(
        fact if fact.rule in CAPACITY_RULES or rng.random() < 0.7 else fact.with_least(rng.randint(1, fact.count))
        for fact in facts
        if fact.rule in CAPACITY_RULES or rng.random() < share
    )


def _holds_no_proof(guest: Guest, seed: int) -> None:
    rng = Random(seed)
    for one in with_a_layout(guest, rng):
        for _ in range(DRAWS):
            kept = drawn(facts_of(one), rng)
            proof = prove_infeasible(Relaxation.of(one, kept), STEADY, thorough=True)
            assert proof is None, [(fact.rule, fact.subjects, fact.least) for fact in kept]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_layout_is_lost(seed: int) -> None:
    _holds_no_proof(small_guest(seed), seed)


@pytest.mark.parametrize("seed", SEEDS[: len(SEEDS) // 5])
def test_no_layout_of_a_larger_guest_is_lost(seed: int) -> None:
    _holds_no_proof(any_guest(seed), seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_clashes_does_so_with_more(seed: int) -> None:
    guest = small_guest(seed)
    outcome = with_conflict(guest, STEADY)
    if not isinstance(outcome, Infeasible):
        return
    assert outcome.conflict is not None
    clash = outcome.conflict.facts
    rng, dropped = Random(seed), without(clash)
    for _ in range(DRAWS):
        more = {fact.key: fact for fact in drawn(facts_of(guest), rng)}
        for fact in clash:
            more[fact.key] = max(fact, more.get(fact.key, fact), key=lambda one: one.least)
        assert prove_infeasible(Relaxation.of(guest, more.values()), STEADY, dropped, thorough=True)
