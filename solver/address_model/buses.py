"""The buses that a layout may have, slot by slot: who is pinned there, which functions are left."""

from collections.abc import Callable
from dataclasses import field
from enum import StrEnum

from ...schema.pci.address import FUNCTIONS, SLOTS
from ...schema.pci.controllers import CONTROLLERS
from ...schema.records import record
from ...schema.request.guest import Guest
from .things import Bridge, Contradiction, Seated, Things


class BusType(StrEnum):
    """What a bus is in the table "What goes where"."""

    ROOT = "root"
    EXPANDER = "expander"  # of a pxb-pcie: ports only
    PORT = "port"
    SWITCH = "switch"
    CONVENTIONAL = "conventional"


KINDS = {
    "pxb-pcie": BusType.EXPANDER,
    "x3130-upstream": BusType.SWITCH,
    **dict.fromkeys(("pcie-root-port", "ioh3420", "xio3130-downstream"), BusType.PORT),
    **dict.fromkeys(("pcie-pci-bridge", "pci-bridge", "i82801b11-bridge", "pxb"), BusType.CONVENTIONAL),
}


@record
class Slot:
    """`free` are the functions that automatic placement may use."""

    number: int
    free: frozenset[int]
    pinned: list[Seated] = field(default_factory=list)
    open: bool = True
    """Whether anything that is not pinned may come here."""
    chipset: bool = False
    virtual: set[int] = field(default_factory=set)
    """Functions that virtual functions of what is pinned take."""
    taken_after: set[int] = field(default_factory=set)
    """Of what is pinned here: those in slots after this one, counted from this one's function 0."""
    others: tuple[int, ...] = ()
    """Slots that it stands for besides: nobody here shares one but ports, or pci-bridges, among themselves."""

    @property
    def has_zero(self) -> bool:
        """Whether function 0 is there whatever joins."""
        return self.chipset or any(0 in (thing.functions or ()) for thing in self.pinned)

    @property
    def plain(self) -> bool:
        """Empty, and no function of it is reserved."""
        return not self.pinned and len(self.free) == FUNCTIONS


@record
class BusSlots:
    """`owner` offers it; None is the main root bus."""

    name: str
    kind: BusType
    owner: Bridge | None
    slots: dict[int, Slot]

    @property
    def is_conventional(self) -> bool:
        """Whether it is conventional PCI behind a bridge."""
        return self.kind is BusType.CONVENTIONAL

    def no_hotplug(self, slot: int) -> bool:
        """Slot 0 of a conventional bus never takes it."""
        return self.is_conventional and slot == 0


def buses_of(guest: Guest, things: Things) -> dict[str, BusSlots]:
    """By name: the root's, demanded controllers', then those of controllers that may be created."""
    platform = guest.machine_model
    root = BusSlots(
        platform.root, BusType.ROOT, None, _slots(guest, platform.root, platform.first_slot, platform.last_slot)
    )
    buses = {root.name: root}
    for bridge in things.bridges:
        model = CONTROLLERS[bridge.model].bus
        slots = _slots(guest, bridge.key, model.first_slot, model.last_slot)
        buses[bridge.key] = BusSlots(bridge.key, KINDS[bridge.model], bridge, slots)
    for thing in things.pinned:
        if thing.slot is not None:
            bus, slot = thing.slot
            there = buses[bus].slots.setdefault(slot, Slot(slot, frozenset(), open=False))
            there.pinned.append(thing)
            there.free -= frozenset(thing.functions or ())
            there.taken_after |= {one for one in thing.functions or () if one >= FUNCTIONS}
    for thing in things.pinned:
        if thing.slot is not None and thing.virtual:
            _close(guest, thing, thing.slot, buses[thing.slot[0]].slots)
    return buses


def _close(guest: Guest, thing: Seated, home: tuple[str, int], slots: dict[int, Slot]) -> None:
    """Rule virtual-functions, of what is pinned: raises Contradiction where one of these is somebody else's."""
    bus, first = home
    root = bus == guest.machine_model.root
    for offset, function in thing.virtual:
        number = first + offset
        there = slots.setdefault(number, Slot(number, frozenset(range(FUNCTIONS)), open=False))
        held = {own for one in there.pinned for own in one.functions or ()} | there.virtual
        held |= {one - number * FUNCTIONS for one in slots[0].taken_after} if 0 in slots and number else set()
        if root:
            held |= {taken for slot, taken in guest.machine_model.taken if slot == number}
        reserved = any(
            pin.bus == bus and pin.slot == number and pin.function in (None, function) for pin in guest.reserve
        )
        if number >= SLOTS or function in held or reserved or (root and number in guest.machine_model.closed):
            raise Contradiction(f"virtual functions of {thing.key} are where something else is")
        if offset:
            slots[first].taken_after.add(offset * FUNCTIONS + function)
        there.virtual.add(function)
        there.free -= {function}
        there.open = there.open and (function != 0 or bool(there.pinned) or there.chipset)


def _slots(guest: Guest, bus: str, first: int, last: int) -> dict[int, Slot]:
    """Rules chipset and reserve: slots and functions that automatic placement may use."""
    platform = guest.machine_model
    everything = frozenset(range(FUNCTIONS))
    slots = {number: Slot(number, everything) for number in range(first, last + 1)}
    if bus == platform.root:
        for number in platform.closed:
            slots.pop(number, None)
        taken = {function for slot, function in platform.taken if slot == platform.chipset_slot}
        slots[platform.chipset_slot] = Slot(platform.chipset_slot, everything - taken, chipset=True)
    for pin in guest.reserve:
        slot = slots.get(SLOTS if pin.slot is None or pin.bus != bus else pin.slot)
        if slot is not None:
            slot.free = slot.free - {pin.function} if pin.function is not None else frozenset()
            slot.open = slot.open and bool(slot.free) and (slot.chipset or pin.function != 0)
    return slots


def leave_out(bus: BusSlots, most: Callable[[int], int]) -> None:
    """Slots of one bus that are empty and have the same functions left may change places, so that of each sort as many
    are enough as things can fill: `most`, by the number of functions. Slot 0 of a conventional bus and the chipset's
    slot are sorts of their own."""
    seen: dict[object, int] = {}
    for slot in list(bus.slots.values()):
        if slot.pinned:
            continue
        sort = slot.free, slot.chipset, bus.no_hotplug(slot.number)
        seen[sort] = seen.get(sort, 0) + 1
        if not slot.open or seen[sort] > most(len(slot.free)):
            del bus.slots[slot.number]


def pool(bus: BusSlots, most: int) -> None:
    """Where empty slots that may change places are enough for all that may come, one stands for all: `most` of them.

    Nobody there need share at a cost: that would save no bus, no window and no controller.
    """
    for first, *others in alike(bus):
        if first.open and first.plain and len(others) >= most:
            first.others = tuple(slot.number for slot in others)
            for slot in others:
                del bus.slots[slot.number]


def alike(bus: BusSlots) -> list[list[Slot]]:
    """Slots that may change places, in order."""
    sorts: dict[object, list[Slot]] = {}
    for slot in bus.slots.values():
        if not slot.pinned and not slot.chipset:
            sorts.setdefault((slot.free, bus.no_hotplug(slot.number)), []).append(slot)
    return list(sorts.values())
