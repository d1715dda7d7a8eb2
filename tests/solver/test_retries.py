"""Where the firmware runs out of something, layouts that use less are tried: each by a model of its own."""

from importlib import import_module
from typing import Any

import pytest

from qslot.schema import Guest, Outcome, Solved, Undecided
from qslot.solver import solve
from qslot.solver.aggregate.items import items_of
from qslot.solver.formulation import Formulation
from qslot.solver.model.build import build
from qslot.solver.search import optimize
from qslot.solver.search.cpsat import Limits

from .ask import device, pc


def test_a_model_asked_for_less_leaves_the_model_as_it_was() -> None:
    guest = Guest.model_validate({"machine": "q35", "devices": [device("n", "nvme", hotplug="required")]})
    model = build(guest, items_of(guest), Formulation())
    rows = list(model.variables.linear.rows)
    fewer = model.limited(model.terms["controllers"], 2)
    assert model.variables.linear.rows == rows
    assert fewer.variables.linear.rows[:-1] == rows
    assert fewer.variables.linear.rows[-1][3] == 2


@pytest.mark.parametrize("rule", ["bus-numbers", "io-space"])
def test_where_no_less_can_be_used_nothing_more_is_tried(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ranges of variables already say so: once an internal error, as CP-SAT takes no row that cannot be met."""
    tried = []

    def lay_out(*_: object) -> tuple[Undecided, str]:
        tried.append(rule)
        return Undecided(), rule

    monkeypatch.setattr(optimize, "_lay_out", lay_out)
    guest = Guest.model_validate({"machine": "q35", "devices": [device("v", "VGA", hotplug="never")]})
    assert isinstance(optimize.optimize(guest, Limits()), Undecided)
    assert tried


def test_other_counts_of_the_same_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Either sort may be on the bridge; the best counts, as if they could not be laid out, are passed over."""
    sorts = [*(device(f"a{n}", "virtio-net") for n in range(16)), *(device(f"b{n}", "virtio-rng") for n in range(16))]
    guest = Guest.model_validate(pc(*sorts))
    best = solve(guest).require()
    lay_out = optimize._lay_out

    def lay_out_others(*given: Any) -> tuple[Outcome, str | None]:
        outcome, short = lay_out(*given)
        refused = isinstance(outcome, Solved) and outcome.layout.devices == best.devices
        return (Undecided(), None) if refused else (outcome, short)

    monkeypatch.setattr(optimize, "_lay_out", lay_out_others)
    monkeypatch.setattr(import_module("qslot.solver.solving"), "within_reach", lambda _: False)
    other = solve(guest).require()
    assert other.status == "optimal"
    assert other.objective == best.objective
    assert other.devices != best.devices
