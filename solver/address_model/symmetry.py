"""Answers that differ only by which of equal things is which: one of them is enough."""

from itertools import pairwise

from ...schema.pci.address import SLOTS
from ...schema.request.device import Device
from .buses import alike
from .variables import Expression, Seats


def break_symmetry(seats: Seats) -> None:
    """Of layouts that differ only in names or in the order of equals, one is left: the cost is the same."""
    sorts = _sorts(seats)
    _slots_in_order(seats)
    _candidates_in_order(seats, sorts)
    _equals_in_order(seats, sorts)


def _slots_in_order(seats: Seats) -> None:
    """Of slots that may change places the first ones are used."""
    for bus in seats.buses.values():
        for slots in alike(bus) if not seats.reaching(bus) else ():
            used = [_used(seats, bus.name, slot.number) for slot in slots]
            for one, other in pairwise(used):
                if not isinstance(other, int):
                    seats.model.add(one >= other)


def _used(seats: Seats, bus: str, slot: int) -> Expression:
    here = list(seats.in_slot.get((bus, slot), {}).values())
    if not here:
        return 0
    used = seats.model.new_bool_var(f"{bus} {slot:02x} used")
    seats.model.add_max_equality(used, here)
    return used


def _candidates_in_order(seats: Seats, sorts: list[list[str]]) -> None:
    """Created controllers of one sort are counted off by bus and slot, those in one slot by what is on their buses; the
    last ones may be missing."""
    weights = {key: number for number, keys in enumerate(sorts, 1) for key in keys}
    beyond = 1 + sum(weights.values())
    for keys in sorts:
        created = [key for key in keys if key in seats.bridges and seats.bridges[key].created]
        rank = {key: _code(seats, key) * beyond + _content(seats, key, weights) for key in created}
        for one, other in pairwise(created):
            seats.model.add_implication(seats.exists[other], seats.exists[one])
            seats.model.add(rank[one] <= rank[other]).only_enforce_if(seats.exists[other])


def _content(seats: Seats, bus: str, weights: dict[str, int]) -> Expression:
    """A number for what is on a bus, the same for equal things: which of them is where does not matter."""
    return sum(weights[key] * here for key, here in seats.on_bus.get(bus, {}).items())


def _equals_in_order(seats: Seats, sorts: list[list[str]]) -> None:
    """Items that are equal but for their ids, and spare slots of one wish, sit in listed order."""
    for keys in sorts:
        for first, second in pairwise(key for key in keys if key not in seats.bridges):
            seats.model.add(_code(seats, first) <= _code(seats, second))


def _sorts(seats: Seats) -> list[list[str]]:
    """Things that may change places, in listed order; each of the others is a sort of its own."""
    named = {name for item in seats.things.items for one in item.members for name in _neighbours(one.device)}
    named |= {*seats.guest.order}
    sorts: dict[object, list[str]] = {}
    for bridge in seats.things.bridges:
        sorts.setdefault((bridge.model, bridge.node) if bridge.created else bridge.key, []).append(bridge.key)
    for item in seats.things.items:
        floats = item.slot is None and named.isdisjoint(item.ids)
        sorts.setdefault(item.alike if floats else item.key, []).append(item.key)
    for room in seats.things.rooms:
        sorts.setdefault(room.wish, []).append(room.key)
    return list(sorts.values())


def _neighbours(device: Device) -> tuple[str, ...]:
    """Itself and whom it wants to be near, if it does."""
    wished = (*device.near, *device.near_switch)
    return (device.id, *wished) if wished else ()


def _code(seats: Seats, key: str) -> Expression:
    """Places in the order of buses and slots."""
    order = {name: number for number, name in enumerate(seats.buses)}
    return sum((order[bus] * SLOTS + slot) * sits for (bus, slot), sits in seats.sits[key].items())
