"""Rules about what devices ask of their place: hot-plug, NUMA, neighbours, spare slots."""

from collections.abc import Iterator
from itertools import pairwise

from ..finding import Finding
from ..firmware.budget import PAGE
from ..layout.layout import SpareSlot
from ..layout.topology import Bus
from ..pci.qemu_properties import Scalar, integer
from ..request.device import Spare
from .context import Context
from .io_space import heeds_reserve, io_reserve
from .room import memory_beside


def hotplug(known: Context) -> Iterator[Finding]:
    """One finding an item that must be hot-pluggable and is not."""
    told: set[str] = set()
    for place in known.places.values():
        item = place.item
        if item.hotplug == "required" and not place.takes_hotplug and item.key not in told:
            told.add(item.key)
            yield Finding(rule="hotplug", subjects=item.ids, details={"bus": place.bus.id, "slot": place.seat.slot})


def numa(known: Context) -> Iterator[Finding]:
    """Devices and controllers off their node; controllers that state a node which is not their complex's."""
    for name, place in known.places.items():
        asked, node = place.item.numa, place.bus.node
        if asked is not None and asked != node:
            yield Finding(rule="numa", subjects=(name,), details={"asked": asked, "node": _told(node)})
    demanded = {controller.id: controller.numa for controller in known.guest.controllers}
    for name, controller in known.topology.controllers.items():
        bus = known.topology.buses.get(name)
        if bus is None:
            continue
        asked = demanded.get(name)
        if asked is not None and asked != bus.node:
            yield Finding(rule="numa", subjects=(name,), details={"asked": asked, "node": _told(bus.node)})
        if controller.numa != bus.node:
            yield Finding(
                rule="numa", subjects=(name,), details={"stated": _told(controller.numa), "node": _told(bus.node)}
            )


def _told(node: int | None) -> int | str:
    return "none" if node is None else node


def near(known: Context) -> Iterator[Finding]:
    """Two devices below different root buses."""
    for one, other in _pairs(known, "near"):
        roots = [known.places[name].bus.expander for name in (one, other)]
        names = [known.machine.root if expander is None else expander.id for expander in roots]
        if names[0] != names[1]:
            yield Finding(rule="near", subjects=(one, other), details=dict(zip(("root", "other"), names, strict=True)))


def near_switch(known: Context) -> Iterator[Finding]:
    """Two devices without a switch upstream port above both."""
    for one, other in _pairs(known, "near_switch"):
        above, beside = (known.places[name].bus for name in (one, other))
        if not {*above.switches} & {*beside.switches}:
            yield Finding(rule="near-switch", subjects=(one, other), details={"bus": above.id, "other": beside.id})


def _pairs(known: Context, field: str) -> Iterator[tuple[str, str]]:
    """Each pair once, whichever of the two asks, in the request's order."""
    told: set[frozenset[str]] = set()
    for device in known.guest.devices:
        for other in device.near if field == "near" else device.near_switch:
            pair = frozenset((device.id, other))
            if pair not in told and pair <= known.places.keys():
                told.add(pair)
                yield device.id, other


def order(known: Context) -> Iterator[Finding]:
    """Two devices next to each other in the request's order that the guest finds the other way round, or that it does
    not find both; nothing where no address is predicted."""
    if known.prediction is None:
        return
    seen = known.prediction.guest_addresses
    for one, other in pairwise(known.guest.order):
        first, second = seen.get(one), seen.get(other)
        if first is None or second is None or first >= second:
            details: dict[str, Scalar] = {one: first or "unseen", other: second or "unseen"}
            yield Finding(rule="order", subjects=(one, other), details=details)


def spare(known: Context) -> Iterator[Finding]:
    """Slots that are missing, doubled, or not what was asked for."""
    told: set[tuple[str, int]] = set()
    for slot in known.layout.spare:
        if (slot.bus, slot.slot) in told:
            yield _unfit(slot, "listed twice")
        told.add((slot.bus, slot.slot))
        if slot.bus in known.topology.buses and (why := closed(known, slot)):
            yield _unfit(slot, why)
    for kind in ("pcie", "pci"):
        asked = sum(wanted.count for wanted in known.guest.spare if wanted.kind == kind)
        found = sum(slot.kind == kind for slot in known.layout.spare)
        if found < asked:
            yield Finding(rule="spare", details={"kind": kind, "asked": asked, "found": found})
    for wanted, offered in known.spares:
        if (
            offered is not None
            and offered.bus in known.topology.buses
            and (why := _falls_short(known, wanted, offered))
        ):
            yield _unfit(offered, why)


def _unfit(slot: SpareSlot, why: str) -> Finding:
    return Finding(rule="spare", subjects=(slot.bus,), details={"slot": slot.slot, "reason": why})


def closed(known: Context, slot: SpareSlot) -> str | None:
    """Why nothing can be plugged in there, if so."""
    bus = known.topology.buses[slot.bus]
    first, last = bus.model.first_slot, bus.model.last_slot
    if not first <= slot.slot <= last or (bus.is_conventional and slot.slot == 0):
        return "no such slot"
    if bus.is_port != (slot.kind == "pcie") or bus.is_conventional != (slot.kind == "pci"):
        return f"not a {slot.kind} slot"
    if not bus.takes_hotplug:
        return "no hot-plug"
    if known.topology.slots.get((slot.bus, slot.slot)) or known.in_chipset_slot(slot.bus, slot.slot):
        return "not empty"
    return None


def _falls_short(known: Context, wanted: Spare, slot: SpareSlot) -> str | None:
    bus = known.topology.buses[slot.bus]
    if wanted.numa is not None and wanted.numa != bus.node:
        return f"not on node {wanted.numa}"
    if bus.controller is None or not (wanted.io or wanted.memory):
        return None
    if slot.kind == "pci":
        return _no_room_behind(known, wanted, bus)
    if bus.controller.model != "pcie-root-port":
        return "not a pcie-root-port"
    if not heeds_reserve(known.machine, known.guest.firmware.name, bus.controller):
        return "the firmware heeds no reserve there"
    if wanted.io and io_reserve(known.machine, known.guest.firmware.name, bus.controller) < max(wanted.io, PAGE):
        return "no io-reserve"
    if wanted.memory > (integer(bus.controller.properties, "pref64-reserve") or 0):
        return "no pref64-reserve"
    return None


def _no_room_behind(known: Context, wanted: Spare, bus: Bus) -> str | None:
    """A pci-bridge keeps room itself. A pcie-pci-bridge has what the firmware makes its window, and nothing of what the
    port above keeps: the guest does not hand that on."""
    if bus.controller is None or (wanted.memory and bus.controller.model != "pci-bridge"):
        return "nothing keeps room for it"
    if wanted.memory and not heeds_reserve(known.machine, known.guest.firmware.name, bus.controller):
        return "the firmware heeds no reserve there"
    together = sum(one.memory for one, slot in known.spares if slot is not None and slot.bus == bus.id)
    kept = integer(bus.controller.properties, "mem-reserve") or 0
    if wanted.memory and together + memory_beside(known, bus) > kept:
        return "no mem-reserve"
    windows = {} if known.prediction is None else {one.controller: one.size for one in known.prediction.io_windows}
    if wanted.io and known.prediction is not None and windows.get(bus.id, 0) < known.io.windows[bus.id]:
        return "no io-reserve" if bus.controller.model == "pci-bridge" else "nothing keeps room for it"
    return None
