"""A first guess at what clashes: a core of the model's guards, one for each kind of items, controller and limit.

Only a guess: such a core need be neither the least nor right, and says nothing of what has no guard (pins, reserved
slots, near). Whoever uses it asks again.
"""

from collections.abc import Iterable

from ...schema.explanation.facts import LIMITS, SLOTS, Fact, spare_id
from ...schema.explanation.restrict import Relaxation
from ...schema.request.guest import Guest
from ..aggregate.bus_class_builder import Scope
from ..aggregate.item_kinds import Kind
from ..aggregate.items import Item
from ..aggregate.pins import Impossible
from ..aggregate.relaxed_items import relaxed_items
from ..model.build import encode
from ..search.cpsat import Limits, Program, TimeIsUp

EFFORT = 0.3
"""In OR-Tools' deterministic seconds; most cores take a hundredth of it."""

GUARDED = {*LIMITS, "max-controllers"} - {SLOTS}
"""Limits that have a guard."""


def beside_the_core(relaxation: Relaxation, facts: Iterable[Fact], limits: Limits) -> set[Fact]:
    """Facts that such a core does without; none where there is no core."""
    guest = relaxation.stated
    try:
        items = relaxed_items(relaxation)
        encoding = encode(guest, items, Scope(), cheapest_only=False, guarded=True, check=limits.check)
        program = Program(encoding.variables.rows, limits)
    except (Impossible, TimeIsUp):
        return set()
    v = encoding.variables
    if v.rows.infeasible:
        return set()
    core = program.core(v.guards.values(), EFFORT)
    if core is None:
        return set()
    inside = {who for who, guard in v.guards.items() if not guard.terms.keys().isdisjoint(core)}
    named = {name for who in inside for name in _names(guest, who, v.items.free)}
    guarded = {name for who in v.guards for name in _names(guest, who, v.items.free)}
    return {
        fact
        for fact in facts
        if (fact.subjects and guarded >= {*fact.subjects} and named.isdisjoint(fact.subjects))
        or (fact.rule in GUARDED and fact.rule not in inside)
    }


def _names(guest: Guest, who: object, free: dict[Kind, list[Item]]) -> Iterable[str]:
    """Devices, controllers or spare slots that a guard is about, as facts name them."""
    if isinstance(who, Kind) and who.spare is not None:
        return [spare_id(n) for n, one in enumerate(guest.spare) if one.model_copy(update={"count": 1}) == who.spare]
    if isinstance(who, Kind):
        return [name for item in free[who] for name in item.ids]
    return who if isinstance(who, tuple) else ()
