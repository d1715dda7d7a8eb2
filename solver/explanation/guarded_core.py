"""A first guess at what clashes: a core of the model's guards, one for each kind of items, controller and limit.

Only a guess: such a core need be neither the least nor right, and says nothing of what has no guard (pins, reserved
slots, near). Whoever uses it asks again.
"""

from collections.abc import Iterable

from ...schema.explanation.conflict import CAPACITY_RULES, ENOUGH_SLOTS, Fact
from ...schema.explanation.facts import spare_id
from ...schema.explanation.restrict import Relaxation
from ...schema.request.guest import Guest
from ..aggregate.item_kinds import ItemKind
from ..aggregate.items import Item
from ..aggregate.pins import PinConflict
from ..aggregate.relaxed_items import relaxed_items
from ..formulation import Formulation
from ..model.build import build
from ..search.cpsat import CpSatModel, Limits, TimeIsUp

EFFORT_OF_A_CORE = 0.3
"""In OR-Tools' deterministic seconds; most cores take a hundredth of it."""

GUARDED = {*CAPACITY_RULES, "max-controllers"} - {ENOUGH_SLOTS}
"""Limits that have a guard."""


def facts_outside_core(relaxation: Relaxation, facts: Iterable[Fact], limits: Limits) -> set[Fact]:
    """Facts that such a core does without; none where there is no core."""
    guest = relaxation.stated
    try:
        items = relaxed_items(relaxation)
        model = build(guest, items, Formulation(guarded=True), check=limits.check)
        program = CpSatModel(model.variables.linear, limits)
    except (PinConflict, TimeIsUp):
        return set()
    v = model.variables
    if v.linear.infeasible:
        return set()
    core = program.core(v.guards.values(), EFFORT_OF_A_CORE)
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


def _names(guest: Guest, who: object, free: dict[ItemKind, list[Item]]) -> Iterable[str]:
    """Devices, controllers or spare slots that a guard is about, as facts name them."""
    if isinstance(who, ItemKind) and who.spare is not None:
        return [spare_id(n) for n, one in enumerate(guest.spare) if one.model_copy(update={"count": 1}) == who.spare]
    if isinstance(who, ItemKind):
        return [name for item in free[who] for name in item.ids]
    return who if isinstance(who, tuple) else ()
