"""Rules about addresses that the request fixes: pins, and the functions of a group."""

from collections.abc import Iterator
from itertools import chain

from ..catalog.virtual_functions import physical_function
from ..finding import Finding
from ..layout.layout import Seat
from ..pci.address import FUNCTIONS, ROUTING_IDS, Address
from ..pci.qemu_properties import Scalar
from ..request.device import Controller, Device
from .context import Context, RequestedItem, once


def pin(known: Context) -> Iterator[Finding]:
    """Each pinned controller and device, at the address that its pin stands for."""
    pinned = [one for one in _asked(known) if one.address is not None]
    if not pinned:
        return
    placed: dict[str, Seat] = {}
    for seat in chain(known.layout.controllers, known.layout.devices):
        placed.setdefault(seat.id, seat)
    expected = resolved(known)
    for asked in pinned:
        there = placed.get(asked.id)
        if asked.address is None or there is None:
            continue
        if asked.address.bus is None:
            kept = there.function == asked.address.function
        else:
            kept = there.address == expected.get(asked.id)
        if not kept:
            yield Finding(
                rule="pin",
                subjects=(asked.id,),
                details={"asked": str(asked.address), "placed": str(there.address)},
            )


def companion(known: Context) -> Iterator[Finding]:
    """What a device brings along where QEMU would not put it, or beside others."""
    for name, place in known.places.items():
        device, seat = place.resolved.device, place.seat
        if device.model != "amd-iommu":
            continue
        pinned = {one.slot for one in resolved(known).values() if one.bus == known.machine.root}
        first = next((slot for slot in range(1, 31) if slot not in pinned | known.machine.closed), None)
        if device.address is None and first is not None and (seat.bus, seat.slot) != (known.machine.root, first):
            details: dict[str, Scalar] = {"placed": str(seat.address), "first": first}
            yield Finding(rule="companion", subjects=(name,), details=details)
        beside = [other.id for other in known.topology.slots[seat.bus, seat.slot] if other.id != name]
        if beside or seat.function:
            yield Finding(rule="companion", subjects=(name, *beside), details={"address": str(seat.address)})


def companion_order(known: Context) -> Iterator[Finding]:
    """What is brought along to a slot that QEMU gives it only if created late, or told."""
    for name, place in known.places.items():
        if place.resolved.device.model != "amd-iommu" or not place.bus.is_root:
            continue
        before = [slot for slot in range(1, place.seat.slot) if slot not in known.machine.closed]
        empty = [slot for slot in before if not known.topology.slots.get((place.bus.id, slot))]
        told = "dma-remap" in place.resolved.device.properties
        if before and not told:
            details: dict[str, Scalar] = {"qemu": "11.0"} if empty else {"after": len(before)}
            yield Finding(rule="companion-order", severity="warning", subjects=(name,), details=details)


def group(known: Context) -> Iterator[Finding]:
    """Members in different slots; else members that do not take the next function (pins have a rule of their own)."""
    groups = known.guest.groups
    pinned = resolved(known) if groups else {}
    for name, members in groups.items():
        item = known.items[members[0].id]
        seats = [place.seat for member in members if (place := known.places.get(member.id)) is not None]
        slots = {(seat.bus, seat.slot) for seat in seats}
        if len(slots) > 1:
            subjects = tuple(seat.id for seat in seats)
            yield Finding(rule="group", subjects=subjects, details={"group": name, "slots": len(slots)})
            continue
        if item.pinned:
            functions = {member.id: pinned[member.id].function for member in members if member.id in pinned}
        else:
            functions = floating(item)
        unpinned = {member.id for member in members if member.address is None}
        wrong = tuple(seat.id for seat in seats if seat.id in unpinned and seat.function != functions.get(seat.id))
        if wrong:
            yield Finding(rule="group", subjects=wrong, details={"group": name})


def floating(item: RequestedItem) -> dict[str, int]:
    """Functions of a group whose slot is open: pinned ones as pinned, the others the lowest left, in listed order."""
    own = {m.id: m.address.function for m in item.members if m.address is not None and m.address.function is not None}
    left = (function for function in range(ROUTING_IDS) if function not in own.values())
    return own | dict(zip((member.id for member in item.members if member.id not in own), left, strict=False))


@once
def resolved(known: Context) -> dict[str, Address]:
    """The address that each pin to a slot stands for. A group pinned to a slot is there with all its members."""
    pins = list(_slot_pins(known))
    taken = {(known.machine.root, slot, function) for slot, function in known.machine.taken}
    for bus, slot, function in known.guest.reserve:
        if bus is not None and slot is not None and function is not None:
            taken.add((bus, slot, function))
    taken |= {(bus, slot, function) for _, bus, slot, function in pins if function is not None}
    addresses: dict[str, Address] = {}
    virtual = {one.id for one in known.guest.devices if physical_function(one.properties) is not None}
    for name, bus, slot, function in pins:
        if function is None:
            last = ROUTING_IDS if name in virtual else FUNCTIONS
            function = next((f for f in range(last) if (bus, slot, f) not in taken), None)
        if function is not None:
            taken.add((bus, slot, function))
            addresses[name] = Address(bus, slot, function)
    return addresses


def _asked(known: Context) -> Iterator[Controller | Device]:
    return chain(known.guest.controllers, known.guest.devices)


def _slot_pins(known: Context) -> Iterator[tuple[str, str, int, int | None]]:
    """Id, bus, slot and own function of everyone whose slot is named, in the order in which pins are resolved."""
    for one in _asked(known):
        item = known.items[one.id] if isinstance(one, Device) else None
        if item is not None and not item.pinned:
            continue
        for address in (one.address, *(member.address for member in (item.members if item else ()))):
            if address is not None and address.bus is not None and address.slot is not None:
                yield one.id, address.bus, address.slot, None if one.address is None else one.address.function
                break
