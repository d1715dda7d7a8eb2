"""Answers that differ only by which of equal things is which: one of them is enough."""

from itertools import pairwise

from ...schema.pci.address import SLOTS
from ...schema.request.device import Device
from .buses import alike
from .variables import Expression, Seats


def break_symmetry(seats: Seats) -> None:
    """Of layouts that differ only in names or in the order of equals, one is left: the cost is the same."""
    _slots_in_order(seats)
    _candidates_in_order(seats)
    _equals_in_order(seats)


def _slots_in_order(seats: Seats) -> None:
    """Of slots that may change places the first ones are used."""
    for bus in seats.buses.values():
        for slots in alike(bus):
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


def _candidates_in_order(seats: Seats) -> None:
    """Created controllers of one model (and node) are counted off by bus and slot; the last ones may be missing."""
    models: dict[object, list[str]] = {}
    for key, bridge in seats.bridges.items():
        if bridge.created:
            models.setdefault((bridge.model, bridge.node), []).append(key)
    for keys in models.values():
        for one, other in pairwise(keys):
            seats.model.add_implication(seats.exists[other], seats.exists[one])
            seats.model.add(_code(seats, one) <= _code(seats, other)).only_enforce_if(seats.exists[other])


def _equals_in_order(seats: Seats) -> None:
    """Items that are equal but for their ids, and spare slots of one wish, sit in listed order."""
    named = {name for item in seats.things.items for one in item.members for name in _neighbours(one.device)}
    named |= {*seats.guest.order}
    equals: dict[object, list[str]] = {}
    for item in seats.things.items:
        if item.slot is None and named.isdisjoint(item.ids):
            equals.setdefault(item.alike, []).append(item.key)
    for room in seats.things.rooms:
        equals.setdefault(room.wish, []).append(room.key)
    for keys in equals.values():
        for first, second in pairwise(keys):
            seats.model.add(_code(seats, first) <= _code(seats, second))


def _neighbours(device: Device) -> tuple[str, ...]:
    """Itself and whom it wants to be near, if it does."""
    wished = (*device.near, *device.near_switch)
    return (device.id, *wished) if wished else ()


def _code(seats: Seats, key: str) -> Expression:
    """Places in the order of buses and slots."""
    order = {name: number for number, name in enumerate(seats.buses)}
    return sum((order[bus] * SLOTS + slot) * sits for (bus, slot), sits in seats.sits[key].items())
