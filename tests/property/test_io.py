"""What OVMF loses of IO by alignment and by its own reserves, as rows: they hold of any layout that fits."""

from random import Random

import pytest
from pydantic import ValidationError
from qslot.schema import Guest, Layout
from qslot.schema.guest import Term
from qslot.schema.verify import verify
from qslot.solver import io_space
from qslot.solver.assemble import assemble
from qslot.solver.cpsat import Answer, Limits, Program
from qslot.solver.decode import decode
from qslot.solver.encode import encode
from qslot.solver.grow import Scope, scopes
from qslot.solver.items import items_of
from qslot.solver.pinned import Impossible
from qslot.solver.rows import Sum, total
from qslot.solver.search import Optimum, completed
from qslot.solver.seating import NoDecode

from ..laws.changes import costs_of, pinned_back
from .io_guests import io_guest
from .test_memory import _All

LIMITS = Limits(effort=0.1)


def any_that_fits(guest: Guest, rng: Random) -> Layout | None:
    """A layout that verifies, of counts found without these rows for weights drawn at random."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(io_space, "io_blocks", lambda *_: ())
        patch.setattr(io_space, "_padded", lambda *_: ())
        try:
            items = items_of(guest)
            encoding = encode(guest, items, Scope(exact_io=rng.random() < 0.5), cheapest_only=False)
        except Impossible:
            return None
        rows = encoding.variables.rows
        if rows.infeasible:
            return None
        drawn = total(Sum({index: rng.randint(-2, 3)}) for index in range(len(rows.ranges)))
        result = Program(rows, LIMITS).minimize(drawn + encoding.terms["controllers"] * 3)
        try:
            known = assemble(guest, items, decode(encoding, result.values, bool)) if result.values else None
        except NoDecode:
            return None
    if known is None:
        return None
    layout = completed(known, Optimum((), {}, {}, proved=False))
    return next((one for one in (_lean(layout), layout) if _fits(guest, one)), None)


def _lean(layout: Layout) -> Layout:
    """Without reserves that OVMF may make by itself."""
    controllers = [
        one.model_copy(
            update={"properties": {k: v for k, v in one.properties.items() if (k, v) != ("io-reserve", 4096)}}
        )
        for one in layout.controllers
    ]
    return layout.model_copy(update={"controllers": tuple(controllers), "io_windows": ()})


def _fits(guest: Guest, layout: Layout) -> bool:
    return all(finding.severity != "error" for finding in verify(guest, layout))


def refused_by_rows(guest: Guest, terms: dict[Term, int], models: int) -> list[Scope]:
    """Models that have no answer with these costs."""
    refused = []
    items = items_of(guest)
    for scope in scopes(guest, items)[-2:][:models]:
        encoding = encode(guest, items, scope, cheapest_only=False)
        program = Program(encoding.variables.rows, LIMITS)
        for term, what in encoding.terms.items():
            if term in terms:
                program.fix(what, terms[term])
        if encoding.variables.rows.infeasible or program.minimize(encoding.nothing).answer is Answer.INFEASIBLE:
            refused.append(scope)
    return refused


def judged(seed: int) -> bool:
    """Whether a layout of that request fits; rows hold of it, wherever it may be and where it is."""
    try:
        guest = Guest.model_validate(io_guest(seed))
    except ValidationError:
        return False
    layout = any_that_fits(guest, Random(seed))
    if layout is None:
        return False
    assert refused_by_rows(guest, costs_of(layout), 1) == [], seed
    pinned = pinned_back(guest, layout, _All())
    assert pinned is None or refused_by_rows(pinned.guest, {}, 2) == [], seed
    return True


@pytest.mark.parametrize("first", range(0, 120, 30))
def test_rows_hold_of_any_layout_that_fits(first: int) -> None:
    assert sum(judged(seed) for seed in range(first, first + 30)) > 5
