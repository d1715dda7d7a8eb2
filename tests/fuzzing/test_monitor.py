"""Answers of a QEMU's monitor that are none, or other than QMP has them: one error, and soon."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qslot.schema.formats.files import read_guest
from qslot.schema.qemu import monitor

from .corrupted import STRANGE_TEXTS, STRANGE_VALUES, misshapen
from .reading import refusal

GREETING: Final = {"QMP": {"version": {"qemu": {"major": 7, "minor": 2, "micro": 0}}, "capabilities": []}}
ROOT: Final = "/machine/q35/pcie.0"
PROPERTIES: Final[dict[str, object]] = {
    "/machine type": "pc-q35-7.2-machine",
    "/machine memory": {"size": 2 << 30, "max-size": 8 << 30, "slots": 2},
    "/machine acpi": "auto",
    "/machine/q35 pci-hole64-size": 1 << 35,
    "/machine/unattached/device[0] type": "qemu64-x86_64-cpu",
    "/machine/unattached/device[0] vendor": "AuthenticAMD",
    "/machine/unattached/device[0] phys-bits": 40,
    "/machine/peripheral/net0 parent_bus": "/machine/peripheral/rp1/rp1",
    "/machine/peripheral/net0 addr": 0,
    "/machine/peripheral/net0 mq": True,
    "/machine/peripheral/rp1 parent_bus": ROOT,
    "/machine/peripheral/rp1 addr": 16,
    "/machine/peripheral/rp1 chassis": 1,
    "/machine/peripheral/mem0 parent_bus": ROOT,
    "/machine/peripheral/mem0 addr": 24,
    "/machine/peripheral/mem0 memdev": "/objects/m",
    "/objects/m size": 1 << 20,
}
CHILDREN: Final = {
    "/machine/peripheral": [
        {"name": "type", "type": "string"},
        {"name": "net0", "type": "child<virtio-net-pci>"},
        {"name": "rp1", "type": "child<pcie-root-port>"},
        {"name": "mem0", "type": "child<ivshmem-plain>"},
    ],
    "/machine/unattached": [{"name": "device[0]", "type": "child<qemu64-x86_64-cpu>"}],
    "/machine/peripheral-anon": [{"name": "type", "type": "string"}],
}
ANSWERS: Final[dict[str, object]] = {
    "qmp_capabilities": {},
    "query-version": {"qemu": {"major": 7, "minor": 2, "micro": 0}, "package": ""},
    "qom-list-types": [{"name": "virtio-net-pci"}, {"name": "pcie-root-port"}, {"name": "ivshmem-plain"}],
    "query-cpus-fast": [{"qom-path": "/machine/unattached/device[0]"}],
    "human-monitor-command": "0 nodes\r\n",
    "device-list-properties": [
        {"name": "mq", "type": "bool", "default-value": False},
        {"name": "chassis", "type": "x"},
    ],
    "query-memory-size-summary": {"base-memory": 2 << 30},
}


def answer_of(asked: Mapping[str, Any], answers: Mapping[str, object]) -> object:
    """As a QEMU would, but for what `answers` say otherwise, by command, or command and path."""
    command, given = asked["execute"], asked.get("arguments", {})
    name = f"{given.get('path')} {given.get('property')}" if command == "qom-get" else given.get("path")
    usual = PROPERTIES.get(str(name)) if command == "qom-get" else CHILDREN.get(str(name), ANSWERS.get(command))
    found = answers.get(str(name), answers.get(command, usual))
    return {"error": {"class": "GenericError", "desc": "no such"}} if found is None else {"return": found}


@contextmanager
def listening(path: Path, serve: Callable[[socket.socket], object]) -> Iterator[str]:
    """A socket at whose other end one client after the other is served so."""
    server = socket.socket(socket.AF_UNIX)
    path.unlink(missing_ok=True)
    server.bind(str(path))
    server.listen(1)

    def run() -> None:
        with suppress(OSError):
            client, _ = server.accept()
            with client:
                serve(client)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"qmp:{path}"
    finally:
        server.close()
        thread.join(5)


def qemu(answers: Mapping[str, object]) -> Callable[[socket.socket], None]:
    def serve(client: socket.socket) -> None:
        client.sendall(json.dumps(GREETING).encode() + b"\n")
        with client.makefile("rb") as lines:
            for line in lines:
                client.sendall(json.dumps(answer_of(json.loads(line), answers)).encode() + b"\n")

    return serve


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(monitor, "GREETING_LIMIT", 0.3)
        patch.setattr(monitor, "ANSWER_LIMIT_OF_MONITOR", 0.3)
        yield tmp_path_factory.mktemp("m") / "m.sock"


def test_a_qemu_is_read(path: Path) -> None:
    with listening(path, qemu({})) as source:
        guest = read_guest(source)
    assert [one.id for one in (*guest.controllers, *guest.devices)] == ["rp1", "mem0", "net0"]
    assert (guest.memory, guest.machine, guest.controllers[0].properties["chassis"]) == (2 << 30, "pc-q35-7.2", 1)


STRANGE: Final = st.sampled_from(STRANGE_VALUES)
USUAL: Final = {**ANSWERS, **PROPERTIES, **CHILDREN}


@given(st.dictionaries(st.sampled_from(sorted(USUAL)), STRANGE, min_size=1, max_size=3))
def test_answers_of_another_shape(path: Path, answers: dict[str, object]) -> None:
    with listening(path, qemu(answers)) as source:
        refusal(lambda: read_guest(source))


@given(misshapen([USUAL]))
def test_answers_with_pieces_missing(path: Path, answers: Any) -> None:
    with listening(path, qemu(answers if isinstance(answers, dict) else {})) as source:
        refusal(lambda: read_guest(source))


@given(st.lists(st.binary(max_size=60) | st.sampled_from(STRANGE_TEXTS).map(str.encode), max_size=5))
def test_lines_that_are_no_answers(path: Path, lines: list[bytes]) -> None:
    def serve(client: socket.socket) -> None:
        with suppress(OSError):
            client.sendall(json.dumps(GREETING).encode() + b"\n" + b"\n".join(lines) + b"\n")

    with listening(path, serve) as source:
        assert refusal(lambda: read_guest(source)) is not None


def events(client: socket.socket) -> None:
    with suppress(OSError):
        while True:
            client.sendall(b'{"event": "RTC_CHANGE"}\n')
            time.sleep(0.01)


def endless(client: socket.socket) -> None:
    with suppress(OSError):
        while True:
            client.sendall(b'"' + b"x" * 65536)


HOSTILE: Final[dict[str, Callable[[socket.socket], object]]] = {
    "events and no answer": events,
    "a line that never ends": endless,
    "nesting": lambda client: client.sendall(b"[" * 200_000 + b"\n"),
    "an error that says nothing": lambda client: client.sendall(b'{"error": null}\n'),
    "an error in words": lambda client: client.sendall(b'{"error": "no"}\n'),
    "a number of thousands of digits": lambda client: client.sendall(b'{"return": ' + b"9" * 5000 + b"}\n"),
    "no text": lambda client: client.sendall(b"\xff\xfe\n"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_who_keeps_talking(path: Path, name: str) -> None:
    def serve(client: socket.socket) -> None:
        client.sendall(json.dumps(GREETING).encode() + b"\n")
        HOSTILE[name](client)

    with listening(path, serve) as source:
        message = refusal(lambda: read_guest(source))
    assert message is not None
    assert len(message.splitlines()) == 1
    assert len(message) < 300
