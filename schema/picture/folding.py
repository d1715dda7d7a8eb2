"""How a tree folds: each bus with something on it, and in large layouts the functions of one slot together."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from ..words import named
from .bus_rows import BusRow, children
from .style import EXPANDERS

SMALL: Final = 60
"""Entries up to which all is open, and no slots are gathered."""
CROWD: Final = 3
"""Functions of one slot from which on a large layout gathers them."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """Entries in one line: a port and its one device, say; by position."""

    chain: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """What begins here can be folded; None ends it. `head` are the controllers whose bus it is, by position; None is a
    slot of several functions, with a title."""

    head: tuple[int, ...] | None
    title: str
    is_open: bool
    node: int | None = None


def folded(rows: list[BusRow]) -> Iterator[Fold | Leaf | None]:
    """The tree in the order in which it is written. No recursion: buses may nest deeper than Python's stack."""
    below = children(rows)
    small = len(rows) <= SMALL
    waiting: list[int | Fold | None] = _slots(rows, below, below[None], small=small)[::-1]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, int):
            yield one
            continue
        chain = _chain(rows, below, one)
        last = below[chain[-1]]
        if not last:
            yield Leaf(chain)
            continue
        row = rows[one]
        node = row.entry.node if row.entry.model in EXPANDERS else None
        yield Fold(chain, "", small or len(last) <= 1, node)
        waiting += [None, *_slots(rows, below, last, small=small)[::-1]]


def _chain(rows: list[BusRow], below: dict[int | None, list[int]], start: int) -> tuple[int, ...]:
    """From an entry on, as long as there is one thing on the bus; an expander of a node stands by itself."""
    chain = [start]
    while len(below[chain[-1]]) == 1 and rows[chain[-1]].entry.node is None:
        chain.append(below[chain[-1]][0])
    if rows[start].entry.node is not None and rows[start].entry.model not in EXPANDERS:
        while len(below[chain[-1]]) == 1:
            chain.append(below[chain[-1]][0])
    return tuple(chain)


def _slots(
    rows: list[BusRow], below: dict[int | None, list[int]], positions: list[int], *, small: bool
) -> list[int | Fold | None]:
    """What is on one bus, in a large layout with a fold around slots of several functions."""
    found: list[int | Fold | None] = []
    for slot, group in groupby(positions, key=lambda one: (rows[one].lost, rows[one].entry.order[0])):
        members = list(group)
        if small or slot[0] or len(members) < CROWD:
            found += members
            continue
        names = named([rows[one].entry.id for one in members])
        inside = named([rows[two].entry.id or "free" for one in members for two in below[one]])
        title = f"slot {slot[1]:02x}: {names}" + (f" → {inside}" if inside else "")
        found += [Fold(None, title, is_open=False), *members, None]
    return found
