"""Orders of devices: each answer keeps its order, and no layout that is found otherwise refutes it."""

import os
from typing import Final

import pytest

from qslot.schema import Guest, Infeasible, Solved
from qslot.schema.layout.outcome import known_layout
from qslot.solver import Options, solve
from qslot.testing.generator import small_guest
from qslot.testing.generator.draw import SeededDraw

from ..opinions.order import errors, others, refuted
from ..ordering import in_an_order

CI: Final = os.environ.get("HYPOTHESIS_PROFILE") == "ci"
SEEDS: Final = range(300 if CI else 30)
OTHERS: Final = 12 if CI else 4
CHUNK: Final = 10
PATIENCE: Final = Options()


def drawn(seed: int) -> Guest | None:
    return in_an_order(SeededDraw(seed), small_guest(seed))


@pytest.mark.parametrize("first", range(0, len(SEEDS), CHUNK))
def test_no_other_layout_refutes_the_answer(first: int) -> None:
    wrong, decided, asked = {}, 0, 0
    for seed in range(first, first + CHUNK):
        guest = drawn(seed)
        if guest is None:
            continue
        asked += 1
        outcome = solve(guest, PATIENCE)
        decided += isinstance(outcome, Solved | Infeasible)
        layout = known_layout(outcome)
        if layout is not None and (broken := errors(guest, layout)):
            wrong[seed] = broken[0]
        for costs in others(SeededDraw(seed + 1), guest, OTHERS):
            if why := refuted(outcome, costs):
                wrong[seed] = why
    assert wrong == {}
    assert decided > 0.7 * asked
