"""A dive comes to the answer that CP-SAT finds, or to none."""

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.families import FAMILIES
from qslot.schema import Guest, Undecided
from qslot.solver import Options, solve
from qslot.solver.model.linear import LinearModel, sum_of
from qslot.solver.search import lexicographic
from qslot.solver.search.cpsat import CpSatModel, Limits, SolveResult, Status
from qslot.solver.search.dive import MOST_LOOKS, contradictory, dive
from qslot.testing import guests

from ..solver.test_cpsat import SEEDS, drawn, solutions


@pytest.mark.parametrize("seed", range(500))
def test_it_is_the_smallest_solution(seed: int) -> None:
    rows, _ = drawn(seed)
    if not rows.infeasible:
        first, found = next(solutions(rows), None), dive(rows)
        assert found.answer is not Status.OPTIMAL or found.values == first
        assert found.answer is not Status.INFEASIBLE or first is None
        assert contradictory(rows) == (found.answer is Status.INFEASIBLE)


def test_most_are_found() -> None:
    feasible = [rows for seed in SEEDS if not (rows := drawn(seed)[0]).infeasible and next(solutions(rows), None)]
    assert sum(dive(rows).answer is Status.OPTIMAL for rows in feasible) > len(feasible) // 2
    none = [rows for seed in SEEDS if not (rows := drawn(seed)[0]).infeasible and not next(solutions(rows), None)]
    assert any(contradictory(rows) for rows in none)


@settings(deadline=None)
@given(guest=st.one_of(guests(most=40), guests(most=5, small=True)))
def test_answers_are_those_of_the_search(guest: Guest) -> None:
    """All of each outcome; past the limit of time nothing is said."""
    found = solve(guest, Options(time_limit=2))
    with (
        patch.object(lexicographic, "dive", lambda _: SolveResult(Status.UNKNOWN)),
        patch.object(lexicographic, "contradictory", lambda _: False),
    ):
        searched = solve(guest, Options(time_limit=2))
    assert Undecided in (type(found), type(searched)) or found == searched


@pytest.mark.parametrize("family", FAMILIES)
def test_ordinary_guests_never_meet_cpsat(family: str) -> None:
    """Thirty devices of every family."""
    with patch.object(CpSatModel, "__init__", side_effect=AssertionError("CP-SAT is asked")):
        assert solve(FAMILIES[family].build(30)).require().status == "optimal"


def test_who_must_go_back_is_not_found() -> None:
    """The first variable at its least value leaves the others nothing, which no single row says."""
    rows = LinearModel()
    first, second, third = (rows.variable(0, 1) for _ in range(3))
    rows.add_eq(second + third, 1)
    rows.add_le(second, first + third)
    rows.add_le(third, first + second)
    assert dive(rows).answer is Status.UNKNOWN
    assert CpSatModel(rows, Limits()).lexicographic_minimum().values == (1, 0, 1)


def test_the_effort_ends() -> None:
    """Two rows that narrow a range by one each, again and again."""
    rows = LinearModel()
    first, second = rows.variable(0, MOST_LOOKS), rows.variable(0, MOST_LOOKS)
    rows.add_le(first + 1, second)
    rows.add_le(second, first)
    assert dive(rows).answer is Status.UNKNOWN
    assert not contradictory(rows)
    assert CpSatModel(rows, Limits()).minimize(sum_of([first, second])).answer is Status.INFEASIBLE
