"""Whether a guest that runs with one layout can come to another by hot-plug alone, and what changes when it is reset.

A guest takes and gives back whole slots: so a slot in which any function changes is unplugged and plugged as one. Ports
and bridges are there when QEMU starts.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ..firmware import Prediction
from ..hotplug import free_slots, why_no_hotplug
from ..hotplug.room import bars_of
from ..hotplug.slots import offered_slots
from ..layout.layout import PlacedDevice
from ..linux.interface_names import guest_names
from ..linux.slot_numbers import Place
from ..pci.address import written
from ..words import named
from .difference import Differing, Following, PartDifference
from .known import Known, plugs


def following(
    was: Known,
    now: Known,
    same: Mapping[str, str],
    machine: Sequence[Differing],
    controllers: Sequence[PartDifference],
    devices: Sequence[PartDifference],
) -> Following:
    """How a guest that runs with the layout `was` comes to `now`; `same` are its controllers, new id to old id."""
    cold = list(_cold_parts(machine, controllers))
    touched = [one for one in devices if _needs_replug(one)]
    if not cold and not touched:
        return Following(way="nothing")
    buses = {was.layout.machine_model.root: now.layout.machine_model.root} | {old: new for new, old in same.items()}
    unplugged, plugged = _slots(was, now, touched, buses)
    out = [one for one in was.layout.devices if (one.bus, one.slot) in unplugged]
    into = [one for one in now.layout.devices if (one.bus, one.slot) in plugged]
    cold += _closed(was, unplugged, out, "unplugged")
    back = {new: old for old, new in buses.items()}
    cold += _open_only_at_start(was, {(back.get(bus), slot) for bus, slot in plugged}, into, now)
    if cold:
        return Following(way="cold-start", cold=tuple(dict.fromkeys(cold)))
    return Following(
        way="hot-plug",
        unplug=tuple(one.id for one in out),
        plug=tuple(one.id for one in into),
        reboot=tuple(_reboot(was, now, back, into, out)),
    )


def _needs_replug(one: PartDifference) -> bool:
    """Whether the device itself is another, not only its number."""
    return any(differing.verdict is not None for differing in one.differing)


def _cold_parts(machine: Sequence[Differing], controllers: Sequence[PartDifference]) -> Iterator[str]:
    for one in machine:
        yield f"{one}: takes a new QEMU"
    for part in controllers:
        if part.old_id is None:
            yield f"{part.id} ({part.model}) is new: ports and bridges are there when QEMU starts"
        elif part.new_id is None:
            yield f"{part.id} ({part.model}) goes: ports and bridges stay as long as QEMU runs"
        elif _needs_replug(part):
            yield f"{part}: fixed when QEMU starts"


def _slots(
    was: Known, now: Known, touched: Sequence[PartDifference], buses: Mapping[str, str]
) -> tuple[set[Place], set[Place]]:
    """Slots of the old layout to be unplugged, and of the new one to be plugged: those that devices leave or come to,
    with all that is in them on the other side, until nothing is added."""
    out: set[Place] = set()
    into: set[Place] = set()
    for part in touched:
        old, new = was.devices.get(part.old_id or ""), now.devices.get(part.new_id or "")
        out |= set() if old is None else {(old.bus, old.slot)}
        into |= set() if new is None else {(new.bus, new.slot)}
    grown = -1
    while grown != len(out) + len(into):
        grown = len(out) + len(into)
        leaving = {one.id for one in was.layout.devices if (one.bus, one.slot) in out}
        into |= {(one.bus, one.slot) for one in now.layout.devices if one.id in leaving}
        coming = {one.id for one in now.layout.devices if (one.bus, one.slot) in into}
        out |= {(one.bus, one.slot) for one in was.layout.devices if one.id in coming}
        # function 0 makes the guest look at a slot: nobody is added beside others
        out |= {place for place in _places(was) if (buses.get(place[0], ""), place[1]) in into}
    return out, into


def _places(known: Known) -> Iterator[Place]:
    return ((one.bus, one.slot) for one in known.layout.devices)


def _closed(known: Known, places: Iterable[Place], who: Sequence[PlacedDevice], verb: str) -> list[str]:
    """Why slots of the running guest cannot be unplugged or plugged."""
    found = []
    for bus, slot in sorted(places, key=str):
        offer = known.topology.buses.get(bus)
        if offer is None:
            continue
        mine = named([one.id for one in who if (one.bus, one.slot) == (bus, slot)])
        if not offer.takes_hotplug:
            found.append(f"{mine or f'slot {slot:02x}'} cannot be {verb}: {offer.id} {why_no_hotplug(offer)}")
        elif slot not in offered_slots(offer, known.layout.machine_model):
            found.append(f"{mine} cannot be {verb}: slot {slot:02x} of {offer.id} takes no hot-plug")
        elif any(one.id in known.controllers for one in known.topology.slots.get((offer.id, slot), ())):
            found.append(f"{mine} cannot be {verb}: a bridge sits in slot {slot:02x} of {offer.id}, too")
    found += [
        f"{one.id} ({one.model}) cannot be {verb}: QEMU takes it at its start alone" for one in who if not plugs(one)
    ]
    return found


def _open_only_at_start(
    was: Known, places: Iterable[tuple[str | None, int]], into: Sequence[PlacedDevice], now: Known
) -> list[str]:
    """The same of slots to be plugged, by the buses of the running guest; behind new controllers there is nothing."""
    there = [(bus, slot) for bus, slot in places if bus is not None]
    seats = _on_old_buses(into, was, now)
    found = _closed(was, there, seats, "plugged")
    for place in sorted({(one.bus, one.slot) for one in into}):
        if not any(one.function == 0 for one in into if (one.bus, one.slot) == place):
            found.append(f"slot {place[1]:02x} of {place[0]} gets no function 0, which shows it to the guest")
    return found


def _on_old_buses(devices: Sequence[PlacedDevice], was: Known, now: Known) -> list[PlacedDevice]:
    """The devices with buses as the old layout calls them; without those whose bus is new."""
    back = {path: name for name, path in was.paths.items() if name in was.controllers}
    result = []
    for one in devices:
        if one.bus == now.layout.machine_model.root:
            result.append(one.model_copy(update={"bus": was.layout.machine_model.root}))
        elif (name := back.get(now.paths[one.bus])) is not None:
            result.append(one.model_copy(update={"bus": name}))
    return result


def _reboot(
    was: Known,
    now: Known,
    back: Mapping[str, str],
    into: Sequence[PlacedDevice],
    out: Sequence[PlacedDevice],
) -> Iterator[str]:
    """What the guest has before and after a reset, as sentences; controllers are the same in both."""
    if now.prediction.failure is not None:
        yield f"the firmware gets no further: {now.prediction.failure}"
        return
    yield from (f"{name} loses its IO and memory: the firmware finds no room" for name in now.prediction.lost)
    hybrid = _plugged(was, now, back)
    names = guest_names(now.layout, hybrid, now.topology)
    for device in now.layout.devices:
        before, after = hybrid.guest_addresses.get(device.id), now.prediction.guest_addresses.get(device.id)
        if before != after:
            yield f"{device.id} goes from {before} to {after}"
        if names.get(device.id) != now.names.get(device.id):
            yield f"{device.id} is called {now.names.get(device.id)}, not {names.get(device.id)} any more"
    yield from _without_room(was, now, back, into, out)


def _plugged(was: Known, now: Known, back: Mapping[str, str]) -> Prediction:
    """The new layout's devices at the bus numbers that the running guest has."""
    root = now.layout.machine_model.root
    secondary = {one.id: was.prediction.secondary.get(back.get(one.id, "")) for one in now.layout.controllers}
    numbers: dict[str, int | None] = {root: 0, **secondary}
    addresses = {
        one.id: None if (number := numbers.get(one.bus)) is None else f"{number:02x}:{written(one.slot, one.function)}"
        for one in now.layout.devices
    }
    seen = {name: value if now.prediction.guest_addresses.get(name) else None for name, value in addresses.items()}
    return replace(now.prediction, secondary=secondary, guest_addresses=seen)


def _without_room(
    was: Known, now: Known, back: Mapping[str, str], into: Sequence[PlacedDevice], out: Sequence[PlacedDevice]
) -> Iterator[str]:
    """Devices that get their IO ports or memory only then, as nothing was reserved for them."""
    gone = {one.id for one in out}
    emptied = was.layout.model_copy(
        update={"devices": tuple(one for one in was.layout.devices if one.id not in gone), "spare": ()}
    )
    rooms = {slot.bus.id: slot.room for slot in free_slots(emptied, was.prediction)}
    wanted: dict[str, list[PlacedDevice]] = defaultdict(list)
    for one in into:
        wanted[back.get(one.bus, one.bus)].append(one)
    for bus, devices in wanted.items():
        room = rooms.get(bus)
        if room is None:
            continue
        for device in devices:
            left = room.without(bars_of(device, now.layout.machine_model))
            if left is None:
                yield f"{device.id} gets its IO ports and memory: until then {bus} has no room for all of them"
            else:
                room = left
