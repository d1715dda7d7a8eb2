"""Lower bounds are no higher than the optimum, and what they save changes no answer."""

from typing import Final

import pytest
from hypothesis import assume, given
from qslot.schema import Guest, Solved
from qslot.solver import Options, search, solve
from qslot.solver.bound import bounds
from qslot.solver.cpsat import Limits
from qslot.solver.encode import encode
from qslot.solver.grow import Scope
from qslot.solver.items import items_of

from benchmarks.families import FAMILIES

from ..strategies import guests, small_guests

PATIENCE: Final = Options(time_limit=2)


def solved(guest: Guest) -> Solved:
    outcome = solve(guest, PATIENCE)
    assume(isinstance(outcome, Solved))
    assert isinstance(outcome, Solved)
    return outcome


def check(guest: Guest) -> None:
    """Of the full model: what is proved of it holds whatever is left out."""
    best = {term.term: term.value for term in solved(guest).layout.objective}
    least = bounds(encode(guest, items_of(guest), Scope(), cheapest_only=False))
    assert {term: value for term, value in least.items() if value > best[term]} == {}


@given(guests())
def test_no_bound_is_above_the_optimum(guest: Guest) -> None:
    check(guest)


@given(small_guests())
def test_no_bound_is_above_the_optimum_where_seats_are_scarce(guest: Guest) -> None:
    check(guest)


@given(small_guests())
def test_term_by_term_gives_the_same_bytes(guest: Guest) -> None:
    quick = solved(guest).layout
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_at_once", lambda *_: None)
        slow = solved(guest)
    assert slow.layout.model_dump_json() == quick.model_dump_json()


@pytest.mark.parametrize("family", FAMILIES)
def test_everyday_guests_meet_all_bounds(family: str) -> None:
    """One solve is enough for thirty devices of every family."""
    guest = FAMILIES[family].build(30)
    items = items_of(guest)
    stage = next(search._stages(guest, items))
    encoding = encode(guest, items, stage.scope, cheapest_only=stage.cheapest_only)
    assert search._at_once(encoding, bounds(encoding), Limits()) is not None
