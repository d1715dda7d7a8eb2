"""`--previous`: a layout or a domain beside which is planned, checked and explained; what is neither is one line."""

import json
from pathlib import Path

import pytest

from .command import run

BEFORE = "machine: pc\ndevices: [{id: net0, model: virtio-net}, {id: net1, model: virtio-net}]\n"
AFTER = BEFORE.replace("[{", "[{id: rng, model: virtio-rng}, {", 1)


@pytest.fixture
def after(tmp_path: Path) -> str:
    path = tmp_path / "after.yaml"
    path.write_text(AFTER)
    return str(path)


@pytest.fixture
def before(tmp_path: Path) -> str:
    guest, layout = tmp_path / "before.yaml", tmp_path / "before.json"
    guest.write_text(BEFORE)
    assert run("plan", str(guest), "--to", "json", "-o", str(layout)).exit_code == 0
    return str(layout)


def test_plan_tells_what_moves_and_what_is_seen_otherwise(after: str, before: str) -> None:
    answer = run("plan", after, "--previous", before)
    assert answer.exit_code == 0, answer.output
    assert "devices that move                                 0  proved least" in answer.stdout
    assert "devices whose guest address or name changes       0  proved least" in answer.stdout
    assert "net0 virtio-net  00:02.0 ens2" in " ".join(answer.stdout.split(" " * 3))


def test_a_plan_beside_another_is_checked_beside_it(after: str, before: str, tmp_path: Path) -> None:
    planned = str(tmp_path / "planned.json")
    assert run("plan", after, "--previous", before, "--to", "json", "-o", planned).exit_code == 0
    assert json.loads(Path(planned).read_text())["replanned"] == {"moved": [], "guest_visible": []}
    assert run("check", after, planned, "--previous", before).stdout == ""
    assert "warning objective" in run("check", after, planned).stdout


def test_a_plan_for_another_machine_tells_what_the_guest_must_have(after: str, before: str) -> None:
    answer = run("plan", after, "--machine", "q35", "--previous", before)
    assert answer.exit_code == 0, answer.output
    assert "devices that move" not in answer.stdout
    assert "AHCI, for disks of the chipset's own controller" in answer.stderr
    assert "new adapters to Windows, without the settings of the old ones: net0 and net1" in answer.stderr


def test_explain_says_what_keeps_a_frozen_device_from_staying(after: str, before: str) -> None:
    frozen = ("--set", "policy.frozen=true", "--set", 'reserve=["pci.0:02"]')
    answer = run("explain", after, "--previous", before, *frozen)
    assert answer.exit_code == 3
    assert "slot 02 of pci.0 is reserved" in answer.stdout
    assert run("plan", after, "--previous", before, *frozen).exit_code == 3


def test_empty_ports_may_go_with_prune(tmp_path: Path) -> None:
    guest, layout = tmp_path / "guest.yaml", tmp_path / "layout.json"
    guest.write_text("machine: q35\ndevices: [{id: net0, model: virtio-net}, {id: net1, model: virtio-net}]\n")
    run("plan", str(guest), "--to", "json", "-o", str(layout))
    guest.write_text("machine: q35\ndevices: [{id: net0, model: virtio-net}]\n")
    assert "; 2 controllers" in run("plan", str(guest), "--previous", str(layout)).stdout
    assert "; 1 controller " in run("plan", str(guest), "--previous", str(layout), "--prune").stdout


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "empty", id="empty"),
        pytest.param('{"qslot": 1', "not JSON", id="broken"),
        pytest.param('{"machine": "pc"}', "not a layout", id="a guest"),
        pytest.param("<domain/>", "domain type", id="no domain"),
    ],
)
def test_what_is_no_layout_is_one_line(after: str, tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "previous.json"
    path.write_text(text)
    answer = run("plan", after, "--previous", str(path))
    assert answer.exit_code == 2
    assert says in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_an_edited_layout_and_another_guest_are_one_line(after: str, before: str) -> None:
    data = json.loads(Path(before).read_text())
    data["devices"][1]["slot"] = data["devices"][0]["slot"]
    Path(before).write_text(json.dumps(data))
    answer = run("plan", after, "--previous", before)
    assert (answer.exit_code, "not a sound layout" in answer.stderr) == (2, True)
    answer = run("plan", after, "--previous", before, "--set", "machine=q35")
    assert (answer.exit_code, len(answer.stderr.splitlines())) == (2, 1)


def test_standard_input_is_read_once() -> None:
    answer = run("plan", "-", "--previous", "-", text=AFTER)
    assert answer.exit_code == 2
    assert "can be the guest or the previous layout, not both" in answer.stderr


def test_why_a_device_sits_somewhere_is_not_asked_beside_a_previous_layout(after: str, before: str) -> None:
    assert run("explain", after, "net0", "--previous", before).exit_code == 2
