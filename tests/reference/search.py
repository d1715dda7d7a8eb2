"""Every way to seat what is free, controllers created on the way included; branch and bound over the objective.

Why the enumeration is finite and still complete:

- Controllers are created only while something is being seated that goes below them, so creation in order of first use
  tries each set of them once. An empty one is of use only to fill function 0 of a slot; `fillers` adds those last,
  where nothing else has filled it.
- Created controllers below created ones are merged without loss: what a second switch (pcie-pci-bridge) below a created
  port beside the first holds fits into the first, and so does what a created pci-bridge holds into another one on the
  same bus or into the created pci-bridge or pcie-pci-bridge it sits in, and a created switch below a created switch.
  Merging keeps the complex and its hot-plug, shortens paths, saves controllers, and one sum of IO takes no more pages
  than two. `MANY` guards the one premise: a created bus has room for all that is seated.
- That does not hold with a vIOMMU for devices of the host, whose address space is that of the topmost bridge: there
  conventional bridges are not merged.
- One created expander a node is enough for the same reason.

The firmware is asked about complete trees alone (`firmware.py`): what is added later may shift what was in the way. A
tree that it refuses may be laid out in another order that it takes, and what merging leaves out may have fitted. So
unless one that it takes costs no more, there is no answer (`MemoryDecides`). Without merging (`merge=False`) a refusal
is final where no order of slots would help.
"""

from collections.abc import Iterator
from itertools import count

from qslot.schema import Guest, Layout

from .ascending import ascends
from .firmware import Firmware
from .limits import MemoryDecides, TooMany
from .measure import PAGE, Broken, Costs, Measure
from .request import Problem, connector_of, heeded, iommu_group, make_controller, read
from .tree import BUS_OF, HOMES_OF, Bus, Controller, Item, SpareSlot, Thing, filler_cost

CREATABLE = {
    "q35": ("pcie-root-port", "xio3130-downstream", "x3130-upstream", "pcie-pci-bridge", "pci-bridge", "pxb-pcie"),
    "pc": ("pci-bridge", "pxb"),
}
FILLERS = {"root port": "pcie-root-port", "downstream port": "xio3130-downstream", "pci-bridge": "pci-bridge"}
MANY = 30
NODES = 50_000

Move = list[tuple[Thing, Bus, int]]
Key = tuple[int, ...]


class Search:
    """`prune=False` leaves out every shortcut that rests on an argument: slow, but it needs less belief."""

    def __init__(self, guest: Guest, *, prune: bool = True, merge: bool = True, nodes: int | None = None) -> None:
        self.most_nodes = NODES if nodes is None else nodes
        self.prune = prune
        self.merge = merge and prune
        self.problem: Problem = read(guest)
        if len(self.problem.free) > MANY:
            raise TooMany(f"{len(self.problem.free)} things to place")
        self.guest = guest
        self.creatable = CREATABLE[guest.machine_model.family]
        self.created: list[Controller] = []
        self.pci_spares = any(isinstance(thing, SpareSlot) and thing.spare.kind == "pci" for thing in self.problem.free)
        self.buses = [self.problem.root, *(c.offers for c in self.problem.controllers)]
        self.free = sorted(self.problem.free, key=self.urgency)
        self.reaching = sum(self.reaches(thing) for thing in self.free)
        """How many, the first to be placed, close slots of the root bus if they sit there: which, depends on theirs."""
        self.tidy = (
            prune
            and not guest.order
            and not self.reaching
            and not any(isinstance(thing, Controller) and thing.functions is not None for thing in self.free)
        )
        self.spaces = any(iommu_group(guest, one) is not None for item in self.problem.items for one in item.devices)
        """Whether devices of the host may want a bridge's address space for themselves."""
        self.least = self.least_to_come()
        self.best: Key | None = None
        self.costs: Costs | None = None
        self.layout: Layout | None = None
        self.refused: Key | None = None
        """The least cost of a tree that might be laid out after all."""
        self.firmware = Firmware(self.problem, exhaust=not self.merge)
        self.seen: set[object] = set()
        self.nodes = 0

    def urgency(self, thing: Thing) -> tuple[object, ...]:
        """Order of placing: what has the fewest choices first, equal things together."""
        rank = 0 if isinstance(thing, Controller) else 2 if isinstance(thing, SpareSlot) else 1
        io = self.least_io(thing)
        if io >= PAGE // 2:
            rank = 1
        return (
            not self.reaches(thing),
            rank,
            -(io // 1024),
            not thing.required,
            thing.wish is None,
            len(thing.homes),
            thing.sort,
        )

    def reaches(self, thing: Thing) -> bool:
        """Whether it may close slots of the root bus."""
        return bool(thing.reach) and not thing.homes.isdisjoint({"express-root", "conventional-root"})

    def least_to_come(self) -> list[tuple[int, int, int]]:
        """For each number of things placed, what the rest brings at least, wherever it goes: preferences, depth, and
        bytes of IO below bridges."""
        sums = [(0, 0, 0)]
        if not self.prune:
            return sums * (len(self.free) + 1)
        for thing in reversed(self.free):
            preferences, depth, io = sums[-1]
            below = self.is_below(thing)
            if isinstance(thing, Item):
                preferences += self.least_preferences(thing)
                depth += len(thing.devices) * below
            sums.append((preferences, depth, io + below * self.least_io(thing)))
        return sums[::-1]

    def is_below(self, thing: Thing) -> bool:
        """Whether it cannot be on the main root bus."""
        wants_hotplug = thing.required or isinstance(thing, SpareSlot)
        if wants_hotplug and not self.guest.machine_model.root_hotplug:
            return True
        return self.wishes(thing) or not {"express-root", "conventional-root"} & thing.homes

    def wishes(self, thing: Thing) -> bool:
        """Whether it, or something near it, asks for a node."""
        pairs = [pair for pair in self.problem.near if thing in pair]
        return thing.wish is not None or any(one.wish is not None for pair in pairs for one in pair)

    def least_io(self, thing: Thing) -> int:
        if isinstance(thing, SpareSlot):
            return thing.spare.io if thing.spare.kind == "pci" else 0
        if isinstance(thing, Item):
            return min(thing.io_on_port, thing.io_elsewhere) if "port" in thing.homes else thing.io_elsewhere
        return 0

    def least_preferences(self, item: Item) -> int:
        total = 0
        if self.guest.machine_model.family == "q35":
            total += min((self.least_on(item, home) for home in item.homes), default=0)
        headless = item.functions is not None and not item.functions & 1
        if headless:  # never alone
            total += len(item.devices) * (2 + 8 * (item.need == "preferred"))
        return total + 2 * len(item.devices) * (item.wish is None and self.wishes(item))

    def least_on(self, item: Item, home: str) -> int:
        headless = item.functions is not None and not item.functions & 1
        total = 0
        for one in item.devices:
            connector = connector_of(self.guest, one)
            total += one.chipset_place is not None and home != "express-root"
            total += 4 * (connector in ("express", "hybrid") and home != "port")
            total += 4 * (connector == "legacy virtio" and home == "port")
            total += 8 * (item.need == "preferred" and home == "express-root" and not headless)
        return total

    def run(self) -> Costs | None:
        """The objective of the best layout, None where there is none. Raises NoAnswer."""
        if self.problem.conflict is None:
            bound = self.bound(0)
            if bound is not None:
                self.step(0)
        if self.refused is not None and (self.best is None or self.refused < self.best):
            raise MemoryDecides(f"{self.firmware.asked} layouts refused")
        return self.costs

    # one node of the search

    def bound(self, placed: int) -> Key | None:
        """The least that any completion costs, in the policy's order; None where there is none."""
        preferences, depth, io = self.least[placed]
        try:
            costs = Measure(self.problem, [*self.problem.controllers, *self.created], io).run()
        except Broken:
            return None
        if not self.prune:
            return tuple(costs[term] for term in self.guest.policy.order)
        mates = self.mates_to_come(self.free[placed:])
        if mates is None:
            return None
        costs["preferences"] += preferences + mates
        costs["depth"] += depth
        self.add_ports_to_come(costs, placed)
        return tuple(costs[term] for term in self.guest.policy.order)

    def mates_to_come(self, rest: list[Thing]) -> int | None:
        """What those cost at least, as sharing a slot, who must come to fill function 0 of a used slot; None where
        nobody can."""
        total = 0
        for bus in self.buses:
            for slot, things in bus.slots.items():
                if not bus.function_zero(slot):
                    cost = filler_cost(things, rest)
                    model = FILLERS.get(things[0].mates or "")
                    if cost is None or (model is not None and bus.kind not in HOMES_OF[model]):
                        return None
                    total += cost
        return total

    def add_ports_to_come(self, costs: Costs, placed: int) -> None:
        """What can only sit alone in a port takes an empty one or a new one; a pcie spare with io also opens a page,
        on a root port, which is never below a bridge with a reserve."""
        rest = [thing for thing in self.free[placed:] if thing.homes == {"port"} and thing.mates is None]
        empty = [bus.owner for bus in self.buses if bus.kind == "port" and bus.owner is not None and not bus.slots]
        with_io = sum(isinstance(thing, SpareSlot) and thing.spare.io > 0 for thing in rest)
        costs["controllers"] += max(0, len(rest) - len(empty))
        costs["io_windows"] += PAGE * max(0, with_io - sum(bool(port.io_reserve and port.heeded) for port in empty))

    def improves(self, key: Key | None) -> bool:
        """Whether a tree of that cost would change the answer."""
        if key is None or (self.refused is not None and key > self.refused):
            return False
        return self.best is None or key < self.best

    def step(self, placed: int) -> None:
        self.nodes += 1
        if self.nodes > self.most_nodes:
            raise TooMany(f"{self.nodes} nodes searched")
        if placed == len(self.free):
            self.finish()
            return
        picture = (placed, self.picture())
        if picture in self.seen and self.prune:
            return
        self.seen.add(picture)
        moves: list[tuple[Key, Move]] = []
        self.problem.root.choosy = placed < self.reaching
        for move in self.ways(self.free[placed]):
            key = self.bound(placed + 1)
            if key is not None and self.improves(key):
                moves.append((key, list(move)))
        for key, move in sorted(moves, key=lambda pair: pair[0]):
            if self.improves(key):
                self.do(move)
                self.step(placed + 1)
                self.undo(move)

    def finish(self) -> None:
        fillers = self.fillers()
        if fillers is None:
            return
        self.do(fillers)
        key = self.bound(len(self.free))
        if key is not None and self.improves(key):
            self.ask_firmware(key)
        self.undo(fillers)

    def ask_firmware(self, key: Key) -> None:
        costs: Costs = dict(zip(self.guest.policy.order, key, strict=True))
        in_order = ascends(self.problem.root, self.guest.order)
        if in_order is False:
            return
        if in_order is None:
            self.refused = key if self.refused is None else min(key, self.refused)
            return
        try:
            answer = self.firmware.ask(self.created, costs)
        except Broken:
            return
        if answer.layout is not None:
            self.best, self.costs, self.layout = key, costs, answer.layout
        elif not answer.final:
            self.refused = key if self.refused is None else min(key, self.refused)

    def fillers(self) -> Move | None:
        """Empty controllers created for nothing but function 0 of a slot of others; None where one cannot be had."""
        move: Move = []
        for bus in self.buses:
            for slot, things in bus.slots.items():
                if bus.function_zero(slot):
                    continue
                model = FILLERS.get(things[0].mates or "")
                if model is None or bus.kind not in HOMES_OF[model] or model not in self.creatable:
                    return None
                controller = self.created_controller(model, None)
                if slot not in bus.seats(controller):
                    return None
                move.append((controller, bus, slot))
        return move

    def do(self, move: Move) -> None:
        for thing, bus, slot in move:
            self.sit(thing, bus, slot)

    def undo(self, move: Move) -> None:
        for thing, _, _ in reversed(move):
            self.leave(thing)

    def sit(self, thing: Thing, bus: Bus, slot: int) -> None:
        bus.sit(thing, slot)
        if isinstance(thing, Controller) and thing.created:
            self.created.append(thing)
            self.buses.append(thing.offers)

    def leave(self, thing: Thing) -> None:
        assert thing.bus is not None
        thing.bus.leave(thing)
        if isinstance(thing, Controller) and thing.created:
            self.created.pop()
            self.buses.pop()

    # ways to seat one thing

    def ways(self, thing: Thing) -> Iterator[Move]:
        """Each move is done while it is yielded, and undone after."""
        yield from self._ways(thing, thing, [], ())

    def _ways(self, thing: Thing, top: Thing, above: list[str], path: tuple[str, ...]) -> Iterator[Move]:
        for bus in list(self.buses):
            if bus.kind in thing.homes and not inside(bus, top) and self.worthwhile(thing, bus):
                yield from self._seats(thing, bus, [])
        for controller in self.fresh(thing, path):
            for move in self._ways(controller, top, above, (*path, controller.model)):
                if self.worthwhile(thing, controller.offers):
                    yield from self._seats(thing, controller.offers, move)

    def _seats(self, thing: Thing, bus: Bus, before: Move) -> Iterator[Move]:
        slots = bus.seats(thing)
        if self.tidy and isinstance(thing, Controller) and thing.mates is not None and thing.functions is None:
            slots = bus.seats_together(thing)
        for slot in slots:
            self.sit(thing, bus, slot)
            yield [*before, (thing, bus, slot)]
            self.leave(thing)

    def fresh(self, thing: Thing, path: tuple[str, ...]) -> Iterator[Controller]:
        """A new controller of each kind that could hold the thing. A kind stands once in a chain of new ones;
        downstream ports twice: one in a new switch, one that the new switch sits on, in an old switch."""
        for model in self.creatable:
            if BUS_OF[model] not in thing.homes or path.count(model) >= (2 if model == "xio3130-downstream" else 1):
                continue
            nodes = sorted(self.problem.nodes) if model in ("pxb", "pxb-pcie") else [None]
            for node in nodes:
                if node is None or all(not (c.is_expander and c.wish == node) for c in self.created):
                    yield self.created_controller(model, node)

    def created_controller(self, model: str, node: int | None) -> Controller:
        controller = make_controller("", model)
        controller.created, controller.named, controller.wish = True, False, node
        controller.name = f"new{next(NUMBERS)}"
        if model == "pcie-root-port" and self.guest.machine_model.port_io_reserve:
            controller.io_reserve = PAGE
        controller.heeded = heeded(self.guest, controller)
        return controller

    def worthwhile(self, thing: Thing, bus: Bus) -> bool:
        """False where merging two created controllers is at least as good (top of this file)."""
        if not (self.merge and isinstance(thing, Controller) and thing.created):
            return True
        owner = bus.owner
        if self.spaces and thing.model != "x3130-upstream":
            return True
        if thing.model == "pci-bridge":
            return not (
                owner is not None
                and owner.created
                and owner.model in ("pci-bridge", "pcie-pci-bridge")
                and (owner.model == "pci-bridge" or not self.pci_spares)
            ) and not any(
                isinstance(other, Controller) and other.created and other.model == "pci-bridge"
                for things in bus.slots.values()
                for other in things
            )
        if thing.model in ("x3130-upstream", "pcie-pci-bridge"):
            assert owner is not None
            if thing.model == "x3130-upstream" and any(c.created and c.model == thing.model for c in owners(bus)):
                return False
            if thing.model == "pcie-pci-bridge" and self.pci_spares:
                return True  # nothing keeps room there: the one page that two of them open may be too little in one
            return not (owner.created and owner.bus is not None and self.twin(thing, owner, owner.bus))
        return True

    def twin(self, thing: Controller, port: Controller, bus: Bus) -> bool:
        """Whether another created port on `bus` already holds a created controller of that model."""
        return any(
            isinstance(other, Controller)
            and other.created
            and other is not port
            and any(isinstance(c, Controller) and c.created and c.model == thing.model for c in on_slot_zero(other))
            for things in bus.slots.values()
            for other in things
        )

    # what makes two trees the same

    def picture(self) -> object:
        """The tree up to exchange of equal things, equal slots and created controllers: no rule and no cost, now or
        later, tells two trees of one picture apart."""
        loose = [c.offers for c in self.problem.controllers if c.bus is None]
        return (
            picture_of(self.problem.root, numbered=bool(self.reaching)),
            tuple(sorted(repr((b.owner.sort if b.owner else "", picture_of(b))) for b in loose)),
        )


NUMBERS = count(1)


def picture_of(bus: Bus, *, numbered: bool = False) -> tuple[object, ...]:
    slots = []
    for slot, things in bus.slots.items():
        contents = sorted(picture_of_thing(thing) for thing in things)
        slots.append((slot * numbered, bus.taken.get(slot, 0), slot == bus.chipset_slot, tuple(contents)))
    return tuple(sorted(slots, key=repr))


def picture_of_thing(thing: Thing) -> str:
    below = repr(picture_of(thing.offers)) if isinstance(thing, Controller) else ""
    return f"{thing.name if thing.pinned else thing.sort}{below}"


def on_slot_zero(port: Controller) -> list[Thing]:
    return port.offers.slots.get(0, [])


def owners(bus: Bus) -> Iterator[Controller]:
    """The controllers above, nearest first."""
    above: Bus | None = bus
    while above is not None and above.owner is not None:
        yield above.owner
        above = above.owner.bus


def inside(bus: Bus, thing: Thing) -> bool:
    return any(owner is thing for owner in owners(bus))
