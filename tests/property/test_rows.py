"""The rows' opinion agrees with the solver on many guests, and sees faults planted in the search."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from qslot.schema import Guest
from qslot.schema.request.fields import Term
from qslot.solver import Options, solve
from qslot.solver.aggregate.bus_classes import BusKind
from qslot.solver.model.build import Model, build
from qslot.solver.model.linear import LinearExpr, LinearModel, sum_of
from qslot.solver.search import lexicographic as search
from qslot.solver.search import optimize
from qslot.solver.search.bounds import bounds
from qslot.solver.search.cpsat import CpSatModel, SolveResult, Status
from qslot.testing.generator import any_guest, small_guest

from ..opinions.milp import Row, UnsureError, lexicographic
from ..opinions.rows import opinion
from ..profile import sample

SMALL: Final = range(5000, 5000 + sample(60, ci=400))
LARGE: Final = range(5000, 5000 + sample(8, ci=40))

JOINED: Final = Guest.model_validate({
    "machine": "q35",
    "controllers": [{"id": "k", "model": "pcie-root-port"}],
    "devices": [
        {"id": "a", "model": "virtio-net", "address": ".1"},
        {"id": "b", "model": "virtio-net", "address": "k:00.0"},
    ],
})  # fmt: skip
"""Joining the pinned neighbour is the cheapest for `a`, but makes that one pay, too: a place on pcie.0 costs less."""
BRIDGED: Final = Guest.model_validate({"machine": "q35", "devices": [{"id": "d", "model": "virtio-net"}]})


def asked(guest: Guest) -> str:
    return opinion(guest, solve(guest, Options(time_limit=10)))


@pytest.mark.parametrize(("guest_of", "seeds"), [(small_guest, SMALL), (any_guest, LARGE)], ids=["small", "large"])
def test_the_rows_say_what_the_solver_says(guest_of: Callable[[int], Guest], seeds: range) -> None:
    verdicts = {seed: asked(guest_of(seed)) for seed in seeds}
    assert {seed: verdict for seed, verdict in verdicts.items() if verdict.startswith("DISAGREE")} == {}
    assert sum(verdict == "agree" for verdict in verdicts.values()) > 0.5 * len(seeds)


def test_a_bound_that_is_too_high_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:

    def one_more(model: Model) -> dict[Term, int]:
        return {**bounds(model), "controllers": 2}

    monkeypatch.setattr(optimize, "lower_bounds", one_more)
    assert asked(BRIDGED).startswith("DISAGREE")


def test_a_stage_that_leaves_layouts_out_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the stage of cheapest options did, where a pinned neighbour pays for who joins."""
    _restrict(monkeypatch, lambda option: option.bus.kind is not BusKind.ROOT)
    assert asked(JOINED).startswith("DISAGREE: rows preferences 14")


def test_a_stage_that_forbids_everything_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    _restrict(monkeypatch, lambda _: False)
    assert asked(BRIDGED).startswith("DISAGREE: rows preferences 0")


def _restrict(monkeypatch: pytest.MonkeyPatch, allowed: Callable[[Any], bool]) -> None:
    """The search takes models without the other options for whole ones."""

    def restricted(*args: Any, **kwargs: Any) -> Model:
        model = build(*args, **kwargs)
        v = model.variables
        v.linear.add_eq(sum_of(c for o, c in zip(v.options, v.counts, strict=True) if not allowed(o)), 0)
        return model

    monkeypatch.setattr(optimize, "build", restricted)


def test_a_false_proof_of_the_solver_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CpSatModel, "minimize", lambda *_, **__: SolveResult(Status.INFEASIBLE))
    monkeypatch.setattr(CpSatModel, "lexicographic_minimum", lambda *_, **__: SolveResult(Status.INFEASIBLE))
    monkeypatch.setattr(search, "dive", lambda _: SolveResult(Status.UNKNOWN))
    assert asked(BRIDGED).startswith("DISAGREE")


def test_what_was_not_decided_is_not_judged() -> None:
    assert opinion(BRIDGED, solve(BRIDGED, Options(time_limit=1e-6))) == "n/a: undecided"


def test_amounts_are_divided_by_what_all_have_in_common() -> None:
    mib = 1 << 20
    row = Row.small((0, 1), (2 * mib, 6 * mib), 3 * mib, 9 * mib + 5)
    assert row == Row((0, 1), (1, 3), 2, 4)


def test_terms_count_in_order() -> None:
    rows = LinearModel()
    x, y = rows.variable(0, 9), rows.variable(0, 9)
    rows.add_range(7, x * 2 + y * 2, 99)
    assert lexicographic(rows, [x * 4096, y + 1], seconds=5) == [0, 5]
    assert lexicographic(rows, [y, x], seconds=5) == [0, 4]


def test_amounts_beyond_the_digits_of_a_float_are_not_trusted() -> None:
    rows = LinearModel()
    x, y = rows.variable(0, 9), rows.variable(0, 9)
    rows.add_le(x * (1 << 40) + y, 1 << 41)
    with pytest.raises(UnsureError, match="too large"):
        lexicographic(rows, [LinearExpr(), x], seconds=5)
