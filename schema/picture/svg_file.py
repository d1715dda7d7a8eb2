"""A layout as one SVG file, or two of them, before and after. Text stays text."""

from collections.abc import Iterable
from typing import Final

from ..comparison import diff
from ..errors import expect
from ..layout.layout import Layout
from .bus_rows import bus_rows
from .caption import footer, heading_parts
from .cards import NO_MARKS, Marks, marks_of
from .entries import predicted
from .map_drawing import map_drawing
from .maps import maps_of
from .shapes import Box, Drawing, Group, Shape, Words, printable, text_width, wrapped, written
from .style import svg_rules
from .tree_drawing import tree_drawing

MARGIN: Final = 28.0
LINE: Final = 19.0
COLUMN: Final = 100
"""Letters of a line of running text, at least."""


def svg(layout: Layout, before: Layout | None = None) -> str:
    """A picture of the layout as a whole SVG file: the tree of its buses, its IO ports, its memory if there are large
    BARs. With `before` that one stands to its left, and what differs is marked in both. Raises ArgumentError for what
    is no layout."""
    expect("layout", layout, Layout, "a Layout, as qslot.solve(guest).require() gives one")
    if before is None:
        return _file(_page(layout), _title(layout))
    expect("before", before, Layout, "a Layout to compare with, or None")
    found = diff(before, layout)
    sides = [
        _page(before, "before", marks_of(found, "old"), wide=False),
        _page(layout, "after", marks_of(found, "new"), wide=False),
    ]
    text = _text(str(found).split("\n"), sum(side.width for side in sides))
    return _file(_below(_beside(sides, MARGIN * 2), text, MARGIN), f"{_title(before)} -> {_title(layout)}")


def _title(layout: Layout) -> str:
    return heading_parts(layout)[0]


def _page(layout: Layout, name: str = "", marks: Marks = NO_MARKS, *, wide: bool = True) -> Drawing:
    """One layout: heading, tree, maps beside or below it, and what is proved."""
    prediction = predicted(layout, memory=True)
    rows = bus_rows(layout, prediction)
    tree = tree_drawing(layout, rows, marks)
    maps = [map_drawing(one) for one in maps_of(layout, prediction)]
    strip = _beside(maps, MARGIN)
    body = _beside([tree, strip], MARGIN * 1.5) if wide else _below(tree, strip, MARGIN)
    return _below(
        _below(_head(layout, name, body.width), body, 12), _text(footer(layout, prediction), body.width), MARGIN
    )


def _head(layout: Layout, name: str, width: float) -> Drawing:
    machine, *others = heading_parts(layout)
    title = f"{name}: {machine}" if name else machine
    said = _text(["; ".join(others)], max(width, text_width(title, 17, sans=True)))
    return _below(Drawing((Words(0, 18, title, "h1"),), text_width(title, 17, sans=True), 24.0), said, 2)


def _text(lines: Iterable[str], width: float) -> Drawing:
    """Lines as they are, in the font of tables; what is longer than `width` goes on below, with the same indent."""
    most = max(COLUMN, int(width / text_width("x")))
    parts = [part for line in lines for part in _indented(line, most)]
    shapes = tuple(Words(0, (number + 1) * LINE - 5, line, "line") for number, line in enumerate(parts))
    return Drawing(shapes, max(map(text_width, parts), default=0.0), len(shapes) * LINE)


def _indented(line: str, most: int) -> list[str]:
    if len(line) <= most:
        return [line]
    text = line.lstrip(" ")
    indent = line[: len(line) - len(text)]
    return [indent + part for part in wrapped(text, most - len(indent))]


def _beside(drawings: list[Drawing], gap: float) -> Drawing:
    shapes: list[Shape] = []
    x = 0.0
    for one in drawings:
        shapes.append(Group(x, 0, one.shapes))
        x += one.width + gap
    return Drawing(tuple(shapes), x - gap, max(one.height for one in drawings))


def _below(above: Drawing, below: Drawing, gap: float) -> Drawing:
    shapes = (*above.shapes, Group(0, above.height + gap, below.shapes))
    return Drawing(shapes, max(above.width, below.width), above.height + gap + below.height)


def _file(drawing: Drawing, title: str) -> str:
    width, height = (round(side + 2 * MARGIN) for side in (drawing.width, drawing.height))
    page = Box(0, 0, width, height, "page")
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n<title>{printable(title)}</title>\n'
        f"<style>\n{svg_rules()}</style>\n{written([page, Group(MARGIN, MARGIN, drawing.shapes)])}</svg>\n"
    )
