"""Rules about addresses: slots that exist, slots to leave alone, and who may share one."""

from collections import Counter
from collections.abc import Iterator
from itertools import chain, combinations

from ..catalog.virtual_functions import physical_function, virtual_functions
from ..finding import Finding
from ..layout.layout import PlacedDevice, Seat
from ..pci.address import FUNCTIONS, Pin
from ..pci.controllers import may_share_slot
from ..pci.qemu_properties import Scalar
from .context import Context, RequestedItem, once


def _seats(known: Context) -> Iterator[Seat]:
    return chain(known.layout.controllers, known.layout.devices)


def address_range(known: Context) -> Iterator[Finding]:
    """Controllers and devices in a slot that their bus has not."""
    for seat in _seats(known):
        bus = known.topology.buses.get(seat.bus)
        if bus is None:
            continue  # another rule: tree
        first, last = bus.model.first_slot, bus.model.last_slot
        # of closed slots rule chipset speaks
        if not first <= seat.slot <= last and not (bus.is_root and seat.slot in known.machine.closed):
            yield Finding(
                rule="address-range", subjects=(seat.id,), details={"slot": seat.slot, "first": first, "last": last}
            )
        if seat.function >= FUNCTIONS and not (bus.is_port and physical_function(seat.properties) is not None):
            details: dict[str, Scalar] = {"function": seat.function, "last": FUNCTIONS - 1}
            yield Finding(rule="address-range", subjects=(seat.id,), details=details)


def address_unique(known: Context) -> Iterator[Finding]:
    """One finding an address that several have."""
    for seats in known.topology.slots.values():
        if len(seats) == 1:
            continue
        functions = Counter(seat.function for seat in seats)
        for function, count in functions.items():
            if count > 1:
                there = [seat for seat in seats if seat.function == function]
                yield Finding(
                    rule="address-unique",
                    subjects=tuple(seat.id for seat in there),
                    details={"address": str(there[0].address)},
                )


def chipset(known: Context) -> Iterator[Finding]:
    """Its functions, the slots it closes, and its own slot, where only pins and single endpoints join it."""
    machine = known.machine
    pinned = _pinned(known)
    for seat in _seats(known):
        if seat.bus != machine.root:
            continue
        item = _item(known, seat)
        invited = seat.id in pinned or (item is not None and item.members[0].group is None)
        if (
            seat.slot in machine.closed
            or (seat.slot, seat.function) in machine.taken
            or (seat.slot == machine.chipset_slot and not invited)
        ):
            holder = machine.taken.get((seat.slot, seat.function), "chipset")
            yield Finding(rule="chipset", subjects=(seat.id,), details={"address": str(seat.address), "holder": holder})


def reserve(known: Context) -> Iterator[Finding]:
    """Whoever sits at a reserved address; spare slots whose function 0 is reserved."""
    if not known.guest.reserve:
        return
    whole = {(pin.bus, pin.slot) for pin in known.guest.reserve if pin.function is None}
    single = {pin for pin in known.guest.reserve if pin.function is not None}
    for seat in _seats(known):
        if (seat.bus, seat.slot) in whole or Pin(*seat.address) in single:
            yield Finding(rule="reserve", subjects=(seat.id,), details={"address": str(seat.address)})
    for spare in known.layout.spare:
        # what is plugged in there will be function 0
        if (spare.bus, spare.slot) in whole or Pin(spare.bus, spare.slot, 0) in single:
            yield Finding(rule="reserve", subjects=(spare.bus,), details={"slot": spare.slot})


def function_zero(known: Context) -> Iterator[Finding]:
    """One finding a slot in which nobody has function 0; the chipset has it in its own slots."""
    for (bus, slot), seats in known.topology.slots.items():
        held = bus == known.machine.root and (slot == known.machine.chipset_slot or slot in known.machine.closed)
        if bus in known.topology.buses and not held and 0 not in [seat.function for seat in seats]:
            yield Finding(
                rule="function-zero", subjects=tuple(seat.id for seat in seats), details={"bus": bus, "slot": slot}
            )


def multifunction(known: Context) -> Iterator[Finding]:
    """Functions 0 that do not say so where others share the slot, or virtual functions of another slot's device."""
    virtual = _foreign_slots(known)
    for (bus, slot), seats in known.topology.slots.items():
        if (bus, slot) in virtual or (len(seats) > 1 and any(seat.function for seat in seats)):
            for seat in seats:
                if seat.function == 0 and not seat.multifunction:
                    yield Finding(rule="multifunction", subjects=(seat.id,), details={"address": str(seat.address)})


def _foreign_slots(known: Context) -> set[tuple[str, int]]:
    """Slots in which virtual functions of a device in another one come to be."""
    return {
        (device.bus, slot)
        for device in known.layout.devices
        if (virtual := virtual_functions(device.model, device.properties)) is not None
        for slot, _ in virtual.places(device.slot, device.function)
        if slot != device.slot
    }


def slot_sharing(known: Context) -> Iterator[Finding]:
    """One finding a slot, with everyone who may not share it with some other."""
    pinned = _pinned(known)
    for (bus, slot), seats in known.topology.slots.items():
        if len(seats) > 1 and not may_share_slot({seat.model for seat in seats}):
            clashing: dict[str, None] = {}
            for one, other in combinations(seats, 2):
                if not _may_share(known, pinned, one, other):
                    clashing |= {one.id: None, other.id: None}
            if clashing:
                yield Finding(rule="slot-sharing", subjects=tuple(clashing), details={"bus": bus, "slot": slot})


def _may_share(known: Context, pinned: set[str], one: Seat, other: Seat) -> bool:
    if known.occupant(one) == known.occupant(other) or (one.id in pinned and other.id in pinned):
        return True
    needs = [item.hotplug for seat in (one, other) if (item := _item(known, seat)) is not None]
    if "required" in needs:
        return True  # rule hotplug speaks of it
    if isinstance(one, PlacedDevice) or isinstance(other, PlacedDevice):
        return isinstance(one, PlacedDevice) and isinstance(other, PlacedDevice)
    return may_share_slot({one.model, other.model})


def _item(known: Context, seat: Seat) -> RequestedItem | None:
    return known.items.get(seat.id) if isinstance(seat, PlacedDevice) else None


@once
def _pinned(known: Context) -> set[str]:
    """Ids of the controllers and devices whose slot the request names."""
    controllers = {c.id for c in known.guest.controllers if c.address is not None and c.address.bus is not None}
    return controllers | {name for name, item in known.items.items() if item.pinned}
