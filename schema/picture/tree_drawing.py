"""The tree of buses as shapes: cards in columns, a rail for each bus, boxes for NUMA nodes."""

from collections.abc import Iterator
from typing import Final

from ..layout.layout import Layout
from .bus_rows import BusRow, children, ends
from .cards import NO_MARKS, Card, Marks, card_of, host_card
from .shapes import Box, Drawing, Outline, Shape, Words, text_width
from .style import EXPANDERS

HEIGHT: Final = 42.0
"""Of a card; from one to the next there is GAP."""
GAP: Final = 8.0
TAG_WIDTH: Final = 50.0
"""Width of a card's tag."""
PAD: Final = 10.0
BETWEEN: Final = 44.0
"""From column to column: room for the rail."""
LABEL: Final = 24.0
"""Room above a NUMA node's box for its name."""


def tree_drawing(layout: Layout, rows: list[BusRow], marks: Marks = NO_MARKS) -> Drawing:
    """Column 0 is the host bridge; of what is on a bus, the first entry stands beside the bus's controller."""
    host = host_card(layout)
    cards = [card_of(row, marks) for row in rows]
    widths = _column_widths(host, rows, cards)
    lefts = _lefts(widths)
    last = ends(rows)
    tops = _tops(rows, last)
    shapes: list[Shape] = list(_nodes(rows, lefts, tops, widths, last))
    shapes += _rails(rows, lefts, tops, widths)
    shapes += _card(host, lefts[0], tops[0] if rows else 0.0, widths[0])
    for row, card, top in zip(rows, cards, tops, strict=True):
        shapes += _card(card, lefts[row.depth + 1], top, widths[row.depth + 1])
    margin = LABEL / 2  # a box may stand out to the right and below
    return Drawing(tuple(shapes), lefts[-1] + widths[-1] + margin, max(tops, default=0.0) + HEIGHT + margin)


def _column_widths(host: Card, rows: list[BusRow], cards: list[Card]) -> list[float]:
    widths = [_width(host), *[0.0] * (max((row.depth for row in rows), default=-1) + 1)]
    for row, card in zip(rows, cards, strict=True):
        widths[row.depth + 1] = max(widths[row.depth + 1], _width(card))
    return widths


def _lefts(widths: list[float]) -> list[float]:
    lefts = [0.0]
    for width in widths[:-1]:
        lefts.append(lefts[-1] + width + BETWEEN)
    return lefts


def _tops(rows: list[BusRow], last: list[int]) -> list[float]:
    """Where each card begins: beside its parent if it is the first of its bus, else below all before."""
    tops: list[float] = []
    boxed = [_is_boxed(row) for row in rows]
    closing = [0] * (len(rows) + 1)
    for position, box in enumerate(boxed):
        closing[last[position]] += box
    line = 0.0
    for position, row in enumerate(rows):
        beside = position > 0 and row.parent == position - 1
        if position and not beside:
            line += HEIGHT + GAP
        line += closing[position] * GAP + (LABEL if boxed[position] else 0.0)
        if beside and boxed[position] and row.parent is not None:
            tops[row.parent] = line  # what it hangs on stands as high as it
        tops.append(line)
    return tops


def _is_boxed(row: BusRow) -> bool:
    return row.entry.node is not None and row.entry.model in EXPANDERS and not row.lost


def _nodes(
    rows: list[BusRow], lefts: list[float], tops: list[float], widths: list[float], last: list[int]
) -> Iterator[Shape]:
    """A box around each expander of a NUMA node, and all below it."""
    for position, row in enumerate(rows):
        if not _is_boxed(row):
            continue
        below = range(position, last[position])
        left = lefts[row.depth + 1] - GAP
        right = max(lefts[rows[one].depth + 1] + widths[rows[one].depth + 1] for one in below) + GAP
        top = tops[position] - LABEL + 4
        bottom = max(tops[one] for one in below) + HEIGHT + GAP
        yield Box(left, top, right - left, bottom - top, "node", 10)
        yield Words(left + PAD, top + 14, f"NUMA node {row.entry.node}", "small id")


def _rails(rows: list[BusRow], lefts: list[float], tops: list[float], widths: list[float]) -> Iterator[Shape]:
    """From each bus's controller to all that is on it."""
    middle = HEIGHT / 2
    for parent, below in children(rows).items():
        below = [one for one in below if not rows[one].lost]
        if not below:
            continue
        column = 0 if parent is None else rows[parent].depth + 1
        start = lefts[column] + widths[column]
        rail = lefts[column + 1] - 20
        first = tops[below[0] if parent is None else parent] + middle
        bottom = tops[below[-1]] + middle
        path = f"M{start:.1f} {first:.1f}H{rail:.1f}"
        if bottom > first:
            path += f"V{bottom:.1f}"
        for one in below:
            path += f"M{rail:.1f} {tops[one] + middle:.1f}H{lefts[column + 1]:.1f}"
        yield Outline(path, "rail")


def _width(card: Card) -> float:
    first = text_width(card.title) + (text_width(f" {card.model}") if card.model else 0)
    first += sum(_pill_width(word) + 6 for word, _ in card.pills)
    return TAG_WIDTH + PAD + max(first, text_width(card.second, 11)) + PAD


def _pill_width(word: str) -> float:
    return text_width(word, 11) + 12


def _card(card: Card, x: float, y: float, width: float) -> Iterator[Shape]:
    style = ("empty" if card.dashed else "card") + (" marked" if card.marked else "")
    yield Box(x, y, width, HEIGHT, style, 6)
    if card.colour != "none":
        yield Outline(_left_side(x, y), f"tag-{card.colour}")
    yield Words(
        x + TAG_WIDTH / 2,
        y + HEIGHT / 2 + 3.5,
        card.tag,
        f"tag tag-{card.colour}" if card.dashed else "tag",
        middle=True,
    )
    yield Words(x + TAG_WIDTH + PAD, y + 17, card.title, "id")
    if card.model:
        yield Words(x + TAG_WIDTH + PAD + text_width(f"{card.title} "), y + 17, card.model, "soft")
    yield Words(x + TAG_WIDTH + PAD, y + 33, card.second, "soft small")
    right = x + width - PAD
    for word, kind in reversed(card.pills):
        pill = _pill_width(word)
        yield Box(right - pill, y + 5, pill, 16, f"pill {kind}", 8)
        yield Words(right - pill / 2, y + 17, word, f"small {kind}", middle=True)
        right -= pill + 6


def _left_side(x: float, y: float) -> str:
    """A block with round corners on its left."""
    sides = f"h{TAG_WIDTH - 6:.0f}v{HEIGHT:.0f}h{6 - TAG_WIDTH:.0f}"
    return f"M{x + 6:.1f} {y:.1f}{sides}a6 6 0 0 1 -6 -6v-{HEIGHT - 12:.0f}a6 6 0 0 1 6 -6z"
