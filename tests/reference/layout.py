"""A complete tree of the oracle written down as a Layout, for the firmware's prediction and for the checker."""

from itertools import product

from qslot.schema import Controller as Demand
from qslot.schema import Guest, Layout, VirtioMode
from qslot.schema.layout.layout import ObjectiveTerm, PlacedController, PlacedDevice, Platform, Versions
from qslot.schema.layout.layout import SpareSlot as Slot
from qslot.schema.pci.qemu_properties import Properties
from qslot.schema.request.resolved import ResolvedDevice

from .keepers import kept
from .measure import Costs, Measure, on, spares_on
from .request import Problem, choice_of
from .tree import Bus, Controller, Item, SpareSlot, Thing

SUFFIXES = {VirtioMode.TRANSITIONAL: "-transitional", VirtioMode.MODERN: "-non-transitional"}
SCSI_OFF_SINCE = (2, 5)
"""Machine types from there on have no SCSI passthrough in virtio-blk, which QEMU refuses together with virtio 1.0."""
SCSI_UP_TO = (9, 0)
"""The last QEMU whose virtio-blk has the property."""


def spelled(one: ResolvedDevice, mode: VirtioMode | None) -> tuple[str, Properties]:
    """QEMU's device type and what it is told of the mode: docs/semantics.md, rule as-requested."""
    virtio, driver = one.model.virtio, one.model.driver
    if virtio is None or mode is None:
        return driver, {}
    told: Properties = {}
    old = one.version is not None and one.version < SCSI_OFF_SINCE
    has_property = one.qemu is not None and one.qemu[:2] <= SCSI_UP_TO
    if one.model.name == "virtio-blk" and old and has_property and mode is not VirtioMode.LEGACY:
        told["scsi"] = False
    if one.device.virtio_by == "type" and mode in virtio.suffixed:
        return driver + SUFFIXES[mode], told
    if one.device.virtio_by != "slot" and virtio.switches:
        told |= {"disable-legacy": mode is VirtioMode.MODERN, "disable-modern": mode is VirtioMode.LEGACY}
    return driver, told


class Writer:
    """`problem` with all its things seated, `created` controllers among them. Raises Broken as Measure does."""

    def __init__(self, problem: Problem, created: list[Controller], costs: Costs) -> None:
        self.problem = problem
        self.guest: Guest = problem.guest
        self.costs = costs
        self.root = problem.root
        self.controllers = [*problem.controllers, *created]
        self.measure = Measure(problem, self.controllers)
        self.measure.run()
        self.kept = kept(self.measure)
        self.with_io = {c.name for c in self.controllers if self.has_io(c)}
        self.starts = self.bus_starts()
        self.chassis = iter(n for n in range(1, 256) if n not in self.taken_chassis())
        self.chassis_nr = iter(n for n in range(1, 256) if n not in self.taken_numbers())
        self.placed: list[PlacedController] = []
        self.devices: dict[str, PlacedDevice] = {}
        self.spare: list[tuple[SpareSlot, Slot]] = []

    def has_io(self, controller: Controller) -> bool:
        reserved = any(spare.spare.io for spare in spares_on(controller.offers))
        return reserved or self.measure.content(controller) > 0

    def taken_chassis(self) -> set[object]:
        return {c.properties.get("chassis") for c in self.guest.controllers}

    def taken_numbers(self) -> set[object]:
        given = {c.properties.get("chassis_nr") for c in self.guest.controllers}
        return given | set(self.starts.values())

    def bus_starts(self) -> dict[str, int]:
        """A bus_nr for each expander: those given, and for the others the first that leaves all ranges disjoint."""
        sizes = {c.name: self.measure.numbers(c) for c in self.controllers if c.is_expander}
        main = 1 + sum(
            self.measure.numbers(c) for c in on(self.root) if isinstance(c, Controller) and not c.is_expander
        )
        given = {c.name: c.bus_nr for c in self.controllers if c.is_expander and c.bus_nr is not None}
        loose = [name for name in sizes if name not in given]
        ends = [main, *(start + sizes[name] for name, start in given.items())]
        for choice in product(ends, repeat=len(loose)):
            starts = dict(given)
            for name, end in zip(loose, choice, strict=True):
                starts[name] = end + sum(
                    sizes[n] for n, e in zip(loose, choice, strict=True) if e == end and n in starts
                )
            if disjoint(main, [(starts[name], sizes[name]) for name in sizes]):
                return starts
        raise AssertionError("the oracle said that the ranges fit")

    def write(self) -> Layout:
        self.bus(self.root, self.guest.machine_model.root, None)
        guest = self.guest
        fields = {name: getattr(guest, name) for name in Platform.model_fields}
        fields["chipset"] = guest.protected_chipset
        terms = [ObjectiveTerm.model_validate({"term": t, "value": v, "bound": v}) for t, v in self.costs.items()]
        order = {id(thing): place for place, thing in enumerate(self.problem.free)}
        spare = sorted(self.spare, key=lambda pair: order[id(pair[0])])
        return Layout(
            status="optimal",
            machine=guest.machine,
            firmware=guest.firmware,
            platform=Platform(**fields),
            controllers=tuple(self.placed),
            devices=tuple(self.devices[device.id] for device in guest.devices),
            spare=tuple(slot for _, slot in spare),
            objective=tuple(terms),
            input_sha256=guest.sha256,
            versions=Versions(qslot="0", hash=2),
        )

    def bus(self, bus: Bus, name: str, node: int | None) -> None:
        for slot, things in bus.slots.items():
            functions = self.functions(bus, slot, things)
            many = (
                len(functions) > 1
                or slot in bus.virtual
                or any(isinstance(thing, Item) and len(thing.devices) > 1 for thing in things)
            )
            for thing in things:
                self.thing(thing, name, slot, functions[thing], many, node)
        for thing in on(bus):
            if isinstance(thing, Controller):
                self.bus(thing.offers, thing.name, thing.wish if thing.is_expander else node)

    def functions(self, bus: Bus, slot: int, things: list[Thing]) -> dict[Thing, int]:
        """The function of each; of a group 0, whose members know their own."""
        used = bus.taken.get(slot, 0)
        for thing in things:
            used |= (thing.functions or 0) | thing.closed
        free = (function for function in range(8) if not used >> function & 1)
        return {t: next(free) if t.functions is None else t.functions.bit_length() - 1 for t in things}

    def thing(self, thing: Thing, bus: str, slot: int, function: int, many: bool, node: int | None) -> None:
        if isinstance(thing, SpareSlot):
            self.spare.append((thing, Slot(kind=thing.spare.kind, bus=bus, slot=slot)))
        elif isinstance(thing, Item):
            assert thing.bus is not None
            for place, one in enumerate(thing.devices):
                mode = choice_of(one, behind_port=thing.bus.kind == "port")
                driver, properties = spelled(one, mode)
                own = thing.own[place] if thing.own else function
                self.devices[one.device.id] = PlacedDevice(
                    id=one.device.id,
                    model=one.device.model,
                    driver=driver,
                    virtio=mode,
                    bars=one.device.bars,
                    rom=one.device.rom,
                    bus=bus,
                    slot=slot,
                    function=own,
                    multifunction=many and own == 0,
                    properties=one.device.properties | properties,
                )
        else:
            assert isinstance(thing, Controller)
            node = thing.wish if thing.is_expander else node
            seat = {"bus": bus, "slot": slot, "function": function, "multifunction": many and function == 0}
            properties = self.properties(thing)
            self.placed.append(
                PlacedController.model_validate(
                    {"id": thing.name, "model": thing.model, "numa": node, "properties": properties, **seat}
                )
            )

    def properties(self, controller: Controller) -> Properties:
        demand = next((c for c in self.guest.controllers if c.id == controller.name), None)
        result: Properties = {} if demand is None else dict(demand.properties)
        result |= self.kept.get(controller, {})
        if controller.offers.kind == "port":
            result["hotplug"] = controller.hotplug and not self.guarded(controller, demand)
            result.setdefault("chassis", next(self.chassis))
        elif controller.model == "pci-bridge":
            result.setdefault("chassis_nr", next(self.chassis_nr))
            spare = any(spares_on(controller.offers))
            shpc = self.measure.content(controller) > 0 or self.measure.has_shpc(controller, spare)
            result["shpc"] = shpc if controller.created else controller.shpc
        elif controller.is_expander:
            result["bus_nr"] = self.starts[controller.name]
            if controller.wish is not None:
                result["numa_node"] = controller.wish
        return result

    def guarded(self, port: Controller, demand: Demand | None) -> bool:
        """Rule eject: nobody says whether the port takes hot-plug, or what it keeps, and nobody on it needs any."""
        if self.guest.policy.eject != "protect":
            return False
        said = demand is not None and (
            "hotplug" in demand.model_fields_set or any("-reserve" in one for one in demand.properties)
        )
        things = on(port.offers)
        cold = [isinstance(thing, Item) and thing.need == "never" for thing in things]
        return not said and bool(cold) and all(cold)


def disjoint(main: int, ranges: list[tuple[int, int]]) -> bool:
    ordered = sorted(ranges)
    starts = [start for start, _ in ordered] + [256]
    ends = [main, *(start + size for start, size in ordered)]
    return all(end <= start for end, start in zip(ends, starts, strict=True))
