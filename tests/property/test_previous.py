"""Planning again beside a layout: as few move as the oracle finds, and nothing is called proved that is not."""

from typing import Final

import pytest

from qslot.schema import Guest, Infeasible, Layout, Outcome, Solved, Undecided
from qslot.schema.errors import InputError
from qslot.schema.pci.address import Pin
from qslot.schema.previous import standing_of
from qslot.schema.request.fields import Term
from qslot.schema.verify import verify
from qslot.solver import Options, solve
from qslot.solver.replanning.least_moved import least_moved
from qslot.solver.search.cpsat import Limits
from qslot.testing.generator import small_guest
from qslot.testing.generator.draw import SeededDraw
from qslot.testing.generator.successor import successor

from ..opinions.previous import Least, least
from ..profile import sample
from ..reference import NoAnswer

SEEDS: Final = range(sample(120, ci=600))
CHUNK: Final = 30
PATIENCE: Final = Options(time_limit=60)
HISTORY: Final[tuple[Term, ...]] = ("moved", "guest_visible")


def drawn(seed: int) -> tuple[Guest, Layout] | None:
    """A small guest, and the plan of the one before it; None where there are no two such."""
    before = small_guest(seed)
    outcome = solve(before, PATIENCE)
    if not isinstance(outcome, Solved):
        return None
    guest = successor(SeededDraw(seed), before, outcome.layout)
    return None if guest is None else (guest, outcome.layout)


def opinion(guest: Guest, previous: Layout) -> str:
    """`agree`, with what was found; what is wrong; or n/a where there is nothing to compare."""
    try:
        outcome = solve(guest, PATIENCE, previous)
    except InputError as error:
        return f"n/a: refused, {error}"
    try:
        known = least(guest, previous)
    except NoAnswer:
        return "n/a: too large"
    return compared(guest, previous, outcome, known)


def compared(guest: Guest, previous: Layout, outcome: Outcome, known: Least | None) -> str:
    if isinstance(outcome, Infeasible) or known is None:
        return "agree: none" if isinstance(outcome, Infeasible) and known is None else f"{outcome}, but {known}"
    layout = outcome.layout
    if layout is None:
        return "n/a: undecided"
    broken = [str(one) for one in verify(guest, layout, previous) if one.severity == "error"]
    if broken:
        return f"breaks {broken[0]}"
    terms = {one.term: one for one in layout.objective}
    if not terms["moved"].bound <= known.moved <= terms["moved"].value:
        return f"{terms['moved']}, but {known.moved} must move"
    for term in (one for one in guest.policy.order if one not in HISTORY):
        if terms[term].bound > known.costs[term]:
            return f"{terms[term]}, but {known.costs[term]} do"
        if terms[term].bound < terms[term].value:
            break
        if terms[term].value != known.costs[term]:
            return f"{terms[term]}, but the least is {known.costs[term]}"
    return f"agree: {terms['moved'].value} of {known.moved} move"


@pytest.mark.parametrize("first", range(0, len(SEEDS), CHUNK))
def test_solver_and_oracle_agree(first: int) -> None:
    pairs = {seed: pair for seed in SEEDS[first : first + CHUNK] if (pair := drawn(seed)) is not None}
    verdicts = {seed: opinion(*pair) for seed, pair in pairs.items()}
    assert {seed: one for seed, one in verdicts.items() if not one.startswith(("agree", "n/a"))} == {}
    judged = [one for one in verdicts.values() if one.startswith("agree")]
    assert len(judged) > 0.5 * len(pairs)
    assert all(one == "agree: none" or one.split()[1] == one.split()[3] for one in judged)  # so few can be proved all


@pytest.mark.parametrize("first", range(1000, 1000 + len(SEEDS), CHUNK))
def test_no_more_must_move_than_counting_says(first: int) -> None:
    """The bound by itself, which the search seldom needs where everybody can stay."""
    wrong = {}
    for seed in range(first, first + CHUNK):
        pair = drawn(seed)
        if pair is None:
            continue
        try:
            standing, known = standing_of(*pair), least(*pair)
        except NoAnswer:
            continue
        guess = least_moved(standing, Limits.of(PATIENCE))
        if guess.infeasible != (known is None) and known is not None:
            wrong[seed] = "infeasible"
        elif known is not None and guess.least + len(standing.moving) > known.moved:
            wrong[seed] = f"{guess.least} and {standing.moving}, but {known.moved}"
    assert wrong == {}


@pytest.mark.parametrize("first", range(4000, 4000 + len(SEEDS), CHUNK))
def test_no_other_layout_shows_fewer_devices_otherwise_than_is_proved(first: int) -> None:
    """Layouts of requests that reserve free slots, in which as few move: none is below the bound."""
    wrong, looked = {}, 0
    for seed in range(first, first + CHUNK):
        pair = drawn(seed)
        if pair is None:
            continue
        guest, previous = pair
        least_shown = _shown(guest, previous)
        if least_shown is None:
            continue
        draw = SeededDraw(seed)
        for _ in range(4):
            root = guest.machine_model.root
            slots = {Pin(root, draw.integer(1, 12), None) for _ in range(draw.integer(1, 6))}
            asked = guest.model_copy(update={"reserve": (*guest.reserve, *sorted(slots - {*guest.reserve}))})
            outcome = solve_unless_refused(asked, previous)
            if isinstance(outcome, Solved | Undecided) and outcome.layout is not None:
                found = {one.term: one.value for one in outcome.layout.objective}
                if found["moved"] == least_shown["moved"]:
                    looked += 1
                    if found["guest_visible"] < least_shown["guest_visible"]:
                        wrong[seed] = (found, least_shown)
    assert wrong == {}
    assert looked


def solve_unless_refused(guest: Guest, previous: Layout) -> Outcome | None:
    try:
        return solve(guest.validated(), PATIENCE, previous)
    except InputError:
        return None


def _shown(guest: Guest, previous: Layout) -> dict[str, int] | None:
    """The bounds of the terms that compare, where as few move as must."""
    outcome = solve_unless_refused(guest, previous)
    if not isinstance(outcome, Solved | Undecided) or outcome.layout is None:
        return None
    terms = {one.term: one for one in outcome.layout.objective}
    return {term: terms[term].bound for term in HISTORY} if terms["moved"].gap == 0 else None


@pytest.mark.parametrize("first", range(2000, 2000 + len(SEEDS), CHUNK))
def test_one_of_a_kind_for_another_moves_nothing(first: int) -> None:
    """Nor is anybody else seen otherwise: the seat is there."""
    asked = 0
    for seed in range(first, first + CHUNK):
        before = small_guest(seed)
        outcome = solve(before, PATIENCE)
        if not isinstance(outcome, Solved) or len(before.devices) < 2 or before.policy.order[0] != "moved":
            continue
        last = before.devices[-1]
        if last.group is not None or any(last.id in (*one.near, *one.near_switch) for one in before.devices):
            continue
        swapped = last.model_copy(update={"id": "another"})
        guest = before.model_copy(update={"devices": (*before.devices[:-1], swapped)}).validated()
        again = solve(guest, PATIENCE, outcome.layout)
        assert isinstance(again, Solved), (seed, again)
        assert again.layout.replanned is not None
        assert again.layout.replanned.moved == again.layout.replanned.guest_visible == (), seed
        asked += 1
    assert asked
