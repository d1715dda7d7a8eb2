"""Grows the bus classes of a guest: what is pinned, what is demanded, what may be created, level by level."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ...schema.firmware.budget import PAGE, io_budget
from ...schema.pci.address import BUS_NUMBERS
from ...schema.pci.controllers import CONTROLLERS, BusModel, Need
from ...schema.pci.qemu_properties import integer
from ...schema.request.guest import Guest
from ..formulation import Formulation
from .bridge_nesting import BRIDGE_LEVELS, MAX_NESTING, shpc_costs, turns_shpc_off, useful_nesting
from .bus_classes import ALL_FUNCTIONS, NO_ROOM, BusClass, BusKind, KeptRoom, Level, SharedBy, SlotKind, takes_hotplug
from .bus_number_ranges import numbers_left
from .controller_reserves import ports_look_hot, ports_reserve
from .floating_controllers import WHEREVER_IT_IS, FloatingController, floating_controllers, switches_in
from .items import Items, wished_nodes
from .listed_controllers import KIND_OF_BUS, ListedControllers, merged
from .pins import PinConflict


@dataclass(slots=True)
class BusClassBuilder:
    """Collects classes; `run` grows until no level adds another."""

    listed: ListedControllers
    formulation: Formulation
    check: Callable[[], object] = bool
    """Called at each class: raises where there is no time left for the others."""
    units: list[FloatingController] = field(default_factory=list)
    incomplete: bool = False
    """More levels of bridges might be better still: what is found then is no proof."""
    _known: dict[tuple[object, ...], BusClass] = field(default_factory=dict)
    _refused: dict[int, PinConflict] = field(default_factory=dict)
    """What a unit breaks where it cannot be, the last that was looked at."""

    @property
    def guest(self) -> Guest:
        """The request."""
        return self.listed.guest

    @property
    def items(self) -> Items:
        """Its items."""
        return self.listed.items

    @property
    def classes(self) -> list[BusClass]:
        """The bus classes there are until now."""
        return self.listed.classes

    def build(self) -> list[BusClass]:
        """Raises PinConflict where a pinned part breaks a rule by itself, or a unit has no place."""
        self.units = floating_controllers(self.listed)
        root = self.listed.root()
        self.listed.movable_expanders(root)
        self._created_expanders(root)
        queue = 0
        while queue < len(self.classes):
            self.check()
            # classes only ever hang on classes of the level above, so levels are complete in order of depth
            self.classes[queue:] = sorted(self.classes[queue:], key=lambda one: one.level.depth)
            self._expand(self.classes[queue])
            queue += 1
        placed = {one.floating_group for one in self.classes}
        for number, unit in enumerate(self.units):
            if number not in placed and not unit.optional:
                raise self._refused.get(number) or PinConflict("connect", _ids(unit))
        return merged(self.classes, self.listed.tree)

    def _created_expanders(self, root: BusClass) -> None:
        model = "pxb-pcie" if self.guest.machine_model.family == "q35" else "pxb"
        for node in sorted(wished_nodes(self.guest, self.items)):
            where = Level(f"node {node}", node, expander=True, depth=1)
            offer = BusKind.EXPANDER if model == "pxb-pcie" else BusKind.CONVENTIONAL
            expander = self._create(model, offer, where, CONTROLLERS[model].bus, most=1)
            self._allow_parent(expander, root)
            expander.nesting = 0

    def _create(
        self, model: str, offer: BusKind, where: Level, bus: BusModel, most: int, part: int | None = None
    ) -> BusClass:
        """A created class, or the one that is known for that level. `part` is one IO bus of the exact IO model."""
        key = (model, where, part)
        if key not in self._known:
            hot = takes_hotplug(self.guest, model, where, on=True, shpc=True)
            numbers = tuple(range(bus.first_slot, bus.last_slot + 1))
            copies = self.listed.copies_on(offer)
            one = BusClass(
                kind=offer,
                model=model,
                level=where,
                slots=(
                    SlotKind(
                        ALL_FUNCTIONS,
                        SharedBy.EMPTY,
                        has_zero=False,
                        cost=0,
                        takes_hotplug=hot,
                        numbers=numbers,
                        copies=copies,
                    ),
                ),
                takes_hotplug=hot,
                created=True,
                max_count=most,
                io_reserve_pages=int(ports_reserve(self.guest) and model == "pcie-root-port"),
                shpc=(model == "pcie-pci-bridge" and shpc_costs(self.guest))
                or (model == "pci-bridge" and self._empty_costs(where)),
                shpc_optional=model == "pci-bridge" and where.acpi_reaches and turns_shpc_off(self.guest),
                room=KeptRoom() if self._keeps_room(model) else NO_ROOM,
                io_bus_number=part,
                without_io_devices=self.formulation.exact_io and offer is BusKind.CONVENTIONAL and part is None,
                nesting=1 << 30,
            )
            self._known[key] = one
            self.classes.append(one)
        return self._known[key]

    def _keeps_room(self, model: str) -> bool:
        """Whether the firmware heeds the reserves of a created one, which keeps its SHPC where it has spare slots."""
        return model == "pci-bridge" or (model == "pcie-root-port" and ports_look_hot(self.guest))

    def _empty_costs(self, where: Level) -> bool:
        """Whether a created pci-bridge opens a window for being empty, unless SHPC is off."""
        chain = useful_nesting(self.guest, self.items, acpi_reaches=where.acpi_reaches)
        return shpc_costs(self.guest) and (self.formulation.chains or chain <= BRIDGE_LEVELS)

    def _expand(self, host: BusClass) -> None:
        """Whatever may hang on this class."""
        if self.formulation.keeps("bus-numbers"):
            host.bus_numbers_left = numbers_left(self.guest, host)
        if host.kind in (BusKind.ROOT, BusKind.EXPANDER) and self.guest.machine_model.family == "q35":
            self._add_created(host, "pcie-root-port")
            self._add_floating(host, Need.ROOT_PORT | Need.DMI_TO_PCI_BRIDGE)
        if host.kind is BusKind.PORT:
            switch_levels = self._switch_levels
            self._add_created(host, "pcie-pci-bridge")
            if self.formulation.switches and _nest(host) < switch_levels:
                self._add_created(host, "x3130-upstream")
            self._add_floating(
                host, Need.PCIE_TO_PCI_BRIDGE | (Need.UPSTREAM_PORT if _nest(host) <= switch_levels else Need(0))
            )
        if host.kind is BusKind.SWITCH:
            self._add_created(host, "xio3130-downstream")
            if _nest(host) <= self._switch_levels:
                self._add_floating(host, Need.DOWNSTREAM_PORT)
        if host.kind is BusKind.CONVENTIONAL or (host.kind is BusKind.ROOT and self.guest.machine_model.family == "pc"):
            self._nested_bridges(host)
        self._home(host)

    def _home(self, host: BusClass) -> None:
        """Units that a pin puts on this class which need not be kept."""
        name = (
            host.listed_ids[0]
            if len(host.listed_ids) == 1
            else self.guest.machine_model.root
            if host.model is None
            else None
        )
        numbers = {unit.controllers[0].id: number for number, unit in enumerate(self.units)}
        for slot, homes in self.listed.tree.homes.get(str(name), {}).items():
            for home in homes:
                number = numbers.get(home.ids[0])
                if number is not None and self._may_nest(host, home.controller):
                    self._add_floating_one(host, number, slot)

    def _may_nest(self, host: BusClass, model: str) -> bool:
        """Units inside each other are never nested deeper than there are of them."""
        if model == "pci-bridge":
            return _nest(host) < self._bridge_levels(host.level.acpi_reaches)
        return model != "x3130-upstream" or _nest(host) <= self._switch_levels

    @property
    def _switch_levels(self) -> int:
        """One created, and every demanded switch that moves."""
        return 1 + switches_in(self.listed, self.units)

    def _nested_bridges(self, host: BusClass) -> None:
        if _nest(host) < self._bridge_levels(host.level.acpi_reaches):
            self._add_created(host, "pci-bridge")
            self._add_floating(host, Need.PCI_BRIDGE)

    def _bridge_levels(self, acpi_reaches: bool) -> int:
        """How deep created pci-bridges may nest. Two levels hold all that bus numbers allow; but where an empty bridge
        opens a window unless one below it has one, a chain as long as there is use for saves windows."""
        movers = self._floating_count(Need.PCI_BRIDGE)
        wanted = useful_nesting(self.guest, self.items, acpi_reaches=acpi_reaches)
        if not self.formulation.chains:
            return BRIDGE_LEVELS + movers
        self.incomplete |= wanted > MAX_NESTING
        return max(BRIDGE_LEVELS, min(wanted, MAX_NESTING)) + movers

    def _floating_count(self, need: Need) -> int:
        return sum(len(unit.controllers) for unit in self.units if unit.needs & need)

    def _add_created(self, host: BusClass, model: str) -> None:
        """A created class below `host`, if that has a slot for it."""
        if host.bus_numbers_left < CONTROLLERS[model].bus_numbers or not any(slot.mask for slot in host.slots):
            return
        bus = CONTROLLERS[model].bus
        where = self.listed.below(host, model, f"switch at {host.level}")
        most = 1 if self.listed.tracks(model) else self._room(host)
        self._allow_parent(self._create(model, KIND_OF_BUS[bus], where, bus, most), host)
        if self.formulation.exact_io and KIND_OF_BUS[bus] is BusKind.CONVENTIONAL:
            for part in range(self._io_buses):
                self._allow_parent(self._create(model, KIND_OF_BUS[bus], where, bus, most=1, part=part), host)

    def _room(self, host: BusClass) -> int:
        """Controllers that the slots of `host` could hold at most; of a class with several hosts this is no bound."""
        single = host.kind in (BusKind.ROOT, BusKind.EXPANDER)
        slots = sum(slot.mask.bit_count() * slot.count for slot in host.slots)
        return min(self._most, slots) if single else self._most

    @property
    def _most(self) -> int:
        """Controllers of a class: each takes a bus number. If those may not run out, one for all that is listed."""
        return BUS_NUMBERS - 1 if self.formulation.keeps("bus-numbers") else max(BUS_NUMBERS - 1, self.items.number)

    @property
    def _io_buses(self) -> int:
        """More buses with IO than windows or IO devices there cannot be, nor with reserves than spare slots."""
        budget = io_budget(self.guest.machine_model, self.guest.firmware.name)
        wet = sum(len(items) for kind, items in self.items.free.items() if any(fit.io for fit in kind.fits))
        reserving = sum(len(items) for kind, items in self.items.free.items() if kind.spare and kind.spare.memory)
        return (min(wet, budget.limit // PAGE) if self.formulation.keeps("io-space") else wet) + reserving

    def _allow_parent(self, child: BusClass, host: BusClass) -> None:
        child.possible_parents.append(host)
        deeper = child.model in ("x3130-upstream", "pci-bridge")
        child.nesting = min(child.nesting, _nest(host) + deeper if child.model != "pcie-pci-bridge" else 0)

    def _add_floating(self, host: BusClass, needs: Need) -> None:
        """Units that may hang on `host`: one class a level for the unit itself and each bus pinned inside it."""
        for number, unit in enumerate(self.units):
            if unit.needs & needs:
                self._add_floating_one(host, number)

    def _add_floating_one(self, host: BusClass, number: int, home: int | None = None) -> None:
        """A unit that may hang on `host`: anywhere, or in the slot that is its home."""
        unit = self.units[number]
        controller = unit.controllers[0]
        if host.floating_group == number and len(unit.controllers) == 1:
            return  # inside itself
        reserve = integer(controller.properties, "bus-reserve") or 0
        if host.bus_numbers_left < CONTROLLERS[controller.model].bus_numbers + reserve:
            self._refused.setdefault(number, PinConflict("bus-numbers", _ids(unit)))
            return
        where = self.listed.below(host, controller.model, controller.id)
        if controller.numa is not None and controller.numa != where.node:
            return
        key = ("unit", number, where) if home is None else ("home", number, host)
        if key not in self._known:
            variant = self._floating_at(number, unit, where)
            if variant is None:
                return
            variant.optional, variant.home = unit.optional, home
            self._known[key] = variant
        self._allow_parent(self._known[key], host)

    def _floating_at(self, number: int, unit: FloatingController, where: Level) -> BusClass | None:
        """A unit at a level, or nothing if what is pinned inside cannot be there."""
        before = len(self.classes)
        try:
            one = self.listed.controller(unit.controllers[0], where)
            one.floating_group, one.is_floating = number, True
            one.max_count, one.nesting = len(unit.controllers), 1 << 30
            pin = self.items.controller_pins.get(unit.controllers[0].id)
            one.function = None if pin is None else pin.function
            one.listed_ids = tuple(controller.id for controller in unit.controllers)
            self.listed.pinned_below(one, unit.controllers[0].id)
        except PinConflict as impossible:
            if impossible.rule in WHEREVER_IT_IS:
                raise
            del self.classes[before:]
            self._refused[number] = impossible
            return None
        return one


def _ids(unit: FloatingController) -> tuple[str, ...]:
    return tuple(controller.id for controller in unit.controllers)


def _nest(bus: BusClass) -> int:
    """How deep a class is nested; what is pinned inside a unit is as deep as the unit, and the switches between."""
    switches = 0
    while bus.floating_group is not None and bus.parent is not None:
        if bus.model == "pcie-pci-bridge":
            return 0
        switches += bus.model == "x3130-upstream"
        bus = bus.parent
    return bus.nesting + switches
