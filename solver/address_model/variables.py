"""One Boolean for each thing and each slot that it may sit in, and what follows from them bus by bus."""

from collections.abc import Callable
from dataclasses import field
from typing import Any

from ...schema.pci.address import FUNCTIONS, SLOTS
from ...schema.pci.controllers import CONTROLLERS, Need
from ...schema.records import record
from ...schema.request.guest import Guest
from .buses import BusSlots, BusType, Slot, buses_of, leave_out, pool
from .candidates import candidates
from .connectors import connector_of
from .things import Bridge, Seated, SeatedItem, SpareRoom, Things, things_of

Expression = Any
"""A linear expression of cp_model, or a number."""
Place = tuple[str, int]

HOMES = {
    Need.ROOT_PORT: {BusType.ROOT, BusType.EXPANDER},
    Need.DMI_TO_PCI_BRIDGE: {BusType.ROOT, BusType.EXPANDER},
    Need.PCIE_EXPANDER: {BusType.ROOT},
    Need.PCI_EXPANDER: {BusType.ROOT},
    Need.UPSTREAM_PORT: {BusType.PORT},
    Need.PCIE_TO_PCI_BRIDGE: {BusType.PORT},
    Need.DOWNSTREAM_PORT: {BusType.SWITCH},
}
"""Where automatic placement puts controllers; pci-bridges go on conventional buses, pci.0 included."""
TAKES = {
    BusType.PORT: {"express", "hybrid", "legacy virtio"},
    BusType.CONVENTIONAL: {"hybrid", "conventional", "legacy virtio"},
    BusType.ROOT: {"express", "hybrid", "conventional", "legacy virtio", "integrated"},
}


@record
class Seats:
    """The model in the making: whether a thing sits in a slot, is on a bus; both by thing, and the other way about."""

    guest: Guest
    model: Any
    apart: bool = False
    """See candidates."""
    pooled: bool = False
    """Whether one slot may stand for many, see buses.pool."""
    check: Callable[[], object] = bool
    """Called again and again: raises where there is no time left to write the others."""
    things: Things = field(init=False)
    bridges: dict[str, Bridge] = field(init=False)
    """Demanded ones, then those that may be created."""
    buses: dict[str, BusSlots] = field(init=False)
    exists: dict[str, Expression] = field(default_factory=dict)
    sits: dict[str, dict[Place, Expression]] = field(default_factory=dict)
    on: dict[str, dict[str, Expression]] = field(default_factory=dict)
    in_slot: dict[Place, dict[str, Expression]] = field(default_factory=dict)
    on_bus: dict[str, dict[str, Expression]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises Contradiction where pins exclude each other."""
        demanded = things_of(self.guest)
        created = candidates(self.guest, demanded, apart=self.apart)
        self.things = Things(demanded.items, (*demanded.bridges, *created), demanded.rooms)
        self.bridges = {bridge.key: bridge for bridge in self.things.bridges}
        self.buses = buses_of(self.guest, self.things)
        for bus in self.buses.values():
            if self.pooled:
                self._pool(bus)
            if not self.reaching(bus):
                leave_out(bus, self._slots_filled(bus))
        for bridge in self.bridges.values():
            self.exists[bridge.key] = self.model.new_bool_var(bridge.key) if bridge.created else 1
        for thing in self.things.seated:
            self._seat(thing)
        for room in self.things.rooms:
            self._keep(room)

    @property
    def roots(self) -> list[Bridge]:
        """Expanders."""
        return [bridge for bridge in self.bridges.values() if bridge.is_expander]

    def reaching(self, bus: BusSlots) -> list[SeatedItem]:
        """Who may come to that root bus with virtual functions beyond his slot: it matters to him what is there."""
        if bus.kind is not BusType.ROOT:
            return []
        return [one for one in self._may_come(bus) if isinstance(one, SeatedItem) and one.reach]

    def _may_come(self, bus: BusSlots) -> list[Seated]:
        return [one for one in self.things.floating if one.key != bus.name and self.may_go(one, bus)]

    def _pool(self, bus: BusSlots) -> None:
        """Unless somebody may come who needs company, as function 0 is another's, or for whom slots differ."""
        if not self.reaching(bus) and all(0 in (thing.functions or (0,)) for thing in self._may_come(bus)):
            pool(bus, self._slots_filled(bus)(FUNCTIONS))

    def _slots_filled(self, bus: BusSlots) -> Callable[[int], int]:
        """How many slots of so many functions can be needed there: ports, or pci-bridges, pay nothing for sharing."""
        here = self._may_come(bus)
        packed = [one for one in here if isinstance(one, Bridge) and one.packs]
        ports = sum(one.is_port for one in packed)
        others = len(here) - len(packed) + sum(room_fits(room, bus) for room in self.things.rooms)
        return lambda functions: others + sum(-(-n // max(functions, 1)) for n in (ports, len(packed) - ports))

    def _seat(self, thing: Seated) -> None:
        if thing.slot is not None:
            self._may_sit(thing.key, *thing.slot, 1)
            self._may_be_on(thing.key, thing.slot[0], 1)
            return
        homes = [
            (bus, slot)
            for bus in self.buses.values()
            if bus.name != thing.key and self.may_go(thing, bus)
            for slot in bus.slots.values()
            if may_join(thing, slot)
        ]
        self._choose(thing.key, homes)

    def _keep(self, room: SpareRoom) -> None:
        homes = [
            (bus, slot)
            for bus in self.buses.values()
            if room_fits(room, bus)
            for slot in bus.slots.values()
            if slot.open and not slot.pinned and not slot.chipset and 0 in slot.free and not bus.no_hotplug(slot.number)
        ]
        self._choose(room.key, homes)

    def _choose(self, key: str, homes: list[tuple[BusSlots, Slot]]) -> None:
        """Exactly one of these, if it exists at all."""
        self.check()
        places: dict[str, list[Expression]] = {}
        self.sits[key], self.on[key] = {}, {}
        for bus, slot in homes:
            variable = self.model.new_bool_var(f"{key} {bus.name} {slot.number:02x}")
            self._may_sit(key, bus.name, slot.number, variable)
            places.setdefault(bus.name, []).append(variable)
        for name, variables in places.items():
            here = variables[0] if len(variables) == 1 else self.model.new_bool_var(f"{key} {name}")
            if len(variables) > 1:
                self.model.add(sum(variables) == here)
            self._may_be_on(key, name, here)
            owner = self.buses[name].owner
            if owner is not None and owner.created:
                self.model.add_implication(here, self.exists[owner.key])
        self.model.add(sum(self.on[key].values()) == self.exists.get(key, 1))

    def _may_sit(self, key: str, bus: str, slot: int, variable: Expression) -> None:
        self.sits.setdefault(key, {})[bus, slot] = variable
        self.in_slot.setdefault((bus, slot), {})[key] = variable

    def _may_be_on(self, key: str, bus: str, variable: Expression) -> None:
        self.on.setdefault(key, {})[bus] = variable
        self.on_bus.setdefault(bus, {})[key] = variable

    def may_go(self, thing: Seated, bus: BusSlots) -> bool:
        """Rule connect, of what is not pinned."""
        if isinstance(thing, SeatedItem):
            takes = all(connector_of(self.guest, one) in TAKES.get(bus.kind, ()) for one in thing.members)
            return takes and self._virtual_may_go(thing, bus)
        needs = CONTROLLERS[thing.model].needs
        if needs is Need.PCI_BRIDGE:
            return bus.is_conventional or (bus.kind is BusType.ROOT and self.guest.machine_model.family == "pc")
        return bus.kind in HOMES[needs]

    def _virtual_may_go(self, item: SeatedItem, bus: BusSlots) -> bool:
        """Rules virtual-functions and sriov-pf, of what is not pinned."""
        listed = any(one.is_virtual for one in item.members)
        if not item.virtual and not listed:
            return True
        if any(slot >= SLOTS for slot, _ in item.virtual):
            return False
        wished = any(
            one.device.vfs is not None or (one.model.name == "nvme" and one.virtual_functions) for one in item.members
        )
        on_root = bus.kind is BusType.ROOT and not listed
        return bus.kind is BusType.PORT or (on_root and not (wished and self.guest.machine_model.family == "pc"))

    def forbid(self, one: Expression) -> None:
        """Says that an expression is 0: nothing of what it counts is there."""
        self.model.add(one == 0)

    def implies(self, one: Expression, other: Expression) -> None:
        """Both are 0 or 1, variables or numbers."""
        self.model.add(one <= other)

    def inherits(self, key: str, value: Expression, of_bus: Callable[[str], Expression]) -> None:
        """`value` is that of the bus that the thing is on."""
        self.check()
        for bus, on in self.on[key].items():
            theirs = of_bus(bus)
            if isinstance(on, int):
                self.model.add(value == theirs)
            else:
                self.model.add(value == theirs).only_enforce_if(on)


def room_fits(room: SpareRoom, bus: BusSlots) -> bool:
    """Whether it is a bus for such a spare slot, if it takes hot-plug."""
    if room.spare.kind == "pcie":
        return bus.kind is BusType.PORT
    return bus.is_conventional or bus.kind is BusType.ROOT


def may_join(thing: Seated, slot: Slot) -> bool:
    """Rules chipset, reserve, virtual-functions: whether its functions are free there, and the slot is one for it."""
    own = {one for one in thing.taken if one < FUNCTIONS}
    if not slot.open or not slot.free or not own <= slot.free or not slot.taken_after.isdisjoint(thing.taken):
        return False
    return not slot.chipset or (isinstance(thing, SeatedItem) and not thing.grouped and thing.need != "required")
