"""`qslot batch`: a line a guest, whatever they are, and where an earlier run left off."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from qslot.schema import Guest
from qslot.solver import solve
from qslot.solver.cli import qslot

GUESTS: dict[str, str] = {
    "first.yaml": "{machine: q35, devices: [{id: net0, model: virtio-net, virtio: modern}]}",
    "alike.yaml": "{machine: q35, devices: [{id: nic, model: virtio-net, virtio: modern, properties: {mac: 'a:b'}}]}",
    "wrong.yaml": "{machine: q35, devices: [{id: net0, model: virtio-nett}]}",
    "never.yaml": "{machine: q35, policy: {max_controllers: 0}, devices: [{id: n, model: nvme, hotplug: required}]}",
    "domain.xml": "<domain type='kvm'><os><type machine='q35'>hvm</type></os><devices/></domain>",
}


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    for name, text in GUESTS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return [str(tmp_path / name) for name in GUESTS]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(qslot, ["batch", *arguments])


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_a_guest_in_order(files: list[str]) -> None:
    done = run(*files)
    told = lines(done.stdout)
    assert [Path(one["guest"]).name for one in told] == list(GUESTS)
    assert [one["answer"] for one in told] == ["optimal", "optimal", "refused", "infeasible", "optimal"]
    assert "virtio-nett" in told[2]["message"]
    assert done.exit_code == 2
    alike = Guest.model_validate(
        {
            "machine": "q35",
            "devices": [{"id": "nic", "model": "virtio-net", "virtio": "modern", "properties": {"mac": "a:b"}}],
        }
    )
    assert told[1]["layout"] == solve(alike).require().model_dump(mode="json")


def test_processes_say_the_same(files: list[str]) -> None:
    assert run(*files, "--workers", "2").stdout == run(*files).stdout


@pytest.mark.parametrize(("chosen", "code"), [([0], 0), ([0, 3], 3), ([0, 2, 3], 2)])
def test_the_exit_code_is_that_of_the_worst(files: list[str], chosen: list[int], code: int) -> None:
    assert run(*(files[one] for one in chosen)).exit_code == code


def test_options_of_guests_hold_for_all(files: list[str]) -> None:
    for one in lines(run(files[0], files[1], "--firmware", "ovmf", "--set", "memory=1GiB").stdout):
        assert (one["layout"]["firmware"]["name"], one["layout"]["platform"]["memory"]) == ("ovmf", 1 << 30)


class TestResume:
    def test_what_is_proved_is_not_looked_for_again(self, files: list[str], tmp_path: Path) -> None:
        output, resume = tmp_path / "answers.jsonl", ("-o", str(tmp_path / "answers.jsonl"), "--resume")
        run(*files[:2], *resume)
        first = output.read_text()
        output.write_text(first + '{"guest": "half')  # killed while it wrote
        run(*files, *resume)
        assert output.read_text().startswith(first)
        assert len(lines(output.read_text())) == len(files)
        whole = output.read_text()
        run(*files, *resume)  # the one that is wrong is looked at again
        assert sorted(whole.splitlines()) == sorted(output.read_text().splitlines())

    def test_a_guest_that_has_changed_is(self, files: list[str], tmp_path: Path) -> None:
        output = tmp_path / "answers.jsonl"
        run(*files[:2], "-o", str(output))
        Path(files[0]).write_text(GUESTS["first.yaml"].replace("net0", "net1"), encoding="utf-8")
        run(*files[:2], "-o", str(output), "--resume")
        told = lines(output.read_text())
        assert [one["layout"]["devices"][0]["id"] for one in told[-1:]] == ["net1"]

    def test_a_file_of_something_else_stays_as_it_is(self, files: list[str], tmp_path: Path) -> None:
        (tmp_path / "mine.txt").write_text("my notes\n")
        assert run(*files, "-o", str(tmp_path / "mine.txt"), "--resume").exit_code == 2
        assert (tmp_path / "mine.txt").read_text() == "my notes\n"


def test_a_file_of_answers_is_shared(files: list[str], tmp_path: Path) -> None:
    cache = ("--cache", str(tmp_path / "answers.sqlite"))
    assert run(*files, *cache).stdout == run(*files, *cache).stdout == run(*files).stdout


@pytest.mark.parametrize(
    "arguments",
    [["--resume"], ["--workers", "0"], ["--workers", "2", "--dask", "tcp://nowhere:1"], ["-o", "/no/such/folder/x"]],
)
def test_bad_usage(files: list[str], arguments: list[str]) -> None:
    assert run(*files, *arguments).exit_code == 2


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_interrupt_keeps_what_is_finished(files: list[str], tmp_path: Path, workers: str) -> None:
    """The hard one, an hour perhaps, is not waited for."""
    hard = tmp_path / "hard.yaml"
    hard.write_text(json.dumps(_hard()), encoding="utf-8")
    output = tmp_path / "answers.jsonl"
    command = [sys.executable, "-m", "qslot", "batch", files[0], str(hard), files[3], "-o", str(output)]
    with subprocess.Popen([*command, "--workers", workers], stderr=subprocess.PIPE, text=True) as process:
        began = time.monotonic()
        while not (output.exists() and output.read_text()) and time.monotonic() < began + 120:
            time.sleep(0.1)
        time.sleep(max(1, time.monotonic() - began))  # the other worker has as long for the third
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=120)
    assert process.returncode == 130, told
    assert "interrupted" in told
    answered = {Path(one["guest"]).name: one["answer"] for one in lines(output.read_text())}
    assert answered["first.yaml"] == "optimal"
    assert answered.get("never.yaml") == ("infeasible" if workers == "2" else None)


def _hard() -> dict[str, Any]:
    from benchmarks.drawn import mixed

    return mixed(1000).model_dump(mode="json")
