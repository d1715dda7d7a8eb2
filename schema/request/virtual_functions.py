"""Whether virtual functions can be where the request has them: what no layout could mend."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from ..catalog.virtual_functions import COUNTED_BY, MAY_BE_LISTED, PHYSICAL, physical_function, virtual_functions
from ..pci.address import FUNCTIONS, ROUTING_IDS, Pin
from ..pci.controllers import PORT
from .device import Device
from .fields import GuestFields
from .pin_checks import bus_models
from .problems import nearest
from .refusal import Refused, Where, device_named, devices
from .resolved import model_of


def check_listed(guest: GuestFields) -> None:
    """Virtual functions that are listed, each with its physical one: property sriov-pf."""
    families: dict[str, list[Device]] = {}
    for where, device in devices(guest):
        name = physical_function(device.properties)
        if name is not None:
            _may_be_one(guest, where, device, name)
            families.setdefault(name, []).append(device)
    for name, members in families.items():
        _beside(guest, name, members)
    for group in guest.groups.values():
        _within_the_slot(guest, group)


def _within_the_slot(guest: GuestFields, members: Sequence[Device]) -> None:
    """Only virtual functions go on past function 7, and none past the end of the bus."""
    for name, function in _functions(guest, members).items():
        last = ROUTING_IDS if any(PHYSICAL in one.properties for one in members if one.id == name) else FUNCTIONS
        if function >= last:
            where = device_named(guest, name) / "group"
            raise Refused(
                where, f"it would be function {function}, but only virtual functions go on past 7: list it before these"
            )


def _may_be_one(guest: GuestFields, where: Where, device: Device, name: str) -> None:
    """Models, machine, and whom it names."""
    place = where / "properties" / PHYSICAL
    by_id = {one.id: one for one in guest.devices}
    physical = by_id.get(name)
    if physical is None or physical is device:
        raise Refused(place, f"{name!r} is not another device{nearest(name, by_id)}")
    if PHYSICAL in physical.properties:
        raise Refused(place, f"{name} is a virtual function itself: name its physical one")
    if device.model not in MAY_BE_LISTED:
        raise Refused(
            place, f"QEMU makes no virtual function of {device.model}, only of {', '.join(sorted(MAY_BE_LISTED))}"
        )
    if model_of(physical).virtio is None:
        raise Refused(place, f"{name} is no virtio device: QEMU gives such functions to virtio devices alone")
    pinned = any(one.address and one.address.bus is not None for one in _group(guest, device))
    if guest.machine_model.family == "pc" and not pinned:
        raise Refused(place, f"machine {guest.machine} has no PCI Express, which SR-IOV takes: take q35")


def _beside(guest: GuestFields, name: str, members: Sequence[Device]) -> None:
    """In one slot behind a port, above the physical function, one stride apart."""
    physical = _home(guest, next(one for one in guest.devices if one.id == name))
    functions = []
    for device in members:
        where, home = device_named(guest, device.id), _home(guest, device)
        if home is None or physical is None or home.slot != physical.slot:
            raise Refused(
                where / "group",
                f"a virtual function sits in the slot of its physical one: make it one group with {name}, or pin both "
                "to functions of one slot behind a port",
            )
        if isinstance(home.slot, Pin) and bus_models(guest)[str(home.slot.bus)] is not PORT:
            raise Refused(where / "address", "SR-IOV of virtio devices takes PCI Express: pin both behind a port")
        if home.function <= physical.function:
            told = f"it is function {home.function}, its physical one {name} function {physical.function}"
            raise Refused(where, f"{told}: list {name} before it, or pin functions")
        functions.append(home.function)
    functions.sort()
    if len({high - low for low, high in pairwise(functions)}) > 1:
        told = ", ".join(map(str, functions))
        words = (
            f"virtual functions of {name} are functions {told}, not one stride apart: list them in a row, or pin them"
        )
        raise Refused(device_named(guest, members[0].id), words)


class _Home(NamedTuple):
    """A slot, or the group that will have one, and the function there."""

    slot: Pin | str
    function: int


def _home(guest: GuestFields, device: Device) -> _Home | None:
    """None where neither group nor pin says it."""
    if device.group is not None:
        members = guest.groups[device.group]
        named = next((one.address for one in members if one.address and one.address.bus is not None), None)
        slot = device.group if named is None else named._replace(function=None)
        return _Home(slot, _functions(guest, members)[device.id])
    pin = device.address
    if pin is None or pin.bus is None or pin.function is None:
        return None
    return _Home(pin._replace(function=None), pin.function)


def _functions(guest: GuestFields, members: Sequence[Device]) -> dict[str, int]:
    """Of a group: pinned ones, and for the others the lowest that no pin names, in listed order."""
    pins = {one.id: one.address for one in members if one.address is not None}
    slot = next((pin[:2] for pin in pins.values() if pin.bus is not None), None)
    others = [part.address for part in guest.parts if part.address is not None]
    named = {pin.function for pin in (*others, *guest.reserve) if pin[:2] == slot}
    named |= {pin.function for pin in pins.values()}
    left = iter([*(one for one in range(ROUTING_IDS) if one not in named), *[ROUTING_IDS] * len(members)])
    stated = {name: pin.function for name, pin in pins.items()}
    return {one.id: next(left) if (own := stated.get(one.id)) is None else own for one in members}


def check_created(guest: GuestFields) -> None:
    """Virtual functions that QEMU creates along with a device: PCI Express, the bus's end, and members of one group."""
    for where, device in devices(guest):
        virtual = virtual_functions(device.model, device.properties)
        if virtual is None:
            continue
        _takes_express(guest, where, device)
        pin = device.address
        if pin is None or pin.slot is None:
            continue
        beyond = virtual.routing_ids(pin.slot, pin.function or 0)[-1] - ROUTING_IDS + 1
        if beyond > 0:
            slots = -(-beyond // FUNCTIONS)
            raise Refused(
                where / "address",
                f"its virtual functions would end {beyond} functions past slot 1f of {pin.bus}: "
                f"pin it {slots} slots lower, or behind a port",
            )
    for members in guest.groups.values():
        _apart(guest, members)


def _takes_express(guest: GuestFields, where: Where, device: Device) -> None:
    pin = next((one.address for one in _group(guest, device) if one.address and one.address.bus is not None), None)
    on_pc = guest.machine_model.family == "pc"
    asked = device.vfs is not None or device.model in COUNTED_BY
    if asked and (on_pc if pin is None else not bus_models(guest)[str(pin.bus)].express):
        at = f"machine {guest.machine}" if pin is None else f"bus {pin.bus}"
        place = where / "vfs" if device.vfs is not None else where / "properties" / COUNTED_BY[device.model][0]
        raise Refused(place, f"SR-IOV takes PCI Express, which {at} is not: leave it out")


def _group(guest: GuestFields, device: Device) -> Sequence[Device]:
    return (device,) if device.group is None else guest.groups[device.group]


def _apart(guest: GuestFields, members: Sequence[Device]) -> None:
    """No member of a group is where virtual functions of another one are."""
    functions = _functions(guest, members)
    held = {function: name for name, function in functions.items()}
    for one in members:
        virtual = virtual_functions(one.model, one.properties)
        for place in virtual.routing_ids(0, functions[one.id]) if virtual is not None else ():
            if place in held:
                there = "is" if functions[held[place]] == place else "has some, too"
                raise Refused(
                    device_named(guest, one.id),
                    f"its virtual functions are where {held[place]} of group {one.group} {there}: "
                    "pin other functions, or leave one out of the group",
                )
            held[place] = one.id
