"""Requests that may show that some facts do not clash: each states these and more, so that its layouts keep these."""

from collections.abc import Iterator, Sequence, Set

from ...schema.explanation.conflict import Fact, Facts, with_least
from ...schema.explanation.restrict import Relaxation, modern, restricted
from ...schema.request.guest import Guest
from ..aggregate.pins import PinConflict
from ..aggregate.relaxed_items import relaxed_items
from ..formulation import Formulation
from ..model.build import Model, build
from ..model.seat_options import SeatUse
from ..search.cpsat import CpSatModel, Limits, TimeIsUp


def wider(
    guest: Guest, facts: Facts, kept: Facts, dropped: Fact, limits: Limits, without: frozenset[str]
) -> Iterator[Guest]:
    """Requests between the kept facts and all but one less of `dropped`.

    They also state what a solution of the relaxation makes use of, who is pinned beside the pinned, all there is. Each
    comes as it is, and with all open virtio modes modern.
    """
    relaxation = Relaxation.of(guest, kept)
    tried = [relaxation.stated]
    slots = {one.address[:2] for one in relaxation.stated.parts if one.address is not None}
    beside = {("pin", one.id) for one in guest.parts if one.address is not None and one.address[:2] in slots}
    asked = {one.id for one in guest.devices if one.demands_mode}
    used = set(_used(relaxation, limits, without))
    choices: tuple[Set[tuple[str, str]], ...] = (frozenset(), used, used | beside)
    for more in choices:
        request = restricted(guest, _with(facts, kept, dropped, more))
        left = [one.id for one in request.devices if not one.demands_mode and one.id in asked]
        for one in (request, modern(request, left)):
            if one not in tried:
                tried.append(one)
                yield one
    least = next((one.least for one in kept if one.key == dropped.key), 0)
    yield restricted(guest, with_least(facts, dropped, least))


def _with(facts: Facts, kept: Facts, dropped: Fact, stated: Set[tuple[str, str]]) -> Facts:
    """Also that these are there, at their pins or in their groups."""
    more = {fact.key: fact for fact in kept}
    for fact in facts:
        places = [place for place, name in enumerate(fact.subjects, 1) if (fact.rule, name) in stated]
        if places and fact.key != dropped.key:
            known, needed = more.get(fact.key), places[-1] if fact.rule == "complete" else fact.count
            more[fact.key] = fact.with_least(max(known.least if known else 0, needed))
    return tuple(more.values())


def _used(relaxation: Relaxation, limits: Limits, without: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Rules and parts: who is there, at a pin or in a group, in a solution of the model, and need not be."""
    try:
        items = relaxed_items(relaxation)
        model = build(relaxation.stated, items, Formulation(without=without), check=limits.check)
        if model.variables.linear.infeasible:
            return
        values = CpSatModel(model.variables.linear, limits).minimize(model.no_objective).values
    except (PinConflict, TimeIsUp):
        return
    if values:
        yield from _of_devices(model, values)
        for bus in model.variables.classes:
            if (bus.optional or bus.home is not None) and model.variables.controller_count(bus).value(values):
                yield from ((rule, name) for name in bus.listed_ids for rule in ("pin", "complete")[bus.home is None :])


def _of_devices(model: Model, values: Sequence[int]) -> Iterator[tuple[str, str]]:
    v = model.variables
    seated = [option for option, count in zip(v.options, v.counts, strict=True) if count.value(values)]
    for option in seated:
        if option.use is SeatUse.HOME:
            buses = option.bus.listed_ids or (v.guest.machine_model.root,)
            for home in v.items.open.homes:
                if home.kind is option.kind and home.slot in option.slot.numbers and home.bus in buses:
                    yield from (("pin", one) for one in home.ids)
        if option.kind in v.items.open.least:
            rule = "group" if option.kind in v.items.open.instead else "complete"
            yield from ((rule, one) for item in v.items.free[option.kind] for one in item.ids)
