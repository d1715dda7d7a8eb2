"""A request with an order, as the same without: whose best layout is put in order, or is what bounds the answer.

No layout costs less for being in order. So where the best one without can be put in order at the same cost, that is
proved best. Else the address-level model knows the order, of guests that are small enough; of others it is not known
how much an order must cost, and the best layout that is found is told with its gap.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, Literal

from ...schema.finding import Finding
from ...schema.layout.layout import Layout
from ...schema.layout.outcome import Infeasible, Outcome, Solved, Undecided, known_layout
from ...schema.request.guest import Guest
from ...schema.verify.context import context_of
from ..address_model import address_level, knows_order
from ..decode.in_order import in_order
from ..search.cpsat import Limits
from ..search.lexicographic import Optimum
from ..search.optimize import verified
from . import unordered
from .split import split

MOST_IN_ORDER: Final = 12
"""Devices, controllers and spare slots of guests that the address-level model is asked about: with an order it has all
its bridges, each inside each."""
EFFORT_IN_ORDER: Final = 1.0
"""In OR-Tools' deterministic seconds, for each solve there."""

Plan = Callable[[Guest, Limits], Outcome]
"""How a request without an order is planned."""


def ordered(guest: Guest, limits: Limits, plan: Plan) -> Outcome:
    """Rule order: the best layout in which the guest addresses ascend; or the proof that there is none. Its finding is
    of that rule where there is a layout without the order."""
    best = plan(unordered(guest), limits)
    if known_layout(best) is None:
        return best
    found: Undecided | None = None
    for layout in _candidates(guest, limits, plan, best):
        answer = _as_answer(guest, layout, best)
        if isinstance(answer, Solved):
            return answer
        found = found or answer
    if knows_order(guest) and _things(guest) <= MOST_IN_ORDER:
        exact = address_level(guest, replace(limits.steady, effort=EFFORT_IN_ORDER))
        if isinstance(exact, Infeasible):
            return Infeasible(findings=(Finding(rule="order", subjects=tuple(guest.order)),))
        if isinstance(exact, Solved):
            return exact
        found = found or exact
    reason: Literal["limit", "ordered"] = "limit" if limits.left() == 0 else "ordered"
    return (found or Undecided()).model_copy(update={"reason": reason})


def _things(guest: Guest) -> int:
    return len(guest.parts) + sum(one.count for one in guest.spare)


def _candidates(guest: Guest, limits: Limits, plan: Plan, best: Outcome) -> Iterator[Layout]:
    """Layouts of the request without an order, put in order; then the same of one in which those are listed so."""
    for outcome in _outcomes(guest, limits, plan, best):
        layout = known_layout(outcome)
        if layout is not None:
            by_id = {one.id: one for one in layout.devices}
            as_listed = tuple(by_id[one.id] for one in guest.devices)
            layout = layout.model_copy(update={"devices": as_listed, "input_sha256": guest.sha256, "warnings": ()})
            yield layout
            yield in_order(guest, layout)


def _outcomes(guest: Guest, limits: Limits, plan: Plan, best: Outcome) -> Iterator[Outcome]:
    yield best
    places = [place for place, one in enumerate(guest.devices) if one.id in guest.order]
    by_id = {one.id: one for one in guest.devices}
    devices = list(guest.devices)
    for place, name in zip(places, guest.order, strict=True):
        devices[place] = by_id[name]
    if tuple(devices) != guest.devices:
        yield plan(unordered(guest).model_copy(update={"devices": tuple(devices)}), limits)
    layout = known_layout(best)
    more = None if layout is None else split(guest, layout)
    if more is not None:
        yield plan(more, limits)


def _as_answer(guest: Guest, layout: Layout, best: Outcome) -> Solved | Undecided | None:
    """The layout with its costs, proved where the best one without an order has the same; None where it breaks a
    rule."""
    before = known_layout(best)
    bounds = {one.term: one.bound for one in before.objective} if before is not None else {}
    answer, _ = verified(context_of(guest, layout), Optimum((), bounds, bounds, proved=isinstance(best, Solved)))
    return None if known_layout(answer) is None else answer
