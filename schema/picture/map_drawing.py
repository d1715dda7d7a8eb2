"""An address space as shapes: a strip from the first address to the last, with owners in it."""

from collections.abc import Iterator
from math import log2
from typing import Final

from .maps import AddressMap
from .ranges import AddressRange, size_text
from .shapes import Box, Drawing, Outline, Shape, Words, text_width, wrapped

STRIP: Final = 300.0
"""Width of the strip, in pixels."""
LETTERS: Final = 38
"""Of a line in it."""
MAP_LINE: Final = 16.0
PER_PAGE: Final = 9.0
"""Pixels of 4 KiB of IO ports."""
HEAD: Final = 34.0


def map_drawing(drawn: AddressMap) -> Drawing:
    """IO ports to scale where there is room enough for the words, memory by its size's order of magnitude."""
    margin = text_width("f" * drawn.digits, 11) + 10
    shapes: list[Shape] = [Words(0, 14, drawn.title, "h2")]
    top = HEAD - 6
    for one in drawn.ranges:
        lines = _lines(one)
        height = max(len(lines) * MAP_LINE + 8, _scaled(one, drawn.digits))
        shapes += _range(one, lines, margin, top, height)
        shapes.append(Words(margin - 8, top + 11, f"{one.start:0{drawn.digits}x}", "soft small", end=True))
        top += height
    last = drawn.ranges[-1].end - 1 if drawn.ranges else 0
    shapes.append(Words(margin - 8, top + 13, f"{last:0{drawn.digits}x}", "soft small", end=True))
    top += MAP_LINE + 4
    for note in drawn.notes:
        for line in wrapped(f"without an address: {note}", LETTERS + 6):
            top += MAP_LINE
            shapes.append(Words(0, top, line, "soft small"))
    return Drawing(tuple(shapes), margin + STRIP, top + 4)


def _lines(one: AddressRange) -> list[tuple[str, str]]:
    """With the style of each."""
    if one.kind in ("free", "kept"):
        return [(f"{one.title}, {size_text(one.size)}" if one.title else size_text(one.size), "small soft")]
    title = f"{one.title} (reserve)" if one.kind == "reserve" else one.title
    size = size_text(one.size)
    first = [(line, "small id") for line in wrapped(f"{title}, {size}", LETTERS)]
    return first + [(line, "small soft") for detail in one.details for line in wrapped(detail, LETTERS)]


def _scaled(one: AddressRange, digits: int) -> float:
    if digits <= 4:
        return one.size / 4096 * PER_PAGE
    return 4 * max(0.0, log2(one.size / (1 << 20)))


def _range(one: AddressRange, lines: list[tuple[str, str]], x: float, y: float, height: float) -> Iterator[Shape]:
    yield Box(x, y, STRIP, height, f"r-{one.kind}")
    if one.kind == "kept":
        text = max(text_width(line, 11) for line, _ in lines) + 18
        yield Outline(_hatching(x + text, y, STRIP - text, height), "hatch")
    for number, (line, style) in enumerate(lines):
        yield Words(x + 8, y + 15 + number * MAP_LINE, line, style)


def _hatching(x: float, y: float, width: float, height: float) -> str:
    """Diagonal lines in a rectangle, none outside."""
    path = ""
    step = 8.0
    offset = step
    while offset < width + height:
        right = (x + min(offset, width), y + max(0.0, offset - width))
        left = (x + max(0.0, offset - height), y + min(offset, height))
        path += f"M{left[0]:.1f} {left[1]:.1f}L{right[0]:.1f} {right[1]:.1f}"
        offset += step
    return path
