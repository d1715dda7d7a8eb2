"""What pictures say: all that is there, what the prediction says of it, and nothing that breaks the file it is in."""

import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

import qslot
from qslot.schema.finding import Finding
from qslot.schema.layout.layout import PlacedController
from qslot.schema.picture.bus_rows import bus_rows
from qslot.schema.picture.entries import predicted
from qslot.schema.picture.folding import Fold, folded
from qslot.schema.picture.maps import maps_of
from qslot.testing.generator import small_guest
from tests.layouts import nic, port, small_layout

from .layouts import GUESTS, example, large

EVIL = "<script>alert('\"&\x00\x1b')</script>"


class _Text(HTMLParser):
    """The text of a page, scripts apart; fails on tags that do not close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, _attributes: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "rect", "path"):
            self.open.append(tag)

    def handle_startendtag(self, _tag: str, _attributes: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.scripts if "script" in self.open else self.words).append(data)


def words_of(picture: str) -> str:
    """All text of a picture."""
    if picture.startswith("<svg"):
        return " ".join(ElementTree.fromstring(picture).itertext())
    parser = _Text()
    parser.feed(picture)
    assert parser.open == []
    return " ".join(parser.words)


@pytest.mark.parametrize("draw", [qslot.svg, qslot.html])
@pytest.mark.parametrize("name", GUESTS)
def test_all_that_is_there_is_told(draw: object, name: str) -> None:
    layout = example(name)
    words = words_of(draw(layout))  # type: ignore[operator]
    for seat in (*layout.controllers, *layout.devices):
        assert re.search(rf"(?<![\w.-]){re.escape(seat.id)}(?![\w.-])", words), seat.id
        assert f"{seat.bus}:{seat.slot:02x}.{seat.function}" in words
    for known in (layout.guest_addresses, layout.guest_names):
        assert [value for value in known.values() if value and value not in words] == []
    for window in layout.io_windows:
        assert window.base is None or f"{window.base:04x}-{window.base + window.size - 1:04x}" in words
    assert "optimal, every term proved" in words


@pytest.mark.parametrize("draw", [qslot.svg, qslot.html])
def test_nothing_in_a_layout_is_taken_for_markup(draw: object) -> None:
    """Models, warnings and names are text that anybody may have written into a layout's file."""
    layout = small_layout()
    device = layout.devices[0].model_copy(update={"model": EVIL})
    update = {
        "devices": (device, *layout.devices[1:]),
        "warnings": (Finding(rule="shpc-driver", severity="warning", subjects=(EVIL,)),),
        "guest_names": {"net0": EVIL},
    }
    evil = layout.model_copy(update=update)
    known = evil.model_copy(update={"devices": layout.devices})  # what is compared has models of the catalogue
    for picture in (draw(evil), draw(known, before=layout)):  # type: ignore[operator]
        assert "<script>alert" not in picture
        assert words_of(picture).count("<script>alert") >= 2


def test_free_slots_are_dashed() -> None:
    picture = qslot.svg(small_layout())
    assert picture.count('class="empty"') == 4  # two spare slots, one free port, 28 slots of the bridge in one
    assert "28 free pci slots" in picture
    assert "p2p1:04.* to 1f.*" in picture


def test_a_node_has_a_box() -> None:
    picture = qslot.svg(example("numa-gpu.yaml"))
    assert picture.count('class="node"') == 2
    assert "NUMA node 0" in picture
    assert "NUMA node 1" in picture


def test_what_differs_is_marked_on_its_side() -> None:
    old, new = example("rhel6-q35.yaml"), example("rhel6-q35-cold.yaml")
    words = words_of(qslot.svg(new, before=old))
    before, after = words.split("after: ")
    assert "gone" in before
    assert "moved" in before.split("before: ")[1]
    assert "gone" not in after.split("controllers:")[0]
    assert "interface ens1 -> enp0s2" in words


@pytest.mark.parametrize("seed", range(30))
def test_maps_hold_every_window_and_leave_no_gap(seed: int) -> None:
    layout = getattr(qslot.solve(small_guest(seed)), "layout", None)
    if layout is None:
        return
    prediction = predicted(layout, memory=True)
    assert prediction is not None
    for drawn in maps_of(layout, prediction):
        assert all(one.end == two.start for one, two in pairwise(drawn.ranges)), drawn.title
    ports = maps_of(layout, prediction)[0].ranges
    assert (ports[0].start, ports[-1].end) == (0, 0x10000)
    taken = [one for one in ports if one.kind not in ("free", "kept")]
    claims = [(one.base, one.size, one.controller) for one in prediction.io_windows if one.base is not None]
    claims += [(base, 1, owner) for (owner, _), base in prediction.io_bars.items()]
    claims += [(base, size, "chipset") for base, size in prediction.chipset_io]
    for base, size, owner in claims:
        holder = next(one for one in taken if one.start <= base < one.end)
        assert base + size <= holder.end, owner


def test_memory_is_drawn_where_a_bar_is_large() -> None:
    titles = [one.title for one in maps_of(large(), predicted(large(), memory=True))]
    assert titles == ["IO ports", "Memory below 4 GiB", "Memory above 4 GiB"]
    small = small_layout()
    assert [one.title for one in maps_of(small, predicted(small, memory=True))] == ["IO ports"]


def test_300_devices_fold() -> None:
    parts = list(folded(bus_rows(large(), predicted(large(), memory=False))))
    folds = [part for part in parts if isinstance(part, Fold)]
    assert len(folds) == parts.count(None)
    assert sum(not one.is_open for one in folds) > 25
    assert all(one.is_open for one in folded(bus_rows(small_layout(), None)) if isinstance(one, Fold))


def test_layouts_that_check_would_refuse_are_drawn() -> None:
    small = small_layout()
    ring = tuple(PlacedController(id=a, model="pci-bridge", bus=b, slot=1, function=0) for a, b in ("xy", "yx"))
    twice = (port("rp1", 0), PlacedController(id="rp1", model="pci-bridge", bus="rp1", slot=0, function=0))
    chain = [port("c1", 0)]
    chain += [
        PlacedController(id=f"c{n}", model="pci-bridge", bus=f"c{n - 1}", slot=1, function=0) for n in range(2, 1500)
    ]
    nowhere = {"controllers": ring, "devices": (nic("net0", "rp9", 0),)}
    wrong: list[dict[str, Any]] = [
        nowhere,
        {"controllers": twice},
        {"controllers": tuple(chain)},
        {"controllers": (), "devices": ()},
    ]
    for update in wrong:
        layout = small.model_copy(update=update)
        for draw in (qslot.svg, qslot.html):
            words = words_of(draw(layout))
            assert [one.id for one in (*layout.controllers, *layout.devices) if one.id not in words] == []
    assert "hangs nowhere" in qslot.svg(small.model_copy(update=nowhere))


def test_a_notebook_shows_a_layout_and_keeps_its_looks() -> None:
    shown = small_layout()._repr_html_()
    assert "<script" not in shown
    assert "net0" in shown
    style = shown[shown.index("<style>") + 7 : shown.index("</style>")]
    selectors = re.findall(r"^([^@}\s][^{]*)\{", style, re.MULTILINE)
    assert len(selectors) > 40
    assert [one for one in selectors if not all(part.strip().startswith(".qs") for part in one.split(","))] == []


def test_pictures_need_nothing_else_and_are_always_the_same() -> None:
    for draw in (qslot.svg, qslot.html):
        picture = draw(large())
        assert picture == draw(large())
        assert re.findall(r"(?:href|src|url|import)\s*[=(]", picture) == []
