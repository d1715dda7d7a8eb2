"""`qslot advise`, and the options that `plan` and `explain` have in common with it."""

import json
from pathlib import Path

import pytest

from qslot.schema import Solved
from qslot.schema.environment.advice import Advice

from .ask import Data, device, policy
from .command import run
from .test_advise import DISKS


@pytest.fixture
def guest(tmp_path: Path) -> str:
    path = tmp_path / "guest.json"
    path.write_text(json.dumps(DISKS))
    return str(path)


def test_advise(guest: str) -> None:
    result = run("advise", guest, "--os", "rhel6.10", "--host", "qemu=7.2", "--host", "qemu=6.2,libvirt=8.0")
    assert result.exit_code == 0
    assert result.stdout.startswith(
        "rhel6.10 on 2 hosts (qemu=7.2, qemu=6.2,libvirt=8.0): "
        "q35, virtio 0.9 behind a conventional bridge (machine pc-q35-6.2, QEMU 7.2, seabios)\n"
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
    assert first["findings"][0]["details"] == {"host": "qemu=4.1", "model": "vhost-user-fs"}


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
            "devices.a.virtio_by: 'x' is not one",
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


class TestCheck:
    """`qslot check` of a layout that was planned for an OS and hosts."""

    OPTIONS = ("--os", "rhel6.10", "--host", "qemu=7.2,phys_bits=46,vendor=intel", "--host", "qemu=10.0")

    @pytest.fixture
    def host_cpu(self, tmp_path: Path) -> str:
        path = tmp_path / "host.json"
        devices = [device("net", "virtio-net"), device("t", "pci-testdev", properties={"membar": "8G"})]
        path.write_text(json.dumps({"memory": "8GiB", "cpu": "host", "devices": devices}))
        return str(path)

    def planned(self, tmp_path: Path, guest: str, *options: str) -> str:
        path = tmp_path / "layout.json"
        path.write_text(run("plan", guest, *options, "--to", "json").stdout)
        return str(path)

    def test_it_answers_the_request_for_these(self, tmp_path: Path, guest: str) -> None:
        result = run("check", guest, self.planned(tmp_path, guest, *self.OPTIONS), *self.OPTIONS)
        assert (result.exit_code, result.stdout) == (0, "")

    def test_of_another_host(self, tmp_path: Path, host_cpu: str) -> None:
        layout = self.planned(tmp_path, host_cpu, "--host", "qemu=10.0,phys_bits=46,vendor=intel")
        told = json.loads(Path(layout).read_text())["platform"]
        assert (told["phys_bits"], told["cpu"]["vendor"]) == (46, "intel")
        result = run("check", host_cpu, layout, "--host", "qemu=10.0,phys_bits=39,vendor=intel", "--json")
        found = {one["rule"]: one["severity"] for one in json.loads(result.stdout)}
        assert (found["host-phys-bits"], found["host-firmware"], found["hash"]) == ("warning", "warning", "error")
        assert result.exit_code == 5

    def test_of_several_the_fewest_bits(self, tmp_path: Path, host_cpu: str) -> None:
        options = ("--host", "phys_bits=46,vendor=amd", "--host", "phys_bits=43,vendor=amd")
        layout = self.planned(tmp_path, host_cpu, "--machine", "q35", *options)
        result = run("check", host_cpu, layout, "--machine", "q35", *options)
        assert result.exit_code == 0
        assert result.stdout.startswith("warning host-firmware: net, t: ")
        assert "host phys_bits=46,vendor=amd" in result.stdout

    def test_no_host_has_the_machine(self, tmp_path: Path, guest: str) -> None:
        layout = self.planned(tmp_path, guest, *self.OPTIONS)
        result = run("check", guest, layout, "--machine", "pc-q35-10.0", "--host", "qemu=7.2")
        assert result.exit_code == 5
        assert "host-machine" in result.stdout

    def test_a_request_that_contradicts_the_host(self, tmp_path: Path, host_cpu: str) -> None:
        layout = self.planned(tmp_path, host_cpu, "--machine", "q35")
        options = ("--machine", "q35", "--set", "memory=1TiB", "--host", "phys_bits=39")
        result = run("check", host_cpu, layout, *options)
        assert result.exit_code == 2
        assert "phys_bits: 39" in result.stderr
        assert "39 address bits of the CPU" in result.stderr
