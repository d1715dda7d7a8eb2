"""Which machine and which modes: decisions, their alternatives, and the commands."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from qslot.schema import Infeasible, Solved
from qslot.schema.advice import Advice
from qslot.schema.environment import Environment
from qslot.schema.host import host_of_versions
from qslot.schema.osinfo import find_os
from qslot.schema.verify import verify
from qslot.solver import advise
from qslot.solver.cli import qslot

from .ask import Data, device, devices, host, policy

DISKS = {"devices": [device("net0", "virtio-net"), device("disk0", "virtio-blk"), device("video", "VGA")]}


def advised(request: Data, os: str | None = "rhel6.10", *hosts: str, **more: Any) -> Advice:
    known = tuple(map(host_of_versions, hosts))
    return advise(request, Environment(os=None if os is None else find_os(os), hosts=known, **more))


def costs(advice: Advice) -> dict[str, dict[str, int]]:
    assert isinstance(advice.outcome, Solved)
    every = [(advice.variant, advice.outcome.layout.objective)]
    every += [(one.variant, one.objective) for one in advice.alternatives]
    return {str(variant): {term.term: term.value for term in terms if term.value} for variant, terms in every}


def test_rhel_6_on_q35() -> None:
    """Hot-pluggable behind one bridge with one window; cold on the root complex, or on i440fx, without any."""
    advice = advised(DISKS)
    assert (advice.variant, advice.machine) == ("q35-bridge", "q35")
    assert costs(advice) == {
        "q35-bridge": {"io_windows": 4096, "controllers": 2, "depth": 4},
        "i440fx": {},
        "q35-root-complex": {},
    }
    assert {one.variant: one.cold for one in advice.alternatives} == {
        "i440fx": (),
        "q35-root-complex": ("net0", "disk0"),
    }
    assert [(one.id, one.driver, one.virtio, one.virtio_by) for one in advice.devices] == [
        ("net0", "virtio-net-pci-transitional", "transitional", "type"),
        ("disk0", "virtio-blk-pci-transitional", "transitional", "type"),
        ("video", "VGA", None, None),
    ]
    assert (
        advice.devices[0].reason == "rhel6.10 drives virtio 0.9 only; on a conventional bus, which shares one IO window"
    )


def test_both_ways_on_q35_are_alternatives_to_i440fx() -> None:
    advice = advised({**DISKS, "policy": policy(preset="legacy-on-i440fx")})
    assert [one.variant for one in advice.alternatives] == ["q35-bridge", "q35-root-complex"]
    assert [one.cold for one in advice.alternatives] == [(), ("net0", "disk0")]


@pytest.mark.parametrize(
    ("hosts", "told"),
    [
        (["qemu=7.2"], ""),
        (["qemu=3.1"], "told by disable-legacy and disable-modern, as qemu=3.1 is not known to have the device types"),
        (["qemu=3.1,libvirt=5.0"], "told by its slot alone, as qemu=3.1,libvirt=5.0 is not known to take more"),
        (["qemu=3.1", "qemu=4.0,libvirt=5.2"], "told by its slot alone, as its hosts have no other means in common"),
    ],
)
def test_why_a_mode_is_told_as_it_is(hosts: list[str], told: str) -> None:
    advice = advised(DISKS, "rhel6.10", *hosts)
    parts = ["rhel6.10 drives virtio 0.9 only", told, "on a conventional bus, which shares one IO window"]
    assert advice.devices[0].reason == "; ".join(filter(None, parts))


def test_cold_devices_go_on_the_root_complex() -> None:
    advice = advised({"devices": devices(3, "virtio-net", hotplug="never")})
    assert advice.variant == "q35-root-complex"
    assert costs(advice)["q35-root-complex"] == {}
    assert costs(advice)["q35-bridge"]["io_windows"] == 4096


def test_an_os_with_virtio_1_0() -> None:
    advice = advised(DISKS, "rhel9.0")
    assert advice.variant == "q35"
    assert {one.virtio for one in advice.devices} == {"modern", None}
    assert costs(advice)["q35"] == {"controllers": 2, "depth": 2}
    assert [one.variant for one in advice.alternatives] == ["i440fx"]


@pytest.mark.parametrize(
    ("preset", "os", "machine"),
    [
        ("default", "rhel6.10", "q35"),
        ("prefer-q35", "rhel6.10", "q35"),
        ("legacy-on-i440fx", "rhel6.10", "pc"),
        ("legacy-on-i440fx", "rhel9.0", "q35"),
        ("strict-modern", "rhel9.0", "q35"),
        ("legacy-on-i440fx", "freebsd8.0", "pc"),
        ("prefer-q35", "freebsd8.0", "pc"),
    ],
)
def test_presets(preset: str, os: str, machine: str) -> None:
    assert advised({**DISKS, "policy": policy(preset=preset)}, os).machine == machine


def test_q35_only_where_it_costs_no_preference() -> None:
    """pc.0 takes hot-plug, pcie.0 does not, and there may be no bridge."""
    few = {"devices": devices(4, "virtio-net"), "policy": policy(max_controllers=0)}
    assert advised(few).machine == "pc"
    assert advised({**few, "policy": policy(max_controllers=0, preset="prefer-q35")}).machine == "q35"


def test_the_other_machine_where_one_has_no_layout() -> None:
    """More hot-pluggable windows than pc has room for; hot-plug without a bridge."""
    nics = [host(f"h{n}", "express", 256, hotplug="required") for n in range(14)]
    assert advised({"devices": nics, "policy": policy(max_controllers=14)}, "rhel9.0").machine == "q35"
    cold = devices(2, "e1000", hotplug="required")
    assert advised({"devices": cold, "policy": policy(max_controllers=0)}, "rhel9.0").machine == "pc"


def test_no_driver_is_a_warning() -> None:
    advice = advised(DISKS, "win10")
    assert [(one.rule, one.severity, one.subjects) for one in advice.warnings] == [
        ("os-driver", "warning", ("net0",)),
        ("os-driver", "warning", ("disk0",)),
    ]
    assert advised(DISKS, "win10", drivers="packages").warnings == ()


def test_what_a_stated_mode_asks_of_hosts_excludes_a_machine() -> None:
    request = {"devices": [device("n", "virtio-net", virtio="transitional", virtio_by="type")]}
    advice = advised(request, None, "qemu=3.1")
    assert isinstance(advice.outcome, Infeasible)
    assert {(one.rule, one.subjects) for one in advice.outcome.findings} == {("host-model", ("n",))}


def test_no_machine_at_all() -> None:
    advice = advised(DISKS, "rhel6.10", "qemu=10.2", "qemu=4.0")
    assert isinstance(advice.outcome, Infeasible)
    assert (advice.variant, advice.devices, advice.alternatives) == (None, (), ())
    assert [one.machine for one in advice.excluded] == ["q35", "pc"]


def test_the_same_advice_twice() -> None:
    assert advised(DISKS, "rhel6.10", "qemu=6.2") == advised(DISKS, "rhel6.10", "qemu=6.2")


# ---- commands


@pytest.fixture
def guest(tmp_path: Path) -> str:
    path = tmp_path / "guest.json"
    path.write_text(json.dumps(DISKS))
    return str(path)


def run(*words: str) -> Result:
    return CliRunner().invoke(qslot, list(words), prog_name="qslot")


def test_advise(guest: str) -> None:
    result = run("advise", guest, "--os", "rhel6.10", "--host", "qemu=7.2", "--host", "qemu=6.2,libvirt=8.0")
    assert result.exit_code == 0
    assert result.stdout.startswith(
        "rhel6.10 on 2 hosts (qemu=7.2, qemu=6.2,libvirt=8.0): "
        "q35, virtio 0.9 behind a conventional bridge (machine pc-q35-6.2, seabios)\n"
        "cost: 4096 bytes of IO windows, 2 controllers\n"
        "  net0   virtio-net-pci-transitional  p2p1:01.0    rhel6.10 drives virtio 0.9 only; "
    )
    assert "  i440fx (machine pc-i440fx-6.2): no IO window, 0 controllers\n" in result.stdout
    assert "no longer hot-pluggable: net0 and disk0\n" in result.stdout


def test_a_guest_without_a_layout_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "guest.json"
    cold = [device("n", "e1000", hotplug="required")]
    path.write_text(json.dumps({"machine": "q35", "devices": cold, "policy": policy(max_controllers=0)}))
    result = run("advise", str(path), "--os", "rhel6.10")
    assert result.exit_code == 3
    start = "rhel6.10: machine q35 would do, but no layout\ninfeasible (proved): no layout keeps every rule\nBecause"
    assert result.stdout.startswith(start)
    assert "hint: max_controllers 2 instead of 0" in result.stdout


def test_the_request_for_the_machine_chosen() -> None:
    advice = advised(DISKS, "rhel6.10", "qemu=6.2")
    assert advice.guest is not None
    assert (advice.guest.machine, advice.guest.devices[0].virtio) == ("pc-q35-6.2", "transitional")
    assert isinstance(advice.outcome, Solved)
    assert verify(advice.guest, advice.outcome.layout) == []


def test_advise_as_json(guest: str) -> None:
    advice = Advice.model_validate_json(run("advise", guest, "--os", "rhel6.10", "--json").stdout)
    assert (advice.machine, advice.variant) == ("q35", "q35-bridge")
    assert isinstance(advice.outcome, Solved)


def test_plan_applies_it(guest: str) -> None:
    result = run("plan", guest, "--os", "rhel6.10", "--host", "qemu=3.1", "--to", "argv")
    assert result.exit_code == 0
    assert "virtio-net-pci,id=net0,bus=p2p1,addr=0x1.0,disable-legacy=off,disable-modern=off" in result.stdout
    layout = json.loads(run("plan", guest, "--os", "rhel6.10", "--host", "qemu=3.1", "--to", "json").stdout)
    assert layout["machine"] == "pc-q35-3.1"


def test_plan_warns_of_missing_drivers(guest: str) -> None:
    result = run("plan", guest, "--os", "win10")
    assert "warning: net0: win10 has no driver for virtio-net in mode modern" in result.stderr


def test_explain_of_the_machine_chosen(guest: str) -> None:
    result = run("explain", guest, "net0", "--os", "rhel6.10")
    assert result.stdout.startswith("net0 (virtio-net, transitional) sits at p2p1:01.0")


@pytest.mark.parametrize("command", ["plan", "explain", "advise"])
def test_no_machine_is_told(command: str, guest: str) -> None:
    result = run(command, guest, "--os", "rhel6.10", "--host", "qemu=10.2", "--host", "qemu=4.0")
    assert result.exit_code == 3
    told = result.stderr if command == "plan" else result.stdout
    assert "excluded: q35: no version of it is known to all hosts: qemu=10.2; qemu=4.0\n" in told


def test_explain_names_host_and_device(tmp_path: Path) -> None:
    path = tmp_path / "guest.json"
    path.write_text(json.dumps({"devices": [device("share", "vhost-user-fs")]}))
    result = run("explain", str(path), "--os", "rhel9.0", "--host", "qemu=8.0", "--host", "qemu=4.1", "--json")
    (first, _) = json.loads(result.stdout)["excluded"]
    assert first["findings"][0]["subjects"] == ["share"]
    assert first["findings"][0]["numbers"] == {"host": "qemu=4.1", "model": "vhost-user-fs"}


def test_what_hosts_lack_in_words(tmp_path: Path) -> None:
    path = tmp_path / "guest.json"
    path.write_text(json.dumps({"machine": "q35", "devices": [device("s", "virtio-scsi")]}))
    hosts = ("--host", "qemu=2.4", "--host", "qemu=4.0,libvirt=5.2")
    assert run("advise", str(path), "--os", "rhel9.0", *hosts).stdout.splitlines() == [
        "rhel9.0 on 2 hosts (qemu=2.4, qemu=4.0,libvirt=5.2): no machine will do",
        "excluded: pc-q35-2.4: s: virtio-scsi must be modern, "
        "and qemu=2.4 is not known to take that by the device type",
        "excluded: pc-q35-2.4: s: virtio-scsi must be modern, "
        "and qemu=4.0,libvirt=5.2 is not known to take that by properties",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--os", "rhel610"], "--os: 'rhel610' is no short id of osinfo-db; nearest: rhel6.10"),
        (["--os", "rhel6.10", "--osinfo-dir", "/nowhere"], "--osinfo-dir: /nowhere: no osinfo-db"),
        (["--host", "qemu=x"], "host: 'qemu=x' does not say versions"),
        (["--host", "no.xml"], "no.xml: can't be read"),
        (["--drivers", "packages"], "--drivers and --osinfo-dir go with --os"),
        ([], "machine is missing"),
    ],
)
def test_bad_input(guest: str, words: list[str], message: str) -> None:
    result = run("plan", guest, *words)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"devices": "x"}, "devices: 'x' is not a list"),
        ({"devices": None}, "devices: None is not a list"),
        ({"machine": 5}, "machine: 5 is not text"),
        ({"machine": "p35"}, "machine: 'p35' is not a machine"),
        (
            {"devices": [{"id": "a", "model": "virtio-net", "virtio_by": "x"}]},
            "devices[0] (a).virtio_by: 'x' is not one",
        ),
    ],
)
def test_bad_requests_are_told_as_without_an_os(request_: Data, message: str, tmp_path: Path) -> None:
    path = tmp_path / "guest.json"
    path.write_text(json.dumps(request_))
    for command in ("plan", "advise"):
        result = run(command, str(path), "--os", "rhel6.10")
        assert (result.exit_code, message in result.stderr) == (2, True), result.stderr


def test_a_request_that_no_machine_takes_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "guest.json"
    path.write_text(json.dumps({"devices": [device("n", "virtio-ned")]}))
    for command in ("plan", "explain", "advise"):
        result = run(command, str(path), "--os", "rhel6.10")
        assert result.exit_code == 2
        assert "'virtio-ned' is not in the catalogue; nearest: virtio-net" in result.stderr


def test_auto_needs_to_know_for_whom(tmp_path: Path) -> None:
    path = tmp_path / "guest.json"
    path.write_text(json.dumps({**DISKS, "machine": "auto"}))
    assert "auto goes with --os or --host" in run("plan", str(path)).stderr
    assert run("plan", str(path), "--os", "rhel6.10").exit_code == 0
