"""Layouts that say what no planner wrote: whatever is done with one, it is done, or refused with one error."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qslot
from qslot.schema.formats.as_it_is import read_as_it_is
from qslot.schema.formats.files import read_layout
from qslot.schema.formats.hotplug import plug, unplug
from qslot.schema.formats.standalone import standalone
from qslot.schema.formats.text_layout import tree
from qslot.schema.formats.written import to_json, to_yaml
from qslot.schema.picture.html_page import html
from qslot.schema.picture.svg_file import svg
from qslot.schema.verify import verify

from .corrupted import misshapen
from .reading import refusal

FOLDER: Final = Path(__file__).parents[1] / "schema" / "layout_formats"
LAYOUTS: Final = [json.loads(one.read_text(encoding="utf-8")) for one in sorted(FOLDER.glob("*.json"))]
WHOLE: Final = read_layout(FOLDER / "1-first.json")
AS_IT_IS: Final[dict[str, Callable[[qslot.Layout], object]]] = {
    "arguments": qslot.Layout.to_qemu,
    "qmp": qslot.Layout.to_qmp,
    "json": to_json,
    "yaml": to_yaml,
    "tree": tree,
    "svg": svg,
    "html": html,
    "guest": qslot.Guest.from_layout,
    "verify": lambda layout: list(verify(qslot.Guest.from_layout(WHOLE), layout)),
    "predict": qslot.predict,
}
"""What takes any layout that is read."""
SOUND: Final[dict[str, Callable[[qslot.Layout], object]]] = {
    **AS_IT_IS,
    "standalone": standalone,
    "diff": lambda layout: qslot.diff(WHOLE, layout),
    "diff from": lambda layout: qslot.diff(layout, WHOLE),
    "plug": lambda layout: plug(layout, [{"id": "new", "model": "virtio-net"}]),
    "unplug": lambda layout: unplug(layout, layout.devices[0].id if layout.devices else "none"),
}
"""What takes one that was looked over when it was read."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzing") / "layout.json"


@given(misshapen(LAYOUTS), st.sampled_from(sorted(AS_IT_IS)))
def test_as_it_is(path: Path, data: Any, use: str) -> None:
    path.write_text(json.dumps(data), encoding="utf-8")
    refusal(lambda: AS_IT_IS[use](read_as_it_is(path).layout))


@given(misshapen(LAYOUTS), st.sampled_from(sorted(SOUND)))
def test_looked_over(path: Path, data: Any, use: str) -> None:
    path.write_text(json.dumps(data), encoding="utf-8")
    refusal(lambda: SOUND[use](qslot.read_placed(path).layout))


UNHEARD_OF: Final[dict[str, dict[str, object]]] = {
    "a controller's model": {"controllers.0.model": "pcie-rot-port"},
    "no model": {"controllers.0.model": ""},
    "a device's model": {"devices.0.model": "virtio-nett"},
    "a bus": {"devices.0.bus": "pcie.7", "controllers.0.bus": "pcie.7"},
    "a bus inside itself": {"controllers.0.bus": "rp1"},
    "a mode": {"devices.0.virtio": None},
    "a mode of what has none": {"devices.8.virtio": "legacy"},
    "one id for two": {"devices.0.id": "rp1"},
    "a slot": {"devices.0.slot": 999, "controllers.0.slot": -1},
}


@pytest.mark.parametrize("use", sorted(AS_IT_IS))
@pytest.mark.parametrize("what", UNHEARD_OF)
def test_what_nobody_has_heard_of(path: Path, what: str, use: str) -> None:
    data = deepcopy(LAYOUTS[0])
    for place, value in UNHEARD_OF[what].items():
        part, number, field = place.split(".")
        data[part][int(number)][field] = value
    path.write_text(json.dumps(data), encoding="utf-8")
    refusal(lambda: AS_IT_IS[use](read_as_it_is(path).layout))
    with pytest.raises(qslot.InputError, match=r"layout\.json"):
        qslot.read_placed(path)
