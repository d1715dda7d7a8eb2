"""What a drawing is made of, and how it is written as SVG. Everything that is text is escaped here."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from unicodedata import combining, east_asian_width
from xml.sax.saxutils import escape, quoteattr

WIDTH: Final = 0.61
"""Of a letter, in font sizes: no common monospace font has wider ones."""
SANS_WIDTH: Final = 0.66
"""The same of running text in the other font, on the safe side."""
_NO_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, in pixels from the top left."""

    x: float
    y: float
    width: float
    height: float
    style: str
    corner: float = 0


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text; `y` is its base line."""

    x: float
    y: float
    text: str
    style: str = ""
    end: bool = False
    """Whether `x` is where it ends."""
    middle: bool = False
    """Whether `x` is its middle."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A path, as SVG writes one."""

    path: str
    style: str


@dataclass(frozen=True, slots=True)
class Group:
    """Shapes of another drawing, moved."""

    x: float
    y: float
    shapes: "tuple[Shape, ...]"


Shape = Box | Words | Outline | Group


@dataclass(frozen=True, slots=True)
class Drawing:
    """Shapes, and how large they are together."""

    shapes: tuple[Shape, ...]
    width: float
    height: float


def text_width(text: str, size: float = 12, *, sans: bool = False) -> float:
    """Pixels that a line takes at most, at that font size."""
    cells = sum(2 if east_asian_width(one) in "WF" else 0 if combining(one) else 1 for one in text)
    return cells * size * (SANS_WIDTH if sans else WIDTH)


def wrapped(text: str, most: int) -> list[str]:
    """Lines of that many letters at most, broken between words; a longer word is broken, too."""
    lines = [""]
    for word in text.split(" "):
        rest = word
        if lines[-1] and len(lines[-1]) + 1 + len(rest) > most:
            lines.append("")
        while len(rest) > most:
            lines[-1:] = [rest[:most], ""]
            rest = rest[most:]
        lines[-1] = f"{lines[-1]} {rest}" if lines[-1] else rest
    return lines


def written(shapes: Iterable[Shape]) -> str:
    """As SVG elements, one a line."""
    return "".join(f"{_element(shape)}\n" for shape in shapes)


def printable(text: str) -> str:
    """Text for XML and HTML: escaped, without what neither may hold."""
    return escape(_NO_XML.sub("\ufffd", text), {'"': "&quot;", "'": "&#39;"})


def _element(shape: Shape) -> str:
    if isinstance(shape, Box):
        corner = f' rx="{_number(shape.corner)}"' if shape.corner else ""
        size = f'width="{_number(shape.width)}" height="{_number(shape.height)}"'
        return f'<rect x="{_number(shape.x)}" y="{_number(shape.y)}" {size}{corner} class={quoteattr(shape.style)}/>'
    if isinstance(shape, Group):
        return f'<g transform="translate({_number(shape.x)} {_number(shape.y)})">\n{written(shape.shapes)}</g>'
    if isinstance(shape, Outline):
        return f'<path d="{shape.path}" class={quoteattr(shape.style)}/>'
    anchor = ' text-anchor="end"' if shape.end else ' text-anchor="middle"' if shape.middle else ""
    style = f" class={quoteattr(shape.style)}" if shape.style else ""
    return f'<text x="{_number(shape.x)}" y="{_number(shape.y)}"{anchor}{style}>{printable(shape.text)}</text>'


def _number(value: float) -> str:
    """
    >>> _number(12.0), _number(3.25)
    ('12', '3.2')
    """
    return f"{value:.1f}".removesuffix(".0")
