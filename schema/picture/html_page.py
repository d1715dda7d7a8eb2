"""A layout as one HTML page that needs nothing else, or two of them, before and after; and as a part of a notebook.

Buses fold by <details>, so that nothing depends on a script.
"""

from collections.abc import Iterable
from typing import Final

from ..comparison import LayoutDiff, diff
from ..errors import expect
from ..firmware import Prediction
from ..layout.layout import Layout
from .bus_rows import BusRow, bus_rows
from .caption import footer, heading_parts
from .cards import NO_MARKS, Card, Marks, card_of, host_card, marks_of
from .entries import predicted
from .folding import Fold, Leaf, folded
from .html_style import html_rules
from .map_drawing import map_drawing
from .maps import maps_of
from .shapes import Drawing, printable, written

FOLD_ALL: Final = (
    "<script>function qslotFold(open){for(const one of document.querySelectorAll('details'))one.open=open}</script>\n"
    '<p class="qs-buttons"><button type="button" onclick="qslotFold(true)">open all</button> '
    '<button type="button" onclick="qslotFold(false)">fold all</button></p>\n'
)


def html(layout: Layout, before: Layout | None = None) -> str:
    """The layout as a whole HTML page: the tree of its buses, its IO ports, its memory if there are large BARs. With
    `before` that one stands first, and what differs is marked in both. Raises ArgumentError for what is no layout."""
    expect("layout", layout, Layout, "a Layout, as qslot.solve(guest).require() gives one")
    if before is None:
        return _page(heading_parts(layout)[0], _layout(layout))
    expect("before", before, Layout, "a Layout to compare with, or None")
    found = diff(before, layout)
    titles = [heading_parts(one)[0] for one in (before, layout)]
    sides = (
        f"<div>{_layout(before, 'before', marks_of(found, 'old'))}</div>\n"
        f"<div>{_layout(layout, 'after', marks_of(found, 'new'))}</div>\n"
    )
    return _page(" → ".join(dict.fromkeys(titles)), f'<div class="qs-pair">\n{sides}</div>\n{_differences(found)}')


def fragment(layout: Layout) -> str:
    """The same as a part of another page, a notebook's: its style names nothing but its own parts."""
    return f'<div class="qs">\n<style>\n{html_rules()}</style>\n{_layout(layout)}</div>\n'


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{printable(title)} - qslot</title>\n<style>\nhtml, body {{ margin: 0 }}\n{html_rules()}</style>\n"
        f'</head>\n<body class="qs">\n{FOLD_ALL}{body}</body>\n</html>\n'
    )


def _layout(layout: Layout, name: str = "", marks: Marks = NO_MARKS) -> str:
    prediction = predicted(layout, memory=True)
    machine, *others = heading_parts(layout)
    title = f"{name}: {machine}" if name else machine
    facts = "".join(f"<li>{printable(one)}</li>" for one in others)
    rows = bus_rows(layout, prediction)
    return (
        f'<header><h1>{printable(title)}</h1><ul class="qs-facts">{facts}</ul></header>\n<div class="qs-body">\n'
        f'<div class="qs-tree">{_card(host_card(layout))}\n{_tree(rows, marks)}</div>\n'
        f'<div class="qs-maps">\n{_maps(layout, prediction)}</div>\n</div>\n{_lines(footer(layout, prediction))}'
    )


def _differences(found: LayoutDiff) -> str:
    return f"<h2>What differs</h2>\n{_lines(str(found).split(chr(10)))}"


def _lines(lines: Iterable[str]) -> str:
    return f"<pre>{printable(chr(10).join(lines))}</pre>\n"


def _maps(layout: Layout, prediction: Prediction | None) -> str:
    return "".join(_map(map_drawing(one)) for one in maps_of(layout, prediction))


def _map(drawing: Drawing) -> str:
    width, height = round(drawing.width) + 2, round(drawing.height) + 2
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return f'<svg {size} role="img">\n{written(drawing.shapes)}</svg>\n'


def _tree(rows: list[BusRow], marks: Marks) -> str:
    """Nested lists, written without recursion: folds open, leaves stand, folds close."""
    return "".join(["<ul>\n", *(_part(part, rows, marks) for part in folded(rows)), "</ul>\n"])


def _part(part: Fold | Leaf | None, rows: list[BusRow], marks: Marks) -> str:
    if part is None:
        return "</ul>\n</details></li>\n"
    if isinstance(part, Leaf):
        cards = '<span class="qs-wire"></span>'.join(_card(card_of(rows[one], marks)) for one in part.chain)
        return f'<li><div class="qs-row">{cards}</div></li>\n'
    node = f'<span class="qs-node-name">NUMA node {part.node}</span>' if part.node is not None else ""
    style = ' class="qs-node"' if part.node is not None else ""
    opened = " open" if part.is_open else ""
    if part.head is None:
        title = f'<span class="qs-run">{printable(part.title)}</span>'
    else:
        chain = '<span class="qs-wire"></span>'.join(_card(card_of(rows[one], marks)) for one in part.head)
        title = f'<span class="qs-row">{chain}</span>'
    return f"<li{style}>{node}<details{opened}><summary>{title}</summary>\n<ul>\n"


def _card(card: Card) -> str:
    pills = "".join(f'<span class="qs-pill qs-{kind}">{printable(word)}</span>' for word, kind in card.pills)
    model = f' <span class="qs-soft">{printable(card.model)}</span>' if card.model else ""
    style = f"qs-card{' qs-empty' if card.dashed else ''}{' qs-marked' if card.marked else ''}"
    first = f"<span><b>{printable(card.title)}</b>{model}</span>{pills}"
    return (
        f'<span class="{style}"><span class="qs-tag qs-tag-{card.colour}">{card.tag}</span>'
        f'<span class="qs-words"><span class="qs-first">{first}</span>'
        f'<span class="qs-second">{printable(card.second)}</span></span></span>'
    )
