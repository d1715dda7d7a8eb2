"""Who may share a slot: sets of functions that items with fixed ones have, disjoint."""

from ...schema.pci.address import FUNCTIONS
from ...schema.records import record
from ..aggregate.bus_classes import SharedBy, SlotKind
from ..aggregate.item_kinds import ItemKind

PATTERNS = 256
"""Ways to share a kind of slot that are looked at; there may be exponentially many."""


@record
class Pattern:
    """Function sets of items with fixed functions that share one slot; lone devices fill the rest."""

    sets: tuple[frozenset[int], ...]

    @property
    def used(self) -> int:
        """How many functions of the slot are taken."""
        return sum(function < FUNCTIONS for one in self.sets for function in one)

    @property
    def reach(self) -> frozenset[int]:
        """What virtual functions of all of them take in slots after the one that they share."""
        return frozenset(function for one in self.sets for function in one if function >= FUNCTIONS)

    @property
    def is_apart(self) -> bool:
        """Whether no two of them have virtual functions in one slot after it."""
        slots = [one for each in self.sets for one in {function // FUNCTIONS for function in each} - {0}]
        return len(set(slots)) == len(slots)

    def least_lone(self, slot: SlotKind) -> int:
        """Lone devices that such a slot needs: one for function 0, and enough to be shared at all."""
        company = len(self.sets) + (slot.join is not SharedBy.EMPTY or slot.company)
        # who is pinned to an empty slot may be a controller, which no device joins by itself
        has_zero = (slot.has_zero and (slot.company or slot.join is not SharedBy.EMPTY)) or any(
            0 in one for one in self.sets
        )
        return max(not has_zero, 2 - company)


def patterns_of(kinds: list[ItemKind]) -> tuple[list[Pattern], bool]:
    """Sets of disjoint function sets among the kinds that have fixed functions, small ones first; whether all."""
    sets = sorted({kind.taken for kind in kinds if kind.taken is not None}, key=sorted)
    found: list[tuple[int, ...]] = [()]  # numbers of sets, ascending
    for chosen in found:  # grows as it goes
        for number in range(chosen[-1] + 1 if chosen else 0, len(sets)):
            if all(not sets[number] & sets[other] for other in chosen):
                if len(found) == PATTERNS:
                    return [_pattern(sets, one) for one in found], False
                found.append((*chosen, number))
    return [_pattern(sets, one) for one in found], True


def _pattern(sets: list[frozenset[int]], numbers: tuple[int, ...]) -> Pattern:
    return Pattern(tuple(sets[number] for number in numbers))
