"""Rule bus-numbers, and that a bus-reserve exceeds what is below it."""

from dataclasses import field

from ...schema.records import record
from .things import Bridge
from .tree import Tree
from .variables import Expression, Seats

LAST_BUS = 255
"""Bus numbers beside the main root's own."""


@record
class BusNumbering:
    """Rule bus-numbers: counted only where the request reserves numbers or fixes a range; 256 are enough otherwise."""

    seats: Seats
    tree: Tree
    starts: dict[str, Expression] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bridges = self.seats.bridges
        speaks = any({"bus-reserve", "bus_nr"} & one.given.keys() for one in bridges.values())
        if not speaks:
            return
        self.sizes = {key: self.seats.model.new_int_var(0, LAST_BUS, f"numbers of {key}") for key in bridges}
        self.parts: dict[tuple[str, str], Expression] = {}
        for key in bridges:
            self._divide(key)
        for bridge in bridges.values():
            self._size(bridge)
        self._ranges()

    def _divide(self, key: str) -> None:
        model = self.seats.model
        for bus, here in self.seats.on[key].items():
            part = self.parts[key, bus] = model.new_int_var(0, LAST_BUS, f"numbers of {key} on {bus}")
            model.add(part <= LAST_BUS * here)
        model.add(sum(self.parts[key, bus] for bus in self.seats.on[key]) == self.sizes[key])

    def _below(self, bus: str) -> Expression:
        """Numbers used below a bus; an expander's are its own complex's."""
        bridges = self.seats.bridges
        return sum(part for (key, place), part in self.parts.items() if place == bus and not bridges[key].is_expander)

    def _size(self, bridge: Bridge) -> None:
        model, below, exists = self.seats.model, self._below(bridge.key), self.seats.exists[bridge.key]
        own = _own(bridge)
        reserve = bridge.number("bus-reserve")
        if reserve is None:
            model.add(self.sizes[bridge.key] == own * exists + below)
        else:
            model.add(below <= reserve - 1)  # rule reserves: it exceeds the buses below
            model.add(self.sizes[bridge.key] == own + max(reserve, 0))

    def _ranges(self) -> None:
        """Each complex has its own, the main root's from 0."""
        model, root = self.seats.model, self.seats.guest.machine_model.root
        main = 1 + self._below(root)
        self._hold_reserves(main)
        spans = []
        for bridge in self.seats.roots:
            fixed = bridge.number("bus_nr")
            start = model.new_int_var(1, LAST_BUS, f"bus_nr of {bridge.key}") if fixed is None else fixed
            end = model.new_int_var(1, 256, f"end of {bridge.key}")
            size, exists = self.sizes[bridge.key], self.seats.exists[bridge.key]
            span = model.new_optional_interval_var(start, size, end, exists, f"range of {bridge.key}")
            spans.append(span)
            self.starts[bridge.key] = start
            model.add(start >= main).only_enforce_if(exists) if bridge.created else model.add(start >= main)
            for other in self.seats.bridges.values():
                if other.number("chassis_nr") is not None:
                    model.add(start != other.number("chassis_nr"))
        model.add_no_overlap(spans)
        model.add(main + sum(self.sizes[one.key] for one in self.seats.roots) <= 256)

    def _hold_reserves(self, main: Expression) -> None:
        """A complex has numbers for each bus-reserve in it and for its root. Follows, but not without search."""
        model, roots = self.seats.model, self.seats.roots
        fixed = 1 + sum(_own(root) for root in roots if not root.created)
        for bridge in self.seats.bridges.values():
            reserve = bridge.number("bus-reserve")
            if reserve is None or bridge.is_expander:
                continue
            own = 1 + max(reserve, 0)
            for root in roots:
                inside = self.tree.inside(root.key)[bridge.key]
                model.add(self.sizes[root.key] >= (_own(root) + own) * inside)
            model.add(main >= (1 + own) * (1 - self.tree.off_main(bridge.key)))
            model.add(main + sum(self.sizes[root.key] for root in roots) >= fixed + own)


def _own(bridge: Bridge) -> int:
    """Bus numbers of a controller by itself."""
    return 2 if bridge.model == "pxb" else 1
