"""What items need of ports, bridges, expanders and windows, wherever the others go: the amounts of bounds."""

from collections.abc import Iterable

from ...schema.pci.address import FUNCTIONS, ROUTING_IDS
from ...schema.pci.controllers import CONTROLLERS, ControllerModel
from ...schema.records import record
from ..aggregate.bus_classes import BusClass, BusKind, pages
from ..aggregate.item_kinds import ItemKind
from ..model.seat_options import Option, SeatUse
from ..model.variables import Variables


@record(frozen=True)
class Demand:
    """All items of a kind, by what its options have in common."""

    number: int
    offers: frozenset[BusKind]
    functions: int
    """Eighths of a slot that each needs at least."""
    io: int
    """Bytes of IO BARs that each has at least."""


def demands_of(v: Variables) -> list[Demand]:
    """One demand for each kind of item that can sit anywhere."""
    options: dict[ItemKind, list[Option]] = {}
    for option in v.options:
        options.setdefault(option.kind, []).append(option)
    return [
        Demand(
            number=len(v.items.free[kind]),
            offers=frozenset(option.bus.kind for option in there),
            functions=kind.width if any(option.use is SeatUse.SHARED for option in there) else FUNCTIONS,
            io=min(option.io for option in there),
        )
        for kind, there in options.items()
    ]


@record(frozen=True)
class Needs:
    """What the items need of ports, bridges and windows that have no choice."""

    v: Variables
    demands: list[Demand]

    def pages(self) -> dict[str, int]:
        """An item alone on a port opens its own pages; what shares a bus shares pages, with what is pinned there."""
        pinned = [bus.base_io for bus in self.v.classes if bus.model is not None and bus.floating_group is None]
        alone, shared = 0, sum(pinned)
        for demand in self.demands:
            if demand.offers == {BusKind.PORT} and demand.functions == FUNCTIONS:
                alone += demand.number * pages(demand.io)
            elif BusKind.ROOT not in demand.offers:
                shared += demand.number * demand.io
        return {"alone": alone, "shared": pages(shared), "pinned": sum(map(pages, pinned))}

    def bridges_with_io(self) -> int:
        """Bridges that what has IO and fits on no other bus takes at least: each opens a page."""
        wet = (one for one in self.demands if one.io and one.offers == {BusKind.CONVENTIONAL})
        widest = max(
            (sum(s.count for s in bus.slots) for bus in self.v.classes if bus.kind is BusKind.CONVENTIONAL), default=1
        )
        return -(-sum(one.number * one.functions for one in wet) // (FUNCTIONS * widest))

    def reserved_pages(self) -> dict[str, int]:
        """Pages that the listed controllers open by themselves: those that stay where they are next to each other, of
        those that may be inside each other the largest."""
        fixed, largest = 0, 0
        for bus in self.v.classes:
            if bus.created or bus.model is None or not bus.is_certain:
                continue
            if bus.floating_group is not None:
                largest = max(largest, bus.io_reserve_pages)
            elif bus.parent is None or bus.parent.model is None:
                fixed += bus.max_count * self._opened(bus)
        return {"fixed": fixed, "largest": largest}

    def _opened(self, bus: BusClass) -> int:
        """Pages that one of a class opens, and what is pinned inside."""
        inside = pages(bus.base_io) + sum(child.max_count * self._opened(child) for child in self.v.pinned(bus))
        return max(bus.io_reserve_pages, int(bus.shpc and not bus.shpc_optional), inside)

    def ports(self) -> dict[str, int]:
        """Ports to be created: whole slots for what shares with nobody, functions for all that sits on ports only."""
        used = {controller.id: 0 for controller in self.v.guest.controllers if CONTROLLERS[controller.model].is_port}
        seats = [(pin.bus, 1) for pin in self.v.items.controller_pins.values()]
        seats += [(occupant.bus, occupant.item.kind.width) for occupant in self.v.items.pinned]
        for bus, functions in seats:
            if bus in used:
                used[bus] += functions
        whole = self._functions(BusKind.PORT, alone=True) // FUNCTIONS - sum(not one for one in used.values())
        # free functions of all ports together: two half empty ones hold as much as an empty one
        joined = self._functions(BusKind.PORT) - sum(FUNCTIONS - one for one in used.values())
        return {
            "lone": max(0, whole + self.first_bridge),
            "functions": max(0, -(-joined // FUNCTIONS) + self.first_bridge),
        }

    def _standing(self) -> Iterable[ControllerModel]:
        return (CONTROLLERS[controller.model] for controller in self.v.guest.controllers)

    def _functions(self, offer: BusKind, *, alone: bool = False) -> int:
        """Functions for what sits on such buses only, or for those of them that share with nobody: eight each."""
        demands = (demand for demand in self.demands if demand.offers == {offer})
        return sum(one.number * one.functions for one in demands if one.functions == FUNCTIONS or not alone)

    @property
    def bridges(self) -> int:
        """Conventional bridges to be created."""
        standing = sum(not model.bus.express for model in self._standing())
        slots = -(-self._functions(BusKind.CONVENTIONAL) // ROUTING_IDS) - standing
        return max(slots, int(self._hangs_nowhere), 0)

    @property
    def _hangs_nowhere(self) -> bool:
        """Whether pci-bridges are listed on q35, but nothing that the first of them could hang on. A pin may put one on
        pcie.0."""
        listed = [bus for bus in self.v.classes if bus.kind is BusKind.CONVENTIONAL and not bus.created]
        inside = all(
            bus.model == "pci-bridge" and all(host.kind is BusKind.CONVENTIONAL for host in bus.above) for bus in listed
        )
        return self.v.guest.machine_model.family == "q35" and inside and any(bus.is_certain for bus in listed)

    @property
    def first_bridge(self) -> bool:
        """On q35 the first conventional bridge is a pcie-pci-bridge, alone on a port."""
        none = all(model.bus.express for model in self._standing()) or self._hangs_nowhere
        return self.v.guest.machine_model.family == "q35" and none and self.bridges > 0

    @property
    def empty_bridge(self) -> bool:
        """Whether the first bridge opens a page though it be empty."""
        return self.first_bridge and any(bus.created and bus.shpc and not bus.shpc_optional for bus in self.v.classes)

    @property
    def expanders(self) -> int:
        """How many expanders must be created for nodes that something asks for."""
        wished = {kind.numa for kind in self.v.items.free if kind.numa is not None}
        there = {bus.level.node for bus in self.v.classes if not bus.created}
        return len(wished - there)
