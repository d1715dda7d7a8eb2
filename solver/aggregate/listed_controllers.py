"""Bus classes of what the request itself puts there: the root bus, listed controllers, and what is pinned inside."""

from dataclasses import dataclass, field, fields, replace

from ...schema.firmware.pieces import NONE
from ...schema.pci.controllers import CONTROLLERS, HOTPLUG_BRIDGE, PLAIN_BRIDGE, PORT, SWITCH
from ...schema.request.device import Controller
from ...schema.request.guest import Guest
from .bus_classes import BusClass, BusKind, Level, SharedBy, takes_hotplug
from .controller_reserves import ControllerReserves, has_shpc, least_reserves
from .items import Items
from .pins import Occupancy, PinConflict, pinned_base, slot_kinds

KIND_OF_BUS = {
    PORT: BusKind.PORT,
    SWITCH: BusKind.SWITCH,
    HOTPLUG_BRIDGE: BusKind.CONVENTIONAL,
    PLAIN_BRIDGE: BusKind.CONVENTIONAL,
}


@dataclass(slots=True)
class ListedControllers:
    """Makes these classes, each bus with its own content a class of its own, and adds them to `classes`."""

    guest: Guest
    items: Items
    tree: Occupancy
    copies: int = 1
    """See SlotKind."""
    classes: list[BusClass] = field(default_factory=list)
    tracks_switches: bool = field(init=False)
    """Whether it matters below which switch a bus is."""
    _keeps_room: bool = field(init=False)
    """Whether room is kept behind conventional bridges for spare slots."""

    def __post_init__(self) -> None:
        kinds = (*self.items.free, *(occupant.item.kind for occupant in self.items.pinned))
        self.tracks_switches = any(kind.near_switch is not None for kind in kinds)
        spares = (spare for spare in self.guest.spare if spare.kind == "pci" and spare.count)
        self._keeps_room = any(spare.io or spare.memory for spare in spares)

    def copies_on(self, offer: BusKind) -> int:
        """Of each empty slot; a port has one."""
        return 1 if offer is BusKind.PORT else self.copies

    def root(self) -> BusClass:
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
                expander.possible_parents, expander.is_floating = [root], True
                expander.optional, expander.home = controller in optional, homes.get(controller.id)
                self.pinned_below(expander, controller.id)

    def controller(self, controller: Controller, where: Level) -> BusClass:
        """The class of one listed controller at a level; of several readings each measure that asks least."""
        readings = self.items.open.readings.get(controller.id, (controller,))
        hot = any(takes_hotplug(self.guest, one.model, where, on=one.hotplug, shpc=has_shpc(one)) for one in readings)
        expander = controller.model == "pxb-pcie"
        offer = BusKind.EXPANDER if expander else KIND_OF_BUS[CONTROLLERS[controller.model].bus]
        reserves = least_reserves(self.guest, readings)
        if not self.items.memory:
            reserves = replace(reserves, kept_memory=NONE)
        return self._bus(controller, where, offer, reserves, hot=hot)

    def pinned_below(self, parent: BusClass, bus: str) -> None:
        """Everything pinned on a bus, and inside that."""
        for controller in self.tree.inside.get(bus, []):
            child = self.controller(controller, self._level(parent, controller))
            child.parent, child.floating_group = parent, parent.floating_group
            self.pinned_below(child, controller.id)

    def _level(self, parent: BusClass, controller: Controller) -> Level:
        if CONTROLLERS[controller.model].is_expander:
            return Level(controller.id, controller.numa, expander=True, depth=1)
        where = self.below(parent, controller.model, controller.id)
        if controller.numa is not None and controller.numa != where.node:
            raise PinConflict("numa", (controller.id,))
        return where

    def tracks(self, model: str) -> bool:
        """Whether it matters below which controller of that model a bus is."""
        return self.tracks_switches and model == "x3130-upstream"

    def below(self, host: BusClass, model: str, name: str) -> Level:
        """The level of a controller on `host`, which has that name where it is told from others of its model."""
        keeper = self._keeps_room and model == "pcie-pci-bridge"
        return host.child_level(switch=name if self.tracks(model) else None, keeper=keeper)

    def _bus(
        self, controller: Controller | None, where: Level, offer: BusKind, reserves: ControllerReserves, *, hot: bool
    ) -> BusClass:
        platform = self.guest.machine_model
        bus = platform.root if controller is None else controller.id
        model = platform.bus if controller is None else CONTROLLERS[controller.model].bus
        first, last = model.first_slot, model.last_slot
        if controller is None:
            first, last = platform.first_slot, platform.last_slot
        slots = slot_kinds(self.tree, bus, first, last, hot=hot, express=model.express)
        one = BusClass(
            kind=offer,
            model=None if controller is None else controller.model,
            level=where,
            slots=tuple(
                replace(one, copies=self.copies_on(offer)) if one.join is SharedBy.EMPTY else one for one in slots
            ),
            takes_hotplug=hot,
            listed_ids=() if controller is None else (controller.id,),
            io_reserve_pages=reserves.io_reserve_pages,
            forwards_no_io=reserves.forwards_no_io,
            shpc=reserves.shpc,
            room=reserves.room,
            bus_reserve=reserves.bus_reserve,
            kept_memory=reserves.kept_memory,
        )
        base = pinned_base(self.tree, bus, one.place, where, hot=hot, port=offer is BusKind.PORT)
        if base.io and one.forwards_no_io:
            raise PinConflict("reserves", one.listed_ids)
        one.base_weight, one.base_io, one.base_functions = base.weight, base.io, base.functions
        one.base_memory, one.base_window = base.memory, base.window
        self.classes.append(one)
        return one


ALIKE = tuple(one.name for one in fields(BusClass) if one.name not in ("listed_ids", "max_count", "possible_parents"))
"""Fields in which buses of one class do not differ: all but who they are; what is pinned has no `possible_parents`."""


def merged(classes: list[BusClass], tree: Occupancy) -> list[BusClass]:
    """The classes, with empty ports pinned side by side as one."""
    by_looks: dict[tuple[object, ...], BusClass] = {}
    kept: list[BusClass] = []
    for one in classes:
        if not _is_empty_port(one, tree):
            kept.append(one)
            continue
        looks = tuple(getattr(one, name) for name in ALIKE)
        if looks in by_looks:
            by_looks[looks].listed_ids += one.listed_ids
            by_looks[looks].max_count += 1
        else:
            by_looks[looks] = one
            kept.append(one)
    there = set(kept)
    for one in kept:
        one.possible_parents = [host for host in one.possible_parents if host in there]
    return kept


def _is_empty_port(one: BusClass, tree: Occupancy) -> bool:
    """Whether it is a pinned port with nothing inside, and of no matter to what is below: `Level.reserve_above`."""
    pinned = one.parent is not None and one.floating_group is None and one.kind is BusKind.PORT
    plain = not one.base_functions and not one.is_tracked
    empty = all(slot.join is SharedBy.EMPTY for slot in one.slots)
    return pinned and plain and empty and one.listed_ids[0] not in tree.inside and one.listed_ids[0] not in tree.homes
