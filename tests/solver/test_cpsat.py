"""The door to OR-Tools: both engines answer alike, and the smallest assignment is the smallest."""

import itertools
import random
from collections.abc import Iterator

import pytest

from qslot.solver.model.linear import LinearExpr, LinearModel, sum_of
from qslot.solver.options import Stop
from qslot.solver.search import cpsat
from qslot.solver.search.cpsat import SMALL_MODEL, CpSatModel, Limits, Status, TimeIsUp, TooMuchToCount
from qslot.solver.search.engines import Asked, engine

SEEDS = range(60)


def drawn(seed: int) -> tuple[LinearModel, LinearExpr]:
    """Two to five small variables, a few rows, an objective."""
    rng = random.Random(seed)
    rows = LinearModel()
    variables = [
        rows.variable(low, low + rng.randint(1, 3)) for low in (rng.randint(-2, 1) for _ in range(rng.randint(2, 5)))
    ]
    for _ in range(rng.randint(1, 4)):
        what = sum_of(one * rng.randint(-3, 3) for one in variables)
        low = rng.randint(-4, 4)
        rows.add_range(low, what, low + rng.randint(0, 4))
    return rows, sum_of(one * rng.randint(-3, 3) for one in variables) + rng.randint(-5, 5)


def solutions(rows: LinearModel) -> Iterator[tuple[int, ...]]:
    """All of them, smallest first."""
    for values in itertools.product(*(range(low, high + 1) for low, high in rows.ranges)):
        sums = [sum(f * values[v] for v, f in zip(vs, fs, strict=True)) for vs, fs, _, _ in rows.rows]
        if all(low <= amount <= high for amount, (_, _, low, high) in zip(sums, rows.rows, strict=True)):
            yield values


@pytest.mark.parametrize("documented", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_an_optimum_is_one(seed: int, documented: bool) -> None:
    rows, what = drawn(seed)
    if rows.infeasible:
        return
    known = list(solutions(rows))
    program = CpSatModel(rows, Limits(), documented=documented)
    result = program.minimize(what)
    if not known:
        assert result.answer is Status.INFEASIBLE
        return
    least = min(what.value(values) for values in known)
    assert (result.answer, result.bound, what.value(result.values)) == (Status.OPTIMAL, least, least)
    assert result.values in known
    program.fix(what, least)
    smallest = program.lexicographic_minimum()
    assert smallest.values == next(values for values in known if what.value(values) == least)


@pytest.mark.parametrize("documented", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_smallest_assignment_one_by_one(seed: int, documented: bool) -> None:
    rows, _ = drawn(seed)
    known = [] if rows.infeasible else list(solutions(rows))
    if not known:
        return
    result = CpSatModel(rows, Limits(), documented=documented).lexicographic_minimum(known[-1], effort=0.0)
    assert (result.answer, result.values) == (Status.OPTIMAL, known[0])


@pytest.mark.parametrize("documented", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_smallest_assignment(seed: int, documented: bool) -> None:
    rows, _ = drawn(seed)
    if rows.infeasible:
        return
    result = CpSatModel(rows, Limits(seed=seed), documented=documented).lexicographic_minimum()
    first = next(solutions(rows), None)
    if first is None:
        assert result.answer is Status.INFEASIBLE
    else:
        assert (result.answer, result.values) == (Status.OPTIMAL, first)


def test_random_rows_are_both_feasible_and_not() -> None:
    """Half of nothing would be tested if all were alike."""
    drawings = [drawn(seed)[0] for seed in SEEDS]
    feasible = sum(not rows.infeasible and next(solutions(rows), None) is not None for rows in drawings)
    proved = sum(not rows.infeasible and next(solutions(rows), None) is None for rows in drawings)
    assert feasible >= 15
    assert proved >= 8


def test_rows_that_contradict_their_ranges_say_so_at_once() -> None:
    rows = LinearModel()
    one = rows.variable(0, 3)
    rows.add_le(one * 2, 7)
    assert (rows.rows, rows.infeasible) == ([], False)  # says nothing that the range does not
    rows.add_le(LinearExpr(constant=4), one)
    assert rows.infeasible


def test_a_variable_with_one_value_is_a_constant() -> None:
    rows = LinearModel()
    assert rows.variable(5, 5) == LinearExpr(constant=5)
    assert (rows.variable(2, 1), rows.infeasible) == (LinearExpr(constant=2), True)


def test_a_model_that_cp_sat_cannot_count_leaves_the_answer_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory windows of 4,800 bridges that may be inside each other (seed 3443)."""
    rows = LinearModel()
    wide = [rows.variable(0, 1 << 52) for _ in range(2049)]
    rows.add_range(1, wide[0] + wide[1], 5)
    with pytest.raises(TooMuchToCount):
        CpSatModel(rows, Limits())
    fewer = LinearModel(ranges=rows.ranges[:1024], rows=rows.rows)
    assert CpSatModel(fewer, Limits()).minimize(wide[0] + wide[1]).bound == 1
    monkeypatch.setattr(cpsat, "COUNTABLE", 1 << 80)
    with pytest.raises(RuntimeError, match="MODEL_INVALID"):
        CpSatModel(rows, Limits()).minimize(wide[0])


def test_a_time_limit_of_nothing_leaves_the_answer_open() -> None:
    rows = LinearModel()
    variables = [rows.variable(0, 9) for _ in range(40)]
    for index in range(39):
        rows.add_range(3, variables[index] + variables[index + 1], 15)
    with pytest.raises(TimeIsUp):
        CpSatModel(rows, Limits(seconds=0))
    program = CpSatModel(rows, Limits())
    program.limits = Limits(seconds=0)
    result = program.minimize(sum_of(variables))
    assert result.answer in (Status.UNKNOWN, Status.FEASIBLE)
    assert result.bound <= 3 * 20


@pytest.mark.parametrize("documented", [False, True])
def test_several_workers_on_a_large_model(documented: bool) -> None:
    rows = LinearModel()
    variables = [rows.variable(0, 1) for _ in range(SMALL_MODEL + 1)]
    rows.add_range(7, sum_of(variables), SMALL_MODEL)
    result = CpSatModel(rows, Limits(workers=2), documented=documented).minimize(sum_of(variables))
    assert (result.answer, result.bound) == (Status.OPTIMAL, 7)


def test_a_hint_of_another_model_is_no_harm() -> None:
    rows, what = drawn(3)
    program = CpSatModel(rows, Limits())
    plain = program.minimize(what)
    assert program.minimize(what, [99] * len(rows.ranges)).bound == plain.bound


@pytest.mark.parametrize("documented", [False, True])
def test_stopped_before_it_has_begun(documented: bool) -> None:
    """What happened before: `CpSolver` forgot it, and found out that nine pigeons have no place in eight holes."""
    rows = LinearModel()
    where = [[rows.variable(0, 1) for _ in range(8)] for _ in range(9)]
    for pigeon in where:
        rows.add_range(1, sum_of(pigeon), 1)
    for hole in zip(*where, strict=True):
        for one, other in itertools.combinations(hole, 2):
            rows.add_range(0, one + other, 1)
    program = CpSatModel(rows, Limits(), documented=documented)
    stop = Stop()
    stop()
    stop()
    plain = {"num_workers": 1, "cp_model_presolve": False, "linearization_level": 0, "symmetry_level": 0}
    assert program.engine.solve(program.model, Asked(plain, stop)).status == 0


def test_the_engines_are_two() -> None:
    assert type(engine()) is not type(engine(documented=True))
