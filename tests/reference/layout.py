"""The oracle's best tree written down as a Layout, so that the checker of `qslot.schema` can be held against it."""

from itertools import product

from qslot.schema import Guest, Layout
from qslot.schema.layout import ObjectiveTerm, PlacedController, PlacedDevice, Platform, Versions
from qslot.schema.layout import SpareSlot as Slot
from qslot.schema.properties import Properties
from qslot.schema.verify.requested import emission

from .measure import Costs, Measure, on
from .request import choice_of
from .search import Search
from .tree import Bus, Controller, Item, SpareSlot, Thing


def best_layout(guest: Guest) -> Layout | None:
    search = Search(guest)
    costs = search.run()
    return None if costs is None else Writer(search, costs).write()


class Writer:
    def __init__(self, search: Search, costs: Costs) -> None:
        self.search = search
        self.guest = search.guest
        self.costs = costs
        self.root = search.problem.root
        search.do([seat for seat in search.seats if seat[0].bus is None])
        self.controllers = [*search.problem.controllers, *search.created]
        self.measure = Measure(search.problem, self.controllers)
        self.measure.run()
        self.starts = self.bus_starts()
        self.chassis = iter(range(1, 256))
        self.chassis_nr = iter(n for n in range(1, 256) if n not in self.taken_numbers())
        self.placed: list[PlacedController] = []
        self.devices: dict[str, PlacedDevice] = {}
        self.spare: list[tuple[SpareSlot, Slot]] = []

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
        self.bus(self.root, self.guest.platform.root, None)
        guest = self.guest
        fields = {name: getattr(guest, name) for name in Platform.model_fields}
        terms = [ObjectiveTerm.model_validate({"term": t, "value": v, "bound": v}) for t, v in self.costs.items()]
        order = {id(thing): place for place, thing in enumerate(self.search.problem.free)}
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
            versions=Versions(qslot="0"),
        )

    def bus(self, bus: Bus, name: str, node: int | None) -> None:
        for slot, things in bus.slots.items():
            functions = self.functions(bus, slot, things)
            many = len(functions) > 1 or any(isinstance(thing, Item) and len(thing.devices) > 1 for thing in things)
            for thing in things:
                self.thing(thing, name, slot, functions[thing], many, node)
        for thing in on(bus):
            if isinstance(thing, Controller):
                self.bus(thing.offers, thing.name, thing.wish if thing.is_expander else node)

    def functions(self, bus: Bus, slot: int, things: list[Thing]) -> dict[Thing, int]:
        """The function of each; of a group 0, whose members know their own."""
        used = bus.taken.get(slot, 0)
        for thing in things:
            used |= thing.functions or 0
        free = (function for function in range(8) if not used >> function & 1)
        return {t: next(free) if t.functions is None else t.functions.bit_length() - 1 for t in things}

    def thing(self, thing: Thing, bus: str, slot: int, function: int, many: bool, node: int | None) -> None:
        if isinstance(thing, SpareSlot):
            self.spare.append((thing, Slot(kind=thing.spare.kind, bus=bus, slot=slot)))
        elif isinstance(thing, Item):
            assert thing.bus is not None
            for place, one in enumerate(thing.devices):
                mode = choice_of(one, behind_port=thing.bus.kind == "port")
                driver, properties = emission(one, mode)
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
        spare = [thing.spare for thing in on(controller.offers) if isinstance(thing, SpareSlot)]
        if controller.offers.kind == "port":
            result |= {"chassis": next(self.chassis), "hotplug": controller.hotplug}
            if any(s.io for s in spare):
                result["io-reserve"] = max(4096, controller.io_reserve or 0)
            if any(s.memory for s in spare):
                result["pref64-reserve"] = 1 << (max(s.memory for s in spare) - 1).bit_length()
            for bridge in on(controller.offers):
                if isinstance(bridge, Controller) and bridge.model == "pcie-pci-bridge":
                    result |= self.room(controller, bridge)
        elif controller.model == "pci-bridge":
            result.setdefault("chassis_nr", next(self.chassis_nr))
            result |= self.room(controller, controller)
            empty = not self.measure.content(controller)
            if controller.created and empty and not self.measure.has_shpc(controller, bool(spare)):
                result["shpc"] = False
        elif controller.is_expander:
            result["bus_nr"] = self.starts[controller.name]
            if controller.wish is not None:
                result["numa_node"] = controller.wish
        return result

    def room(self, keeper: Controller, bridge: Controller) -> Properties:
        """What `keeper` reserves for spare slots of a conventional bridge, where the firmware's window is too small:
        with SeaBIOS a bridge with SHPC has a page."""
        things = list(on(bridge.offers))
        spare = [thing.spare for thing in things if isinstance(thing, SpareSlot)]
        there = sum(self.measure.io_of(thing) for thing in things if isinstance(thing, Item))
        opened = max(-(-there // 4096), int(self.measure.seabios))
        result: Properties = {}
        if opened * 4096 < there + sum(s.io for s in spare):
            pages = max(self.measure.content(bridge), (keeper.io_reserve or 0) // 4096)
            result["io-reserve"] = 4096 * pages
        if memory := sum(s.memory for s in spare):
            result["mem-reserve"] = 1 << (memory - 1).bit_length()
        return result


def disjoint(main: int, ranges: list[tuple[int, int]]) -> bool:
    ordered = sorted(ranges)
    starts = [start for start, _ in ordered] + [256]
    ends = [main, *(start + size for start, size in ordered)]
    return all(end <= start for end, start in zip(ends, starts, strict=True))
