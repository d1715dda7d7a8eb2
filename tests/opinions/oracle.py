"""The brute-force oracle: whether there is a layout at all, and what each term of the objective comes to."""

from collections.abc import Iterable
from typing import Final

from qslot.schema import Guest, Infeasible, Outcome, Solved
from qslot.schema.layout.layout import ObjectiveTerm

from ..reference import Costs, MemoryDecides, TooMany, best

NODES: Final = 8_000
"""Nodes to search; a guest that takes more is not judged."""


def opinion(guest: Guest, outcome: Outcome) -> str:
    try:
        known = best(guest, nodes=NODES)
    except TooMany:
        return "n/a: too large"
    except MemoryDecides:
        return "n/a: memory decides"
    if isinstance(outcome, Infeasible):
        return "agree" if known is None else f"DISAGREE: infeasible, but there is a layout of {known}"
    layout = outcome.layout
    if known is None:
        return "n/a: undecided" if layout is None else "DISAGREE: a layout, but none is possible"
    found = None if layout is None else {term.term: term.value for term in layout.objective}
    if isinstance(outcome, Solved):
        return "agree" if found == known else f"DISAGREE: {found}, but the best is {known}"
    order = guest.policy.order
    if found is not None and [found[term] for term in order] < [known[term] for term in order]:
        return f"DISAGREE: {found}, but the best is {known}"
    bounds = outcome.bound if layout is None else layout.objective
    return f"DISAGREE: {told}" if (told := too_high(bounds, known)) else "n/a: undecided"


def too_high(bounds: Iterable[ObjectiveTerm], known: Costs) -> str:
    """The first bound above what the best layout pays, if any; given the terms before it, where these are as paid."""
    for term in bounds:
        if term.bound != known[term.term]:
            above = term.bound > known[term.term]
            return f"{term.term} is {known[term.term]}, but its bound {term.bound}" if above else ""
    return ""
