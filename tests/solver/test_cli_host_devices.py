"""`--host-devices`: where the command looks for devices of the host, and what it says of those that it finds here."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qslot.schema.host_devices import read
from qslot.solver.cli import qslot

from ..host_tree import GPU, HOST, SOUND, lspci, write_tree

HOSTDEV = "<hostdev type='pci'><source><address bus='0x17' slot='0' function='{}'/></source></hostdev>"
DOMAIN = (
    "<domain type='kvm'><memory unit='GiB'>1</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>"
    f"<features><acpi/></features><devices>{HOSTDEV.format(0)}{HOSTDEV.format(1)}</devices></domain>"
)


def plan(*words: str) -> Result:
    return CliRunner().invoke(qslot, ["plan", "-", *words], input=DOMAIN, prog_name="qslot")


def bars(result: Result) -> list[object]:
    assert result.exit_code == 0, result.output
    return [one["bars"] for one in json.loads(result.stdout)["devices"] if one["model"] == "vfio-pci"]


def test_a_folder_and_a_file_show_the_same(tmp_path: Path) -> None:
    write_tree(tmp_path / "tree", HOST)
    (tmp_path / "lspci").write_text(lspci(HOST))
    expected = [[bar.model_dump() for bar in one.bars] for one in (GPU, SOUND)]
    for source in ("tree", "lspci"):
        assert bars(plan("--to", "json", "--host-devices", str(tmp_path / source))) == expected


def test_what_nobody_knows_is_told_with_domain_xml(tmp_path: Path) -> None:
    (tmp_path / "lspci").write_text(lspci([GPU]))
    result = plan("--to", "libvirt", "--host-devices", str(tmp_path / "lspci"))
    assert result.exit_code == 0
    assert "warning unknown-bars: hostdev1: " in result.stderr
    assert "unknown-bars: hostdev0" not in result.stderr
    assert "warning split-card: hostdev0, hostdev1: " in result.stderr


@pytest.mark.parametrize("words", [["--preset", "whole-cards"], ["--set", "policy.whole_cards=true"]])
def test_a_whole_card(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "lspci").write_text(lspci(HOST))
    result = plan("--to", "json", "--host-devices", str(tmp_path / "lspci"), *words)
    seats = {one["id"]: (one["bus"], one["function"]) for one in json.loads(result.stdout)["devices"]}
    assert seats["hostdev0"] == (seats["hostdev1"][0], 0)
    assert seats["hostdev1"][1] == 1


def test_this_machine_is_looked_at_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "SYSFS", write_tree(tmp_path, HOST))
    result = plan("--to", "json")
    assert bars(result)[0] == [bar.model_dump() for bar in GPU.bars]
    assert "hostdev0, hostdev1: BARs as this machine has them" in result.stderr


def test_what_shows_no_devices_is_bad_input(tmp_path: Path) -> None:
    result = plan("--host-devices", str(tmp_path))
    assert result.exit_code == 2
    assert result.stderr == f"qslot: {tmp_path}: no PCI devices in it: give /sys/bus/pci/devices, or a copy of it\n"
