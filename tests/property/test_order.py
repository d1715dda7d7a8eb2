"""Orders of devices: each answer keeps its order, and no layout that is found otherwise refutes it."""

from typing import Any, Final

import pytest

from qslot.schema import Guest, Infeasible, Solved
from qslot.schema.layout.outcome import known_layout
from qslot.solver import Options, solve
from qslot.testing.generator import small_guest
from qslot.testing.generator.draw import SeededDraw

from ..opinions import oracle
from ..opinions.order import errors, others, refuted
from ..ordering import in_an_order
from ..profile import sample
from ..reference import best

SEEDS: Final = range(sample(30, ci=300))
OTHERS: Final = sample(4, ci=12)
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


@pytest.mark.parametrize("first", range(1000, 1000 + len(SEEDS) // 3, CHUNK))
def test_solver_and_oracle_agree(first: int) -> None:
    """On feasibility, and on what the best layout in that order costs."""
    guests = {seed: guest for seed in range(first, first + CHUNK) if (guest := drawn(seed)) is not None}
    verdicts = {seed: oracle.opinion(guest, solve(guest, PATIENCE)) for seed, guest in guests.items()}
    assert {seed: one for seed, one in verdicts.items() if one.startswith("DISAGREE")} == {}
    assert list(verdicts.values()).count("agree") > len(guests) / 2


def bridged(*order: str, **fields: Any) -> Guest:
    """Two cards of conventional PCI and a disk, of which nothing but the order says where they are."""
    cards = [{"id": name, "model": "e1000", "hotplug": "required"} for name in ("a", "b")]
    disk = {"id": "disk", "model": "nvme", "hotplug": "required"}
    return Guest.model_validate({"machine": "q35", "devices": [*cards, disk], "order": order, **fields})


def test_the_oracle_knows_what_an_order_costs() -> None:
    """The disk between the cards takes another bridge, with its port and its window."""
    beside, between = best(bridged("a", "b", "disk")), best(bridged("a", "disk", "b"))
    assert beside is not None
    assert between is not None
    assert (beside["controllers"], between["controllers"]) == (3, 5)
    assert (beside["io_windows"], between["io_windows"]) == (4096, 8192)
    assert best(bridged("a", "disk", "b", policy={"max_controllers": 4})) is None
