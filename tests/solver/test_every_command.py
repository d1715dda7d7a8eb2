"""Every command, whatever befalls it: Ctrl-C at any time, a full disk, a reader that leaves. A line, never a traceback.

In the first second by steps of 0.05 s with `HYPOTHESIS_PROFILE=ci`, else at two moments of them.
"""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

import qslot
from qslot.schema.formats.written import to_json
from qslot.solver.cli import COMMANDS
from tests.profile import PROFILE

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
CALLS: Final[dict[str, list[str]]] = {
    "plan": ["plan", "GUEST"],
    "plan --to": ["plan", "GUEST", "--to", "html", "-o", "OUT"],
    "explain": ["explain", "GUEST", "net0"],
    "advise": ["advise", "GUEST", "--os", "rhel6.10", "--host", "qemu=6.2,libvirt=8.0"],
    "batch": ["batch", "GUEST", "OTHER"],
    "batch --workers": ["batch", "GUEST", "OTHER", "--workers", "2"],
    "check": ["check", "GUEST", "LAYOUT"],
    "show": ["show", "LAYOUT"],
    "diff": ["diff", "LAYOUT", "LAYOUT", "--json"],
    "capacity": ["capacity", "LAYOUT", "--model", "nvme"],
    "hotplug": ["hotplug", "LAYOUT", "{id: new, model: rtl8139}"],
    "convert": ["convert", "LAYOUT", "-", "--to", "argv"],
    "probe": ["probe", "LAYOUT"],
    "schema": ["schema"],
    "catalog": ["catalog"],
    "rules": ["rules"],
    "--help": ["--help"],
    "--version": ["--version"],
}
"""A call of each command, and of what there is beside them."""
QUIET: Final = ("check", "plan --to")
"""Those that print nothing on standard output."""
STEPS: Final = range(1, 21) if PROFILE == "ci" else (2, 9)
"""Moments, as multiples of 0.05 s from when the command itself has begun."""
SAID: Final = re.compile(
    r"(?:interrupted: (?:finishing with the best so far|keeping what is finished)\n"
    r"(?:undecided: [^\n]*\n(?:  [^\n]*\n)*)?)?"
    r"(?:qslot: interrupted(?:: \d of 2 guests are not answered)?\n)?"
)
"""What an interrupt makes a command say: that it ends; or what it does first, and then what came of that."""


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What stands for GUEST, OTHER, LAYOUT and OUT."""
    folder = tmp_path_factory.mktemp("files")
    layout = folder / "layout.json"
    layout.write_text(to_json(qslot.solve(qslot.read_guest(EXAMPLES / "rhel6-q35.yaml")).require()))
    files = {"GUEST": EXAMPLES / "rhel6-q35.yaml", "OTHER": EXAMPLES / "numa-gpu.yaml", "LAYOUT": layout}
    return {name: str(path) for name, path in files.items()} | {"OUT": str(folder / "out")}


def command(name: str, words: dict[str, str], *python: str) -> list[str]:
    """Its words, for a process."""
    return [sys.executable, *python, "-m", "qslot", *(words.get(word, word) for word in CALLS[name])]


def test_they_are_all() -> None:
    assert {call[0] for call in CALLS.values() if not call[0].startswith("-")} == {*COMMANDS}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", CALLS)
def test_an_interrupt_at_any_time(name: str, step: int, words: dict[str, str]) -> None:
    """From the first module of its own on: until then it is Python that is being started."""
    with subprocess.Popen(
        command(name, words, "-X", "importtime"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.split("|")[-1].strip() == "qslot.solver":
                break
        time.sleep(0.05 * step)
        process.send_signal(signal.SIGINT)
        try:
            output, errors = process.communicate(timeout=120)
        finally:
            process.kill()
    said = "".join(line for line in errors.splitlines(keepends=True) if not line.startswith("import time:"))
    interrupted = process.returncode == 130 and "interrupted" in said
    assert interrupted or process.returncode in (0, 3, 4), (process.returncode, said)
    assert "Traceback" not in output
    if "interrupted" in said:
        assert SAID.fullmatch(said), said


def written_to(where: str, name: str, words: dict[str, str]) -> tuple[int, Sequence[str]]:
    """The exit code of a command whose standard output goes there, and its lines on standard error."""
    process = subprocess.run(
        ["bash", "-c", f'"$@" {where}; exit "${{PIPESTATUS[0]}}"', "bash", *command(name, words)],
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )
    return process.returncode, process.stderr.splitlines()


@pytest.mark.parametrize("name", [name for name in CALLS if name not in QUIET and name != "probe"])
def test_a_full_disk(name: str, words: dict[str, str]) -> None:
    code, lines = written_to(">/dev/full", name, words)
    assert (code, lines[-1]) == (2, "qslot: standard output: can't be written: no space left on device")
    assert len([line for line in lines if line.startswith("qslot: ")]) == 1


@pytest.mark.parametrize("name", [name for name in CALLS if name not in QUIET and name != "probe"])
def test_a_reader_that_is_gone(name: str, words: dict[str, str]) -> None:
    code, lines = written_to("| true", name, words)
    assert code in (0, 1) if name == "diff" else code in (0, 3), lines
    assert [line for line in lines if "rror" in line or "Traceback" in line] == []


FILES: Final = {
    "plan": ["plan", "GUEST", "-o", "/dev/full"],
    "batch": ["batch", "OTHER", "-o", "/dev/full"],
    "diff": ["diff", "LAYOUT", "LAYOUT", "--to", "svg", "-o", "/dev/full"],
    "hotplug": ["hotplug", "LAYOUT", "{id: new, model: rtl8139}", "--layout-to", "/dev/full"],
    "convert": ["convert", "LAYOUT", "/dev/full", "--to", "yaml"],
    "show": ["show", "LAYOUT", "-o", "/dev/full"],
}
"""Those that write a file."""


@pytest.mark.parametrize("name", FILES)
def test_a_file_on_a_full_disk(name: str, words: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CALLS, name, FILES[name])
    code, lines = written_to("", name, words)
    assert (code, lines[-1]) == (2, "qslot: /dev/full: can't be written: no space left on device")
