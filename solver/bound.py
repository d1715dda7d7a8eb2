"""Lower bounds of the objective's terms without any search: what each kind needs by itself, wherever the others go.

Where one layout meets all of them at once, one solve finds it and proves it. They are separable on purpose: nothing
here weighs what several kinds want of the same bus, as bounds that did were wrong too often (measured).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ..schema.address import FUNCTIONS, SLOTS
from ..schema.connect import CONTROLLERS, ControllerModel
from ..schema.firmware.budget import PAGE
from ..schema.guest import Term
from .buses import Offer, pages
from .encode import Encoding
from .kinds import Kind
from .rows import Sum
from .variables import Option, Use, Variables


def bounds(encoding: Encoding) -> dict[Term, int]:
    """A value for each term that no assignment of the model goes below, in the units of the answer."""
    v = encoding.variables
    needs = _Needs(v, _demands(v))
    proved: dict[Term, int] = {"io_windows": needs.pages() * PAGE, "controllers": needs.controllers()}
    return {term: max(_seated_least(v, what), proved.get(term, 0)) for term, what in encoding.terms.items()}


def _seated_least(v: Variables, what: Sum) -> int:
    """The least that ranges allow, given that each kind's items all sit somewhere."""
    rest = dict(what.terms)
    least: dict[Kind, int] = {}
    for option, count in zip(v.options, v.counts, strict=True):
        (variable,) = count.terms
        factor = rest.pop(variable, 0)
        least[option.kind] = min(factor, least.get(option.kind, factor))
    seated = sum(len(v.items.free[kind]) * factor for kind, factor in least.items())
    return v.rows.least(Sum(rest, what.constant)) + seated


@dataclass(frozen=True, slots=True)
class _Demand:
    """All items of a kind, by what its options have in common."""

    number: int
    offers: frozenset[Offer]
    functions: int
    """Eighths of a slot that each needs at least."""
    io: int
    """Bytes of IO BARs that each has at least."""


def _demands(v: Variables) -> list[_Demand]:
    options: dict[Kind, list[Option]] = {}
    for option in v.options:
        options.setdefault(option.kind, []).append(option)
    return [
        _Demand(
            number=len(v.items.free[kind]),
            offers=frozenset(option.bus.offer for option in there),
            functions=kind.size if any(option.use is Use.SHARED for option in there) else FUNCTIONS,
            io=min(option.io for option in there),
        )
        for kind, there in options.items()
    ]


@dataclass(frozen=True, slots=True)
class _Needs:
    """What the items need of ports, bridges and windows that have no choice."""

    v: Variables
    demands: list[_Demand]

    def pages(self) -> int:
        """An item alone on a port opens its own pages; what shares a bus shares pages, with what is pinned there."""
        pinned = [bus.base_io for bus in self.v.classes if bus.model is not None and bus.unit is None]
        alone, shared = 0, sum(pinned)
        for demand in self.demands:
            if demand.offers == {Offer.PORT} and demand.functions == FUNCTIONS:
                alone += demand.number * pages(demand.io)
            elif Offer.ROOT not in demand.offers:
                shared += demand.number * demand.io
        return alone + max(pages(shared), sum(map(pages, pinned)), self._wet_bridges(), self._empty_bridge)

    def _wet_bridges(self) -> int:
        """Bridges that what has IO and fits on no other bus takes at least: each opens a page."""
        wet = (one for one in self.demands if one.io and one.offers == {Offer.CONVENTIONAL})
        widest = max(
            (sum(s.count for s in bus.slots) for bus in self.v.classes if bus.offer is Offer.CONVENTIONAL), default=1
        )
        return -(-sum(one.number * one.functions for one in wet) // (FUNCTIONS * widest))

    def controllers(self) -> int:
        """Demanded ones; ports and bridges for what fits nowhere else; an expander for each node that has none."""
        if self.v.guest.platform.family == "pc":  # a pxb is the bridge of its node
            return len(self.v.guest.controllers) + max(self._bridges, self._expanders)
        return len(self.v.guest.controllers) + self._ports() + self._bridges + self._expanders

    def _ports(self) -> int:
        """Ports to be created: whole slots for what shares with nobody, functions for the rest."""
        used = {controller.id: 0 for controller in self.v.guest.controllers if CONTROLLERS[controller.model].is_port}
        seats = [(pin.bus, 1) for pin in self.v.items.controller_pins.values()]
        seats += [(occupant.bus, occupant.item.kind.size) for occupant in self.v.items.pinned]
        for bus, functions in seats:
            if bus in used:
                used[bus] += functions
        whole = self._slots(Offer.PORT, alone=True) - sum(not functions for functions in used.values())
        joined = self._slots(Offer.PORT) - sum(FUNCTIONS - functions for functions in used.values()) // FUNCTIONS
        return max(0, whole + self._first_bridge, joined + self._first_bridge)

    def _standing(self) -> Iterable[ControllerModel]:
        return (CONTROLLERS[controller.model] for controller in self.v.guest.controllers)

    def _slots(self, offer: Offer, *, alone: bool = False) -> int:
        """Slots for what sits on such buses only, or for those of them that share with nobody."""
        demands = (demand for demand in self.demands if demand.offers == {offer})
        eighths = sum(one.number * one.functions for one in demands if one.functions == FUNCTIONS or not alone)
        return -(-eighths // FUNCTIONS)

    @property
    def _bridges(self) -> int:
        """Conventional bridges to be created."""
        standing = sum(not model.bus.express for model in self._standing())
        return max(0, -(-self._slots(Offer.CONVENTIONAL) // SLOTS) - standing)

    @property
    def _first_bridge(self) -> bool:
        """On q35 the first conventional bridge is a pcie-pci-bridge, alone on a port."""
        none = all(model.bus.express for model in self._standing())
        return self.v.guest.platform.family == "q35" and none and self._bridges > 0

    @property
    def _empty_bridge(self) -> bool:
        """Whether the first bridge opens a page though it be empty."""
        return self._first_bridge and any(bus.created and bus.shpc and not bus.shpc_optional for bus in self.v.classes)

    @property
    def _expanders(self) -> int:
        wished = {kind.numa for kind in self.v.items.free if kind.numa is not None}
        there = {bus.where.node for bus in self.v.classes if not bus.created}
        return len(wished - there)
