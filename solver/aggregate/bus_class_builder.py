"""Grows the bus classes of a guest: what is pinned, what is demanded, what may be created, level by level."""

from collections.abc import Callable
from dataclasses import field, replace
from functools import cached_property, partial

from ...schema.pci.controllers import CONTROLLERS, CREATED_ON, Need
from ...schema.pci.qemu_properties import integer
from ...schema.records import record
from ...schema.request.guest import Guest
from ..formulation import Formulation
from .bridge_nesting import BRIDGE_LEVELS, MAX_NESTING, useful_nesting
from .bus_class_drafts import BusClassDraft, merged
from .bus_classes import ROOT_KINDS, BusClass, BusKind, Level
from .bus_number_ranges import numbers_left
from .created_controllers import CreatedControllers
from .floating_controllers import WHEREVER_IT_IS, FloatingController, floating_controllers, switches_in
from .iommu import MOST_SPACES, OPEN_SPACE, useful_spaces
from .items import Items, wished_nodes
from .listed_controllers import KIND_OF_BUS, ListedControllers
from .nesting_order import NestingOrder
from .pins import PinConflict


@record
class BusClassBuilder:
    """Collects classes; `build` grows them until no level adds another."""

    listed: ListedControllers
    formulation: Formulation
    check: Callable[[], object] = bool
    """Called at each class: raises where there is no time left for the others."""
    units: list[FloatingController] = field(default_factory=list)
    incomplete: bool = False
    """More levels of bridges might be better still: what is found then is no proof."""
    created: CreatedControllers = field(init=False)
    _order: NestingOrder = field(default_factory=NestingOrder)
    _floating: dict[tuple[int, Level, BusClass | None], BusClassDraft] = field(default_factory=dict)
    """By unit and level; of those that have a home, by host, too."""
    _in_vain: set[tuple[str, Level]] = field(default_factory=set)
    """Models that nothing can be of on those levels: see `_is_known_in_vain`."""
    _units_above: dict[BusClass, frozenset[int]] = field(default_factory=dict)
    """By class, units of a single controller that each of its buses is inside of, wherever it hangs."""
    _refused: dict[int, PinConflict] = field(default_factory=dict)
    """What a unit breaks where it cannot be, the last that was looked at."""

    def __post_init__(self) -> None:
        self.created = CreatedControllers(self.listed, self.formulation)

    @property
    def guest(self) -> Guest:
        """The request."""
        return self.listed.guest

    @property
    def items(self) -> Items:
        """Its items."""
        return self.listed.items

    def build(self) -> list[BusClass]:
        """Raises PinConflict where a pinned part breaks a rule by itself, or a unit has no place."""
        self.units = floating_controllers(self.listed)
        self._order = NestingOrder.of(self.listed, self.units)
        root = self._finished(self.listed.root())
        self.listed.movable_expanders(root)
        drafts = self.listed.drafts
        drafts[:] = merged(drafts, self.listed.tree)
        self._created_expanders(root)
        classes: list[BusClass] = []
        known = 0
        while len(classes) < len(drafts):
            self.check()
            if len(drafts) != known:
                # what a class hangs on is of the level above: in order of depth, that is known when its turn comes
                drafts[len(classes) :] = sorted(drafts[len(classes) :], key=lambda one: one.bus.level.depth)
                known = len(drafts)
            classes.append(self._finished(drafts[len(classes)]))
            self._expand(classes[-1])
        placed = {one.floating_group for one in classes}
        for number, unit in enumerate(self.units):
            if number not in placed and not unit.optional:
                raise self._refused.get(number) or PinConflict("connect", _ids(unit))
        return classes

    def _finished(self, draft: BusClassDraft) -> BusClass:
        if self.formulation.keeps("bus-numbers"):
            bus = draft.finish(partial(numbers_left, self.guest))
        else:
            bus = draft.finish(lambda bus, _: bus.bus_numbers_left)
        above = [self._units_above[host] for host in bus.above]
        self._units_above[bus] = frozenset.intersection(*above) if above else frozenset()
        number = bus.floating_group
        if number is not None and len(self.units[number].controllers) == 1:
            self._units_above[bus] |= {number}
        return bus

    def _created_expanders(self, root: BusClass) -> None:
        model = "pxb-pcie" if self.guest.machine_model.family == "q35" else "pxb"
        for node in sorted(wished_nodes(self.guest, self.items)):
            name = f"node {node}"
            space = name if self.listed.tracks(model) else None
            where = Level(name, node, expander=True, depth=1, space=space)
            expander = self.created.at(model, where, most=1, alone=True)
            self._allow_parent(expander, root)
            expander.nesting = 0

    def _expand(self, host: BusClass) -> None:
        """Whatever may hang on this class."""
        if host.kind in ROOT_KINDS:
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
        if not self.listed.tree.homes:
            return
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
            return _nest(host) < self._bridge_levels(host, demanded=True)
        return model != "x3130-upstream" or _nest(host) <= self._switch_levels

    @property
    def _switch_levels(self) -> int:
        """One created, and every demanded switch that moves."""
        return 1 + switches_in(self.listed, self.units)

    def _nested_bridges(self, host: BusClass) -> None:
        if _nest(host) < self._bridge_levels(host):
            self._add_created(host, "pci-bridge")
        if _nest(host) < self._bridge_levels(host, demanded=True):
            self._add_floating(host, Need.PCI_BRIDGE)

    def _bridge_levels(self, host: BusClass, *, demanded: bool = False) -> int:
        """How deep pci-bridges may nest on `host`, created ones or demanded ones. Two created levels hold all that bus
        numbers allow; but where an empty bridge opens a window unless one below it has one, a chain as long as there is
        use for saves windows. The demanded ones that come later in order are not above; one of them may come next."""
        later = self._order.later(host.reserve_inside)
        movers = self._floating_count(Need.PCI_BRIDGE) - later + (demanded and later > 0)
        wanted = useful_nesting(self.guest, self.items, acpi_reaches=host.level.acpi_reaches)
        if not self.formulation.chains:
            return BRIDGE_LEVELS + movers
        self.incomplete |= wanted > MAX_NESTING
        return max(BRIDGE_LEVELS, min(wanted, MAX_NESTING)) + movers

    def _floating_count(self, need: Need) -> int:
        return sum(len(unit.controllers) for unit in self.units if unit.needs.meets(need))

    def _add_created(self, host: BusClass, model: str) -> None:
        """A created class below `host`, if that has a slot for it and the machine has such controllers unasked."""
        if model not in CREATED_ON[self.guest.machine_model.family]:
            return
        if host.bus_numbers_left < CONTROLLERS[model].bus_numbers or not any(slot.mask for slot in host.slots):
            return
        bridge = KIND_OF_BUS[CONTROLLERS[model].bus] is BusKind.CONVENTIONAL
        where = self.listed.below(host, model, None if bridge else f"switch at {host.level}")
        if self._is_known_in_vain(host, model, where):
            return
        most = self.created.room(host) if bridge or not self.listed.tracks(model) else 1
        self._allow_parent(self.created.at(model, where, most), host)
        if self.formulation.exact_io and bridge:
            for number in range(self.created.io_buses):
                self._allow_parent(self.created.at(model, where, most=1, io_bus_number=number), host)
        if bridge and host.kind is not BusKind.CONVENTIONAL and where.space is None and self.listed.tracks(model):
            self._add_spaces(host, model, where)

    def _is_known_in_vain(self, host: BusClass, model: str, where: Level) -> bool:
        """Whether none can be there, as the slots of `host` are taken, and a class of the same kind is there already
        which differs only in whose reserve it is inside: below ports with a device each, say. One such class is kept:
        what could sit nowhere else then is short of slots, and not without any place that takes it."""
        if any(slot.holds(model) for slot in host.slots):
            return False
        alike = model, where if where.reserve_above is None else replace(where, reserve_above=None)
        known = alike in self._in_vain
        self._in_vain.add(alike)
        return known

    def _add_spaces(self, host: BusClass, model: str, where: Level) -> None:
        """Bridges one by one, each with an address space of its own; behind the others no device of the host sits."""
        for own in self._spaces:
            self._allow_parent(self.created.at(model, replace(where, space=own), most=1, alone=True), host)

    @cached_property
    def _spaces(self) -> list[str]:
        """Names of address spaces that topmost conventional bridges may offer; whose each is, is open."""
        wanted = useful_spaces(self.items, cheapest=self.formulation.cheapest_only)
        self.incomplete |= wanted > MOST_SPACES
        return [f"{OPEN_SPACE} {number}" for number in range(min(wanted, MOST_SPACES))]

    def _allow_parent(self, child: BusClassDraft, host: BusClass) -> None:
        child.may_hang_on(host)
        deeper = child.bus.model in ("x3130-upstream", "pci-bridge")
        child.nesting = min(child.nesting, _nest(host) + deeper if child.bus.model != "pcie-pci-bridge" else 0)

    def _add_floating(self, host: BusClass, needs: Need) -> None:
        """Units that may hang on `host`: one class a level for the unit itself and each bus pinned inside it."""
        for number, unit in enumerate(self.units):
            if unit.needs.meets(needs):
                self._add_floating_one(host, number)

    def _add_floating_one(self, host: BusClass, number: int, home: int | None = None) -> None:
        """A unit that may hang on `host`: anywhere, or in the slot that is its home."""
        unit = self.units[number]
        controller = unit.controllers[0]
        if number in self._units_above[host]:
            return  # inside itself
        reserve = integer(controller.properties, "bus-reserve") or 0
        if host.bus_numbers_left < CONTROLLERS[controller.model].bus_numbers + reserve:
            self._refused.setdefault(number, PinConflict("bus-numbers", _ids(unit)))
            return
        where = self.listed.below(host, controller.model, controller.id)
        if not self._order.allows(number, where) or (controller.numa is not None and controller.numa != where.node):
            return
        if len(unit.controllers) == 1 and self.listed.tracks_inside(controller):
            where = replace(where, reserve_above=None)  # what is inside it is told apart by itself
        # of a topmost conventional bridge it is open whether it has one of the address spaces that host devices take
        spaces = (None, *self._spaces) if where.space == controller.id else (where.space,)
        for space in spaces:
            self._add_variant(host, number, replace(where, space=space), home)

    def _add_variant(self, host: BusClass, number: int, where: Level, home: int | None) -> None:
        """A unit on `host` at that level, which may be known already."""
        unit = self.units[number]
        key = (number, where, None if home is None else host)
        if key not in self._floating:
            variant = self._floating_at(number, unit, where)
            if variant is None:
                return
            variant.settle(optional=unit.optional, home=home)
            self._floating[key] = variant
        self._allow_parent(self._floating[key], host)

    def _floating_at(self, number: int, unit: FloatingController, where: Level) -> BusClassDraft | None:
        """A unit at a level, or nothing if what is pinned inside cannot be there."""
        drafts = self.listed.drafts
        before = len(drafts)
        try:
            one = self.listed.controller(unit.controllers[0], where)
            pin = self.items.controller_pins.get(unit.controllers[0].id)
            one.nesting = 1 << 30
            one.settle(
                floating_group=number,
                is_floating=True,
                function=None if pin is None else pin.function,
                listed_ids=_ids(unit),
                max_count=len(unit.controllers),
            )
            self.listed.pinned_below(one, unit.controllers[0].id)
        except PinConflict as impossible:
            if impossible.rule in WHEREVER_IT_IS:
                raise
            del drafts[before:]
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
