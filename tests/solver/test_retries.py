"""Where the firmware runs out of something, layouts that use less are tried: each by a model of its own."""

import pytest

from qslot.schema import Guest, Undecided
from qslot.solver.aggregate.items import items_of
from qslot.solver.formulation import Formulation
from qslot.solver.model.build import build
from qslot.solver.search import optimize
from qslot.solver.search.cpsat import Limits

from .ask import device


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
