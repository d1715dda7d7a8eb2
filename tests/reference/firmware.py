"""Whether the firmware takes a complete tree: memory, and what alignment costs beyond the sums.

Asked is `qslot.schema.firmware.predict`, whose outside truth is QEMU (docs/model.md). About which layouts is the
oracle's own: a tree stands for all layouts with its things in another order of slots, and for all that the planner may
say of reserves to make room.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from qslot.schema import Layout
from qslot.schema.firmware import predict
from qslot.schema.firmware.ample import memory_is_ample
from qslot.schema.layout.layout import PlacedController
from qslot.schema.pci.bars import BarKind
from qslot.schema.pci.qemu_properties import Properties
from qslot.schema.request.bars import requested

from .layout import Writer
from .limits import LAYOUTS, MemoryDecides
from .measure import Costs, on
from .orders import orders
from .request import Problem, choice_of
from .tree import Bus, Controller, Item, Thing

MIB = 1 << 20
Order = Callable[[Thing], int]
"""By what the things of a bus are sorted."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The first layout of a tree that the firmware takes, if any; `final` where it would take none of the tree's."""

    layout: Layout | None
    final: bool = False


@dataclass(frozen=True, slots=True)
class Free:
    """By id, the controllers that the planner created, and those with IO below, that of spare slots included."""

    created: frozenset[str]
    with_io: frozenset[str]


class Firmware:
    """`exhaust`: whether to find out that all layouts of a tree would fail; else none of its refusals is final."""

    def __init__(self, problem: Problem, *, exhaust: bool) -> None:
        self.problem = problem
        self.exhaust = exhaust
        self.asked = 0

    def ask(self, created: list[Controller], costs: Costs) -> Answer:
        """Slots are left as they were. Raises Broken where no reserves keep what the tree's spare slots ask for, and
        MemoryDecides where it was asked too often."""
        writer = Writer(self.problem, created, costs)
        layout = writer.write()
        if self.takes(layout):
            return Answer(layout)
        if self.problem.guest.firmware.name == "seabios":
            # SeaBIOS sorts requests by alignment and size before it adds them up: the order of slots decides nothing.
            return Answer(None, final=self.exhaust)
        free = Free(frozenset(controller.name for controller in created), frozenset(writer.with_io))
        taken = self.rearranged(created, costs, free)
        every = orders(self.problem.guest, layout) if self.exhaust and taken is None else None
        return Answer(taken, final=every is not None and all(self.lessened(one, free) is None for one in every))

    def rearranged(self, created: list[Controller], costs: Costs, free: Free) -> Layout | None:
        buses = [self.problem.root, *(c.offers for c in (*self.problem.controllers, *created))]
        before = {bus: {slot: list(things) for slot, things in bus.slots.items()} for bus in buses}
        try:
            for order in (lambda _: 0, memory_of, lambda thing: -memory_of(thing)):
                rearrange(buses, order)
                taken = self.lessened(Writer(self.problem, created, costs).write(), free)
                if taken is not None:
                    return taken
        finally:
            for bus, slots in before.items():
                restore(bus, slots)
        return None

    def lessened(self, layout: Layout, free: Free) -> Layout | None:
        return next((one for one in lessenings(layout, free) if self.takes(one)), None)

    def takes(self, layout: Layout) -> bool:
        self.asked += 1
        if self.asked > LAYOUTS:
            raise MemoryDecides(f"{self.asked} layouts refused")
        if layout.firmware.name == "ovmf" and predict(layout, memory=False).failure is not None:
            return False
        return memory_is_ample(layout) or predict(layout).failure is None


def memory_of(thing: Thing) -> int:
    """Bytes of the BARs of all in it, whatever their kind."""
    if isinstance(thing, Controller):
        return sum(memory_of(below) for below in on(thing.offers))
    if not isinstance(thing, Item):
        return 0
    bars = [bar for one in thing.devices for bar in requested(one, choice_of(one, behind_port=True))]
    return sum(bar.size for bar in bars if bar.kind is not BarKind.IO)


def rearrange(buses: list[Bus], order: Order) -> None:
    """Sorts what is not pinned, in the slots where it is and in each slot."""
    for bus in buses:
        free = [slot for slot, things in bus.slots.items() if not any(one.pinned or one.reach for one in things)]
        free = sorted(slot for slot in free if not bus.taken.get(slot, 0))
        contents = [sorted(bus.slots[slot], key=order) for slot in free]
        contents.sort(key=lambda things: sum(order(thing) for thing in things))
        restore(bus, dict(bus.slots) | dict(zip(free, contents, strict=True)))


def restore(bus: Bus, slots: dict[int, list[Thing]]) -> None:
    bus.slots = slots
    for slot, things in slots.items():
        for thing in things:
            thing.slot = slot


def lessenings(layout: Layout, free: Free) -> Iterator[Layout]:
    """The layout, and what the planner may make of it where OVMF's own reserves cost something: "Memory space"."""
    without = (without_windows(layout, free.with_io, empty=empty) for empty in (False, True))
    for windows in (layout, *without):
        yield windows
        yield changed(windows, lambda one: less_memory(one) if one.id in free.created else {})


def less_memory(controller: PlacedController) -> Properties:
    if controller.model != "pcie-root-port":
        return {}
    return {"pref64-reserve": 2 * MIB, "mem-reserve": 0} | controller.properties


def without_windows(layout: Layout, with_io: frozenset[str], *, empty: bool) -> Layout:
    """With io-reserve=0 where no IO is; `empty`: also on bridges with nothing on them."""
    used = {device.bus for device in layout.devices} | {spare.bus for spare in layout.spare}
    closed = {one.id for one in layout.controllers if one.id not in with_io and (empty or one.id in used)}
    return changed(layout, lambda one: no_window(one) if one.id in closed else {})


def no_window(controller: PlacedController) -> Properties:
    can = controller.model in ("pcie-root-port", "pci-bridge")
    return {"io-reserve": 0} | controller.properties if can else {}


def changed(layout: Layout, change: Callable[[PlacedController], Properties]) -> Layout:
    controllers = tuple(
        one.model_copy(update={"properties": one.properties | change(one)}) for one in layout.controllers
    )
    return layout.model_copy(update={"controllers": controllers})
