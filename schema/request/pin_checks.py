"""Whether pins and reserved slots name places that there are."""

from ..catalog.virtual_functions import PHYSICAL
from ..pci.address import FUNCTIONS, Pin
from ..pci.controllers import CONTROLLERS, BusModel
from .device import Device, Part
from .fields import GuestFields
from .problems import nearest
from .refusal import Refused, Where, controllers, devices, field_of, places
from .resolved import is_integrated, model_of, needs_of


def bus_models(guest: GuestFields) -> dict[str, BusModel]:
    """Every bus that a request can name: the root bus and its controllers'."""
    platform = guest.machine_model
    return {platform.root: platform.bus} | {c.id: CONTROLLERS[c.model].bus for c in guest.controllers}


def check_pins(guest: GuestFields) -> None:
    """Each pin names a slot that there is, that takes what is pinned there, and that nobody else has."""
    buses = bus_models(guest)
    seen: dict[Pin, str] = {}
    reserved = set(guest.reserve)
    for place, item in places(guest):
        pin = item.address
        if pin is not None and pin.function is not None and pin.function >= FUNCTIONS and not _is_virtual(item):
            where = place / "address"
            raise Refused(where, f"{pin}: a slot has functions 0 to 7, and only virtual functions go on past them")
        if pin is None or pin.bus is None or pin.slot is None:
            continue
        _slot_exists(guest, place, pin, buses)
        for part in _sharing(guest, item):
            _accepts(guest, place, part, pin, buses[pin.bus])
        if reserved and (Pin(pin.bus, pin.slot, None) in reserved or pin in reserved):
            raise Refused(place / "address", f"{pin} is also listed under reserve: drop one of the two")
        if pin.function is not None and pin in seen:
            raise Refused(place / "address", f"{pin} is also the address of {seen[pin]}: give one of them another")
        seen[pin] = item.id
    _companions(guest)


def _is_virtual(item: Part) -> bool:
    return isinstance(item, Device) and PHYSICAL in item.properties


def _companions(guest: GuestFields) -> None:
    """What a device brings along takes a slot alone: QEMU does not make it a multifunction device."""
    slots: dict[tuple[str | None, int | None], list[str]] = {}
    for part in guest.parts:
        if part.address is not None and part.address.bus is not None:
            slots.setdefault(part.address[:2], []).append(part.id)
    for place, device in devices(guest):
        beside = [name for name in slots.get(device.address[:2], ()) if name != device.id] if device.address else []
        if beside and model_of(device).brings is not None:
            raise Refused(place / "address", f"its slot is for it alone: pin {', '.join(beside)} to another")


def _of_another_machine(guest: GuestFields, pin: Pin) -> str:
    """What to say of a pin to the root bus that the other machine has."""
    family = {"pci.0": "pc", "pcie.0": "q35"}.get(str(pin.bus))
    here = guest.machine_model.family
    return "" if family is None else f", but of machine {family}: leave out addresses and controllers for {here}"


def _slot_exists(guest: GuestFields, place: Where, pin: Pin, buses: dict[str, BusModel]) -> None:
    if pin.bus not in buses:
        instead = _of_another_machine(guest, pin) or nearest(str(pin.bus), buses)
        raise Refused(place / "address", f"{pin} names no bus of this guest{instead}")
    assert pin.slot is not None
    bus = buses[pin.bus]
    if not bus.first_slot <= pin.slot <= bus.last_slot:
        raise Refused(place / "address", f"{pin}: slots of {pin.bus} are {bus.first_slot:02x} to {bus.last_slot:02x}")
    if pin.bus == guest.machine_model.root:
        taken = guest.machine_model.taken
        functions = range(8) if pin.function is None else [pin.function]
        if pin.slot in guest.machine_model.closed or all((pin.slot, function) in taken for function in functions):
            holder = taken.get((pin.slot, pin.function or 0), "the chipset")
            raise Refused(place / "address", f"{pin} belongs to the {holder}: choose another slot")


def _sharing(guest: GuestFields, item: Part) -> tuple[Part, ...]:
    """Who goes where the item goes: it, or its whole group."""
    return guest.groups[item.group] if isinstance(item, Device) and item.group is not None else (item,)


def _accepts(guest: GuestFields, place: Where, item: Part, pin: Pin, bus: BusModel) -> None:
    needs = needs_of(item) if isinstance(item, Device) else CONTROLLERS[item.model].needs
    if isinstance(item, Device) and is_integrated(item) and pin.bus != guest.machine_model.root:
        raise Refused(place / "address", f"{item.model} sits only on the root bus {guest.machine_model.root}")
    if not bus.takes_by_pin & needs:
        raise Refused(place / "address", f"bus {pin.bus} takes no {item.model}")


def check_nesting(guest: GuestFields) -> None:
    """No controllers are pinned inside each other in a ring."""
    listed = {one.id: where for where, one in controllers(guest)}
    parent = {c.id: c.address.bus for c in guest.controllers if c.address is not None and c.address.bus is not None}
    for start in parent:
        path = [start]
        while (above := parent.get(path[-1])) is not None:
            if above in path:
                nested = " inside ".join([*path, above])
                raise Refused(listed[start] / "address", f"{nested} never reaches the root bus")
            path.append(above)


def check_reserve(guest: GuestFields, pin: Pin) -> None:
    """A reserved slot is one of this guest's."""
    buses = bus_models(guest)
    if pin.bus is None or pin.slot is None:
        raise Refused(field_of(guest, "reserve"), f"{str(pin)!r} names no slot: write BUS:SLOT or BUS:SLOT.FUNCTION")
    if pin.bus not in buses:
        raise Refused(field_of(guest, "reserve"), f"{str(pin)!r} names no bus of this guest{nearest(pin.bus, buses)}")
