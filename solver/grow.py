"""Grows the bus classes of a guest: what is pinned, what is demanded, what may be created, level by level."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..schema.connect import CONTROLLERS, HOTPLUG_BRIDGE, PLAIN_BRIDGE, PORT, RESERVES, SWITCH, BusModel, Need
from ..schema.device import Controller
from ..schema.firmware.budget import PAGE, io_budget
from ..schema.guest import Guest
from .buses import (
    ALL,
    BusClass,
    Impossible,
    Join,
    Offer,
    SlotKind,
    Tree,
    Where,
    pages,
    pinned_base,
    slot_kinds,
    takes_hotplug,
)
from .chains import BRIDGE_LEVELS, CHAIN, shpc_costs, useful_chain
from .items import Items
from .kinds import Kind

OFFERS = {PORT: Offer.PORT, SWITCH: Offer.SWITCH, HOTPLUG_BRIDGE: Offer.CONVENTIONAL, PLAIN_BRIDGE: Offer.CONVENTIONAL}


@dataclass(frozen=True, slots=True)
class Scope:
    """Which created controllers the model may use; the full scope is always sound."""

    ports: bool = True
    switches: bool = True
    bridges: bool = True
    exact_io: bool = False
    """Created bridges with IO one by one, where counting them together hides a packing."""
    chains: bool = True
    """Created bridges nest as deep as that may save windows; without, two levels, and where more might save windows,
    an empty bridge opens none: no layout costs less than this model says."""
    numbers: bool = True
    """Nothing hangs where bus numbers do not reach."""


@dataclass(slots=True)
class Unit:
    """Demanded controllers without an address that cannot be told apart (one, if something is pinned inside)."""

    controllers: tuple[Controller, ...]
    needs: Need


@dataclass(slots=True)
class Grower:
    """Collects classes; `run` grows until no level adds another."""

    guest: Guest
    items: Items
    scope: Scope
    tree: Tree
    classes: list[BusClass] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)
    capped: bool = False
    """More levels of bridges might be better still: what is found then is no proof."""
    _known: dict[tuple[object, ...], BusClass] = field(default_factory=dict)
    _crowded_out: set[int] = field(default_factory=set)
    """Units that somewhere would hang if there were more bus numbers."""

    def run(self) -> list[BusClass]:
        self._chassis_numbers()
        platform = self.guest.platform
        main = Where(platform.root, None, expander=False, depth=0)
        self._gather_units()
        offer = Offer.ROOT
        root = self._existing(None, main, offer, hot=platform.root_hotplug)
        self._pinned_below(root, platform.root)
        self._movable_expanders(root)
        self._created_expanders(root)
        queue = 0
        while queue < len(self.classes):
            # classes only ever hang on classes of the level above, so levels are complete in order of depth
            self.classes[queue:] = sorted(self.classes[queue:], key=lambda one: one.where.depth)
            self._grow(self.classes[queue])
            queue += 1
        for unit, members in enumerate(self.units):
            if not any(one.unit == unit for one in self.classes):
                rule = "bus-numbers" if unit in self._crowded_out else "connect"
                raise Impossible(rule, tuple(c.id for c in members.controllers))
        self._merge()
        return self.classes

    def _merge(self) -> None:
        """Empty controllers pinned side by side become one class."""
        merged: dict[tuple[object, ...], BusClass] = {}
        kept: list[BusClass] = []
        for one in self.classes:
            plain = one.parent is not None and one.unit is None and not one.base_functions and one.offer is Offer.PORT
            if (
                not plain
                or one.bus_reserve is not None
                or one.reserve > 1
                or any(slot.join is not Join.EMPTY for slot in one.slots)
                or one.names[0] in self.tree.inside
            ):
                kept.append(one)
                continue
            assert one.parent is not None
            above = id(one.parent) if one.parent.model is not None else None
            key = (one.model, one.where, one.slots, one.hot, one.reserve, one.reserving, above)
            if key in merged:
                merged[key].names += one.names
                merged[key].most += 1
            else:
                merged[key] = one
                kept.append(one)
        gone = {id(one) for one in self.classes} - {id(one) for one in kept}
        for one in kept:
            one.hosts = [host for host in one.hosts if id(host) not in gone]
        self.classes = kept

    # ---- demanded controllers

    def _chassis_numbers(self) -> None:
        """Rule chassis-nr: a pxb's hidden bridge has its bus_nr as chassis number."""
        numbers = {c.properties["bus_nr"]: c.id for c in self.guest.controllers if "bus_nr" in c.properties}
        for controller in self.guest.controllers:
            other = numbers.get(controller.properties.get("chassis_nr", -1))
            if other is not None:
                raise Impossible("chassis-nr", (controller.id, other))

    def _gather_units(self) -> None:
        plain: dict[tuple[object, ...], list[Controller]] = {}
        for controller in self.guest.controllers:
            pin = self.items.controller_pins.get(controller.id)
            if (pin is not None and pin.bus is not None) or CONTROLLERS[controller.model].is_expander:
                continue
            touched = (
                controller.id in self.tree.occupants
                or bool(self.tree.reserved(controller.id))
                or (self._tracks_switches and controller.model == "x3130-upstream")
                or bool(RESERVES & set(controller.properties))  # what hangs below is counted bus by bus
            )
            properties = tuple(
                sorted((name, str(value)) for name, value in controller.properties.items() if name not in _NUMBERS)
            )
            own = controller.id if touched else None
            key = (controller.model, controller.numa, controller.hotplug, properties, own, pin)
            plain.setdefault(key, []).append(controller)
        for controllers in plain.values():
            self.units.append(Unit(tuple(controllers), CONTROLLERS[controllers[0].model].needs))

    @property
    def _tracks_switches(self) -> bool:
        return any(kind.near_switch is not None for kind in self._kinds())

    def _kinds(self) -> Iterator[Kind]:
        yield from self.items.free
        yield from (occupant.item.kind for occupant in self.items.pinned)

    def _existing(
        self, controller: Controller | None, where: Where, offer: Offer, *, hot: bool, **traits: object
    ) -> BusClass:
        """The class of one bus that has content of its own."""
        bus = self.guest.platform.root if controller is None else controller.id
        model = self.guest.platform.bus if controller is None else CONTROLLERS[controller.model].bus
        first, last = model.first_slot, model.last_slot
        if controller is None:
            first, last = self.guest.platform.first_slot, self.guest.platform.last_slot
        one = BusClass(
            offer=offer,
            model=None if controller is None else controller.model,
            where=where,
            slots=slot_kinds(self.tree, bus, first, last, hot=hot, express=model.express),
            hot=hot,
            names=() if controller is None else (controller.id,),
        )
        base = pinned_base(self.tree, bus, one.place, where, hot=hot, port=offer is Offer.PORT)
        if base.io and traits.get("closed_io"):
            raise Impossible("reserves", one.names)
        one.base_weight, one.base_io, one.base_functions = base.weight, base.io, base.functions
        for name, value in traits.items():
            setattr(one, name, value)
        self.classes.append(one)
        return one

    def _pinned_below(self, parent: BusClass, bus: str) -> None:
        """Everything pinned on a bus, and inside that."""
        for controller in self.tree.inside.get(bus, []):
            child = self._controller(controller, self._level(parent, controller), parent=parent)
            child.unit = parent.unit
            self._pinned_below(child, controller.id)

    def _level(self, parent: BusClass, controller: Controller) -> Where:
        if CONTROLLERS[controller.model].is_expander:
            return Where(controller.id, node_of(controller), expander=True, depth=1)
        tracked = self._tracks_switches and controller.model == "x3130-upstream"
        where = parent.below(switch=controller.id if tracked else None)
        if controller.numa is not None and controller.numa != where.node:
            raise Impossible("numa", (controller.id,))
        return where

    def _controller(self, controller: Controller, where: Where, **traits: object) -> BusClass:
        shpc = controller.properties.get("shpc", True) not in (False, "off")
        hot = takes_hotplug(self.guest, controller.model, where, on=controller.hotplug, shpc=shpc)
        model = CONTROLLERS[controller.model]
        offer = Offer.EXPANDER if controller.model == "pxb-pcie" else OFFERS[model.bus]
        return self._existing(controller, where, offer, hot=hot, **self._io_traits(controller), **traits)

    def _io_traits(self, controller: Controller) -> dict[str, object]:
        shpc = controller.model == "pcie-pci-bridge" or (
            controller.model == "pci-bridge" and controller.properties.get("shpc", True) not in (False, "off")
        )
        reserve = controller.properties.get("io-reserve")
        quirk = self._ports_reserve and controller.hotplug and controller.model == "pcie-root-port"
        asked = int(reserve) if isinstance(reserve, int) else PAGE if quirk and reserve is None else 0
        hot = shpc if controller.model == "pci-bridge" else controller.hotplug and self._ports_look_hot
        heeded = hot or self.guest.firmware.name == "seabios"
        return {
            "reserve": pages(asked) if heeded else 0,
            "closed_io": reserve == 0 and reserve is not False,
            "shpc": shpc and shpc_costs(self.guest),
            "reserving": heeded and controller.model == "pcie-root-port",
            "bus_reserve": _bus_reserve(controller),
        }

    @property
    def _ports_reserve(self) -> bool:
        """Whether root ports open a page by themselves."""
        return self.guest.platform.port_io_reserve and self.guest.firmware.name == "seabios"

    @property
    def _ports_look_hot(self) -> bool:
        """Whether the firmware heeds the reserve of a port with hotplug on."""
        return self.guest.firmware.name == "seabios" or not self.guest.platform.port_io_reserve

    # ---- expanders

    def _movable_expanders(self, root: BusClass) -> None:
        for controller in self.guest.controllers:
            pin = self.items.controller_pins.get(controller.id)
            if CONTROLLERS[controller.model].is_expander and (pin is None or pin.bus is None):
                if pin is not None and pin.function:
                    raise Impossible("function-zero", (controller.id,))
                expander = self._controller(controller, self._level(root, controller), hosts=[root], movable=True)
                self._pinned_below(expander, controller.id)

    def _created_expanders(self, root: BusClass) -> None:
        nodes = {kind.numa for kind in self.items.free}
        nodes |= {c.numa for c in self.guest.controllers if not CONTROLLERS[c.model].is_expander}
        model = "pxb-pcie" if self.guest.platform.family == "q35" else "pxb"
        for node in sorted(node for node in nodes if node is not None):
            where = Where(f"node {node}", node, expander=True, depth=1)
            offer = Offer.EXPANDER if model == "pxb-pcie" else Offer.CONVENTIONAL
            expander = self._create(model, offer, where, CONTROLLERS[model].bus, most=1)
            self._host(expander, root)
            expander.nest = 0

    # ---- levels

    def _create(
        self, model: str, offer: Offer, where: Where, bus: BusModel, most: int = 255, part: int | None = None
    ) -> BusClass:
        """A created class, or the one that is known for that level. `part` is one IO bus of the exact IO model."""
        key = (model, where, part)
        if key not in self._known:
            outside_with_acpi = not where.expander and self.guest.platform.acpi_bridge_hotplug
            hot = takes_hotplug(self.guest, model, where, on=True, shpc=True)
            numbers = tuple(range(bus.first_slot, bus.last_slot + 1))
            one = BusClass(
                offer=offer,
                model=model,
                where=where,
                slots=(SlotKind(ALL, Join.EMPTY, has_zero=False, cost=0, hot=hot, numbers=numbers),),
                hot=hot,
                created=True,
                most=most,
                reserve=int(self._ports_reserve and model == "pcie-root-port"),
                shpc=(model == "pcie-pci-bridge" and shpc_costs(self.guest))
                or (model == "pci-bridge" and self._empty_costs(where)),
                shpc_optional=model == "pci-bridge" and outside_with_acpi,
                reserving=model == "pcie-root-port" and self._ports_look_hot,
                part=part,
                dry=self.scope.exact_io and offer is Offer.CONVENTIONAL and part is None,
                nest=1 << 30,
            )
            self._known[key] = one
            self.classes.append(one)
        return self._known[key]

    def _empty_costs(self, where: Where) -> bool:
        """Whether a created pci-bridge opens a window for being empty, unless SHPC is off."""
        chain = useful_chain(self.guest, self.items, expander=where.expander)
        return shpc_costs(self.guest) and (self.scope.chains or chain <= BRIDGE_LEVELS)

    def _grow(self, host: BusClass) -> None:
        """Whatever may hang on this class."""
        host.left = self._left(host)
        if host.offer in (Offer.ROOT, Offer.EXPANDER) and self.guest.platform.family == "q35":
            self._hang(host, "pcie-root-port", created=self.scope.ports)
            self._move(host, Need.ROOT_PORT | Need.DMI_TO_PCI_BRIDGE)
        if host.offer is Offer.PORT:
            switch_levels = self._switch_levels
            self._hang(host, "pcie-pci-bridge", created=self.scope.bridges)
            self._hang(host, "x3130-upstream", created=self.scope.switches and _nest(host) < switch_levels)
            self._move(
                host, Need.PCIE_TO_PCI_BRIDGE | (Need.UPSTREAM_PORT if _nest(host) <= switch_levels else Need(0))
            )
        if host.offer is Offer.SWITCH:
            self._hang(host, "xio3130-downstream", created=True)
            if _nest(host) <= self._switch_levels:
                self._move(host, Need.DOWNSTREAM_PORT)
        if host.offer is Offer.CONVENTIONAL or (host.offer is Offer.ROOT and self.guest.platform.family == "pc"):
            self._nested_bridges(host)

    def _left(self, bus: BusClass) -> int:
        """Bus numbers that there may be below a class: fewer a level, and fewer than its bus-reserve."""
        if bus.model is None or not self.scope.numbers:
            return bus.left
        above = bus.hosts if bus.parent is None else [bus.parent]
        left = max(host.left for host in above) - CONTROLLERS[bus.model].bus_numbers
        return left if bus.bus_reserve is None else min(left, bus.bus_reserve - 1)

    @property
    def _switch_levels(self) -> int:
        """One created, and every demanded switch that moves: by itself, or with the unit that it is pinned in."""
        return 1 + sum(self._switches(controller) for unit in self.units for controller in unit.controllers)

    def _switches(self, controller: Controller) -> int:
        inside = self.tree.inside.get(controller.id, [])
        return (controller.model == "x3130-upstream") + sum(map(self._switches, inside))

    def _nested_bridges(self, host: BusClass) -> None:
        if _nest(host) < self._bridge_levels(host.where.expander):
            self._hang(host, "pci-bridge", created=self.scope.bridges)
            self._move(host, Need.PCI_BRIDGE)

    def _bridge_levels(self, expander: bool) -> int:
        """How deep created pci-bridges may nest. Two levels hold all that bus numbers allow; but where an empty bridge
        opens a window unless one below it has one, a chain as long as there is use for saves windows."""
        movers = self._movers(Need.PCI_BRIDGE)
        wanted = useful_chain(self.guest, self.items, expander=expander)
        if not self.scope.chains:
            return BRIDGE_LEVELS + movers
        self.capped |= wanted > CHAIN
        return max(BRIDGE_LEVELS, min(wanted, CHAIN)) + movers

    def _movers(self, need: Need) -> int:
        return sum(len(unit.controllers) for unit in self.units if unit.needs & need)

    def _hang(self, host: BusClass, model: str, *, created: bool) -> None:
        """A created class below `host`."""
        if not created or host.left < CONTROLLERS[model].bus_numbers:
            return
        bus = CONTROLLERS[model].bus
        tracked = f"switch at {host.where}" if self._tracks_switches and model == "x3130-upstream" else None
        where = host.below(switch=tracked)
        self._host(self._create(model, OFFERS[bus], where, bus, most=1 if tracked else self._room(host)), host)
        if self.scope.exact_io and OFFERS[bus] is Offer.CONVENTIONAL:
            for part in range(self._io_buses):
                self._host(self._create(model, OFFERS[bus], where, bus, most=1, part=part), host)

    @staticmethod
    def _room(host: BusClass) -> int:
        """Controllers that the slots of `host` could hold at most; of a class with several hosts this is no bound."""
        single = host.offer in (Offer.ROOT, Offer.EXPANDER)
        return min(255, sum(slot.mask.bit_count() * slot.count for slot in host.slots)) if single else 255

    @property
    def _io_buses(self) -> int:
        """More buses with IO than windows or IO devices there cannot be."""
        budget = io_budget(self.guest.platform.family, self.guest.firmware.name)
        wet = sum(len(items) for kind, items in self.items.free.items() if any(fit.io for fit in kind.fits))
        return min(wet, budget.limit // PAGE)

    def _host(self, child: BusClass, host: BusClass) -> None:
        child.hosts.append(host)
        deeper = child.model in ("x3130-upstream", "pci-bridge")
        child.nest = min(child.nest, _nest(host) + deeper if child.model != "pcie-pci-bridge" else 0)

    def _move(self, host: BusClass, needs: Need) -> None:
        """Units that may hang on `host`: one class a level for the unit itself and each bus pinned inside it."""
        for number, unit in enumerate(self.units):
            if not unit.needs & needs:
                continue
            controller = unit.controllers[0]
            if host.unit == number and len(unit.controllers) == 1:
                continue  # inside itself
            if host.left < CONTROLLERS[controller.model].bus_numbers + (_bus_reserve(controller) or 0):
                self._crowded_out.add(number)
                continue
            tracked = self._tracks_switches and controller.model == "x3130-upstream"
            where = host.below(switch=controller.id if tracked else None)
            if controller.numa is not None and controller.numa != where.node:
                continue
            key = ("unit", number, where)
            if key not in self._known:
                variant = self._variant(number, unit, where)
                if variant is None:
                    continue
                self._known[key] = variant
            self._host(self._known[key], host)

    def _variant(self, number: int, unit: Unit, where: Where) -> BusClass | None:
        """A unit at a level, or nothing if what is pinned inside cannot be there."""
        before = len(self.classes)
        try:
            one = self._controller(
                unit.controllers[0], where, unit=number, movable=True, most=len(unit.controllers), nest=1 << 30
            )
            pin = self.items.controller_pins.get(unit.controllers[0].id)
            one.function = None if pin is None else pin.function
            one.names = tuple(controller.id for controller in unit.controllers)
            self._pinned_below(one, unit.controllers[0].id)
        except Impossible as impossible:
            if impossible.rule in _ANYWHERE:
                raise
            del self.classes[before:]
            return None
        return one


def _nest(bus: BusClass) -> int:
    """How deep a class is nested; what is pinned inside a unit is as deep as the unit, and the switches between."""
    switches = 0
    while bus.unit is not None and bus.parent is not None:
        if bus.model == "pcie-pci-bridge":
            return 0
        switches += bus.model == "x3130-upstream"
        bus = bus.parent
    return bus.nest + switches


_NUMBERS = {"chassis", "slot", "port", "chassis_nr"}
"""Properties that tell controllers apart for the guest, but not for placing."""

_ANYWHERE = {"function-zero", "address-unique"}
"""Broken wherever the unit goes."""


def _bus_reserve(controller: Controller) -> int | None:
    reserve = controller.properties.get("bus-reserve")
    return int(reserve) if isinstance(reserve, int) else None


def node_of(expander: Controller) -> int | None:
    node = expander.properties.get("numa_node", expander.numa)
    return node if isinstance(node, int) else None
