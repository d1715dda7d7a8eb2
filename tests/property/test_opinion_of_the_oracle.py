"""What the oracle's opinion says of right answers and of wrong ones."""

from qslot.schema import Guest, Infeasible, Solved
from qslot.solver import solve

from ..opinions.oracle import opinion

GUEST = Guest.model_validate({"machine": "q35", "devices": [{"id": "n", "model": "e1000e"}]})


def test_the_best_layout_is_agreed_with() -> None:
    assert opinion(GUEST, solve(GUEST)) == "agree"


def test_a_layout_says_that_infeasible_is_wrong() -> None:
    assert opinion(GUEST, Infeasible()).startswith("DISAGREE: infeasible")


def test_a_dearer_layout_is_not_the_best() -> None:
    outcome = solve(GUEST)
    assert isinstance(outcome, Solved)
    terms = tuple(term.model_copy(update={"value": term.value + 1}) for term in outcome.layout.objective)
    dearer = outcome.layout.model_copy(update={"objective": terms})
    assert opinion(GUEST, Solved(layout=dearer)).startswith("DISAGREE")
