"""Pictures as a browser draws them: nothing over something else, nothing cut, no message, in light and dark."""

from pathlib import Path
from typing import Any

import pytest

import qslot
from tests.layouts import small_layout
from tests.profile import sample

from .browser import measured, needs_chromium
from .layouts import GUESTS, example, large

pytestmark = needs_chromium
SOME = GUESTS[:: sample(3, ci=1)]
"""The browser is started anew for each picture."""


def assert_clean(report: dict[str, Any]) -> None:
    """All that is wrong at once."""
    wrong = {
        name: report[name]
        for name in ("text_over_text", "box_over_box", "cut", "wider", "unselectable", "console")
        if report[name]
    }
    assert wrong == {}
    assert report["words"] > 10
    assert report["boxes"] > 3


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", SOME)
def test_svg_of_an_example(name: str, dark: bool, tmp_path: Path) -> None:
    assert_clean(measured(qslot.svg(example(name)), tmp_path, dark=dark))


@pytest.mark.parametrize(("width", "dark"), [(600, True), (1400, False), (1400, True)])
@pytest.mark.parametrize("name", SOME)
def test_html_of_an_example(name: str, width: int, dark: bool, tmp_path: Path) -> None:
    assert_clean(measured(qslot.html(example(name)), tmp_path, width=width, dark=dark))


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("form", ["svg", "folded", "open"])
def test_300_devices(form: str, dark: bool, tmp_path: Path) -> None:
    picture = qslot.svg(large()) if form == "svg" else qslot.html(large())
    if form == "open":
        picture = picture.replace("<details>", "<details open>")
    report = measured(picture, tmp_path, dark=dark)
    assert_clean(report)
    assert (report["boxes"] < 100) == (form == "folded")


@pytest.mark.parametrize("draw", [qslot.svg, qslot.html])
def test_before_and_after(draw: Any, tmp_path: Path) -> None:
    old, new = example("rhel6-q35.yaml"), example("rhel6-q35-cold.yaml")
    assert_clean(measured(draw(new, before=old), tmp_path, width=1800))


@pytest.mark.parametrize("draw", [qslot.svg, qslot.html])
def test_names_as_long_as_they_can_be(draw: Any, tmp_path: Path) -> None:
    layout = small_layout()
    devices = tuple(one.model_copy(update={"id": f"{one.id}-{'w' * 120}"}) for one in layout.devices)
    odd = devices[0].model_copy(update={"model": "模型" * 20})
    assert_clean(measured(draw(layout.model_copy(update={"devices": (odd, *devices[1:])})), tmp_path))


@pytest.mark.parametrize("draw", [qslot.svg, qslot.html])
def test_colours_follow_the_reader(draw: Any, tmp_path: Path) -> None:
    layout = small_layout()
    assert measured(draw(layout), tmp_path)["colour"] == "rgb(245, 246, 248)"
    assert measured(draw(layout), tmp_path, dark=True)["colour"] == "rgb(16, 21, 28)"


def test_the_script_sees_what_is_wrong(tmp_path: Path) -> None:
    picture = qslot.svg(small_layout())
    picture = picture.replace("</svg>", '<text x="95" y="57">over others</text><text x="-9" y="-4">out</text></svg>')
    report = measured(picture, tmp_path)
    assert report["text_over_text"]
    assert any("outside the page" in one for one in report["cut"])
