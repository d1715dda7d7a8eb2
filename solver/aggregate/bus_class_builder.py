"""Grows the bus classes of a guest: what is pinned, what is demanded, what may be created, level by level."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ...schema.firmware.budget import PAGE, io_budget
from ...schema.pci.controllers import CONTROLLERS, BusModel, Need
from ...schema.pci.qemu_properties import integer
from ...schema.request.guest import Guest
from .bridge_nesting import BRIDGE_LEVELS, CHAIN, long_chains, shpc_costs, turns_shpc_off, useful_chain
from .bus_classes import ALL, BUS_NUMBERS, NO_ROOM, BusClass, Join, Offer, Room, SlotKind, Where, takes_hotplug
from .bus_number_ranges import numbers_left
from .controller_reserves import ports_look_hot, ports_reserve
from .floating_controllers import ANYWHERE, Unit, switches_in, units_of
from .items import Items, wished_nodes
from .listed_controllers import OFFERS, Standing, merged
from .pins import Impossible


@dataclass(frozen=True, slots=True)
class Scope:
    """Which created controllers the model may use; the full scope is always sound."""

    switches: bool = True
    exact_io: bool = False
    """Created bridges with IO one by one, where counting them together hides a packing."""
    chains: bool = True
    """Created bridges nest as deep as that may save windows; without, two levels, and where more might save windows,
    an empty bridge opens none: no layout costs less than this model says."""
    numbers: bool = True
    """Nothing hangs where bus numbers do not reach."""
    io_space: bool = True
    """No more bridges have IO than there are windows."""


def scopes(guest: Guest, items: Items) -> list[Scope]:
    """Coarse ones first: each either settles the guest, or is told to be too coarse when its answer is judged. What one
    finds infeasible is."""
    finer = [Scope(), Scope(exact_io=True)]
    return [Scope(chains=False), *finer] if long_chains(guest, items) else finer


@dataclass(slots=True)
class Grower:
    """Collects classes; `run` grows until no level adds another."""

    standing: Standing
    scope: Scope
    check: Callable[[], object] = bool
    """Called at each class: raises where there is no time left for the others."""
    units: list[Unit] = field(default_factory=list)
    capped: bool = False
    """More levels of bridges might be better still: what is found then is no proof."""
    _known: dict[tuple[object, ...], BusClass] = field(default_factory=dict)
    _refused: dict[int, Impossible] = field(default_factory=dict)
    """What a unit breaks where it cannot be, the last that was looked at."""

    @property
    def guest(self) -> Guest:
        return self.standing.guest

    @property
    def items(self) -> Items:
        return self.standing.items

    @property
    def classes(self) -> list[BusClass]:
        return self.standing.classes

    def run(self) -> list[BusClass]:
        """Raises Impossible where a pinned part breaks a rule by itself, or a unit has no place."""
        self.units = units_of(self.standing)
        root = self.standing.root()
        self.standing.movable_expanders(root)
        self._created_expanders(root)
        queue = 0
        while queue < len(self.classes):
            self.check()
            # classes only ever hang on classes of the level above, so levels are complete in order of depth
            self.classes[queue:] = sorted(self.classes[queue:], key=lambda one: one.where.depth)
            self._grow(self.classes[queue])
            queue += 1
        placed = {one.unit for one in self.classes}
        for number, unit in enumerate(self.units):
            if number not in placed and not unit.optional:
                raise self._refused.get(number) or Impossible("connect", _ids(unit))
        return merged(self.classes, self.standing.tree)

    def _created_expanders(self, root: BusClass) -> None:
        model = "pxb-pcie" if self.guest.platform.family == "q35" else "pxb"
        for node in sorted(wished_nodes(self.guest, self.items)):
            where = Where(f"node {node}", node, expander=True, depth=1)
            offer = Offer.EXPANDER if model == "pxb-pcie" else Offer.CONVENTIONAL
            expander = self._create(model, offer, where, CONTROLLERS[model].bus, most=1)
            self._host(expander, root)
            expander.nest = 0

    def _create(
        self, model: str, offer: Offer, where: Where, bus: BusModel, most: int, part: int | None = None
    ) -> BusClass:
        """A created class, or the one that is known for that level. `part` is one IO bus of the exact IO model."""
        key = (model, where, part)
        if key not in self._known:
            hot = takes_hotplug(self.guest, model, where, on=True, shpc=True)
            numbers = tuple(range(bus.first_slot, bus.last_slot + 1))
            copies = self.standing.copies_on(offer)
            one = BusClass(
                offer=offer,
                model=model,
                where=where,
                slots=(SlotKind(ALL, Join.EMPTY, has_zero=False, cost=0, hot=hot, numbers=numbers, copies=copies),),
                hot=hot,
                created=True,
                most=most,
                reserve=int(ports_reserve(self.guest) and model == "pcie-root-port"),
                shpc=(model == "pcie-pci-bridge" and shpc_costs(self.guest))
                or (model == "pci-bridge" and self._empty_costs(where)),
                shpc_optional=model == "pci-bridge" and where.acpi_reaches and turns_shpc_off(self.guest),
                room=Room() if self._keeps_room(model) else NO_ROOM,
                part=part,
                dry=self.scope.exact_io and offer is Offer.CONVENTIONAL and part is None,
                nest=1 << 30,
            )
            self._known[key] = one
            self.classes.append(one)
        return self._known[key]

    def _keeps_room(self, model: str) -> bool:
        """Whether the firmware heeds the reserves of a created one, which keeps its SHPC where it has spare slots."""
        return model == "pci-bridge" or (model == "pcie-root-port" and ports_look_hot(self.guest))

    def _empty_costs(self, where: Where) -> bool:
        """Whether a created pci-bridge opens a window for being empty, unless SHPC is off."""
        chain = useful_chain(self.guest, self.items, acpi_reaches=where.acpi_reaches)
        return shpc_costs(self.guest) and (self.scope.chains or chain <= BRIDGE_LEVELS)

    def _grow(self, host: BusClass) -> None:
        """Whatever may hang on this class."""
        if self.scope.numbers:
            host.left = numbers_left(self.guest, host)
        if host.offer in (Offer.ROOT, Offer.EXPANDER) and self.guest.platform.family == "q35":
            self._hang(host, "pcie-root-port")
            self._move(host, Need.ROOT_PORT | Need.DMI_TO_PCI_BRIDGE)
        if host.offer is Offer.PORT:
            switch_levels = self._switch_levels
            self._hang(host, "pcie-pci-bridge")
            if self.scope.switches and _nest(host) < switch_levels:
                self._hang(host, "x3130-upstream")
            self._move(
                host, Need.PCIE_TO_PCI_BRIDGE | (Need.UPSTREAM_PORT if _nest(host) <= switch_levels else Need(0))
            )
        if host.offer is Offer.SWITCH:
            self._hang(host, "xio3130-downstream")
            if _nest(host) <= self._switch_levels:
                self._move(host, Need.DOWNSTREAM_PORT)
        if host.offer is Offer.CONVENTIONAL or (host.offer is Offer.ROOT and self.guest.platform.family == "pc"):
            self._nested_bridges(host)
        self._home(host)

    def _home(self, host: BusClass) -> None:
        """Units that a pin puts on this class which need not be kept."""
        name = host.names[0] if len(host.names) == 1 else self.guest.platform.root if host.model is None else None
        numbers = {unit.controllers[0].id: number for number, unit in enumerate(self.units)}
        for slot, homes in self.standing.tree.homes.get(str(name), {}).items():
            for home in homes:
                number = numbers.get(home.ids[0])
                if number is not None and self._may_nest(host, home.controller):
                    self._settle(host, number, slot)

    def _may_nest(self, host: BusClass, model: str) -> bool:
        """Units inside each other are never nested deeper than there are of them."""
        if model == "pci-bridge":
            return _nest(host) < self._bridge_levels(host.where.acpi_reaches)
        return model != "x3130-upstream" or _nest(host) <= self._switch_levels

    @property
    def _switch_levels(self) -> int:
        """One created, and every demanded switch that moves."""
        return 1 + switches_in(self.standing, self.units)

    def _nested_bridges(self, host: BusClass) -> None:
        if _nest(host) < self._bridge_levels(host.where.acpi_reaches):
            self._hang(host, "pci-bridge")
            self._move(host, Need.PCI_BRIDGE)

    def _bridge_levels(self, acpi_reaches: bool) -> int:
        """How deep created pci-bridges may nest. Two levels hold all that bus numbers allow; but where an empty bridge
        opens a window unless one below it has one, a chain as long as there is use for saves windows."""
        movers = self._movers(Need.PCI_BRIDGE)
        wanted = useful_chain(self.guest, self.items, acpi_reaches=acpi_reaches)
        if not self.scope.chains:
            return BRIDGE_LEVELS + movers
        self.capped |= wanted > CHAIN
        return max(BRIDGE_LEVELS, min(wanted, CHAIN)) + movers

    def _movers(self, need: Need) -> int:
        return sum(len(unit.controllers) for unit in self.units if unit.needs & need)

    def _hang(self, host: BusClass, model: str) -> None:
        """A created class below `host`, if that has a slot for it."""
        if host.left < CONTROLLERS[model].bus_numbers or not any(slot.mask for slot in host.slots):
            return
        bus = CONTROLLERS[model].bus
        where = self.standing.below(host, model, f"switch at {host.where}")
        most = 1 if self.standing.tracks(model) else self._room(host)
        self._host(self._create(model, OFFERS[bus], where, bus, most), host)
        if self.scope.exact_io and OFFERS[bus] is Offer.CONVENTIONAL:
            for part in range(self._io_buses):
                self._host(self._create(model, OFFERS[bus], where, bus, most=1, part=part), host)

    def _room(self, host: BusClass) -> int:
        """Controllers that the slots of `host` could hold at most; of a class with several hosts this is no bound."""
        single = host.offer in (Offer.ROOT, Offer.EXPANDER)
        slots = sum(slot.mask.bit_count() * slot.count for slot in host.slots)
        return min(self._most, slots) if single else self._most

    @property
    def _most(self) -> int:
        """Controllers of a class: each takes a bus number. If those may not run out, one for all that is listed."""
        return BUS_NUMBERS - 1 if self.scope.numbers else max(BUS_NUMBERS - 1, self.items.number)

    @property
    def _io_buses(self) -> int:
        """More buses with IO than windows or IO devices there cannot be, nor with reserves than spare slots."""
        budget = io_budget(self.guest.platform, self.guest.firmware.name)
        wet = sum(len(items) for kind, items in self.items.free.items() if any(fit.io for fit in kind.fits))
        reserving = sum(len(items) for kind, items in self.items.free.items() if kind.spare and kind.spare.memory)
        return (min(wet, budget.limit // PAGE) if self.scope.io_space else wet) + reserving

    def _host(self, child: BusClass, host: BusClass) -> None:
        child.hosts.append(host)
        deeper = child.model in ("x3130-upstream", "pci-bridge")
        child.nest = min(child.nest, _nest(host) + deeper if child.model != "pcie-pci-bridge" else 0)

    def _move(self, host: BusClass, needs: Need) -> None:
        """Units that may hang on `host`: one class a level for the unit itself and each bus pinned inside it."""
        for number, unit in enumerate(self.units):
            if unit.needs & needs:
                self._settle(host, number)

    def _settle(self, host: BusClass, number: int, home: int | None = None) -> None:
        """A unit that may hang on `host`: anywhere, or in the slot that is its home."""
        unit = self.units[number]
        controller = unit.controllers[0]
        if host.unit == number and len(unit.controllers) == 1:
            return  # inside itself
        reserve = integer(controller.properties, "bus-reserve") or 0
        if host.left < CONTROLLERS[controller.model].bus_numbers + reserve:
            self._refused.setdefault(number, Impossible("bus-numbers", _ids(unit)))
            return
        where = self.standing.below(host, controller.model, controller.id)
        if controller.numa is not None and controller.numa != where.node:
            return
        key = ("unit", number, where) if home is None else ("home", number, id(host))
        if key not in self._known:
            variant = self._variant(number, unit, where)
            if variant is None:
                return
            variant.optional, variant.home = unit.optional, home
            self._known[key] = variant
        self._host(self._known[key], host)

    def _variant(self, number: int, unit: Unit, where: Where) -> BusClass | None:
        """A unit at a level, or nothing if what is pinned inside cannot be there."""
        before = len(self.classes)
        try:
            one = self.standing.controller(
                unit.controllers[0], where, unit=number, movable=True, most=len(unit.controllers), nest=1 << 30
            )
            pin = self.items.controller_pins.get(unit.controllers[0].id)
            one.function = None if pin is None else pin.function
            one.names = tuple(controller.id for controller in unit.controllers)
            self.standing.pinned_below(one, unit.controllers[0].id)
        except Impossible as impossible:
            if impossible.rule in ANYWHERE:
                raise
            del self.classes[before:]
            self._refused[number] = impossible
            return None
        return one


def _ids(unit: Unit) -> tuple[str, ...]:
    return tuple(controller.id for controller in unit.controllers)


def _nest(bus: BusClass) -> int:
    """How deep a class is nested; what is pinned inside a unit is as deep as the unit, and the switches between."""
    switches = 0
    while bus.unit is not None and bus.parent is not None:
        if bus.model == "pcie-pci-bridge":
            return 0
        switches += bus.model == "x3130-upstream"
        bus = bus.parent
    return bus.nest + switches
