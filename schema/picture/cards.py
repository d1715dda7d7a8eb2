"""What is written on the card of an entry: the same in SVG and in HTML."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ..comparison import LayoutDiff
from ..layout.layout import Layout
from .bus_rows import BusRow
from .style import EXPANDERS, tag_of

Side = Literal["old", "new"]
Marks = Mapping[str, str]
"""By id of a device or controller: `new`, `gone`, `moved` or `changed`."""

NO_MARKS: Final[Marks] = {}


@dataclass(frozen=True, slots=True)
class Card:
    """A title and a model in the first line, addresses in the second; what stands out, as pills."""

    tag: str
    colour: str
    """Name of the tag's colour; `none` has an outline only."""
    title: str
    model: str
    second: str
    pills: tuple[tuple[str, str], ...] = ()
    """Words and their style."""
    dashed: bool = False
    marked: bool = False


def host_card(layout: Layout) -> Card:
    """The card of what the root bus begins with."""
    return Card("HOST", "bridge", "host bridge", "", f"bus {layout.machine_model.root}")


def card_of(row: BusRow, marks: Marks = NO_MARKS) -> Card:
    """The card of an entry."""
    entry = row.entry
    tag, colour = tag_of(entry)
    if entry.kind == "chipset":
        first, *others = entry.model.split(", ")
        others = [name.removeprefix("chipset ") for name in others]
        return Card(
            tag, colour, first.removeprefix("chipset "), "", "  ".join([row.planned, ", ".join(others)]).strip()
        )
    if entry.kind in ("spare", "free"):
        slots = f"{entry.count} free {entry.model} slots" if entry.count > 1 else f"{entry.kind} {entry.model} slot"
        return Card(tag, colour, slots, "", row.planned, dashed=True)
    seen = f"{row.planned} → {entry.guest_address}" if entry.guest_address else row.planned
    known = [seen, entry.interface, entry.virtual]
    if entry.kind == "controller":
        known = [row.planned, "" if entry.number is None else f"bus {entry.number:02x}", entry.window]
        if entry.node is not None and entry.model not in EXPANDERS:
            known.append(f"node {entry.node}")
    if row.lost:
        known.append("hangs nowhere")
    mark = marks.get(entry.id, "")
    pills = tuple((word, style) for word, style in ((entry.mode, entry.mode), (mark, "mark")) if word)
    return Card(tag, colour, entry.id, entry.model, "  ".join(filter(None, known)), pills, marked=bool(mark))


def marks_of(found: LayoutDiff, side: Side) -> Marks:
    """What to mark in one of the two layouts that were compared, by the ids that it has there."""
    marks = {}
    for part in (*found.devices, *found.controllers):
        name = part.old_id if side == "old" else part.new_id
        if name is None:
            continue
        if part.old_id is None or part.new_id is None:
            marks[name] = "new" if part.old_id is None else "gone"
        else:
            marks[name] = "moved" if any(one.what == "path" for one in part.differing) else "changed"
    return marks
