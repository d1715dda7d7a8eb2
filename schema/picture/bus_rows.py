"""The tree of buses as a list: every entry with its column and its parent, for whoever draws it."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..firmware import Prediction
from ..layout.layout import Layout
from .entries import BusEntry, entries_of, with_free


@dataclass(frozen=True, slots=True)
class BusRow:
    """An entry of a bus, in the order in which a reader meets it: parents first, then all that is below them."""

    entry: BusEntry
    bus: str
    """The bus that it is on."""
    depth: int
    """Controllers above it; 0 on the root bus."""
    parent: int | None
    """Whose bus that is, by position in the list; None is the root bus."""
    lost: bool = False
    """Whether it hangs nowhere."""

    @property
    def planned(self) -> str:
        """Its planned address, as lspci would write it: bus by name, slot and function."""
        return f"{self.bus}:{self.entry.place}"


def bus_rows(layout: Layout, prediction: Prediction | None) -> list[BusRow]:
    """All that stands in the layout, free hot-pluggable slots, too. Buses may nest deeper than Python's stack, and a
    layout under `check` may hold a bus inside itself, or hang things nowhere: these come last."""
    root = layout.machine_model.root
    buses = with_free(entries_of(layout, prediction), layout)
    rows: list[BusRow] = []
    drawn = {root}
    pending = _on(buses, root, 0, None)
    while pending:
        row = pending.pop()
        rows.append(row)
        below = row.entry.offers
        if below is not None and below not in drawn:
            drawn.add(below)
            pending += _on(buses, below, row.depth + 1, len(rows) - 1)
    lost = ((bus, entry) for bus, entries in buses.items() if bus not in drawn for entry in entries)
    return rows + [BusRow(entry, bus, 0, None, lost=True) for bus, entry in lost]


def children(rows: list[BusRow]) -> dict[int | None, list[int]]:
    """Positions of what is on each row's bus; None is the root bus and what hangs nowhere."""
    found: dict[int | None, list[int]] = {None: []}
    for position, row in enumerate(rows):
        found[position] = []
        found[row.parent].append(position)
    return found


def ends(rows: list[BusRow]) -> list[int]:
    """Of each row, the position behind all that is below it."""
    result = list(range(1, len(rows) + 1))
    for position in range(len(rows) - 1, -1, -1):
        parent = rows[position].parent
        if parent is not None:
            result[parent] = max(result[parent], result[position])
    return result


def _on(buses: dict[str, list[BusEntry]], bus: str, depth: int, parent: int | None) -> list[BusRow]:
    """What is on the bus, the first one on top of the stack."""
    return [BusRow(entry, bus, depth, parent) for entry in _without_host_bridge(buses.get(bus, []))][::-1]


def _without_host_bridge(entries: list[BusEntry]) -> Iterator[BusEntry]:
    """It is drawn as what the root bus begins with."""
    return (entry for entry in entries if not (entry.kind == "chipset" and entry.order[0] == 0))
