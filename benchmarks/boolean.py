"""The model one would write first: a Boolean for each device and slot, through OR-Tools' documented interface.

Ports, bridges and expanders are made as needed; terms and their order are ours. It leaves out what automatic placement
seldom needs: endpoints that share a slot, switches, the chipset's slot, nested bridges. So it may cost more than the
true optimum and never less, and a run checks that.
"""

import time
from dataclasses import dataclass, field
from typing import Final

from ortools.sat.python import cp_model

from qslot.schema import Guest
from qslot.schema.firmware.budget import PAGE, io_budget
from qslot.schema.weights import WEIGHTS
from qslot.solver.aggregate.bus_classes import pages
from qslot.solver.aggregate.item_kinds import ItemKind
from qslot.solver.aggregate.items import Items, items_of
from qslot.solver.aggregate.places import Place
from qslot.solver.aggregate.preferences import unmet_hotplug

Variable = cp_model.IntVar
STATUS: Final = {cp_model.OPTIMAL: "optimal", cp_model.FEASIBLE: "feasible", cp_model.INFEASIBLE: "infeasible"}


@dataclass(frozen=True, slots=True)
class Answer:
    """`cost` in the order of `TERMS`; complete and proved where status is optimal."""

    status: str
    cost: tuple[int, ...]
    ms: float
    variables: int


TERMS: Final = ("preferences", "io_windows", "controllers", "depth")


def boolean(guest: Guest, seconds: float) -> Answer:
    """The terms one after the other, each fixed before the next, until the time is over."""
    start = time.perf_counter()
    items = items_of(guest)
    if guest.controllers or items.pinned or guest.reserve:
        return Answer("not modelled", (), 0.0, 0)
    model = _Model(guest, items)
    model.build()
    cost: list[int] = []
    status = "unknown"
    for term in (model.preferences, model.windows, model.used, model.depth):
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.max_time_in_seconds = max(0.01, seconds - (time.perf_counter() - start))
        model.cp.minimize(cp_model.LinearExpr.sum(term))
        status = STATUS.get(solver.solve(model.cp), "unknown")
        if status not in ("optimal", "feasible"):
            break
        cost.append(round(solver.objective_value))
        if status != "optimal":
            break
        model.cp.add(cp_model.LinearExpr.sum(term) == cost[-1])
    ms = 1000 * (time.perf_counter() - start)
    scaled = tuple(value * (PAGE if index == 1 else 1) for index, value in enumerate(cost))
    return Answer(status, scaled, ms, len(model.cp.proto.variables))


@dataclass(eq=False, slots=True)
class _Bus:
    """A bus that may exist. `seats` are the Booleans of each slot, `io` what its devices need, `bytes` each."""

    place: Place | None
    node: int | None
    depth: int
    hot: bool
    used: Variable | int
    seats: dict[int, list[Variable]]
    io: list[cp_model.LinearExprT] = field(default_factory=list)


class _Model:
    def __init__(self, guest: Guest, items: Items) -> None:
        self.guest, self.cp, self.machine_model = guest, cp_model.CpModel(), guest.machine_model
        self.items = [kind for kind, listed in items.free.items() for _ in listed]
        self.express = self.machine_model.family == "q35"
        self.preferences: list[cp_model.LinearExprT] = [0]
        self.windows: list[Variable] = []
        self.used: list[cp_model.LinearExprT] = [0]
        self.depth: list[cp_model.LinearExprT] = [0]
        slots = [
            s
            for s in range(self.machine_model.first_slot, self.machine_model.last_slot + 1)
            if s not in self.machine_model.closed
        ]
        self.root = _Bus(Place.ROOT, None, 0, self.machine_model.root_hotplug, 1, {slot: [] for slot in slots})
        self.buses = [self.root]

    def build(self) -> None:
        nodes = sorted({kind.numa for kind in self.items if kind.numa is not None})
        for node in (None, *nodes):
            self._complex(node)
        for kind in self.items:
            self._seat(kind)
        for bus in self.buses:
            for here in bus.seats.values():
                self.cp.add(sum(here) <= bus.used)
            if bus is not self.root:
                self._window(bus)
        budget = io_budget(self.machine_model, self.guest.firmware.name)
        bars = cp_model.LinearExpr.sum([*self.root.io, self.machine_model.io_bytes])
        granules = self.cp.new_int_var(0, budget.limit // budget.root_granule, "")
        self.cp.add(granules * budget.root_granule >= bars)
        taken = [*(PAGE * window for window in self.windows), granules * budget.root_granule]
        self.cp.add(cp_model.LinearExpr.sum(taken) <= budget.limit)
        self.cp.add(sum(self.used) <= 255)

    # ---- controllers

    def _complex(self, node: int | None) -> None:
        """The buses below one root: as many ports and bridges as its devices can need."""
        wished = [kind for kind in self.items if kind.numa == node or kind.numa is None]
        conventional = sum(Place.CONVENTIONAL in kind.allowed and Place.PORT not in kind.allowed for kind in wished)
        conventional += sum(kind.fit(Place.PORT).weight > 0 for kind in wished if Place.PORT in kind.allowed)
        ports = sum(Place.PORT in kind.allowed for kind in wished)
        parent = self.root if node is None else self._expander(node)
        if not self.express:
            bridges = -(-max(0, len(wished) - len(self.root.seats)) // 30) + 1
            for _ in range(bridges):
                self._below(parent, Place.CONVENTIONAL, range(1, 32), parent)
            return
        bridges = -(-conventional // 31)
        made = [self._below(parent, Place.PORT, range(1), parent) for _ in range(ports + bridges)]
        self._pack(parent, made)
        for _ in range(bridges):
            self._bridge(made)

    def _expander(self, node: int) -> _Bus:
        bus = self._below(self.root, None if self.express else Place.CONVENTIONAL, range(32), self.root)
        bus.node = node
        return bus

    def _below(self, above: _Bus, place: Place | None, slots: range, host: _Bus | None) -> _Bus:
        """A bus that may exist; unless ports are packed later, its controller takes one slot of `host`."""
        used = self.cp.new_bool_var("")
        hot = place is Place.PORT or (place is Place.CONVENTIONAL and above.node is None)
        bus = _Bus(place, above.node, above.depth + 1, hot, used, {slot: [] for slot in slots})
        self.buses.append(bus)
        self.used.append(used)
        if host is not None and place is not Place.PORT:
            self._choose(used, [host])
        self.cp.add_implication(used, above.used) if not isinstance(above.used, int) else None
        return bus

    def _choose(self, used: Variable, hosts: list[_Bus]) -> None:
        """A slot alone on one of these buses."""
        choices = []
        for host in hosts:
            for here in host.seats.values():
                choices.append(self.cp.new_bool_var(""))
                here.append(choices[-1])
        self.cp.add(sum(choices) == used)

    def _pack(self, parent: _Bus, ports: list[_Bus]) -> None:
        """Root ports eight to a slot; a slot that has any is theirs."""
        places: dict[int, list[Variable]] = {slot: [] for slot in parent.seats}
        for port in ports:
            choices = [self.cp.new_bool_var("") for _ in places]
            self.cp.add(sum(choices) == port.used)
            for slot, choice in zip(places, choices, strict=True):
                places[slot].append(choice)
        for slot, choices in places.items():
            theirs = self.cp.new_bool_var("")
            self.cp.add(sum(choices) <= 8 * theirs)
            parent.seats[slot].append(theirs)

    def _bridge(self, ports: list[_Bus]) -> None:
        bridge = self._below(ports[0], Place.CONVENTIONAL, range(1, 32), None)
        assert not isinstance(bridge.used, int)
        self._choose(bridge.used, ports)

    # ---- devices

    def _seat(self, kind: ItemKind) -> None:
        choices = []
        for bus in self.buses:
            if bus.place not in kind.allowed or (kind.numa is not None and kind.numa != bus.node):
                continue
            fit = kind.fit(bus.place)
            weight = fit.weight + unmet_hotplug(kind.size, kind.hotplug, met=bus.hot)
            weight += (
                WEIGHTS["foreign-node"] * kind.size * (bus.node is not None and kind.numa is None and not kind.spare)
            )
            if kind.hotplug == "required" and not bus.hot:
                continue
            for here in bus.seats.values():
                choice = self.cp.new_bool_var("")
                here.append(choice)
                choices.append(choice)
                self.preferences.append(weight * choice)
                self.depth.append(bus.depth * kind.size * choice)
                bus.io.append(fit.io * choice)
        self.cp.add_exactly_one(choices)

    def _window(self, bus: _Bus) -> None:
        """Pages of its IO BARs; with SeaBIOS at least one for a bridge with SHPC."""
        shpc = bus.place is Place.CONVENTIONAL and bus.depth > 0 and self.express
        least = pages(io_budget(self.machine_model, self.guest.firmware.name).empty_shpc_window) if shpc else 0
        window = self.cp.new_int_var(0, 15, "")
        self.cp.add(window * PAGE >= sum(bus.io))
        self.cp.add(window >= least * bus.used)
        self.windows.append(window)
