"""No property that the planner may state would have made a layout fit that it gave up: an "infeasible" of the
address-level model rests on that."""

from random import Random
from typing import Any, Final

import pytest
from pydantic import ValidationError

from qslot.schema import Guest, Layout
from qslot.schema.layout.layout import PlacedController
from qslot.schema.verify import verify
from qslot.schema.verify.requested import ADDED

from ..profile import sample
from .held import Rows, fits
from .memory_guests import memory_guest
from .test_memory import never_short

LEAST: Final = {"io-reserve": 0, "mem-reserve": 0, "pref64-reserve": 2 << 20}
"""As little as each may keep."""
ROWS: Final = Rows(without=never_short)


def with_least(layout: Layout, names: set[str], but: set[str]) -> Layout:
    """Of those properties the least on each controller that may have them unasked and has none; IO `but` on some."""

    def least(one: PlacedController) -> PlacedController:
        allowed = names & ADDED.get(one.model, frozenset()) - ({"io-reserve"} if one.id in but else set())
        if "pref32-reserve" in one.properties:
            allowed -= {"pref64-reserve"}
        return one.model_copy(update={"properties": {**{name: LEAST[name] for name in allowed}, **one.properties}})

    return layout.model_copy(update={"controllers": tuple(map(least, layout.controllers)), "io_windows": ()})


def leanest(guest: Guest, layout: Layout, names: set[str]) -> Layout:
    """The same, IO kept on those that rule reserves has it on."""
    lean = with_least(layout, names, set())
    needing = {one for finding in verify(guest, lean) if finding.rule == "reserves" for one in finding.subjects}
    return with_least(layout, names, needing)


@pytest.mark.parametrize("first", range(0, sample(60, ci=120), 30))
def test_no_reserve_is_left_that_could_be_given_up(first: int) -> None:
    tried, missed = 0, []
    for seed in range(first, first + 30):
        found = given_up(memory_guest(seed), seed)
        if found is not None:
            tried += 1
            lean = [leanest(*found, names) for names in ({"io-reserve"}, {*LEAST} - {"io-reserve"}, {*LEAST})]
            missed += [seed for one in lean if fits(found[0], one)]
    assert missed == []
    assert tried > 0


def given_up(request: dict[str, Any], seed: int) -> tuple[Guest, Layout] | None:
    """A guest with OVMF, and a layout of it that only lacks ports or memory."""
    try:
        guest = Guest.model_validate(request)
    except ValidationError:
        return None
    layout = ROWS.drawn(guest, Random(seed)) if guest.firmware.name == "ovmf" else None
    if layout is None:
        return None
    errors = {finding.rule for finding in verify(guest, layout) if finding.severity == "error"}
    return (guest, layout) if errors and errors <= {"io-space", "memory-space"} else None
