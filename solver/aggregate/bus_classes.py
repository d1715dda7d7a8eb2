"""Bus classes: the buses a layout may have, those that cannot be told apart counted together.

Three sources: the root bus and controllers pinned below it (they exist as they are); demanded controllers without an
address, each a *unit* with all that is pinned inside it (one class for every level where it may end up); and
controllers that the planner may create (one class a level). A class says where it may hang, never on which bus.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ...schema.firmware.budget import PAGE
from ...schema.firmware.pieces import NONE, Memory
from ...schema.pci.address import BUS_NUMBERS, FUNCTIONS
from ...schema.pci.controllers import CONTROLLERS, Need
from ...schema.records import record
from ...schema.request.device import Spare
from ...schema.request.guest import Guest
from .places import Place

ALL_FUNCTIONS: Final = (1 << FUNCTIONS) - 1


class BusKind(StrEnum):
    """What a bus is, as far as placing is concerned."""

    ROOT = "root"  # pcie.0 or pci.0
    EXPANDER = "expander"  # of a pxb-pcie: ports only
    PORT = "port"
    SWITCH = "switch"
    CONVENTIONAL = "conventional"


ROOT_KINDS: Final = (BusKind.ROOT, BusKind.EXPANDER)
"""Of buses behind no bridge."""

PLACE_ON: Final[dict[BusKind, Place | None]] = {
    BusKind.PORT: Place.PORT,
    BusKind.CONVENTIONAL: Place.CONVENTIONAL,
    BusKind.ROOT: Place.ROOT,
    BusKind.EXPANDER: None,
    BusKind.SWITCH: None,
}
"""What the slots of a bus are to an endpoint; None where endpoints never go there by themselves."""


class SharedBy(StrEnum):
    """Who may join the occupants of a slot."""

    EMPTY = "empty"  # nobody there: anything that fits
    NOBODY = "nobody"  # only who is pinned there
    CHIPSET = "chipset"  # lone endpoints
    ENDPOINTS = "endpoints"
    PORTS = "ports"
    BRIDGES = "bridges"


JOINED_BY: Final = {
    Need.ROOT_PORT: SharedBy.PORTS,
    Need.DOWNSTREAM_PORT: SharedBy.PORTS,
    Need.PCI_BRIDGE: SharedBy.BRIDGES,
}
"""By sort of controllers that share slots: what says that they may join those who are pinned in one."""


@record(frozen=True)
class SlotKind:
    """Slots of a bus that cannot be told apart: their free functions as a bit mask, and who is there."""

    mask: int
    join: SharedBy
    has_zero: bool
    cost: int
    """Preference weight that the occupants pay once somebody joins."""
    takes_hotplug: bool
    numbers: tuple[int, ...]
    copies: int = 1
    """More than one where slots are not to run out."""
    company: bool = False
    """A device may be there as a pin says that need not be kept: a slot of its own."""
    taken_after: frozenset[int] = frozenset()
    """Of a port's slot: what virtual functions of the pinned take in slots after it, counted from its function 0."""

    @property
    def count(self) -> int:
        """How many such slots all buses of the class have together."""
        return len(self.numbers) * self.copies

    def holds(self, controller: str) -> bool:
        """Whether a controller of that model that no pin puts there may be: alone, or packed with its like."""
        return self.join in (SharedBy.EMPTY, JOINED_BY.get(CONTROLLERS[controller].needs))


@record(frozen=True)
class KeptRoom:
    """What a controller can keep for spare slots; None is whatever is asked for, as its properties are the planner's.

    `io`: pages that it opens at most though nothing there has IO ports; `low`, `high`: bytes of memory below 4 GiB, and
    of prefetchable memory.
    """

    io: int | None = None
    low: int | None = None
    high: int | None = None

    def holds(self, spare: Spare) -> bool:
        """Whether one such slot, the only one of its bus, can have its room."""
        if spare.kind == "pcie":
            return (not spare.io or self.io != 0) and (self.high is None or spare.memory <= self.high)
        return self.low is None or spare.memory <= self.low

    def or_as(self, other: "KeptRoom") -> "KeptRoom":
        """What holds all that either does."""

        def more(one: int | None, two: int | None) -> int | None:
            return None if one is None or two is None else max(one, two)

        return KeptRoom(more(self.io, other.io), more(self.low, other.low), more(self.high, other.high))


NO_ROOM: Final = KeptRoom(0, 0, 0)
BYPASSED: Final = "the guest's memory"
"""The address space of what is below expanders that bypass the vIOMMU; no id of a controller is spelled like that."""


@record(frozen=True)
class Level:
    """A level: the root bus above (id, or `node N` for a created expander), its node, depth, what is tracked above."""

    root: str
    node: int | None
    expander: bool
    depth: int
    switches: tuple[str, ...] = ()
    unplugged: bool = False
    """A port with hotplug off is above, and ACPI hot-plug ends there."""
    reserve_above: str | None = None
    """The nearest controller above whose reserve depends on what is below: its inside is counted by itself. None for
    one of these that waits for a place: its host tells whom it is inside."""
    space: str | None = None
    """The address space that all share there, where a vIOMMU makes that matter: the topmost conventional bridge above,
    or BYPASSED. None where each function has its own, and behind bridges that no device of the host sits behind."""

    @property
    def acpi_reaches(self) -> bool:
        """Whether ACPI can offer hot-plug here."""
        return not self.expander and not self.unplugged


@dataclass(frozen=True, eq=False)
class BusClass:
    """Controllers that cannot be told apart, and the bus that each of them offers. A class is itself a key: it is built
    once, and no two of one model are alike."""

    kind: BusKind
    model: str | None
    """QEMU device; None for the root bus."""
    level: Level
    slots: tuple[SlotKind, ...]
    takes_hotplug: bool
    listed_ids: tuple[str, ...] = ()
    """Demanded controllers of this class, in listed order; empty for created ones."""
    floating_group: int | None = None
    """Number of the unit it belongs to; the unit's own class (not what is pinned inside) is `movable`."""
    is_floating: bool = False
    function: int | None = None
    """Of a movable one, the function it is pinned to."""
    forwards_no_io: bool = False
    """io-reserve=0: nothing with IO may come on its bus or below."""
    created: bool = False
    max_count: int = 1
    parent: "BusClass | None" = field(default=None, repr=False)
    """Of what is pinned."""
    possible_parents: tuple["BusClass", ...] = field(default=(), repr=False)
    """Classes it may hang on, where that is open."""
    io_reserve_pages: int = 0
    """IO pages that each opens at least."""
    shpc: bool = False
    """Opens a page when empty (a conventional bridge with SHPC)."""
    shpc_optional: bool = False
    """The planner turns SHPC off unless a spare slot asks for it."""
    room: KeptRoom = NO_ROOM
    """What its controller keeps for spare slots. A pcie-pci-bridge keeps nothing: it has no such properties, and gets
    nothing of what the port above keeps."""
    bus_reserve: int | None = None
    bus_numbers_left: int = BUS_NUMBERS - 1
    """Bus numbers that there may be below it, at most."""
    taken: frozenset[int] = frozenset()
    """Of the root bus: routing ids that no virtual function of what is not pinned can have."""
    base_weight: int = 0
    base_io: int = 0
    base_functions: int = 0
    base_memory: Memory = NONE
    base_window: int = 0
    """Of the memory that a bridge reserves for spare slots, what is there: see Fit."""
    kept_memory: Memory = NONE
    """What its reserves keep at least, where memory may be short."""
    io_bus_number: int | None = None
    """Number of an IO bus of the exact IO model among those of its level."""
    without_io_devices: bool = False
    """No IO device sits directly on these buses; in the exact IO model those with IO are classes of their own."""
    optional: bool = False
    """Of a listed one: it may be absent."""
    home: int | None = None
    """Of one that hangs where a pin says that need not be kept: the slot."""
    nesting: int = 0
    """How many created or movable bridges or switches of its own kind are above it."""

    @property
    def is_tracked(self) -> bool:
        """Whether what it keeps depends on all that is below."""
        return depends_on_content(self.io_reserve_pages, self.bus_reserve, self.kept_memory) or self.forwards_no_io

    @property
    def keeps_shpc(self) -> bool:
        """Whether the SHPC of a conventional bridge, created or listed, is on for certain. With OVMF that of a listed
        one may be though this says no, as `shpc` is about pages."""
        return (self.created or self.shpc) and not self.shpc_optional

    def child_level(self, *, ends_acpi: bool, switch: str | None = None, bridge: str | None = None) -> Level:
        """The level of what hangs on it; `switch` names it where switches are tracked, `bridge` where address spaces
        are, `ends_acpi`: ports do that say hotplug=off."""
        where = self.level
        switches = where.switches if switch is None else (*where.switches, switch)
        dull = ends_acpi and self.kind is BusKind.PORT and where.acpi_reaches and not self.takes_hotplug
        depth, space = where.depth + 1, where.space or (None if self.kind is BusKind.CONVENTIONAL else bridge)
        unplugged = where.unplugged or dull
        return Level(where.root, where.node, where.expander, depth, switches, unplugged, self.reserve_inside, space)

    @property
    def reserve_inside(self) -> str | None:
        """What hangs on it is inside the reserve of that controller: its own, or that of the nearest above."""
        return self.listed_ids[0] if self.is_tracked else self.level.reserve_above

    @property
    def spare_room(self) -> KeptRoom:
        """What is kept for spare slots: on the root bus, behind no bridge, nothing need be."""
        return KeptRoom() if self.model is None else self.room

    @property
    def is_certain(self) -> bool:
        """Whether it is of listed controllers that each layout has, though not always on this level."""
        return not self.created and not self.optional and (self.parent is None or self.parent.is_certain)

    @property
    def above(self) -> "tuple[BusClass, ...]":
        """Classes it may hang on: the one that it is pinned to, or its hosts."""
        return self.possible_parents if self.parent is None else (self.parent,)

    @property
    def place(self) -> Place | None:
        """What its slots are to an endpoint."""
        return PLACE_ON[self.kind]


def depends_on_content(io_reserve_pages: int, bus_reserve: int | None, kept_memory: Memory) -> bool:
    """Whether what a controller with such reserves takes depends on all that is below."""
    return bus_reserve is not None or io_reserve_pages > 1 or any(kept_memory)


def pages(io: int) -> int:
    """IO pages of 4 KiB that so many bytes take."""
    return -(-io // PAGE)


def takes_hotplug(guest: Guest, controller: str, where: Level, *, on: bool, shpc: bool) -> bool:
    """Whether device_add works on the bus of a controller there, and Linux sees the device."""
    model = CONTROLLERS[controller]
    if model.is_port:
        machine = guest.machine_model
        natively = machine.plugs_natively(below_expander=where.expander)
        return on and (natively or (where.acpi_reaches and machine.port_hotplug))
    if not model.is_hotplug_bridge:
        return False
    return shpc or (where.acpi_reaches and guest.machine_model.acpi_bridge_hotplug)
