"""Bus classes of what the request itself puts there: the root bus, listed controllers, and what is pinned inside."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

from ...schema.pci.controllers import CONTROLLERS, HOTPLUG_BRIDGE, PLAIN_BRIDGE, PORT, SWITCH
from ...schema.request.device import Controller
from ...schema.request.guest import Guest
from .bus_classes import BusClass, Join, Offer, Where, takes_hotplug
from .controller_reserves import has_shpc, least_kept
from .items import Items
from .pins import Impossible, Tree, pinned_base, slot_kinds

OFFERS = {PORT: Offer.PORT, SWITCH: Offer.SWITCH, HOTPLUG_BRIDGE: Offer.CONVENTIONAL, PLAIN_BRIDGE: Offer.CONVENTIONAL}


@dataclass(slots=True)
class Standing:
    """Makes these classes, each bus with its own content a class of its own, and adds them to `classes`."""

    guest: Guest
    items: Items
    tree: Tree
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

    def copies_on(self, offer: Offer) -> int:
        """Of each empty slot; a port has one."""
        return 1 if offer is Offer.PORT else self.copies

    def root(self) -> BusClass:
        """The root bus with all that is pinned below it."""
        platform = self.guest.platform
        where = Where(platform.root, None, expander=False, depth=0)
        root = self._bus(None, where, Offer.ROOT, hot=platform.root_hotplug)
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
                    raise Impossible("function-zero", (controller.id,))
                expander = self.controller(controller, self._level(root, controller), hosts=[root], movable=True)
                expander.optional, expander.home = controller in optional, homes.get(controller.id)
                self.pinned_below(expander, controller.id)

    def controller(self, controller: Controller, where: Where, **traits: object) -> BusClass:
        """The class of one listed controller at a level; of several readings each measure that asks least."""
        readings = self.items.open.readings.get(controller.id, (controller,))
        hot = any(takes_hotplug(self.guest, one.model, where, on=one.hotplug, shpc=has_shpc(one)) for one in readings)
        expander = controller.model == "pxb-pcie"
        offer = Offer.EXPANDER if expander else OFFERS[CONTROLLERS[controller.model].bus]
        return self._bus(controller, where, offer, hot=hot, **self._kept(readings), **traits)

    def _kept(self, readings: Sequence[Controller]) -> dict[str, object]:
        kept = least_kept(self.guest, readings)
        if not self.items.memory:
            del kept["kept_memory"]
        return kept

    def pinned_below(self, parent: BusClass, bus: str) -> None:
        """Everything pinned on a bus, and inside that."""
        for controller in self.tree.inside.get(bus, []):
            child = self.controller(controller, self._level(parent, controller), parent=parent)
            child.unit = parent.unit
            self.pinned_below(child, controller.id)

    def _level(self, parent: BusClass, controller: Controller) -> Where:
        if CONTROLLERS[controller.model].is_expander:
            return Where(controller.id, controller.numa, expander=True, depth=1)
        where = self.below(parent, controller.model, controller.id)
        if controller.numa is not None and controller.numa != where.node:
            raise Impossible("numa", (controller.id,))
        return where

    def tracks(self, model: str) -> bool:
        """Whether it matters below which controller of that model a bus is."""
        return self.tracks_switches and model == "x3130-upstream"

    def below(self, host: BusClass, model: str, name: str) -> Where:
        """The level of a controller on `host`, which has that name where it is told from others of its model."""
        keeper = self._keeps_room and model == "pcie-pci-bridge"
        return host.below(switch=name if self.tracks(model) else None, keeper=keeper)

    def _bus(
        self, controller: Controller | None, where: Where, offer: Offer, *, hot: bool, **traits: object
    ) -> BusClass:
        platform = self.guest.platform
        bus = platform.root if controller is None else controller.id
        model = platform.bus if controller is None else CONTROLLERS[controller.model].bus
        first, last = model.first_slot, model.last_slot
        if controller is None:
            first, last = platform.first_slot, platform.last_slot
        slots = slot_kinds(self.tree, bus, first, last, hot=hot, express=model.express)
        one = BusClass(
            offer=offer,
            model=None if controller is None else controller.model,
            where=where,
            slots=tuple(replace(one, copies=self.copies_on(offer)) if one.join is Join.EMPTY else one for one in slots),
            hot=hot,
            names=() if controller is None else (controller.id,),
        )
        base = pinned_base(self.tree, bus, one.place, where, hot=hot, port=offer is Offer.PORT)
        if base.io and traits.get("closed_io"):
            raise Impossible("reserves", one.names)
        one.base_weight, one.base_io, one.base_functions = base.weight, base.io, base.functions
        one.base_memory, one.base_window = base.memory, base.window
        for name, value in traits.items():
            setattr(one, name, value)
        self.classes.append(one)
        return one


ALIKE = tuple(one.name for one in fields(BusClass) if one.name not in ("names", "most", "hosts"))
"""Fields in which buses of one class do not differ: all but who they are; what is pinned has no `hosts`.
"""


def merged(classes: list[BusClass], tree: Tree) -> list[BusClass]:
    """The classes, with empty ports pinned side by side as one."""
    by_looks: dict[tuple[object, ...], BusClass] = {}
    kept: list[BusClass] = []
    for one in classes:
        if not _is_empty_port(one, tree):
            kept.append(one)
            continue
        looks = tuple(getattr(one, name) for name in ALIKE)
        if looks in by_looks:
            by_looks[looks].names += one.names
            by_looks[looks].most += 1
        else:
            by_looks[looks] = one
            kept.append(one)
    there = {id(one) for one in kept}
    for one in kept:
        one.hosts = [host for host in one.hosts if id(host) in there]
    return kept


def _is_empty_port(one: BusClass, tree: Tree) -> bool:
    """Whether it is a pinned port with nothing inside, and of no matter to what is below: `Where.inside`."""
    pinned = one.parent is not None and one.unit is None and one.offer is Offer.PORT
    plain = not one.base_functions and not one.is_tracked
    empty = all(slot.join is Join.EMPTY for slot in one.slots)
    return pinned and plain and empty and one.names[0] not in tree.inside and one.names[0] not in tree.homes
