"""Slots of the root bus one by one, for whoever has virtual functions beyond his slot: these are in certain others.

Slots of a kind are counted, not told apart; which of them are such seats, and which virtual functions close, is chosen
beside that. Whoever else is in slots of the kind is in what is left, wherever that is.
"""

from collections.abc import Iterable, Set

from ...schema.pci.address import FUNCTIONS, SLOTS
from ..aggregate.bus_classes import BusClass, SlotKind
from .linear import LinearExpr

OwnSlots = dict[frozenset[int], dict[int, LinearExpr]]
"""By what virtual functions take beyond a slot, and by slot: whether such items are there."""


def slots_with_room(reach: Set[int], bus: BusClass, slot: SlotKind, claimed: Set[int | None]) -> list[int]:
    """Slots of a kind where all these routing ids are free. Low ones come last, so that they are taken first, but for
    those by which somebody would lose a chipset place."""
    spoiling: dict[int, bool] = {}
    for number in slot.numbers:
        ids = {number * FUNCTIONS + one for one in reach}
        slots = {number, *(one // FUNCTIONS for one in ids)}
        if max(slots) < SLOTS and bus.taken.isdisjoint(ids):
            spoiling[number] = not slots.isdisjoint(claimed)
    return sorted(spoiling, key=lambda number: (not spoiling[number], -number))


def closed_by(own: Iterable[OwnSlots]) -> dict[int, LinearExpr]:
    """By slot, how many have virtual functions there that are in another."""
    closed: dict[int, LinearExpr] = {}
    for by_reach in own:
        for reach, seats in by_reach.items():
            for number, there in seats.items():
                for other in sorted({number + one // FUNCTIONS for one in reach}):
                    closed.setdefault(other, LinearExpr()).add(there)
    return closed
