"""Lower bounds are no higher than what there is, and what they save changes no answer."""

from typing import Final

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmarks.families import FAMILIES
from qslot.schema import Guest, Infeasible, Solved
from qslot.solver import Options, solve
from qslot.solver.aggregate.items import items_of
from qslot.solver.aggregate.pins import PinConflict
from qslot.solver.formulation import Formulation
from qslot.solver.model.build import build
from qslot.solver.search import lexicographic as own_search
from qslot.solver.search.bounds import ARGUMENTS, arguments, bounds
from qslot.solver.search.cpsat import Limits
from qslot.solver.search.formulations import series
from qslot.solver.search.lexicographic import Optimum
from qslot.testing import guests

from ..opinions.milp import UnsureError, lexicographic
from ..opinions.rows import opinion
from .io_guests import io_guest
from .recomputed import plain, recomputed

PATIENCE: Final = Options(time_limit=2)


def solved(guest: Guest) -> Solved:
    outcome = solve(guest, PATIENCE)
    assume(isinstance(outcome, Solved))
    assert isinstance(outcome, Solved)
    return outcome


def check(guest: Guest, *, cheapest: bool = False) -> None:
    """Each argument against the least of its term alone, which SCIP finds: the solver believes its own bounds."""
    try:
        model = build(guest, items_of(guest), Formulation(cheapest_only=cheapest))
        least = {term: lexicographic(model.variables.linear, [what], 5) for term, what in model.terms.items()}
    except (PinConflict, UnsureError):
        return
    values = {term: found[0] for term, found in least.items() if found is not None}
    assert [one for one in arguments(model) if one.value > values.get(one.term, one.value)] == []


@pytest.mark.parametrize("cheapest", [False, True])
@settings(max_examples=settings().max_examples // 3)  # SCIP takes its time over large guests
@given(guest=guests(most=40))
def test_no_bound_is_above_the_least(cheapest: bool, guest: Guest) -> None:
    check(guest, cheapest=cheapest)


@pytest.mark.parametrize("cheapest", [False, True])
@given(guest=guests(most=5, small=True))
def test_no_bound_is_above_the_least_where_seats_are_scarce(cheapest: bool, guest: Guest) -> None:
    check(guest, cheapest=cheapest)


def half_filled(taken: list[int], waiting: int) -> Guest:
    """Ports of a node of which so many functions are taken, and devices that only fit on ports of that node."""
    ports = [{"id": f"k{n}", "model": "pcie-root-port", "address": f"e:{n:02x}.0"} for n in range(len(taken))]
    pins = [f"k{port}:00.{function}" for port, number in enumerate(taken) for function in range(number)]
    device = {"model": "nvme", "hotplug": "never"}
    return Guest.model_validate({
        "machine": "q35",
        "numa_nodes": 1,
        "controllers": [{"id": "e", "model": "pxb-pcie", "numa": 0, "address": "pcie.0:05.0"}, *ports],
        "devices": [
            *({"id": f"p{n}", "address": pin, **device} for n, pin in enumerate(pins)),
            *({"id": f"d{n}", "numa": 0, **device} for n in range(waiting)),
        ],
        "policy": {"order": ["controllers", "preferences", "moved", "guest_visible", "io_windows", "depth"]},
    })  # fmt: skip


def test_functions_left_over_in_several_ports_count_together() -> None:
    """Nine devices fit beside the one: seven in its port, two in the other."""
    guest = half_filled([1, 0], 9)
    model = build(guest, items_of(guest), Formulation())
    (bound,) = (one for one in arguments(model) if one.argument == "ports-for-functions")
    assert (bound.value, bound.amounts["ports"]) == (3, 0)
    assert opinion(guest, solve(guest)) == "agree"


@given(st.lists(st.integers(0, 7), min_size=1, max_size=4), st.integers(-4, 8))
def test_no_bound_is_above_the_least_where_ports_are_half_filled(taken: list[int], left: int) -> None:
    """All but so many of the free functions are asked for; or a few more than there are."""
    check(half_filled(taken, max(1, sum(8 - one for one in taken) - left)))


@pytest.mark.parametrize("cheapest", [False, True])
@given(guest=st.one_of(guests(most=40), guests(most=5, small=True)))
def test_each_argument_gives_what_the_request_says(cheapest: bool, guest: Guest) -> None:
    request = plain(guest)
    try:
        model = build(request, items_of(request), Formulation(switches=not cheapest, cheapest_only=cheapest))
    except PinConflict:
        assume(False)
    found = {(one.term, one.argument): one.value for one in arguments(model)}
    expected = recomputed(request, cheapest=cheapest)
    assert {key: found.get(key) for key in expected} == expected
    assert {argument for _, argument in found} <= {*ARGUMENTS}
    assert {key for key in found if key not in expected} <= {(term, "each-by-itself") for term in model.terms}
    assert bounds(model) == {term: max(v for (t, _), v in found.items() if t == term) for term in model.terms}


@given(guests(most=5, small=True))
def test_term_by_term_gives_the_same_bytes(guest: Guest) -> None:
    quick = solved(guest).layout
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own_search, "_at_once", lambda *_: None)
        slow = solved(guest)
    assert slow.layout.model_dump_json() == quick.model_dump_json()


@settings(max_examples=settings().max_examples // 3)  # the exact model takes its time
@given(st.integers(0, 1 << 32))
def test_what_a_coarser_model_proves_changes_no_optimum(seed: int) -> None:
    """That of the exact model, with and without what the model before it has proved."""
    limits = Limits(effort=0.3)
    try:
        guest = Guest.model_validate(io_guest(seed))
        coarse, fine = (build(guest, items_of(guest), Formulation(exact_io=exact)) for exact in (False, True))
    except (PinConflict, ValueError):
        assume(False)
    if coarse.variables.linear.infeasible or fine.variables.linear.infeasible:
        return
    proved = own_search.lexicographic_optimum(guest, coarse, bounds(coarse), limits)
    if isinstance(proved, Optimum):
        alone, after = (
            own_search.lexicographic_optimum(guest, fine, bounds(fine), limits, known) for known in (None, proved)
        )
        assume(not isinstance(alone, Optimum) or alone.proved)
        assert isinstance(alone, Infeasible) == isinstance(after, Infeasible)
        if isinstance(alone, Optimum) and isinstance(after, Optimum):
            assert (after.values, after.conditional_bounds) == (alone.values, alone.conditional_bounds)


@pytest.mark.parametrize("family", FAMILIES)
def test_everyday_guests_meet_all_bounds(family: str) -> None:
    """One solve is enough for thirty devices of every family."""
    guest = FAMILIES[family].build(30)
    items = items_of(guest)
    model = build(guest, items, series(guest, items)[0][0])
    assert own_search._at_once(model, bounds(model), bounds(model), Limits()) is not None
