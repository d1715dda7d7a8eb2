"""The command `qslot` with broken files and options: an exit code that is documented, never an internal error's."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st

from qslot.schema.formats.written import to_json
from tests.layouts import small_layout

from ..solver.command import run
from .corrupted import STRANGE_TEXTS, corrupted, misshapen
from .test_layouts import LAYOUTS

GUEST: Final = (
    "machine: q35\nmemory: 4GiB\ndevices:\n  - {id: net0, model: virtio-net, hotplug: required}\n"
    "  - {id: disk0, model: virtio-blk, address: 'rp:00.0'}\ncontrollers: [{id: rp, model: pcie-root-port}]\n"
    "spare: {pcie: 1}\nreserve: ['pcie.0:10']\npolicy: {max_depth: 3}\n"
)
OLDER: Final = to_json(small_layout())
DEVICES: Final = ("{id: net1, model: virtio-net}", "[{id: a, model: nvme}, {id: b, model: nvme}]", "<disk/>")
SETTINGS: Final = (
    "devices.net0.hotplug=never",
    "policy.max_depth=2",
    "spare=[]",
    "controllers.rp.numa=0",
    "memory=null",
)
LINES: Final = ('{"guest": "a.yaml", "answer": "optimal", "digest": "0"}\n', '{"guest": "b.yaml", "answer": "no"}\n')
COMMANDS: Final = (
    "show LAYOUT", "show LAYOUT --to svg", "show LAYOUT --to json", "check GUEST LAYOUT", "diff LAYOUT OLDER",
    "diff OLDER LAYOUT --json", "capacity LAYOUT", "hotplug LAYOUT DEVICE", "hotplug OLDER DEVICE",
    "hotplug LAYOUT --unplug net0", "convert GUEST --to json", "convert LAYOUT --to argv", "convert GUEST --to libvirt",
    "check GUEST OLDER --set SETTING", "check GUEST OLDER --spare TEXT", "check GUEST OLDER --overlay LAYOUT",
    "catalog TEXT", "rules TEXT", "schema TEXT", "TEXT", "show TEXT", "convert TEXT TEXT", "show --qmp TEXT",
    "check GUEST OLDER --machine TEXT", "check GUEST OLDER --firmware TEXT", "check GUEST OLDER --preset TEXT",
    "check GUEST OLDER --host-devices LAYOUT", "check GUEST OLDER --qemu TEXT", "plan --time-limit TEXT GUEST",
)  # fmt: skip


def answered(result: Result) -> None:
    if result.exit_code == 2:
        assert result.stderr.strip()
        assert result.stdout == ""
    said = f"{result.stderr}\n{result.exception!r}"
    assert result.exit_code in (0, 2, 3, 4, 5) or (result.exit_code == 1 and "internal error" not in said), said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("fuzzing")
    (made / "older.json").write_text(OLDER, encoding="utf-8")
    return made


@given(
    line=st.sampled_from(COMMANDS),
    guest=corrupted([GUEST]),
    layout=misshapen([*LAYOUTS, json.loads(OLDER)]),
    device=corrupted(DEVICES),
    setting=corrupted(SETTINGS),
    text=st.sampled_from(STRANGE_TEXTS) | st.text(max_size=8),
)
def test_every_command(folder: Path, line: str, guest: str, layout: Any, device: str, setting: str, text: str) -> None:
    (folder / "guest.yaml").write_text(guest, encoding="utf-8")
    (folder / "layout.json").write_text(json.dumps(layout), encoding="utf-8")
    words = {"GUEST": folder / "guest.yaml", "LAYOUT": folder / "layout.json", "OLDER": folder / "older.json"}
    values = {"DEVICE": device, "SETTING": setting, "TEXT": text}
    meant: dict[str, str | Path] = {**words, **values}
    answered(run(*[meant.get(word, word) for word in line.split()]))


@given(corrupted([GUEST]))
def test_plans(folder: Path, text: str) -> None:
    (folder / "guest.yaml").write_text(text, encoding="utf-8")
    answered(run("plan", folder / "guest.yaml", "--time-limit", "2", "--to", "json"))


@given(corrupted(["".join(LINES)]))
def test_a_batch_that_goes_on_with_what_it_finds(folder: Path, text: str) -> None:
    (folder / "a.yaml").write_text("machine: q35\ndevices: []\n", encoding="utf-8")
    (folder / "lines.jsonl").write_text(text, encoding="utf-8")
    answered(run("batch", folder / "a.yaml", "--resume", "-o", folder / "lines.jsonl"))
