"""Answers that differ only by which of equal things is which: one of them is enough."""

from .buses import alike
from .variables import Expression, Seats


def break_symmetry(seats: Seats) -> None:
    _slots_in_order(seats)
    _candidates_in_order(seats)


def _slots_in_order(seats: Seats) -> None:
    """Of slots that may change places the first ones are used."""
    for bus in seats.buses.values():
        for slots in alike(bus):
            used = [_used(seats, bus.name, slot.number) for slot in slots]
            for one, other in zip(used, used[1:], strict=False):
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
    order = {name: number for number, name in enumerate(seats.buses)}
    models: dict[object, list[str]] = {}
    for key, one in seats.bridges.items():
        if one.created:
            models.setdefault((one.model, one.node), []).append(key)
    for keys in models.values():
        for one, other in zip(keys, keys[1:], strict=False):
            seats.model.add_implication(seats.exists[other], seats.exists[one])
            codes = [
                sum((order[bus] * 32 + slot) * sits for (bus, slot), sits in seats.sits[key].items()) for key in (one, other)
            ]
            seats.model.add(codes[0] <= codes[1]).only_enforce_if(seats.exists[other])
