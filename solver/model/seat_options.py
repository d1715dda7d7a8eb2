"""Ways to seat one item of a kind, with what each costs and needs: the columns of the model.

Rules connect, preset, hotplug, numa, max-depth, integrated, iommu-group and spare decide which options exist.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum

from ...schema.firmware.pieces import Memory
from ...schema.pci.address import FUNCTIONS
from ...schema.records import record
from ...schema.request.guest import Guest
from ..aggregate.bus_classes import BusClass, SharedBy, SlotKind
from ..aggregate.item_kinds import ItemKind
from ..aggregate.items import Home, Items
from ..aggregate.pins import has_address_space
from ..aggregate.places import Place
from ..aggregate.preferences import foreign_node, sharing, unmet_hotplug


class SeatUse(StrEnum):
    """How an item sits in a slot."""

    HOTPLUG = "hotplug"  # alone, and the slot takes hot-plug
    ALONE = "alone"
    SHARED = "shared"
    HOME = "home"  # at the function that a pin names which need not be kept


@record(frozen=True)
class Option:
    """A way to seat one item of a kind, with the preference weight it costs, and the IO and memory it needs there."""

    kind: ItemKind
    bus: BusClass
    slot: SlotKind
    use: SeatUse
    weight: int
    io: int
    memory: Memory

    @property
    def is_alone(self) -> bool:
        """Whether the item has its slot to itself."""
        return self.use in (SeatUse.HOTPLUG, SeatUse.ALONE)


def options_of(guest: Guest, items: Items, classes: list[BusClass], homes: Iterable[Home] = ()) -> list[Option]:
    """Every way to seat each kind that its wishes allow."""
    free = [
        option
        for kind in items.free
        for bus in classes
        if may_sit(guest, kind, bus)
        for slot in bus.slots
        for option in _on_slot(kind, bus, slot)
    ]
    return [*free, *_at_home(guest, classes, homes)]


def _at_home(guest: Guest, classes: list[BusClass], homes: Iterable[Home]) -> Iterator[Option]:
    """Seats of items where only a pin puts them that need not be kept."""
    for home in homes:
        for bus in classes if home.kind is not None else ():
            if bus.listed_ids == (home.bus,) or (bus.model is None and home.bus == guest.machine_model.root):
                yield from _home_options(guest, home, bus)


def _home_options(guest: Guest, home: Home, bus: BusClass) -> Iterator[Option]:
    kind, place, limit = home.kind, bus.place, guest.policy.max_depth
    if (
        kind is None
        or place is None
        or place not in kind.places_giving_mode
        or not has_address_space(kind, bus.level, place)
    ):
        return
    if (kind.numa is not None and kind.numa != bus.level.node) or (limit is not None and bus.level.depth > limit):
        return
    hot = bus.takes_hotplug and (home.slot > 0 or place is Place.PORT)
    for slot in bus.slots:
        if slot.company and home.slot in slot.numbers and (hot or kind.hotplug != "required"):
            yield Option(kind, bus, slot, SeatUse.HOME, 0, kind.fit(place).io, kind.fit(place).memory_shared)


def may_sit(guest: Guest, kind: ItemKind, bus: BusClass) -> bool:
    """Place, node, depth and reserve of the bus suit the kind."""
    place = bus.place
    if place not in kind.allowed or (kind.numa is not None and kind.numa != bus.level.node):
        return False
    if not has_address_space(kind, bus.level, place):
        return False
    if kind.spare is not None and not bus.spare_room.holds(kind.spare):
        return False
    if kind.near_switch is not None and not bus.level.switches:
        return False
    if bus.without_io_devices and opens(kind, place):
        return False
    limit = guest.policy.max_depth
    return kind.spare is not None or limit is None or bus.level.depth <= limit


def opens(kind: ItemKind, place: Place | None) -> bool:
    """Whether windows of bridges there depend on how many of the kind sit behind each."""
    return (place is not None and kind.fit(place).io > 0) or (kind.spare is not None and kind.spare.memory > 0)


def _on_slot(kind: ItemKind, bus: BusClass, slot: SlotKind) -> Iterator[Option]:
    """Alone there, with hot-plug where the slot takes it; and beside others."""
    place = bus.place
    assert isinstance(place, Place)
    if not _has_its_functions(kind, slot):
        return
    fit = kind.fit(place)
    weight = fit.weight + (0 if kind.spare else foreign_node(kind.size, kind.numa, below_expander=bus.level.expander))
    without_hotplug = weight + unmet_hotplug(kind.size, kind.hotplug, met=False)
    if _may_be_alone(kind, slot, place):
        if slot.takes_hotplug and kind.hotplug != "never":
            yield Option(kind, bus, slot, SeatUse.HOTPLUG, weight, fit.io, fit.memory_alone)
        elif kind.hotplug != "required":
            yield Option(kind, bus, slot, SeatUse.ALONE, without_hotplug, fit.io, fit.memory_alone)
    if _may_share(kind, slot):
        paid = without_hotplug + sharing(kind.size)
        yield Option(kind, bus, slot, SeatUse.SHARED, paid, fit.io, fit.memory_shared)


def _has_its_functions(kind: ItemKind, slot: SlotKind) -> bool:
    """Whether the functions of the item are free, by rule virtual-functions those of its virtual functions, too."""
    free = all(slot.mask >> one & 1 for one in kind.taken or () if one < FUNCTIONS)
    return free and slot.mask.bit_count() >= kind.width and slot.taken_after.isdisjoint(kind.reach)


def _may_be_alone(kind: ItemKind, slot: SlotKind, place: Place) -> bool:
    """Whether nobody is there and the item fills function 0; by preset only where there is hot-plug, or on the root."""
    by_preset = not kind.alone_by_preset or slot.takes_hotplug or place is Place.ROOT
    return slot.join is SharedBy.EMPTY and kind.fills_zero and by_preset


def _may_share(kind: ItemKind, slot: SlotKind) -> bool:
    """Whether the item may sit beside others, without hot-plug: a group of eight fills a slot, and no group joins the
    chipset."""
    if kind.alone or kind.alone_by_preset or kind.hotplug == "required" or kind.width >= FUNCTIONS:
        return False
    return slot.join in (SharedBy.EMPTY, SharedBy.ENDPOINTS) or (slot.join is SharedBy.CHIPSET and not kind.grouped)
