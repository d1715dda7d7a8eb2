"""A monitor that is none, or does not answer: one clear message each. What a real QEMU answers: tests/real."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

import qslot
from qslot.schema.qemu import monitor
from qslot.schema.qemu.monitor import Monitor
from qslot.solver.cli import qslot as command

GREETING = json.dumps({"QMP": {"version": {}, "capabilities": []}}).encode() + b"\n"


@contextmanager
def listening(path: Path, answer: Callable[[socket.socket], object]) -> Iterator[str]:
    """A socket whose one client gets that answer."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(1)
    done = threading.Event()

    def serve() -> None:
        client, _ = server.accept()
        with client:
            answer(client)
            done.wait(10)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield str(path)
    finally:
        done.set()
        server.close()


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(monitor, "GREETING_LIMIT", 0.2)
    monkeypatch.setattr(monitor, "ANSWER_LIMIT_OF_MONITOR", 0.2)
    return tmp_path / "m.sock"


ANSWERS: dict[str, tuple[Callable[[socket.socket], object], str]] = {
    "nothing": (socket.socket.fileno, "no greeting in 0.2 s: either this is no QMP, or another client"),
    "another program": (lambda client: client.sendall(b"SSH-2.0-OpenSSH\r\n"), "no QMP: it says b'SSH-2.0"),
    "other JSON": (lambda client: client.sendall(b"{}\n"), "no QMP: it begins with"),
    "a list": (lambda client: client.sendall(b"[]\n"), "no QMP: it says"),
    "an end": (lambda client: client.shutdown(socket.SHUT_RDWR), "closed without an answer"),
    "a greeting alone": (lambda client: client.sendall(GREETING), "no answer to qmp_capabilities"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_is_no_monitor(path: Path, name: str) -> None:
    answer, words = ANSWERS[name]
    with listening(path, answer) as address, pytest.raises(qslot.InputError) as raised:
        qslot.adopt(address)
    assert words in str(raised.value)
    assert str(raised.value).count(str(path)) == 1


@pytest.mark.parametrize("address", ["/nowhere/m.sock", "localhost:1", "pyproject.toml", "x" * 200])
def test_where_nobody_listens(address: str) -> None:
    with pytest.raises(qslot.InputError, match="no QEMU's monitor"):
        qslot.adopt(address)


def test_events_are_passed_over(path: Path) -> None:
    def answer(client: socket.socket) -> None:
        client.sendall(GREETING)
        for value in ({}, {"value": 5}):
            client.recv(4096)
            client.sendall(b'{"event": "RESUME"}\n' + json.dumps({"return": value}).encode() + b"\n")

    with listening(path, answer) as address, Monitor(address) as session:
        assert session.execute("x") == {"value": 5}


@pytest.mark.parametrize("name", ["plan", "show", "explain", "capacity", "hotplug", "convert"])
def test_the_command_ends_with_2(name: str) -> None:
    more = {"hotplug": ["{id: a, model: nvme}"], "convert": ["-", "--to", "json"]}.get(name, [])
    done = CliRunner().invoke(command, [name, "--qmp", "/nowhere/m.sock", *more])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "qmp:/nowhere/m.sock: no QEMU's monitor" in done.stderr


def test_the_option_needs_a_socket() -> None:
    assert CliRunner().invoke(command, ["show", "--qmp"]).exit_code == 2
