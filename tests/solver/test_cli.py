"""The command: what goes to standard output, what to standard error, and the exit codes."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qslot.schema import Finding, Guest, Infeasible, Layout, Solved, Undecided
from qslot.schema.explanation.conflict import Conflict, Fact
from qslot.schema.explanation.remedy import Change, Remedy
from qslot.schema.formats.files import read_layout
from qslot.schema.formats.text_layout import tree
from qslot.schema.formats.written import to_json
from qslot.schema.layout.layout import ObjectiveTerm
from qslot.schema.probe import BootError, Difference, MissingError, Report
from qslot.schema.probe.enumeration import QEMU
from tests.layouts import small_layout

from .command import run

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "examples").iterdir() if path.suffix != ".py")
RHEL6 = str(ROOT / "examples" / "rhel6-q35.yaml")


def answers(monkeypatch: pytest.MonkeyPatch, outcome: object) -> None:
    """`qslot plan` gets this outcome from the solver, or this exception."""

    def solve(_guest: Guest, _options: object, _previous: object = None) -> object:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    monkeypatch.setattr("qslot.solver.solve", solve, raising=False)
    monkeypatch.setattr("qslot.solver.explain", solve, raising=False)


@pytest.fixture
def guest(tmp_path: Path) -> str:
    path = tmp_path / "guest.yaml"
    path.write_text("machine: q35\ndevices: [{id: net0, model: virtio-net}]\n")
    return str(path)


@pytest.fixture
def layout(tmp_path: Path) -> str:
    path = tmp_path / "layout.json"
    path.write_text(to_json(small_layout()))
    return str(path)


def test_help_and_version() -> None:
    for words in (["--help"], ["-h"], ["plan", "--help"], ["check", "-h"]):
        assert run(*words).exit_code == 0
    assert run("--version").stdout.startswith("qslot 0.")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["plna"],
        ["plan"],
        ["plan", RHEL6, "--to", "png"],
        ["plan", RHEL6, "--standalone"],
        ["plan", RHEL6, "--to", "qmp", "--json"],
        ["plan", RHEL6, "--time-limit", "0"],
        ["plan", RHEL6, "--workers", "many"],
        ["plan", "/nonexistent.yaml"],
        ["plan", RHEL6, "--firmware", "bios"],
        ["plan", RHEL6, "--firmware", "ovmf:x"],
        ["check", RHEL6, "/nonexistent.json"],
        ["check", "-", "-"],
        ["show", RHEL6],
        ["schema", "device"],
        ["catalog", "virtio-nett"],
    ],
)
def test_bad_usage_and_bad_input(words: list[str]) -> None:
    result = run(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert 0 < len(result.stderr.splitlines()) < 50
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "standard input: empty"),
        ("machine: [", "standard input: not YAML: line "),
        ("machine: q35\ndevices: [{id: a, model: virtio-nett}]", "not in the catalogue; nearest: virtio-net"),
        ("machine: q35\ndevices: [{id: a, model: VGA}, {id: a, model: VGA}]", "devices[1].id: 'a' is used 2 times"),
        ("<domainsnapshot/>", "the root element is <domainsnapshot>"),
    ],
)
def test_bad_guest_is_one_line(text: str, says: str) -> None:
    result = run("plan", "-", text=text)
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (2, "", 1)
    assert says in result.stderr


def test_plan_prints_the_tree(monkeypatch: pytest.MonkeyPatch, guest: str) -> None:
    answers(monkeypatch, Solved(layout=small_layout()))
    result = run("plan", guest)
    assert (result.exit_code, result.stdout, result.stderr) == (0, tree(small_layout()), "")


def test_plan_as_data(monkeypatch: pytest.MonkeyPatch, guest: str, tmp_path: Path) -> None:
    answers(monkeypatch, Solved(layout=small_layout()))
    assert Layout.model_validate_json(run("plan", guest, "--to", "json").stdout) == small_layout()
    assert run("plan", guest, "--json").stdout == to_json(small_layout())
    for form in ("json", "yaml"):
        target = tmp_path / f"out.{form}"
        result = run("plan", guest, "--to", form, "-o", str(target))
        assert (result.exit_code, result.output) == (0, "")
        assert read_layout(target) == small_layout()


def test_plan_into_a_folder_that_is_not_there(monkeypatch: pytest.MonkeyPatch, guest: str, tmp_path: Path) -> None:
    answers(monkeypatch, Solved(layout=small_layout()))
    result = run("plan", guest, "-o", str(tmp_path / "no" / "out"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "can't be written" in result.stderr


def test_argv_is_an_option_a_line_and_survives_a_shell(monkeypatch: pytest.MonkeyPatch, guest: str) -> None:
    answers(monkeypatch, Solved(layout=small_layout()))
    for flags in ([], ["--json"]):
        result = run("plan", guest, "--to", "argv", *flags)
        assert result.exit_code == 0
        assert "shpc-driver" in result.stderr  # the tree has its warnings below it, arguments have no place for them
        lines = result.stdout.splitlines()
        assert len(lines) == 9
        assert all(line.startswith("-device ") and len(shlex.split(line)) == 2 for line in lines)
        script = 'printf "%s\\n" "$1" | xargs printf "%s\\n"'
        through = subprocess.run(
            ["bash", "-c", script, "bash", result.stdout], capture_output=True, text=True, check=True, timeout=30
        )
        assert through.stdout.splitlines() == shlex.split(result.stdout)


def test_qmp_names_what_only_a_start_can_bring(monkeypatch: pytest.MonkeyPatch, guest: str) -> None:
    answers(monkeypatch, Solved(layout=small_layout()))
    result = run("plan", guest, "--to", "qmp")
    commands = [json.loads(line) for line in result.stdout.splitlines()]
    assert {command["execute"] for command in commands} == {"device_add"}
    assert sorted(command["arguments"]["id"] for command in commands) == ["net0", "net1", "net2"]
    assert "video0" in result.stderr


def test_infeasible(monkeypatch: pytest.MonkeyPatch, guest: str) -> None:
    finding = Finding(rule="bus-numbers", details={"used": 300, "available": 256})
    remedy = Remedy(changes=(Change(what="machine", before="pc", after="q35"),))
    conflict = Conflict(facts=(Fact(rule="bus-numbers", whose="platform"),))
    answers(monkeypatch, Infeasible(findings=(finding,), conflict=conflict, remedies=(remedy,)))
    result = run("plan", guest)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "there are 256 bus numbers, and no layout uses less than 300" in result.stderr
    assert "hint: machine q35 instead of pc" in result.stderr


def test_undecided_with_a_layout(monkeypatch: pytest.MonkeyPatch, guest: str) -> None:
    bound = (ObjectiveTerm(term="controllers", value=5, bound=3),)
    answers(monkeypatch, Undecided(layout=small_layout(), bound=bound))
    result = run("plan", guest, "--to", "json")
    assert (result.exit_code, result.stdout) == (4, to_json(small_layout()))
    assert "at least 3" in result.stderr


def test_undecided_without_a_layout(monkeypatch: pytest.MonkeyPatch, guest: str) -> None:
    answers(monkeypatch, Undecided())
    result = run("plan", guest)
    assert (result.exit_code, result.stdout) == (4, "")
    assert "undecided" in result.stderr


def test_internal_error_is_a_line_and_a_hint(monkeypatch: pytest.MonkeyPatch, guest: str) -> None:
    answers(monkeypatch, ZeroDivisionError("division\nby zero"))
    result = run("plan", guest)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[0] == "qslot: internal error: ZeroDivisionError: division by zero"
    assert "QSLOT_DEBUG=1" in result.stderr
    monkeypatch.setenv("QSLOT_DEBUG", "1")
    assert isinstance(run("plan", guest).exception, ZeroDivisionError)


def test_check_finds_what_does_not_fit(guest: str, layout: str) -> None:
    result = run("check", guest, layout)
    assert result.exit_code == 5
    assert "error hash" in result.stdout
    found = json.loads(run("check", guest, layout, "--json").stdout)
    assert "hash" in {finding["rule"] for finding in found}


def test_check_of_nothing_found_prints_nothing(monkeypatch: pytest.MonkeyPatch, guest: str, layout: str) -> None:
    monkeypatch.setattr("qslot.schema.verify.verify", lambda *_: [])
    result = run("check", guest, layout)
    assert (result.exit_code, result.output) == (0, "")


def test_check_of_warnings_alone_is_done(monkeypatch: pytest.MonkeyPatch, guest: str, layout: str) -> None:
    warning = Finding(rule="wasteful-pin", severity="warning")
    monkeypatch.setattr("qslot.schema.verify.verify", lambda *_: [warning])
    result = run("check", guest, layout)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "1 warning" in result.stdout


def test_show(layout: str) -> None:
    assert run("show", layout).stdout == tree(small_layout())
    assert run("show", layout, "--to", "json").stdout == to_json(small_layout())
    assert run("show", "-", text=to_json(small_layout())).stdout == tree(small_layout())


@pytest.mark.parametrize("what", ["guest", "layout"])
def test_schema(what: str) -> None:
    document = json.loads(run("schema", what).stdout)
    assert document["title"] == what.capitalize()
    assert document["additionalProperties"] is False
    assert "devices" in document["properties"]


def test_catalog() -> None:
    lines = run("catalog").stdout.splitlines()
    assert len(lines) > 100
    assert any(line.startswith("virtio-net ") for line in lines)
    assert "32" in run("catalog", "virtio-net").stdout
    assert json.loads(run("catalog", "virtio-net", "--json").stdout)["model"] == "virtio-net"
    assert "root port" in run("catalog", "pcie-root-port").stdout
    assert "nearest: virtio-net" in run("catalog", "virtio-nett").stderr


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("e1000e", None),
        ("igb", "8, from its own routing id + 128 on, 2 apart"),
        ("nvme", "as many as sriov_max_vfs says, from its own routing id + 1 on, 1 apart"),
        ("virtio-blk", "those that the request lists with sriov-pf"),
        ("virtio-net", "those that the request lists with sriov-pf; it may be one itself"),
    ],
)
def test_catalog_tells_of_virtual_functions(model: str, told: str | None) -> None:
    assert json.loads(run("catalog", model, "--json").stdout).get("virtual functions") == told


# From here on the real solver answers.


@pytest.mark.parametrize("example", EXAMPLES)
def test_plan_then_check(example: str, tmp_path: Path) -> None:
    target = str(tmp_path / "layout.json")
    result = run("plan", str(ROOT / example), "--to", "json", "-o", target)
    assert result.exit_code == 0, result.output
    planned = read_layout(target)
    assert planned.status == "optimal"
    assert all(term.value == term.bound for term in planned.objective)
    checked = run("check", str(ROOT / example), target)
    assert (checked.exit_code, checked.stderr) == (0, "")
    assert run("show", target).exit_code == 0


def test_legacy_guest_needs_one_window_and_a_cold_one_none() -> None:
    def windows(name: str) -> int:
        layout = Layout.model_validate_json(run("plan", str(ROOT / "examples" / name), "--to", "json").stdout)
        return next(term.value for term in layout.objective if term.term == "io_windows")

    assert windows("rhel6-q35.yaml") == 4096
    assert windows("rhel6-q35-cold.yaml") == 0


def test_proved_impossible() -> None:
    """Slot 0 is all there is behind a port, and both of a port's users want to be hot-plugged alone."""
    text = """
machine: q35
controllers: [{id: rp1, model: pcie-root-port}]
policy: {max_controllers: 1}
devices:
  - {id: net0, model: virtio-net, virtio: modern, hotplug: required}
  - {id: net1, model: virtio-net, virtio: modern, hotplug: required}
"""
    result = run("plan", "-", text=text)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "infeasible (proved)" in result.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--set", "devices.net0.hotplug=maybe"], "devices.net0.hotplug: 'maybe' is not one of required"),
        (["--set", "devices.net0.hotplugg=never"], "devices.net0.hotplugg: no such field here; nearest: hotplug"),
        (["--set", "devices.nte0.hotplug=never"], "devices.nte0: 'nte0' is no id that the guest has; nearest: net0"),
        (["--set", "devices.net0.numa=7"], "devices.net0.numa: node 7 does not exist: numa_nodes is 0"),
        (["--set", "devices.net0.near=[net1"], "--set devices.net0.near: not YAML"),
        (["--set", "polcy.max_depth=3"], "polcy: no such field here; nearest: policy"),
        (["--set", "hotplug"], "write FIELD=VALUE"),
        (["--spare", "6"], "write KIND=NUMBER"),
        (["--spare", "pcie=six"], "spare[0].count: 'six' is not a whole number"),
        (["--spare", "usb=2"], "spare[0].kind: 'usb' is not one of pcie, pci"),
        (["--spare", "pcie=1", "--spare", "pcie=2,numa=7"], "spare[1].numa: node 7 does not exist"),
        (["--spare", "pcie=6,pci=2"], "each kind takes an option of its own"),
        (["--spare", "pcie=6,io=1,io=2"], "each once at most"),
        (["--overlay", "/nonexistent.yaml"], "/nonexistent.yaml: can't be read: no such file"),
    ],
)
@pytest.mark.parametrize("command", ["plan", "explain", "advise"])
def test_what_is_said_beside_is_checked(command: str, words: list[str], says: str, guest: str) -> None:
    result = run(command, guest, *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


def test_an_overlay_file(guest: str, tmp_path: Path) -> None:
    overlay = tmp_path / "more.yaml"
    overlay.write_text("devices: [{id: net0, hotplug: required}]\nspare: {pcie: 2}\n")
    planned = Layout.model_validate_json(run("plan", guest, "--json", "--overlay", str(overlay)).stdout)
    assert len(planned.spare) == 2
    planned = Layout.model_validate_json(
        run("plan", guest, "--json", "--overlay", "-", text=overlay.read_text()).stdout
    )
    assert len(planned.spare) == 2
    assert run("plan", "-", "--overlay", "-").exit_code == 2


DIFFERENCE = Difference("net0", "BAR 0 (io, 32 bytes) is not assigned")


@pytest.mark.parametrize(
    ("answer", "code", "output", "errors"),
    [
        (Report("7.2.22", ()), 0, "", "9 of 9 devices and controllers"),
        (Report("10.0.13", (), "1.16.3"), 0, "", "Asked QEMU 10.0.13 with seabios 1.16.3: after its firmware ran"),
        (Report("7.2.22", (DIFFERENCE,)), 5, f"{DIFFERENCE}\n", "8 of 9 devices and controllers"),
        (Report(None, (Difference(None, "PCI: out of I/O address space"),)), 5, "PCI: out of I/O", "does not come up"),
        (MissingError("no QEMU"), 2, "", "qslot: no QEMU\n"),
        (BootError("PCI not enumerated in 1 s"), 4, "", "--time-limit"),
    ],
)
def test_probe(
    answer: Report | Exception, code: int, output: str, errors: str, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def probe(_layout: Layout, *, qemu: str, firmware: Path, limit: float) -> Report:
        assert (qemu, firmware, limit) == ("my-qemu", Path("bios.bin"), 1)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("qslot.schema.probe.probe", probe)
    result = run("probe", layout, "--qemu", "my-qemu", "--firmware", "bios.bin", "--time-limit", "1")
    assert (result.exit_code, result.stdout[: len(output) or 1]) == (code, output)
    assert errors in result.stderr


def test_probe_as_json(layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qslot.schema.probe.probe", lambda *_, **__: Report("7.2.22", (DIFFERENCE,)))
    result = run("probe", layout, "--json")
    assert json.loads(result.stdout) == [{"subject": "net0", "text": DIFFERENCE.text}]


# From here on real processes run.


def process(*words: str, text: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "qslot", *words],
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | more,
    )


def test_module_is_the_command(layout: str) -> None:
    done = process("show", layout)
    assert (done.returncode, done.stdout, done.stderr) == (0, tree(small_layout()), "")
    assert process("show", "-", text=to_json(small_layout())).stdout == done.stdout
    assert process("--help").stdout.startswith("Usage: qslot ")


def test_no_traceback_leaves_the_process() -> None:
    for text in ("", "\x00", "a: [", "machine: q35\ndevices: 5", "[" * 100_000):
        done = process("plan", "-", text=text)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


def real_qemu() -> str:
    binary = shutil.which(QEMU)
    if binary is None:
        why = f"{QEMU} is not installed"
        if os.environ.get("QSLOT_REQUIRE_REAL"):
            pytest.fail(why)
        pytest.skip(why)
    return binary


def deprecated(binary: str, machine: str) -> bool:
    """Whether that QEMU, asked for its machine types, says so of that one."""
    told = subprocess.run([binary, "-machine", "help"], capture_output=True, text=True, timeout=60, check=True).stdout
    return any(line.split()[0] == machine and "(deprecated)" in line for line in told.splitlines())


@pytest.mark.real
@pytest.mark.parametrize("shell", ["{plan} | xargs -r {qemu}", "words=$({plan}) && eval {qemu} $words"])
def test_standalone_arguments_start_qemu_from_a_shell(shell: str, tmp_path: Path) -> None:
    binary = real_qemu()
    plan = f"{shlex.quote(sys.executable)} -m qslot plan {shlex.quote(RHEL6)} --to argv --standalone"
    pidfile = tmp_path / "pid"
    script = shell.format(plan=plan, qemu=f"{binary} -S -daemonize -pidfile {shlex.quote(str(pidfile))}")
    done = subprocess.run(
        ["bash", "-c", script], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
    )
    try:
        assert done.returncode == 0
        # stand-in networks lead nowhere, and QEMU says so; of a machine type, where it deprecates that
        said = [line for line in done.stderr.splitlines() if "is not connected to host network" not in line]
        assert ["is deprecated" in line for line in said] == [True] * deprecated(binary, "pc-q35-7.2")
    finally:
        if pidfile.exists():
            os.kill(int(pidfile.read_text()), signal.SIGKILL)


@pytest.mark.real
def test_probe_asks_qemu(layout: str, tmp_path: Path) -> None:
    result = run("probe", layout)
    assert (result.exit_code, result.stdout) == (0, "")
    wrong = tmp_path / "wrong.json"
    wrong.write_text(Path(layout).read_text().replace('"net2": "03:00.0"', '"net2": "04:00.0"'))
    result = run("probe", str(wrong))
    assert (result.exit_code, result.stdout) == (5, "net2: predicted at 04:00.0, the guest sees it at 03:00.0\n")
