"""A layout as text that people read: the tree of its buses, with what is proved of it. ASCII, in colour if asked."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ..errors import expect
from ..firmware import Prediction
from ..layout.layout import Layout
from ..picture.caption import findings as findings
from ..picture.caption import footer, heading_parts
from ..picture.entries import BusEntry, entries_of, predicted
from ..records import record
from .ansi import Paint, coloured, padded, plain, seen, wrapped

if TYPE_CHECKING:
    from ..layout.outcome import Outcome

NOTES_COLUMN: Final = 78
"""Guest addresses and modes are aligned at the widest line, but not further right than this."""


@record(frozen=True)
class _Row:
    """A line of the tree: the picture on the left, what is known of the thing on the right."""

    picture: str
    address: str = ""
    note: str = ""
    below: str = ""
    """What the lines to the entries below it begin with, if its own line goes on there."""


def tree(layout: Layout, *, width: int | None = None, colour: bool = False) -> str:
    """The layout as `lspci -tv` would draw it, by planned ids; then the spare slots, the proof, the warnings.

    Left: address on the bus, id, model; `[05]` is the guest's number of the bus behind. Right: the address that the
    guest will see, a Linux guest's name of the interface, virtio mode, IO window (`IO reserve`: one that older OVMF
    opens without need). No line is longer than `width`, if one is given, but for words that are; `colour` adds ANSI's.
    Raises ArgumentError for what is no layout.
    """
    expect("layout", layout, Layout, "a Layout, as qslot.solve(guest).require() gives one")
    paint = coloured if colour else plain
    prediction = predicted(layout, memory=False)
    lines = list(_aligned(_branch(layout, prediction, paint)))
    head, foot = [heading(layout)], [_painted(line, paint) for line in footer(layout, prediction)]
    if width is not None:
        if max(map(seen, lines)) > width:
            lines = list(_fitted(_branch(layout, prediction, paint, chains=False), width))
        head = list(wrapped(head[0], width, "  "))
        foot = [part for line in foot for part in wrapped(line, width, "    ")]
    return "\n".join([*head, "", *lines, "", *foot]) + "\n"


def _aligned(rows: list[_Row]) -> Iterator[str]:
    """What is known of things in columns of its own."""
    width = min(max((seen(row.picture) for row in rows if row.address or row.note), default=0), NOTES_COLUMN)
    marked = max((seen(row.address) for row in rows), default=0)
    return (f"{padded(row.picture, width)}  {padded(row.address, marked)}  {row.note}".rstrip() for row in rows)


def _fitted(rows: list[_Row], width: int) -> Iterator[str]:
    """The same where there is room enough, else on lines of their own."""
    known = ["  ".join(filter(None, (row.address, row.note))) for row in rows]
    fits = [
        seen(row.picture) for row, note in zip(rows, known, strict=True) if seen(row.picture) + 2 + seen(note) <= width
    ]
    column = min(max(fits, default=0), width - 2 - max(map(seen, known), default=0))
    for row, note in zip(rows, known, strict=True):
        line = f"{padded(row.picture, column)}  {note}".rstrip()
        if seen(line) <= width:
            yield line
        else:
            yield from wrapped(row.picture, width, f"{row.below}  ")
            if note:
                yield from wrapped(f"{row.below}  {note}", width, f"{row.below}  ")


def _painted(line: str, paint: Paint) -> str:
    """A line of the footer."""
    style = line.partition(" ")[0].rstrip(":,")
    return paint(line, {"optimal": "good", "not": "warning"}.get(style, style if style in ("warning", "error") else ""))


def heading(layout: Layout) -> str:
    """One line: machine, firmware, how many of what, and what is free for hot-plug, spare slots among it."""
    return "; ".join(heading_parts(layout))


def explanation(outcome: "Outcome") -> str:
    """What the command prints of an answer: the tree of a proved layout, else `str` of the outcome."""
    from ..layout.outcome import Infeasible, Solved, Undecided  # not for who looks at a layout

    expect(
        "outcome", outcome, (Solved, Infeasible, Undecided), "what qslot.solve(guest) or qslot.explain(guest) answers"
    )
    return tree(outcome.layout) if isinstance(outcome, Solved) else str(outcome)


def _branch(layout: Layout, prediction: Prediction | None, paint: Paint, *, chains: bool = True) -> list[_Row]:
    """Rows of all on the root bus and below; with `chains` a port and its one device are one. No recursion: buses may
    nest deeper than Python's stack."""
    root = layout.machine_model.root
    buses = entries_of(layout, prediction)
    rows = [_Row(paint(root, "id"))]
    drawn = {root}  # a layout under `check` may hold a bus inside itself
    pending = _below(buses, root, " ")
    while pending:
        part, indent, last = pending.pop()
        picture, notes = f"{indent}{chr(92) if last else '+'}-{part.place}  {_text(part, paint)}", [_note(part, paint)]
        while chains and part.offers is not None and len(buses[part.offers]) == 1 and part.offers not in drawn:
            drawn.add(part.offers)
            part = buses[part.offers][0]
            picture += f"----{part.place}  {_text(part, paint)}"
            notes.append(_note(part, paint))
        if part.offers is not None and not buses[part.offers]:
            picture += "----(empty)"
        address = " ".join(word for word in (part.guest_address, part.interface) if word)
        below = indent + ("    " if last else "|   ")
        known = ", ".join(dict.fromkeys(filter(None, notes)))
        rows.append(_Row(picture, paint(address, "address"), known, below))
        if part.offers is not None and part.offers not in drawn:
            drawn.add(part.offers)
            pending += _below(buses, part.offers, below)
    lost = [f"{_text(part, paint)} (on {bus})" for bus, parts in buses.items() if bus not in drawn for part in parts]
    return rows + [_Row(f" ?  not below {root}: {text}") for text in lost]


def _below(buses: dict[str, list[BusEntry]], bus: str, indent: str) -> list[tuple[BusEntry, str, bool]]:
    """The bus's occupants, the first one on top of the stack, each with whether it is the last to be drawn."""
    parts = buses[bus]
    return [(part, indent, position == len(parts)) for position, part in enumerate(parts, 1)][::-1]


def _note(part: BusEntry, paint: Paint) -> str:
    told = paint(part.window, "window") if part.window else paint(part.mode, part.mode) if part.mode else ""
    return ", ".join(filter(None, (told, part.virtual)))


def _text(part: BusEntry, paint: Paint) -> str:
    if part.kind == "chipset":
        return paint(f"({part.model})", "soft")
    if part.kind == "spare":
        return paint(f"< spare {part.model} slot >", "free")
    marks = "" if part.node is None else f" node {part.node}"
    marks += "" if part.number is None else f" [{part.number:02x}]"
    return f"{paint(part.id, 'id')} {part.model}{marks}"
