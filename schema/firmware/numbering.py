"""Bus numbers: depth first, as both firmwares give them, and the requests at which they stop giving any."""

from collections.abc import Callable

from ..finding import Finding
from ..pci.address import BUS_NUMBERS
from .tree import FirmwareBus, FirmwareTree

Reserve = Callable[[FirmwareBus], int | None]
"""How many numbers after a bus's own the firmware keeps for what is below, now or later; None: those in use."""


def number_buses(tree: FirmwareTree, reserve: Reserve, *, strict: bool) -> Finding | None:
    """Writes `number` and `subordinate` of every reachable bus, or says why this firmware never gets that far.

    A bridge takes the next number for its bus, then all below it take theirs; its subordinate is the last of those, or
    the end of its reserve where that is higher. Within each root's range both firmwares do the same. Beyond, SeaBIOS
    gives numbers twice or never ends and edk2 stops before it programs anything (both measured:
    tests/real/test_firmware.py).

    `strict`: a reserve that is not above the number of buses below it breaks the numbering (SeaBIOS, measured).
    """
    ends = [root.number for root in tree.roots[1:]] + [BUS_NUMBERS]
    for order, end in zip(tree.complexes, ends, strict=True):
        root = order[0]
        needed = _needed(order, reserve)
        if root.number + needed[root] > end:
            available = max(0, end - root.number)
            return _finding(next(bus for bus in order if bus.id), needed[root], available)
        if strict:
            for bus in order:
                kept, used = reserve(bus), sum(needed[child] for child in bus.children)
                if kept is not None and kept <= used:
                    return _finding(bus, used, kept)
        for bus in order:
            following = bus.number + 1
            bus.subordinate = bus.number + needed[bus] - 1
            for child in bus.children:
                child.number = following
                following += needed[child]
    return None


def _needed(order: list[FirmwareBus], reserve: Reserve) -> dict[FirmwareBus, int]:
    """How many numbers each bus takes, its own included. `order` has parents before children."""
    needed: dict[FirmwareBus, int] = {}
    for bus in reversed(order):
        needed[bus] = 1 + max(reserve(bus) or 0, sum(needed[child] for child in bus.children))
    return needed


def _finding(bus: FirmwareBus, used: int, available: int) -> Finding:
    return Finding(rule="bus-numbers", subjects=(bus.id,), details={"used": used, "available": available})
