"""An answer of the model as a layout: seats with their functions, then what the planner writes of such seats."""

from collections.abc import Callable

from ...schema.pci.address import FUNCTIONS
from ...schema.verify.context import Context
from ..aggregate.bus_classes import BusClass, BusKind, Level
from ..aggregate.items import Item as Listed
from ..aggregate.items import items_of
from ..decode.assemble import assemble
from ..decode.seats import Assignment, BusInstance
from .buses import BusType
from .things import Bridge, Seated, SpareRoom
from .tree import Tree
from .variables import Place, Seats

Value = Callable[[object], int]

BUS_KINDS = {
    BusType.ROOT: BusKind.ROOT,
    BusType.EXPANDER: BusKind.EXPANDER,
    BusType.PORT: BusKind.PORT,
    BusType.SWITCH: BusKind.SWITCH,
    BusType.CONVENTIONAL: BusKind.CONVENTIONAL,
}


def layout_of(seats: Seats, tree: Tree, value: Value) -> Context:
    """The layout that the values of all variables stand for."""
    guest = seats.guest
    items = items_of(guest)
    places = places_of(seats, value)
    addresses = addresses_of(seats, places)
    buses = {guest.machine_model.root: BusInstance(_bus_class(seats, tree, value, None), guest.machine_model.root)}
    for key, bridge in seats.bridges.items():
        if value(seats.exists[key]):
            buses[key] = BusInstance(_bus_class(seats, tree, value, bridge), None if bridge.created else key)
    for key, bus in buses.items():
        if key in seats.bridges:
            parent, bus.slot, functions = addresses[key]
            bus.parent, bus.function = buses[parent], functions[0]
    devices: dict[str, tuple[BusInstance, int, int]] = {}
    for item in seats.things.items:
        if item.slot is None:
            name, slot, functions = addresses[item.key]
            devices |= {one: (buses[name], slot, f) for one, f in zip(item.ids, functions, strict=True)}
    free = {kind.spare: listed for kind, some in items.free.items() for listed in some[:1] if kind.spare is not None}
    spares: list[tuple[Listed, BusInstance, int]] = []
    for room in seats.things.rooms:
        name, slot = places[room.key]
        spares.append((free[guest.spare[room.wish].model_copy(update={"count": 1})], buses[name], slot))
    return assemble(guest, items, Assignment(list(buses.values()), devices, spares))


def places_of(seats: Seats, value: Value) -> dict[str, Place]:
    """Bus and slot of all that exists."""
    result: dict[str, Place] = {}
    pools: dict[Place, list[Seated | SpareRoom]] = {}
    for thing in (*seats.things.seated, *seats.things.rooms):
        place = next((place for place, sits in seats.sits[thing.key].items() if value(sits)), None)
        if place is None:
            continue
        if seats.buses[place[0]].slots[place[1]].others:
            pools.setdefault(place, []).append(thing)
        else:
            result[thing.key] = place
    for (bus, number), here in pools.items():
        slots = iter((number, *seats.buses[bus].slots[number].others))
        result |= {
            thing.key: (bus, slot) for group, slot in zip(_sharing(here), slots, strict=False) for thing in group
        }
    return result


def _sharing(things: list[Seated | SpareRoom]) -> list[list[Seated | SpareRoom]]:
    """Slot by slot: ports together, and pci-bridges."""
    packed: dict[bool, list[Seated | SpareRoom]] = {True: [], False: []}
    alone = []
    for thing in things:
        if isinstance(thing, Bridge) and thing.packs:
            packed[thing.is_port].append(thing)
        else:
            alone.append([thing])
    together = (some[at : at + FUNCTIONS] for some in packed.values() for at in range(0, len(some), FUNCTIONS))
    return [*alone, *together]


def addresses_of(seats: Seats, places: dict[str, Place]) -> dict[str, tuple[str, int, tuple[int, ...]]]:
    """Bus, slot and functions. What takes any function gets the lowest one left, in listed order."""
    things = [thing for thing in seats.things.seated if thing.key in places]
    used: dict[Place, set[int]] = {}
    for thing in things:
        used.setdefault(places[thing.key], set()).update(thing.taken)
    result = {}
    for thing in things:
        place = places[thing.key]
        functions = thing.functions
        if functions is None:
            slot = seats.buses[place[0]].slots.get(place[1])
            free = range(FUNCTIONS) if slot is None else sorted(slot.free)
            functions = (next(f for f in free if f not in used[place]),)
            used[place] |= {*functions}
        result[thing.key] = (*place, functions)
    return result


def _bus_class(seats: Seats, tree: Tree, value: Value, bridge: Bridge | None) -> BusClass:
    """What writing a layout asks of a bus."""
    platform = seats.guest.machine_model
    if bridge is None:
        return BusClass(BusKind.ROOT, None, Level(platform.root, None, False, 0), (), platform.root_hotplug)
    key = bridge.key
    above = next((root for root in seats.roots if value(tree.inside(root.key)[key])), None)
    reached = platform.acpi_bridge_hotplug and bool(value(tree.reached[key]))
    return BusClass(
        BUS_KINDS[seats.buses[key].kind],
        bridge.model,
        Level(
            platform.root if above is None else above.key, None if above is None else above.node, above is not None, 0
        ),
        (),
        bool(value(tree.takes_hotplug(key))),
        created=bridge.created,
        shpc_optional=bridge.model == "pci-bridge" and reached and seats.guest.policy.preset != "libvirt",
        bus_reserve=bridge.number("bus-reserve"),
    )
