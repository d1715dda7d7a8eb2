"""Requests changed in ways whose effect on the cost of the best layout is known, whatever that layout is.

Each is made of a request, its optimal layout and a source of choices; it is None where there is nothing to change.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from pydantic import ValidationError

from qslot.schema import Guest, Layout
from qslot.schema.catalog import VIOMMUS
from qslot.schema.firmware.need import may_be_short
from qslot.schema.layout.layout import PlacedController
from qslot.schema.pci.address import FUNCTIONS, Pin
from qslot.schema.request.device import Device
from qslot.schema.request.fields import Term
from qslot.schema.request.resolved import model_of
from qslot.schema.verify import verify
from qslot.schema.verify.context import context_of
from qslot.schema.verify.objective import objective
from qslot.schema.weights import WEIGHTS

Costs = dict[Term, int]
Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A changed request. Its best layout costs no more than `limit`, and just that where `exact`."""

    guest: Guest
    limit: Costs
    exact: bool = False


Law = Callable[[Guest, Layout, Random], Change | None]


def costs_of(layout: Layout) -> Costs:
    return {one.term: one.value for one in layout.objective}


def _changed(data: Data, layout: Layout, *, exact: bool = False) -> Change | None:
    """None where the schema refuses the changed request."""
    try:
        return Change(Guest.model_validate(data), costs_of(layout), exact)
    except ValidationError:
        return None


def pinned_back(guest: Guest, layout: Layout, rng: Random) -> Change | None:
    """The controllers of the layout demanded, where they are or anywhere, and some devices pinned where they are.

    The layout answers this request, too; and every answer to it has the controllers of the layout, so it is a layout of
    the old request, where it pays for the switches that were not listed. One thing is cheaper now: a bridge whose SHPC
    the planner turned off may keep room for spare slots, or sit where ACPI does not reach, and open no window for it.
    """
    still = rng.random() < 0.5
    data = guest.model_dump(mode="json")
    data["controllers"] = [_demanded(guest, one, still) for one in layout.controllers]
    seats = {seat.id: seat for seat in layout.devices}
    share = rng.choice((0.0, 0.5, 1.0))
    for device in data["devices"]:
        if rng.random() < share:
            device["address"] = str(seats[device["id"]].address)
    demanded = {one.id for one in guest.controllers}
    created = [one for one in layout.controllers if one.id not in demanded]
    closed = any(one.properties.get("shpc") in ("off", False) for one in created)
    change = _changed(data, layout, exact=not closed or (still and not guest.spare))
    if change is not None:
        change.limit["preferences"] -= WEIGHTS["switch"] * sum(one.model == "x3130-upstream" for one in created)
    return change


def _demanded(guest: Guest, placed: PlacedController, still: bool) -> Data:
    listed = next((one for one in guest.controllers if one.id == placed.id), None)
    properties = {name: value for name, value in placed.properties.items() if name != "hotplug"}
    protected = guest.policy.eject == "protect"  # which turns hot-plug off by itself, wherever it may
    return {
        "id": placed.id,
        "model": placed.model,
        "address": str(placed.address) if still else str(listed.address) if listed and listed.address else None,
        "hotplug": (listed is None or listed.hotplug) if protected else placed.properties.get("hotplug", True),
        "numa": listed.numa if listed is not None else properties.get("numa_node"),
        "properties": properties,
    }


def unused_reserved(guest: Guest, layout: Layout, rng: Random) -> Change | None:
    """A slot or function reserved that the layout does not use: it answers still, and there are no new answers."""
    used = {(seat.bus, seat.slot, seat.function) for seat in (*layout.controllers, *layout.devices)}
    used |= {(one.bus, one.slot, 0) for one in layout.spare}
    for one in layout.devices:
        if (virtual := guest.resolved[one.id].virtual_functions) is not None:
            used |= {(one.bus, *place) for place in virtual.places(one.slot, one.function)}
    slots = {(bus, slot) for bus, slot, _ in used}
    buses = [guest.machine_model.root, *(one.id for one in guest.controllers)]
    bus, slot, function = rng.choice(buses), rng.randrange(32), rng.randrange(FUNCTIONS)
    whole = (bus, slot) not in slots
    if (bus, slot, function) in used or any((one.bus, one.slot) == (bus, slot) for one in layout.spare):
        return None
    data = guest.model_dump(mode="json")
    data["reserve"].append(str(Pin(bus, slot, None if whole else function)))
    return _changed(data, layout, exact=True)


def limited(guest: Guest, layout: Layout, rng: Random) -> Change | None:
    """A limit at what the layout has: it answers still, and there are no new answers."""
    data = guest.model_dump(mode="json")
    if rng.random() < 0.5:
        data["policy"]["max_controllers"] = len(layout.controllers)
    else:
        places = context_of(guest, layout).places.values()
        data["policy"]["max_depth"] = max((place.bus.depth for place in places), default=0)
    return _changed(data, layout, exact=True)


def freed(guest: Guest, layout: Layout, rng: Random) -> Change | None:
    """A wish to be near, a reserved slot or a limit dropped: every answer remains one."""
    data = guest.model_dump(mode="json")
    wishes = [(device, name) for device in data["devices"] for name in ("near", "near_switch") if device[name]]
    wishes += [(data, "reserve")] * bool(data["reserve"])
    limits = [name for name in ("max_controllers", "max_depth") if data["policy"][name] is not None]
    if not wishes and not limits:
        return None
    if not wishes or (limits and rng.random() < 0.5):
        data["policy"][rng.choice(limits)] = None
    else:
        part, name = rng.choice(wishes)
        part[name].pop(rng.randrange(len(part[name])))
    return _changed(data, layout)


def unpinned(guest: Guest, layout: Layout, rng: Random) -> Change | None:
    """A pin dropped whose seat automatic placement allows: the layout answers still, at what it costs then."""
    data = guest.model_dump(mode="json")
    pinned = [part for kind in ("devices", "controllers") for part in data[kind] if part["address"]]
    if not pinned:
        return None
    rng.choice(pinned)["address"] = None
    return _still_answered(data, layout)


def _still_answered(data: Data, layout: Layout) -> Change | None:
    """At what the layout costs as an answer to the changed request; None where it is none."""
    change = _changed(data, layout)
    if change is None or any(one.severity == "error" and one.subjects for one in verify(change.guest, layout)):
        return None
    return Change(change.guest, {**change.limit, **objective(change.guest, layout)})


def unlisted(guest: Guest, layout: Layout, rng: Random) -> Change | None:
    """Listed controllers left out that the planner may create, with the pins inside them: the layout answers still, at
    what it costs then."""
    data = guest.model_dump(mode="json")
    share = rng.choice((0.5, 1.0))
    dropped = {one["id"] for one in data["controllers"] if rng.random() < share}
    if not dropped:
        return None
    data["controllers"] = [one for one in data["controllers"] if one["id"] not in dropped]
    data["reserve"] = [pin for pin in data["reserve"] if pin.partition(":")[0] not in dropped]
    for part in (*data["controllers"], *data["devices"]):
        if part["address"] and part["address"].partition(":")[0] in dropped:
            part["address"] = None
    return _still_answered(data, layout)


def weaker_need(guest: Guest, layout: Layout, rng: Random) -> Change | None:
    """A device that must be hot-pluggable only should be: where its need is met, it pays nothing then either."""
    data = guest.model_dump(mode="json")
    strict = [device for device in data["devices"] if device["hotplug"] == "required"]
    if not strict:
        return None
    rng.choice(strict)["hotplug"] = "preferred"
    return _changed(data, layout)


def without_device(guest: Guest, layout: Layout, rng: Random) -> Change | None:
    """A device left out that nobody needs: the layout without it answers, and nobody pays more for its absence.

    Its claim to a chipset place would pass to another; at function 0 it may keep a slot for others; an expander is
    created for who asks for its node only; what it leaves of its windows may be the room of spare slots there; a vIOMMU
    lets members of IOMMU groups sit on conventional buses; and what OVMF drops where memory is short depends on all
    there is.
    """
    if guest.firmware.name == "ovmf" and may_be_short(guest):
        return None
    spared = [device for device in guest.devices if _is_spared(guest, layout, device)]
    if not spared:
        return None
    gone = rng.choice(spared).id
    data = guest.model_dump(mode="json")
    data["devices"] = [device for device in data["devices"] if device["id"] != gone]
    for device in data["devices"]:
        for name in ("near", "near_switch"):
            device[name] = [other for other in device[name] if other != gone]
    return _changed(data, layout)


def _is_spared(guest: Guest, layout: Layout, device: Device) -> bool:
    seat = next(one for one in layout.devices if one.id == device.id)
    company = [one for one in (*layout.controllers, *layout.devices) if (one.bus, one.slot) == (seat.bus, seat.slot)]
    asking = [*(one.numa for one in guest.parts if one is not device), *(one.numa for one in guest.spare)]
    return (
        device.group is None
        and device.model not in VIOMMUS
        and not claims(device)
        and (seat.function > 0 or len(company) == 1)
        and (device.numa is None or device.numa in asking)
        and not _leaves_room(guest, layout, seat.bus)
    )


def _leaves_room(guest: Guest, layout: Layout, name: str) -> bool:
    """Whether slots that are spared with IO or memory are on that bus, or on one above it behind a bridge."""
    if not any(spare.io or spare.memory for spare in guest.spare):
        return False
    bus, spared = context_of(guest, layout).topology.buses[name], {slot.bus for slot in layout.spare}
    while bus.above is not None:
        if bus.id in spared:
            return True
        bus = bus.above
    return False


def reordered(guest: Guest, layout: Layout, rng: Random) -> Change | None:
    """Devices and controllers listed in another order, except where the order says something.

    That is among members of groups, among pins without a function, and among claims to chipset places.
    """
    data = guest.model_dump(mode="json")
    for kind, parts in (("devices", guest.devices), ("controllers", guest.controllers)):
        order = list(range(len(parts)))
        rng.shuffle(order)
        kept = [place for place, index in enumerate(order) if _in_order(parts[index])]
        for place, index in zip(kept, sorted(order[place] for place in kept), strict=True):
            order[place] = index
        data[kind] = [data[kind][index] for index in order]
    return _changed(data, layout, exact=True)


def _in_order(part: Any) -> bool:
    pinned = part.address is not None and part.address.bus is not None and part.address.function is None
    return pinned or (isinstance(part, Device) and (part.group is not None or claims(part)))


def claims(device: Device) -> bool:
    """Whether it may claim a chipset place of q35: display devices, USB 2 companions and ich9 audio."""
    return model_of(device).category == "video" or device.model.startswith(("ich9-usb-", "ich9-intel-hda"))


LAWS: dict[str, Law] = {
    law.__name__: law
    for law in [
        pinned_back,
        unused_reserved,
        limited,
        freed,
        unpinned,
        unlisted,
        weaker_need,
        without_device,
        reordered,
    ]
}
