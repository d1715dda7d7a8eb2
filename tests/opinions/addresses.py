"""The address-level model: whether there is a layout at all, and what each term of the objective comes to at least."""

from collections.abc import Iterable
from typing import Final

from qslot.schema import Guest, Infeasible, Outcome, Solved, Undecided
from qslot.schema.layout.layout import ObjectiveTerm
from qslot.schema.request.fields import Term
from qslot.solver.address_model.solve import consider
from qslot.solver.search.cpsat import Limits

MOST: Final = 20
"""Devices, controllers and spare slots of guests that it judges."""
EFFORT: Final = 5.0
"""Deterministic seconds for each solve; a guest that takes more is not judged."""
SECONDS: Final = 20.0
"""The same for all of them together, by the clock."""


def opinion(guest: Guest, outcome: Outcome) -> str:
    if len(guest.devices) + sum(one.count for one in guest.spare) + len(guest.controllers) > MOST:
        return "n/a: too large"
    considered = consider(guest, Limits(seconds=SECONDS, effort=EFFORT))
    if considered.fault:
        return f"DISAGREE: the address-level model {considered.fault}"
    match considered.outcome:
        case Infeasible():
            return "DISAGREE: a layout, but none is possible" if _has_layout(outcome) else _agreed(outcome)
        case Solved(layout=layout):
            return _compared(guest, outcome, {term.term: term.value for term in layout.objective})
        case _:
            return "n/a: not decided on this level"


def _has_layout(outcome: Outcome) -> bool:
    return not isinstance(outcome, Infeasible) and outcome.layout is not None


def _agreed(outcome: Outcome) -> str:
    return "n/a: undecided" if isinstance(outcome, Undecided) else "agree"


def _compared(guest: Guest, outcome: Outcome, best: dict[Term, int]) -> str:
    """Whether it claims nothing that the best values contradict, neither by a layout nor by bounds."""
    if isinstance(outcome, Infeasible):
        return f"DISAGREE: infeasible, but there is a layout of {best}"
    terms = outcome.layout.objective if outcome.layout is not None else outcome.bound
    least = tuple(best[term] for term in guest.policy.order)
    if outcome.layout is not None:
        found = {term.term: term.value for term in terms}
        values = tuple(found[term] for term in guest.policy.order)
        if values < least or (isinstance(outcome, Solved) and values != least):
            return f"DISAGREE: {found}, but the best is {best}"
    return f"DISAGREE: {told}" if (told := _too_high(terms, best)) else _agreed(outcome)


def _too_high(terms: Iterable[ObjectiveTerm], best: dict[Term, int]) -> str:
    """The first bound above what the best layout pays, as long as those before are what it pays."""
    for term in terms:
        if term.bound > best[term.term]:
            return f"{term.term} is {best[term.term]}, but its bound {term.bound}"
        if term.bound < best[term.term]:
            break
    return ""
