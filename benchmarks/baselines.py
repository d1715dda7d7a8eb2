"""The plain greedy allocator: device by device, first bus and slot that fit, a new controller where none does.

Rules like libvirt's: express and hybrid devices behind root ports (packed eight to a slot), conventional and
transitional ones behind a bridge, no looking ahead. What libvirt never makes, expanders for NUMA nodes, it makes too.
"""

from dataclasses import dataclass, field
from typing import Final

from qslot.schema import Guest
from qslot.schema.firmware.budget import io_budget
from qslot.schema.pci.address import BUS_NUMBERS
from qslot.schema.pci.controllers import CONTROLLERS
from qslot.solver.aggregate.bus_classes import pages
from qslot.solver.aggregate.items import Item, Items, items_of
from qslot.solver.aggregate.places import Place

PLACES: Final = {"pcie-root-port": Place.PORT, "ioh3420": Place.PORT, "xio3130-downstream": Place.PORT}


class NoRoom(Exception):  # noqa: N818 - an answer, not an error
    """First fit has nowhere left."""


@dataclass(eq=False, slots=True)
class Bus:
    """A bus and what is on it. `ports` are the slots that root ports or bridges share."""

    name: str
    model: str | None
    place: Place | None
    node: int | None
    depth: int
    slots: range
    used: dict[int, set[int]] = field(default_factory=dict)
    ports: set[int] = field(default_factory=set)
    io: int = 0

    def first_free(self) -> int | None:
        return next((slot for slot in self.slots if not self.used.get(slot)), None)


@dataclass(frozen=True, slots=True)
class Plan:
    """What first fit made of a guest. `windows` are of 4 KiB; `fits` says whether the firmware has room for them."""

    controllers: int
    windows: int
    depth: int
    fits: bool


def greedy(guest: Guest) -> Plan | str:
    """A plan, or why first fit fails."""
    try:
        return _Greedy(guest, items_of(guest)).run()
    except NoRoom as reason:
        return str(reason)


class _Greedy:
    def __init__(self, guest: Guest, items: Items) -> None:
        self.guest, self.items, self.machine_model = guest, items, guest.machine_model
        self.express = self.machine_model.family == "q35"
        slots = range(self.machine_model.first_slot, self.machine_model.last_slot + 1)
        self.root = Bus(self.machine_model.root, None, Place.ROOT, None, 0, slots)
        self.buses = [self.root]
        self.by_name = {self.root.name: self.root}
        self.numbers, self.depth = 1, 0
        for slot in self.machine_model.closed:
            self.root.used.setdefault(slot, set()).add(0)
        for slot, function in self.machine_model.taken:
            self.root.used.setdefault(slot, set()).add(function)

    def run(self) -> Plan:
        self._given()
        order = {device.id: index for index, device in enumerate(self.guest.devices)}
        free = [item for items in self.items.free.values() for item in items]
        free.sort(key=lambda one: order[one.ids[0]] if one.ids else len(order))
        for item in [item for item in free if not self._chipset_place(item)]:
            self._place(item)
        below = [bus for bus in self.buses if bus.model is not None]
        windows = sum(max(pages(bus.io), self._empty(bus)) for bus in below)
        budget = io_budget(self.machine_model, self.guest.firmware.name)
        # OVMF rounds root BARs up; SeaBIOS adds them as they are
        bars = -(-(self.root.io + self.machine_model.io_bytes) // budget.root_granule) * budget.root_granule
        return Plan(len(below), windows, self.depth, windows * 4096 + bars <= budget.limit)

    def _empty(self, bus: Bus) -> int:
        shpc = bus.model in ("pcie-pci-bridge", "pci-bridge")
        return pages(io_budget(self.machine_model, self.guest.firmware.name).empty_shpc_window) if shpc else 0

    # ---- what the request fixes

    def _given(self) -> None:
        for pin in self.guest.reserve:
            if pin.bus == self.root.name and pin.slot is not None:
                self.root.used.setdefault(pin.slot, set()).add(pin.function or 0)
        waiting = []
        for controller in self.guest.controllers:
            place = self.items.controller_pins.get(controller.id)
            if place is None or place.bus is None or place.slot is None:
                waiting.append(controller)
            else:
                parent = self.by_name[place.bus]
                parent.used.setdefault(place.slot, set()).add(place.function or 0)
                parent.ports |= {place.slot} if controller.model in PLACES else set()
                self._add(controller.model, parent, controller.id)
        for occupant in self.items.pinned:
            bus = self.by_name[occupant.bus]
            self._seat(occupant.item, bus, occupant.slot)
        for controller in waiting:
            self._grow(controller.model, controller.numa, controller.id)

    # ---- growing

    def _add(self, model: str, parent: Bus, name: str = "", node: int | None = None) -> Bus:
        kind = CONTROLLERS[model]
        self.numbers += kind.bus_numbers
        if self.numbers > BUS_NUMBERS:
            raise NoRoom("no bus number left")
        slots = range(kind.bus.first_slot, kind.bus.last_slot + 1)
        place = PLACES.get(model, Place.CONVENTIONAL if not kind.bus.express else None)
        node = parent.node if node is None else node
        bus = Bus(name or f"bus{len(self.buses)}", model, place, node, parent.depth + 1, slots)
        self.buses.append(bus)
        self.by_name[bus.name] = bus
        return bus

    def _grow(self, model: str, node: int | None, name: str = "") -> Bus:
        """A new controller on the first bus that takes it, packed with its like where that is possible."""
        packs = model in ("pcie-root-port", "pci-bridge")
        for parent in self._parents(model, node):
            for slot in sorted(parent.ports) if packs else ():
                function = next((f for f in range(8) if f not in parent.used[slot]), None)
                if function is not None:
                    parent.used[slot].add(function)
                    return self._add(model, parent, name)
            free = parent.first_free()
            if free is not None:
                parent.used[free] = {0}
                parent.ports |= {free} if packs else set()
                return self._add(model, parent, name, node if model.startswith("pxb") else None)
        raise NoRoom(f"no slot for another {model}")

    def _parents(self, model: str, node: int | None) -> list[Bus]:
        if model.startswith("pxb"):
            return [self.root]
        if model == "pcie-pci-bridge":
            free = [bus for bus in self._of(Place.PORT, node) if bus.first_free() is not None]
            return free or [self._grow("pcie-root-port", node)]
        if model == "pci-bridge":
            return ([] if self.express or node is not None else [self.root]) + self._of(Place.CONVENTIONAL, node)
        return [self.root] if node is None else [self._expander(node)]

    def _expander(self, node: int) -> Bus:
        model = "pxb-pcie" if self.express else "pxb"
        made = next((bus for bus in self.buses if bus.model == model and bus.node == node), None)
        return made or self._grow(model, node)

    def _of(self, place: Place, node: int | None) -> list[Bus]:
        return [bus for bus in self.buses if bus.place is place and bus.node == node]

    # ---- items

    def _chipset_place(self, item: Item) -> bool:
        """The first video and its like go to their chipset place before anything else, if that is free."""
        slot = next((t.chipset_place for one in item.ids if (t := self.items.resolved[one]).chipset_place), None)
        if slot is None or self.root.used.get(slot):
            return False
        self._seat(item, self.root, slot)
        return True

    def _place(self, item: Item) -> None:
        kind = item.kind
        on_root = kind.allowed == {Place.ROOT} or (not self.express and kind.numa is None)
        buses = [self.root] if on_root else []
        behind = [place for place in (Place.PORT, Place.CONVENTIONAL) if place in kind.allowed]
        if behind:
            wanted = min(behind, key=lambda place: kind.fit(place).weight)
            buses += self._of(wanted, kind.numa)
        for bus in buses:
            slot = bus.first_free()
            if slot is not None and not self._last(bus):
                return self._seat(item, bus, slot)
        if not behind:
            raise NoRoom(f"no slot of the root bus for {item.ids}")
        bus = self._new(wanted, kind.numa)
        slot = bus.first_free()
        assert slot is not None
        return self._seat(item, bus, slot)

    def _last(self, bus: Bus) -> bool:
        """The last slot of each conventional bus is kept for a bridge, or none could be added later."""
        conventional = bus.place is Place.CONVENTIONAL or not self.express
        return conventional and sum(not bus.used.get(slot) for slot in bus.slots) == 1

    def _new(self, place: Place, node: int | None) -> Bus:
        if place is Place.PORT:
            return self._grow("pcie-root-port", node)
        if self.express and not self._of(Place.CONVENTIONAL, node):
            return self._grow("pcie-pci-bridge", node)
        return self._expander(node) if node is not None and not self.express else self._grow("pci-bridge", node)

    def _seat(self, item: Item, bus: Bus, slot: int) -> None:
        functions = item.functions or (0,)
        bus.used.setdefault(slot, set()).update(functions)
        if bus.place is not None:
            bus.io += item.kind.fit(bus.place).io
        self.depth += bus.depth * item.kind.size
