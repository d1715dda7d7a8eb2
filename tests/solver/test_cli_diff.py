"""`qslot diff`: exit codes of its own, two texts, and one clear message where there is trouble."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from jsonschema import Draft202012Validator

from qslot.schema.formats.json_schema import diff_schema
from qslot.schema.formats.written import to_json

from ..layouts import small_layout
from ..schema.test_placed import ADDRESS, DOMAIN
from . import command


def run(*words: str | Path, text: str | None = None) -> Result:
    return command.run("diff", *words, text=text)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.json"
    path.write_text(to_json(small_layout()))
    return path


def edited(old: Path, name: str, **update: object) -> Path:
    data = json.loads(old.read_text())
    data |= {"guest_addresses": {}, "guest_names": {}, "io_windows": []}
    next(one for one in data["devices"] if one["id"] == name).update(update)
    path = old.with_name("new.json")
    path.write_text(json.dumps(data))
    return path


def test_the_same(old: Path) -> None:
    done = run(old, old)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "the same\n", "")


def test_a_device_that_moves(old: Path) -> None:
    done = run(old, edited(old, "net2", bus="rp3"))
    assert done.exit_code == 1
    assert "net2 (virtio-net): path pcie.0:01.1/00.0 -> pcie.0:01.2/00.0" in done.stdout
    assert "can follow by hot-plug alone: unplug net2; then plug net2" in done.stdout


def test_only_the_abi(old: Path) -> None:
    backend = edited(old, "net2", properties={"netdev": "hn0"})
    assert (run(old, backend).exit_code, run("--abi", old, backend).exit_code) == (1, 0)
    assert run("--abi", old, edited(old, "net2", bus="rp3")).exit_code == 1


def test_as_json(old: Path) -> None:
    done = run("--json", old, edited(old, "net2", bus="rp3"))
    data = json.loads(done.stdout)
    Draft202012Validator(diff_schema()).validate(data)
    assert (done.exit_code, data["following"]["way"]) == (1, "hot-plug")


def test_a_layout_from_standard_input(old: Path) -> None:
    assert run("-", old, text=old.read_text()).exit_code == 0


def test_two_domains(tmp_path: Path) -> None:
    one, other = tmp_path / "one.xml", tmp_path / "other.xml"
    one.write_text(DOMAIN)
    other.write_text(DOMAIN.replace(ADDRESS, ADDRESS.replace("bus='0x01'", "bus='0x02'")))
    assert run(one, one).stdout == "the same\n"
    done = run(one, other)
    assert (done.exit_code, "enp1s0 -> enp2s0" in done.stdout) == (1, True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("machine: q35\ndevices: []\n", "not a layout"),
        ("{qslot: 9}", "this qslot reads formats up to"),
        (DOMAIN.replace(ADDRESS, ""), "would sit is not said"),
        ("<network/>", "not <domain>"),
    ],
)
def test_trouble(text: str, why: str, old: Path, tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_text(text)
    done = run(old, path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert why in done.stderr


def test_standard_input_is_read_once() -> None:
    done = run("-", "-")
    assert (done.exit_code, "not both" in done.stderr) == (2, True)


def test_what_goes_wrong_inside_is_trouble_too(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 says that they differ."""

    def broken(*_: object) -> None:
        raise RuntimeError("oops")

    monkeypatch.setattr("qslot.schema.comparison.diff", broken)
    done = run(old, old)
    assert (done.exit_code, "internal error: RuntimeError: oops" in done.stderr) == (2, True)


def test_planning_beside_a_layout_tells_it_in_short(tmp_path: Path) -> None:
    guest, before = tmp_path / "guest.yaml", tmp_path / "before.json"
    devices = ["{id: net0, model: virtio-net, hotplug: required}", "{id: rng, model: virtio-rng}"]

    def plan(*more: str | Path) -> Result:
        return command.run("plan", guest, *more)

    guest.write_text(f"{{machine: q35, spare: {{pcie: 1}}, devices: [{', '.join(devices)}]}}")
    assert plan("--to", "json", "-o", before).exit_code == 0
    assert plan("--previous", before).stderr == "since the previous layout: nothing differs\n"
    guest.write_text(f"{{machine: q35, devices: [{devices[0]}, {devices[0].replace('net0', 'net1')}]}}")
    done = plan("--previous", before)
    assert "new: net1; gone: rng" in done.stderr
