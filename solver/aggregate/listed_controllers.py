"""Bus classes of what the request itself puts there: the root bus, listed controllers, and what is pinned inside."""

from collections.abc import Sequence
from dataclasses import field

from ...schema.firmware.pieces import NONE, Memory
from ...schema.pci.controllers import CONTROLLERS, HOTPLUG_BRIDGE, PCIE_EXPANDER_BUS, PLAIN_BRIDGE, PORT, SWITCH
from ...schema.records import record
from ...schema.request.device import Controller
from ...schema.request.guest import Guest
from . import iommu
from .bus_class_drafts import BusClassDraft
from .bus_classes import PLACE_ON, BusClass, BusKind, Level, SlotKind, depends_on_content, takes_hotplug
from .controller_reserves import ControllerReserves, LeastReserves, has_shpc
from .items import Items
from .pins import Occupancy, PinConflict, pinned_base, slot_kinds

KIND_OF_BUS = {
    PCIE_EXPANDER_BUS: BusKind.EXPANDER,
    PORT: BusKind.PORT,
    SWITCH: BusKind.SWITCH,
    HOTPLUG_BRIDGE: BusKind.CONVENTIONAL,
    PLAIN_BRIDGE: BusKind.CONVENTIONAL,
}


@record
class ListedControllers:
    """Drafts these classes, each bus with its own content a class of its own, and adds them to `drafts`."""

    guest: Guest
    items: Items
    tree: Occupancy
    copies: int = 1
    """See SlotKind."""
    drafts: list[BusClassDraft] = field(default_factory=list)
    tracks_switches: bool = field(init=False)
    """Whether it matters below which switch a bus is."""
    tracks_spaces: bool = field(init=False)
    """Whether it matters whose address space a bus is in."""
    _reserves: LeastReserves = field(init=False)

    def __post_init__(self) -> None:
        self._reserves = LeastReserves(self.guest)
        kinds = (*self.items.free, *(occupant.item.kind for occupant in self.items.pinned))
        self.tracks_switches = any(kind.near_switch is not None for kind in kinds)
        self.tracks_spaces = iommu.tracks_spaces(self.guest, self.items)

    def copies_on(self, offer: BusKind) -> int:
        """Of each empty slot; a port has one."""
        return 1 if offer is BusKind.PORT else self.copies

    def root(self) -> BusClassDraft:
        """The root bus with all that is pinned below it."""
        platform = self.guest.machine_model
        where = Level(platform.root, None, expander=False, depth=0)
        root = self._bus(None, where, BusKind.ROOT, ControllerReserves(), hot=platform.root_hotplug)
        self.pinned_below(root, platform.root)
        return root

    def movable_expanders(self, root: BusClass) -> None:
        """Listed expanders without a slot: they sit on the root bus, wherever there is room."""
        homes = {one: home.slot for home in self.items.open.homes for one in home.ids}
        optional = self.items.open.controllers
        for controller in (*self.guest.controllers, *optional):
            pin = self.items.controller_pins.get(controller.id)
            if CONTROLLERS[controller.model].is_expander and (pin is None or pin.bus is None):
                if pin is not None and pin.function:
                    raise PinConflict("function-zero", (controller.id,))
                expander = self.controller(controller, self._level(root, controller))
                expander.may_hang_on(root)
                expander.settle(is_floating=True, optional=controller in optional, home=homes.get(controller.id))
                self.pinned_below(expander, controller.id)

    def controller(self, controller: Controller, where: Level) -> BusClassDraft:
        """The class of one listed controller at a level; of several readings each measure that asks least."""
        readings = self._readings(controller)
        hot = any(takes_hotplug(self.guest, one.model, where, on=one.hotplug, shpc=has_shpc(one)) for one in readings)
        offer = KIND_OF_BUS[CONTROLLERS[controller.model].bus]
        return self._bus(controller, where, offer, self._reserves.of(readings), hot=hot)

    def pinned_below(self, parent: BusClassDraft, bus: str) -> None:
        """Everything pinned on a bus, and inside that."""
        for controller in self.tree.inside.get(bus, []):
            child = self.controller(controller, self._level(parent.bus, controller))
            child.parent = parent
            if parent.bus.floating_group is not None:
                child.settle(floating_group=parent.bus.floating_group)
            self.pinned_below(child, controller.id)

    def _level(self, parent: BusClass, controller: Controller) -> Level:
        if CONTROLLERS[controller.model].is_expander:
            space = iommu.space_of_expander(controller) if self.tracks_spaces else None
            return Level(controller.id, controller.numa, expander=True, depth=1, space=space)
        where = self.below(parent, controller.model, controller.id)
        if controller.numa is not None and controller.numa != where.node:
            raise PinConflict("numa", (controller.id,))
        return where

    def tracks(self, model: str) -> bool:
        """Whether it matters below which controller of that model a bus is."""
        bridge = self.tracks_spaces and not CONTROLLERS[model].bus.express
        return bridge or (self.tracks_switches and model == "x3130-upstream")

    def tracks_inside(self, controller: Controller) -> bool:
        """Whether what is inside a controller is told apart by its reserves: see `Level.reserve_above`."""
        reserves = self._reserves.of(self._readings(controller))
        return depends_on_content(reserves.io_reserve_pages, reserves.bus_reserve, self._kept_memory(reserves))

    def _readings(self, controller: Controller) -> Sequence[Controller]:
        return self.items.open.readings.get(controller.id, (controller,))

    def _kept_memory(self, reserves: ControllerReserves) -> Memory:
        return reserves.kept_memory if self.items.memory else NONE

    def below(self, host: BusClass, model: str, name: str | None) -> Level:
        """The level of a controller on `host`, which has that name where it is told from others of its model."""
        told = name if self.tracks(model) else None
        bridge = not CONTROLLERS[model].bus.express
        ends = self.guest.machine_model.port_ends_acpi
        switch, space = (None, told) if bridge else (told, None)
        return host.child_level(ends_acpi=ends, switch=switch, bridge=space)

    def _bus(
        self, controller: Controller | None, where: Level, offer: BusKind, reserves: ControllerReserves, *, hot: bool
    ) -> BusClassDraft:
        bus = self.guest.machine_model.root if controller is None else controller.id
        slots = self._slots(bus, controller, offer, hot=hot)  # what is wrong with a slot is told first
        base = pinned_base(self.tree, bus, PLACE_ON[offer], where, hot=hot, port=offer is BusKind.PORT)
        listed_ids = () if controller is None else (controller.id,)
        if base.io and reserves.forwards_no_io:
            raise PinConflict("reserves", listed_ids)
        draft = BusClassDraft(
            BusClass(
                kind=offer,
                model=None if controller is None else controller.model,
                level=where,
                slots=slots,
                takes_hotplug=hot,
                listed_ids=listed_ids,
                io_reserve_pages=reserves.io_reserve_pages,
                forwards_no_io=reserves.forwards_no_io,
                shpc=reserves.shpc,
                room=reserves.room,
                bus_reserve=reserves.bus_reserve,
                kept_memory=self._kept_memory(reserves),
                taken=self.tree.routing_ids_taken(bus) if controller is None else frozenset(),
                base_weight=base.weight,
                base_io=base.io,
                base_functions=base.functions,
                base_memory=base.memory,
                base_window=base.window,
            )
        )
        self.drafts.append(draft)
        return draft

    def _slots(self, bus: str, controller: Controller | None, offer: BusKind, *, hot: bool) -> tuple[SlotKind, ...]:
        platform = self.guest.machine_model
        model = platform.bus if controller is None else CONTROLLERS[controller.model].bus
        first, last = model.first_slot, model.last_slot
        if controller is None:
            first, last = platform.first_slot, platform.last_slot
        copies = self.copies_on(offer)
        return slot_kinds(self.tree, bus, first, last, hot=hot, express=model.express, copies=copies)
