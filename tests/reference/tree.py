"""Buses, slots and what can sit in them: docs/semantics.md, rules address-range, slot-sharing, connect."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from qslot.schema import Spare
from qslot.schema.request.resolved import ResolvedDevice

BusKind = Literal["express-root", "conventional-root", "port", "switch", "conventional", "expander"]
Pair = tuple[int, int]

ALL_FUNCTIONS: Final = 0xFF

BUS_OF: Final[dict[str, BusKind]] = {
    "pcie-root-port": "port",
    "ioh3420": "port",
    "xio3130-downstream": "port",
    "x3130-upstream": "switch",
    "pcie-pci-bridge": "conventional",
    "pci-bridge": "conventional",
    "i82801b11-bridge": "conventional",
    "pxb": "conventional",
    "pxb-pcie": "expander",
}
SLOTS_OF: Final[dict[str, Pair]] = {
    "pcie-root-port": (0, 0),
    "ioh3420": (0, 0),
    "xio3130-downstream": (0, 0),
    "pcie-pci-bridge": (1, 31),
    "pci-bridge": (1, 31),
}
"""First and last slot that automatic placement uses; 0 to 31 for the others."""

HOMES_OF: Final[dict[str, frozenset[BusKind]]] = {
    "pcie-root-port": frozenset({"express-root", "conventional-root", "expander"}),
    "ioh3420": frozenset({"express-root", "conventional-root", "expander"}),
    "i82801b11-bridge": frozenset({"express-root", "expander"}),
    "pxb-pcie": frozenset({"express-root"}),
    "pxb": frozenset({"conventional-root"}),
    "x3130-upstream": frozenset({"port"}),
    "pcie-pci-bridge": frozenset({"port"}),
    "xio3130-downstream": frozenset({"switch"}),
    "pci-bridge": frozenset({"conventional", "conventional-root"}),
}
"""Where automatic placement puts a controller."""

MATES_OF: Final = {
    "pcie-root-port": "root port",
    "ioh3420": "root port",
    "xio3130-downstream": "downstream port",
    "pci-bridge": "pci-bridge",
}
"""Controllers of the same word share a slot; the others are alone in theirs."""


@dataclass(eq=False, slots=True)
class Thing:
    """What occupies functions of one slot. `functions` is a mask; None is any one function."""

    name: str
    homes: frozenset[BusKind] = frozenset()
    functions: int | None = None
    pinned: bool = False
    mates: str | None = None
    wish: int | None = None
    bus: "Bus | None" = None
    slot: int = -1
    required: bool = False
    virtual: tuple[tuple[int, int], ...] = ()
    """Slot, counted from its own, and function of each virtual function that QEMU creates with it."""

    @property
    def closed(self) -> int:
        """Mask of what these take: functions of its slot, and from bit 8 on those of slots after it."""
        return sum(1 << slot * 8 + function for slot, function in self.virtual)

    @property
    def reach(self) -> list[int]:
        """Slots after its own in which it has virtual functions, counted from that, none twice."""
        return sorted({slot for slot, _ in self.virtual if slot})

    @property
    def sort(self) -> str:
        """Equal for things that can be exchanged."""
        return self.name


@dataclass(eq=False, slots=True)
class Controller(Thing):
    """`offers` is its bus. `created` ones are the planner's; only a created expander has its node from the planner."""

    model: str = ""
    created: bool = False
    hotplug: bool = True
    io_reserve: int | None = None
    heeded: bool = True
    """Whether the firmware looks at its reserves."""
    stated: dict[str, int] = field(default_factory=dict)
    """Reserves that the request states, in bytes and bus numbers; the planner may add others, but change none."""
    bus_reserve: int | None = None
    bus_nr: int | None = None
    bypasses: bool = False
    """Whether an expander's devices bypass the vIOMMU."""
    shpc: bool = True
    named: bool = True
    """Whether the request speaks of this very controller elsewhere; if not, equal ones can be exchanged."""
    shape: str = ""
    offers: "Bus" = field(default_factory=lambda: Bus("port", (0, 0)))

    @property
    def sort(self) -> str:
        return self.name if self.named else f"{self.model} {self.wish} {self.functions} {self.shape}"

    @property
    def is_expander(self) -> bool:
        return self.model in ("pxb", "pxb-pcie")


@dataclass(eq=False, slots=True)
class Item(Thing):
    """A device, or the devices of a group; `own` are the functions of a group's members, in listed order."""

    devices: tuple[ResolvedDevice, ...] = ()
    own: tuple[int, ...] = ()
    need: Literal["never", "preferred", "required"] = "never"
    single: bool = True
    shape: str = ""
    io_on_port: int = 0
    io_elsewhere: int = 0

    @property
    def sort(self) -> str:
        return self.shape or self.name


@dataclass(eq=False, slots=True)
class SpareSlot(Thing):
    spare: Spare = field(default_factory=lambda: Spare(kind="pci"))

    @property
    def sort(self) -> str:
        io = self.spare.io if self.spare.kind == "pci" else min(self.spare.io, 1)
        return f"{self.spare.kind} {io} {self.spare.memory} {self.wish}"


@dataclass(eq=False, slots=True)
class Bus:
    """`taken` are functions nobody may use (chipset, reserve), by slot; `slots` who sits where."""

    kind: BusKind
    range: Pair
    owner: Controller | None = None
    taken: dict[int, int] = field(default_factory=dict)
    zero_reserved: set[int] = field(default_factory=set)
    """Slots whose function 0 is reserved by the request: nobody is seen there."""
    virtual: set[int] = field(default_factory=set)
    """Slots in which virtual functions of something in another slot come to be."""
    chipset_slot: int | None = None
    choosy: bool = False
    """Whether something is still to come for which it matters in which slots others are."""
    slots: dict[int, list[Thing]] = field(default_factory=dict)

    @property
    def is_root(self) -> bool:
        return self.owner is None

    def sit(self, thing: Thing, slot: int) -> None:
        self.slots.setdefault(slot, []).append(thing)
        thing.bus, thing.slot = self, slot

    def leave(self, thing: Thing) -> None:
        """Undo of the last `sit` in that slot."""
        last = self.slots[thing.slot].pop()
        assert last is thing
        if not self.slots[thing.slot]:
            del self.slots[thing.slot]
        thing.bus, thing.slot = None, -1

    def seats(self, thing: Thing) -> list[int]:
        """Slots where an unpinned thing can be put now. Of empty slots that are alike only the first is tried:
        they differ in their number alone, and no rule and no cost depends on it; not so where `choosy`."""
        result: list[int] = []
        alike = set()
        closed = {other.slot + offset for other in self.reaching() for offset in other.reach}
        for slot in range(self.range[0], self.range[1] + 1):
            taken = self.taken.get(slot, 0)
            if taken & 1 or slot in closed or (slot not in self.slots and taken in alike and not self.choosy):
                continue
            if slot not in self.slots:
                alike.add(taken)
            if self._joins(thing, slot) and self._has_room(thing, slot, closed):
                result.append(slot)
        if (
            self.chipset_slot is not None
            and isinstance(thing, Item)
            and thing.single
            and self._joins(thing, self.chipset_slot)
            and self._has_room(thing, self.chipset_slot, closed)
        ):
            result.append(self.chipset_slot)
        return result

    def reaching(self) -> list[Thing]:
        """Of the root bus: what is there by itself and closes slots after its own."""
        if not self.is_root:
            return []
        return [one for things in self.slots.values() for one in things if one.reach and not one.pinned]

    def _has_room(self, thing: Thing, slot: int, closed: set[int]) -> bool:
        """docs/semantics.md, virtual-functions: of what is not pinned each slot after its own is nobody else's."""
        for offset, function in thing.virtual if self.is_root else ():
            there = slot + offset
            if offset and (there > 31 or there in (closed | self.virtual) or there in self.slots):
                return False
            if offset and (there == self.chipset_slot or self.taken.get(there, 0) >> function & 1):
                return False
        return True

    def seats_together(self, controller: Controller) -> list[int]:
        """`seats` of a controller that may share and takes any function, tidied: it joins others where it can.

        A layout in which it has a slot of its own is no better: it can change places with whoever comes into the
        shared slot later, or move there if nobody does. So one shared slot with function 0 and one that still needs
        it stand for all. Not so if some controller that comes later takes one function only.
        """
        slots = self.seats(controller)
        full = [slot for slot in slots if slot in self.slots and self.function_zero(slot)]
        headless = [slot for slot in slots if slot in self.slots and not self.function_zero(slot)]
        return headless[:1] + full[:1] if headless or full else slots

    def _joins(self, thing: Thing, slot: int) -> bool:
        """Automatic sharing, with the chipset as one more function that is not hot-plugged."""
        occupants = self.slots.get(slot, [])
        if (occupants or slot == self.chipset_slot) and thing.mates is None:
            return False
        return all(may_share(thing, other) for other in occupants) and self.fits(slot, thing)

    def fits(self, slot: int, *more: Thing) -> bool:
        """Whether the functions of all in the slot, and of `more`, can be told apart."""
        used = self.taken.get(slot, 0)
        floating = 0
        for thing in (*self.slots.get(slot, ()), *more):
            if thing.functions is None:
                floating += 1
            elif used & (thing.functions | thing.closed):
                return False
            else:
                used |= thing.functions | thing.closed
        return (used & ALL_FUNCTIONS).bit_count() + floating <= 8

    def function_zero(self, slot: int) -> bool:
        """Whether something fills function 0: the chipset, somebody fixed there, or somebody who can go there."""
        if slot in self.zero_reserved:
            return slot == self.chipset_slot
        if self.taken.get(slot, 0) & 1:
            return True
        return any(thing.functions is None or thing.functions & 1 for thing in self.slots[slot])


def filler_cost(things: list[Thing], rest: Sequence[Thing]) -> int | None:
    """What it costs at least, as sharing, to fill function 0 of their slot with one of `rest`; None where nobody can.

    It takes somebody who shares with all of them; a controller may be created for nothing else.
    """
    mates = {thing.mates for thing in things}
    if len(mates) > 1 or None in mates:
        return None
    if mates != {"endpoint"}:
        return 0
    items = [thing for thing in rest if isinstance(thing, Item) and thing.mates == "endpoint"]
    return min((2 * len(i.devices) for i in items if i.functions is None or i.functions & 1), default=None)


def may_share(one: Thing, other: Thing) -> bool:
    """Whether two things may be in one slot."""
    if one.pinned and other.pinned:
        return not (one.required or other.required)
    return one.mates is not None and one.mates == other.mates


def bus_of(model: str, owner: Controller) -> Bus:
    return Bus(BUS_OF[model], SLOTS_OF.get(model, (0, 31)), owner)
