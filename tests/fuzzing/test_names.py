"""Names that no file can have, wherever a file is named: told, as one that is not there."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

import qslot
from qslot.schema.environment.osinfo.databases import database_in
from qslot.schema.formats.convert import convert
from qslot.schema.formats.standalone import standalone
from qslot.schema.formats.unchecked import read_overlay
from qslot.schema.formats.written import write
from qslot.schema.host_devices import read_host_devices
from tests.layouts import small_layout

from .reading import refusal

NAMES: Final = ("", "x" * 300, "a/" * 3000, "\0", "a\0b", "\ud800", "/dev/null/x", "no/such/file")
GUEST: Final = ["qemu-system-x86_64", "-M", "q35"]
USES: Final[dict[str, Callable[[str], object]]] = {
    "guest": qslot.read_guest,
    "layout": qslot.read_layout,
    "placed": qslot.read_placed,
    "overlay": read_overlay,
    "host": qslot.read_host,
    "devices of the host": lambda name: read_host_devices([name]),
    "osinfo": lambda name: database_in(Path(name)),
    "convert": lambda name: convert(name, "json"),
    "monitor": qslot.adopt,
    "write": lambda name: write(name, "text"),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use: str, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal(lambda: USES[use](name)) is not None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_firmware_image_that_is_not_there(name: str) -> None:
    with pytest.raises(FileNotFoundError):
        standalone(small_layout(), firmware=Path(name))


def test_what_a_command_line_names() -> None:
    for name in NAMES:
        if "\0" not in name:
            unread = qslot.read_guest([*GUEST, "-readconfig", name]).unread
            assert any(one.startswith("-readconfig ") for one in unread), name
