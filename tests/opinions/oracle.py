"""The brute-force oracle: whether there is a layout at all, and what each term of the objective comes to."""

from typing import Final

import pytest
from qslot.schema import Guest, Infeasible, Outcome, Solved, Undecided

from ..reference import Costs, Search, TooMany
from ..reference import search as reference_search

NODES: Final = 8_000
"""Nodes to search; a guest that takes more is not judged."""
MEMORY: Final = 1 << 20
"""Bytes of a BAR or ROM up to which memory is never short."""


def opinion(guest: Guest, outcome: Outcome) -> str:
    if guest.policy.preset == "libvirt":
        return "n/a: preset libvirt"
    if _asks_for_memory(guest):
        return "n/a: memory"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference_search, "NODES", NODES)
        try:
            best = Search(guest).run()
        except TooMany:
            return "n/a: too large"
    return _compared(outcome, best)


def _compared(outcome: Outcome, best: Costs | None) -> str:
    match outcome:
        case Infeasible():
            return "agree" if best is None else f"DISAGREE: infeasible, but there is a layout of {best}"
        case Solved(layout=layout):
            found = {term.term: term.value for term in layout.objective}
            return "agree" if found == best else f"DISAGREE: {found}, but the best is {best}"
        case Undecided(layout=None):
            return "n/a: undecided"
        case _:
            return "n/a: undecided" if best is not None else "DISAGREE: a layout, but none is possible"


def _asks_for_memory(guest: Guest) -> bool:
    """Whether it asks for so much memory that it may run short, which the oracle does not count."""
    bars = (bar for device in guest.devices for bar in device.bars or () if bar.kind != "io")
    sizes = [*(bar.size for bar in bars), *(device.rom or 0 for device in guest.devices)]
    asked = any(spare.memory for spare in guest.spare) or any(size > MEMORY for size in sizes)
    reserved = (name for one in guest.controllers for name in one.properties)
    return asked or any(name in ("mem-reserve", "pref32-reserve", "pref64-reserve") for name in reserved)
