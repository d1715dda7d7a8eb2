"""Random infeasible guests are explained; tests/property/explanations.py says by what that is held."""

import pytest

from qslot.schema import Infeasible
from qslot.schema.explanation.conflict import CAPACITY_RULES
from qslot.schema.explanation.facts import facts_of
from qslot.schema.explanation.restrict import restricted
from qslot.solver import explain
from qslot.testing.generator import any_guest, small_guest

from ..profile import sample
from ..reference import NoAnswer, Search
from .explanations import problems, with_less

SEEDS = range(sample(60, ci=200))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_fact_together_is_the_guest(seed: int) -> None:
    for guest in (small_guest(seed), any_guest(seed)):
        assert restricted(guest, facts_of(guest)) == guest


@pytest.mark.parametrize("seed", SEEDS)
def test_explanation_is_minimal_and_its_remedies_help(seed: int) -> None:
    guest = small_guest(seed)
    outcome = explain(guest)
    if isinstance(outcome, Infeasible):
        assert list(problems(guest, outcome)) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_the_oracle_agrees(seed: int) -> None:
    """It cannot do without a limit of the firmware; whatever else is one less must be feasible to it, too."""
    guest = small_guest(seed)
    outcome = explain(guest)
    if not isinstance(outcome, Infeasible):
        return
    assert outcome.conflict is not None
    kept = outcome.conflict.facts
    try:
        assert Search(restricted(guest, kept)).run() is None
        for fact in kept:
            if fact.rule not in CAPACITY_RULES:
                assert any(Search(one).run() is not None for one in with_less(guest, kept, fact)), fact
    except NoAnswer:
        pytest.skip("too large for the oracle")
