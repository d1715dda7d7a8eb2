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
from qslot.solver.search.cpsat import CpSatModel, Limits, Status
from qslot.solver.search.dive import PATIENCE, dive
from qslot.testing import guests

from ..solver.test_cpsat import SEEDS, drawn, solutions


@pytest.mark.parametrize("seed", range(500))
def test_it_is_the_smallest_solution(seed: int) -> None:
    rows, _ = drawn(seed)
    values = None if rows.infeasible else dive(rows)
    assert values is None or values == next(solutions(rows))


def test_most_are_found() -> None:
    feasible = [rows for seed in SEEDS if not (rows := drawn(seed)[0]).infeasible and next(solutions(rows), None)]
    assert sum(dive(rows) is not None for rows in feasible) > len(feasible) // 2


@settings(deadline=None)
@given(guest=st.one_of(guests(most=40), guests(most=5, small=True)))
def test_answers_are_those_of_the_search(guest: Guest) -> None:
    """All of each outcome; past the limit of time nothing is said."""
    found = solve(guest, Options(time_limit=2))
    with patch.object(lexicographic, "dive", lambda _: None):
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
    assert dive(rows) is None
    assert CpSatModel(rows, Limits()).lexicographic_minimum().values == (1, 0, 1)


def test_patience_ends() -> None:
    """Two rows that narrow a range by one each, again and again."""
    rows = LinearModel()
    first, second = rows.variable(0, 1000), rows.variable(0, 1000)
    for _ in range(2):
        rows.add_le(first + 1, second)
        rows.add_le(second, first)
    assert 4 * PATIENCE < 1000
    assert dive(rows) is None
    assert CpSatModel(rows, Limits()).minimize(sum_of([first, second])).answer is Status.INFEASIBLE
