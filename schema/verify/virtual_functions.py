"""Rules about virtual functions: nobody sits where QEMU creates them, and those listed are where QEMU takes them."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from ..catalog.virtual_functions import COUNTED_BY, physical_function
from ..catalog.virtual_functions import virtual_functions as created_with
from ..finding import Finding
from ..layout.layout import PlacedDevice
from ..layout.topology import Bus
from ..pci.address import FUNCTIONS, ROUTING_IDS
from ..pci.qemu_properties import Scalar
from .context import Context

RoutingIds = dict[int, str]
"""Who has each routing id of one bus, as 8 times the slot plus the function."""


def virtual_functions(known: Context) -> Iterator[Finding]:
    """One finding a device whose virtual functions are where something else is, or where there is nothing; and one for
    each that its address does not suit."""
    everybody: dict[str, RoutingIds] = {}
    for device in known.layout.devices:
        bus = known.topology.buses.get(device.bus)
        virtual = created_with(device.model, device.properties)
        if bus is None or virtual is None:
            continue
        if device.bus not in everybody:
            everybody[device.bus] = _held(known, bus)
        held = everybody[device.bus]
        ids = virtual.routing_ids(device.slot, device.function)
        if ids[-1] >= ROUTING_IDS:
            yield _finding(device, {"last": ids[-1], "most": ROUTING_IDS - 1})
        taken = [one for one in ids if one in held]
        if taken and ids[-1] < ROUTING_IDS:
            slot, function = divmod(taken[0], FUNCTIONS)
            details: dict[str, Scalar] = {"address": f"{device.bus}:{slot:02x}.{function}", "holder": held[taken[0]]}
            yield _finding(device, details)
        held |= dict.fromkeys(ids, device.id)
        if not _suits(known, device, bus):
            yield _finding(device, {"placed": str(device.address)})
        elif bus.is_root and (item := known.items.get(device.id)) is not None and not item.pinned:
            yield from _company(known, device, ids, item.ids)


def _finding(device: PlacedDevice, details: dict[str, Scalar]) -> Finding:
    return Finding(rule="virtual-functions", subjects=(device.id,), details=details)


def _held(known: Context, bus: Bus) -> RoutingIds:
    """All that has an address there: seats, chipset, and what the request leaves alone."""
    held: RoutingIds = {}
    if bus.is_root:
        held |= {slot * FUNCTIONS + function: who for (slot, function), who in known.machine.taken.items()}
        held |= {
            slot * FUNCTIONS + function: "chipset" for slot in known.machine.closed for function in range(FUNCTIONS)
        }
    for name, slot, reserved in known.guest.reserve:
        if name == bus.id and slot is not None:
            functions = range(FUNCTIONS) if reserved is None else (reserved,)
            held |= {slot * FUNCTIONS + function: "reserve" for function in functions}
    held |= {spare.slot * FUNCTIONS: "spare" for spare in known.layout.spare if spare.bus == bus.id}
    for seats in (known.layout.controllers, known.layout.devices):
        held |= {seat.slot * FUNCTIONS + seat.function: seat.id for seat in seats if seat.bus == bus.id}
    return held


def _company(known: Context, device: PlacedDevice, ids: range, own: Sequence[str]) -> Iterator[Finding]:
    """Whoever is in a slot that virtual functions of an unpinned device close, and not of its own group."""
    closed = {one // FUNCTIONS for one in ids} - {device.slot}
    others = {slot: who for (slot, _), who in known.machine.taken.items()}
    others |= dict.fromkeys(known.machine.closed, "chipset")
    others |= {spare.slot: "spare" for spare in known.layout.spare if spare.bus == device.bus}
    for seat in (*known.layout.controllers, *known.layout.devices):
        if seat.bus != device.bus or seat.id in own:
            continue
        others[seat.slot] = seat.id
        virtual = created_with(seat.model, seat.properties) if isinstance(seat, PlacedDevice) else None
        if virtual is not None:
            others |= {slot: seat.id for slot, _ in virtual.places(seat.slot, seat.function) if slot != seat.slot}
    for slot in sorted(closed & others.keys()):
        yield _finding(device, {"slot": slot, "holder": others[slot]})


def _suits(known: Context, device: PlacedDevice, bus: Bus) -> bool:
    """Where the request asks for virtual functions the bus is PCI Express; unpinned, it is as the rule says."""
    express = bus.is_port or (bus.is_root and known.machine.family == "q35")
    item = known.items.get(device.id)
    wished = item is not None and any(one.id == device.id and one.vfs is not None for one in item.members)
    asked = wished or device.model in COUNTED_BY
    if asked and not express:
        return False
    if item is None or item.pinned:
        return True
    lone = item.members[0].group is None and item.members[0].address is None
    return (bus.is_port or bus.is_root) and not (lone and device.function)


def sriov_pf(known: Context) -> Iterator[Finding]:
    """Listed virtual functions that are not where their physical function can have them: one finding each; and one for
    all of a physical function whose strides differ."""
    families: dict[str, list[PlacedDevice]] = {}
    placed = {device.id: device for device in known.layout.devices}
    for device in known.layout.devices:
        owner = physical_function(device.properties)
        if owner is None:
            continue
        bus, physical = known.topology.buses.get(device.bus), placed.get(owner)
        behind_port = bus is None or bus.is_port
        if not behind_port or not (physical is None or _is_above(device, physical)):
            yield Finding(rule="sriov-pf", subjects=(device.id,), details={"placed": str(device.address)})
        families.setdefault(owner, []).append(device)
    for members in families.values():
        functions = sorted(one.function for one in members)
        if len({high - low for low, high in pairwise(functions)}) > 1:
            told = " ".join(map(str, functions))
            yield Finding(rule="sriov-pf", subjects=tuple(one.id for one in members), details={"functions": told})


def _is_above(device: PlacedDevice, physical: PlacedDevice) -> bool:
    return physical.address[:2] == device.address[:2] and physical.function < device.function
