"""Requests that ask for more, so that the guest sees fewer devices otherwise: whatever lies between what was there.

Buses are numbered in the order of slots, depth first. A new bridge before previous ones, or a new function beside an
interface, changes what the guest sees of these, though nothing moves. Each request here leaves less room for that; a
layout of one is a layout of the request itself.
"""

from collections.abc import Iterator

from ...schema.layout.layout import Layout, PlacedController
from ...schema.pci.address import FUNCTIONS, SLOTS, Pin
from ...schema.previous import Before
from ...schema.request.guest import Guest

ROUNDS = 4
"""Times that room is taken away: each where the last layout disturbed something."""


def without_new_controllers(request: Guest) -> Guest:
    """The request, in which there are no controllers but those that it lists."""
    policy = request.policy.model_copy(update={"max_controllers": len(request.controllers)})
    return request.model_copy(update={"policy": policy})


def undisturbed(request: Guest, layout: Layout, before: Before) -> Guest:
    """The request that reserves what in this layout of it disturbs others, and what would do so in the same way."""
    pins = {*_before_others(request, layout), *_beside(request, layout, before)}
    return request.model_copy(update={"reserve": (*request.reserve, *sorted(pins - {*request.reserve}, key=str))})


def _before_others(request: Guest, layout: Layout) -> Iterator[Pin]:
    """Free places before the last listed controller of each bus that a new controller is on; and all free places of
    the bus where it is inside a listed controller that others come after."""
    listed = {one.id for one in request.controllers}
    placed = {one.id: one for one in layout.controllers}
    last: dict[str, tuple[int, int]] = {}
    for one in layout.controllers:
        if one.id in listed:
            last[one.bus] = max(last.get(one.bus, (0, 0)), _place(one))
    for one in layout.controllers:
        above = placed.get(one.bus)
        if one.id in listed or (above is not None and above.id not in listed):
            continue
        inside = any(_place(other) < last.get(other.bus, (0, 0)) for other in _above(one, placed))
        end = (SLOTS, 0) if inside else last.get(one.bus, (0, 0))
        if _place(one) < end:
            yield from _free(request, one.bus, end)


def _above(one: PlacedController, placed: dict[str, PlacedController]) -> Iterator[PlacedController]:
    """The controllers above, nearest first."""
    while (above := placed.get(one.bus)) is not None:
        yield above
        one = above


def _place(one: PlacedController) -> tuple[int, int]:
    return one.slot, one.function


def _free(request: Guest, bus: str, end: tuple[int, int]) -> Iterator[Pin]:
    """Places of a bus before `end` that nobody is pinned to: whole slots, and functions beside who is."""
    taken: dict[int, set[int]] = {}
    for part in request.parts:
        if part.address is not None and part.address.bus == bus and part.address.slot is not None:
            taken.setdefault(part.address.slot, set()).add(part.address.function or 0)
    machine = request.machine_model
    if bus == machine.root:
        for slot, function in machine.taken:
            taken.setdefault(slot, set()).add(function)
    for slot in range(min(end[0] + 1, SLOTS)):
        if slot not in taken:
            if (slot, 0) < end:
                yield Pin(bus, slot, None)
        else:
            yield from (
                Pin(bus, slot, function)
                for function in range(FUNCTIONS)
                if function not in taken[slot] and (slot, function) < end
            )


def _beside(request: Guest, layout: Layout, before: Before) -> Iterator[Pin]:
    """Free functions of the slots of those whose name is another, but not the address: somebody has joined them."""
    changed = before.otherwise_in(layout)
    seen = before.seen or {}
    for device in layout.devices:
        if device.id in changed and seen.get(device.id, (None, None))[0] == layout.guest_addresses.get(device.id):
            pins = (one.address for one in request.parts if one.address is not None)
            taken = {pin.function for pin in pins if pin[:2] == (device.bus, device.slot)}
            yield from (Pin(device.bus, device.slot, one) for one in range(FUNCTIONS) if one not in taken)
