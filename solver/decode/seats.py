"""Where everything goes: buses in the making, the slots that are still to be given, the result of decoding."""

from dataclasses import field

from ...schema.records import record
from ..aggregate.bus_classes import BusClass
from ..aggregate.items import Item


class NoDecode(Exception):  # noqa: N818 - a question to the search, not an error
    """These counts could not be turned into addresses; a finer model must decide."""


@record(eq=False)
class BusInstance:
    """One bus in the making and the controller that offers it (none for the root bus)."""

    cls: BusClass
    name: str | None
    parent: "BusInstance | None" = None
    slot: int = 0
    function: int = 0
    used: dict[int, set[int]] = field(default_factory=dict)
    io: int = 0

    def occupy(self, slot: int, function: int) -> None:
        """Takes that function of that slot. Raises NoDecode where somebody has it."""
        here = self.used.setdefault(slot, set())
        if function in here:
            raise NoDecode(f"slot {slot} function {function} of {self.name} twice")
        here.add(function)

    def attach(self, host: "BusInstance", slot: int, function: int) -> None:
        """Hangs it on that bus. Raises NoDecode where somebody is there."""
        host.occupy(slot, function)
        self.parent, self.slot, self.function = host, slot, function


@record(frozen=True)
class Assignment:
    """Where everything that was not pinned went. Pinned controllers appear among the buses, pinned devices do not."""

    buses: list[BusInstance]
    devices: dict[str, tuple[BusInstance, int, int]]
    spares: list[tuple[Item, BusInstance, int]]


class FreeSlots:
    """Slots of one kind on the buses of a class, in order."""

    def __init__(self, places: list[tuple[BusInstance, int]]) -> None:
        self._places = places

    def take(self, count: int, *, last: bool = False) -> list[tuple[BusInstance, int]]:
        """The first `count` slots; or the first ones of the last buses that hold so many."""
        if count > len(self._places):
            raise NoDecode("more slots used than there are")
        start = 0
        if last and count:
            order: list[BusInstance] = list(dict.fromkeys(bus for bus, _ in self._places))
            need = count
            while need > 0:
                need -= sum(bus is order[-1] for bus, _ in self._places)
                first = order.pop()
            start = next(i for i, (bus, _) in enumerate(self._places) if bus is first)
            start = min(start, len(self._places) - count)
        taken = self._places[start : start + count]
        del self._places[start : start + count]
        return taken

    def take_spread(self, count: int) -> list[tuple[BusInstance, int]]:
        """`count` slots on as many different buses as there are, the last buses first."""
        taken: list[tuple[BusInstance, int]] = []
        while len(taken) < count:
            buses = list(dict.fromkeys(bus for bus, _ in reversed(self._places)))[: count - len(taken)]
            places = [place for bus in buses if (place := self.take_on(bus, last=True)) is not None]
            if not places:
                raise NoDecode("more slots used than there are")
            taken += places
        return taken

    def take_slot(self, slot: int) -> tuple[BusInstance, int] | None:
        """A free slot of that number, on whichever bus; None where there is none."""
        return self._remove(next((i for i, (_, number) in enumerate(self._places) if number == slot), None))

    def take_on(self, bus: BusInstance, *, last: bool = False) -> tuple[BusInstance, int] | None:
        """The first free slot on that bus, or the last; None where there is none."""
        order = range(len(self._places))
        mine = (index for index in (reversed(order) if last else order) if self._places[index][0] is bus)
        return self._remove(next(mine, None))

    def _remove(self, index: int | None) -> tuple[BusInstance, int] | None:
        return None if index is None else self._places.pop(index)
