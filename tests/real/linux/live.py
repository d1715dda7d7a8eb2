"""Linux in a QEMU that goes on running: told over QMP, looked at over its serial line."""

import json
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Final, Self

from qslot.schema import Layout
from qslot.schema.formats.standalone import standalone
from qslot.schema.probe.enumeration import QEMU
from qslot.schema.probe.firmware import own_ovmf

from ..query_pci import guest_addresses
from .guest import LIMIT, View, view_of
from .initramfs import Boot

END: Final = "qslot end"
PATIENCE: Final = 120.0
"""Seconds until a guest under software emulation has given back a device."""


class LiveLinux:
    """Ends with the `with` block.

    The line is read all the time: where nobody reads, the socket is full after a few hundred characters, and then the
    guest's kernel waits a second or more with each of its messages, hot-plug included.
    """

    def __init__(self, layout: Layout, guest: Boot, folder: Path) -> None:
        self._line, self._monitor = (socket.socket(socket.AF_UNIX) for _ in range(2))
        self.text = ""
        self.events: list[dict[str, Any]] = []
        names = [str(folder / name) for name in ("line", "monitor")]
        sockets = ("-serial", f"unix:{names[0]},server=on,wait=off", "-qmp", f"unix:{names[1]},server=on,wait=off")
        image = own_ovmf(QEMU) if layout.firmware.name == "ovmf" else None
        command = [QEMU, "-accel", "tcg", *standalone(layout, firmware=image), *guest.arguments("qslot.live"), *sockets]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        for one, name in zip((self._line, self._monitor), names, strict=True):
            _connect(one, name)
        self._heard, self._ended, self._more = bytearray(), False, threading.Condition()
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()
        self._monitor.settimeout(PATIENCE)
        self._replies = self._monitor.makefile("r")
        self._replies.readline()
        self.execute("qmp_capabilities")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._listener.join()
        self._replies.close()
        self._monitor.close()
        self._line.close()

    def execute(self, command: str, arguments: dict[str, Any] | None = None) -> Any:
        """One QMP command. Raises AssertionError where QEMU refuses it."""
        words = {"execute": command} | ({"arguments": arguments} if arguments else {})
        self._monitor.sendall(json.dumps(words).encode() + b"\n")
        while "return" not in (told := self._told()):
            assert "error" not in told, (words, told)
        return told["return"]

    def wait_deleted(self, names: set[str]) -> None:
        """Until DEVICE_DELETED has come for each. Raises AssertionError for the guest's refusal, and past the limit."""
        until = time.monotonic() + PATIENCE
        while missing := names - {one["data"].get("device") for one in self.events if one["event"] == "DEVICE_DELETED"}:
            assert time.monotonic() < until, f"{missing} were not given back"
            told = self._told()
            assert told.get("event") != "DEVICE_UNPLUG_GUEST_ERROR", told

    def wait_gone(self, names: set[str]) -> None:
        """Until QEMU lists them no more: some it never says to be deleted. Raises AssertionError past the limit."""
        until = time.monotonic() + PATIENCE
        while left := names & guest_addresses(self.execute("query-pci")).keys():
            assert time.monotonic() < until, f"{left} were not given back"
            time.sleep(0.2)

    def booted(self) -> View:
        """What Linux sees once it has come up; after `system_reset`, once more."""
        return self._seen()

    def look(self) -> View:
        """What it sees now."""
        self._line.sendall(b"\n")
        return self._seen()

    def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self._replies.readline())
        if "event" in told:
            self.events.append(told)
        return told

    def _seen(self) -> View:
        """The next report, once it is complete."""
        until = time.monotonic() + LIMIT
        with self._more:
            while (end := self._heard.find(END.encode())) < 0:
                assert not self._ended, "QEMU ended"
                assert self._more.wait(until - time.monotonic()), f"no report within {LIMIT} s: {self._heard[-2000:]!r}"
            end += len(END)
            self.text = self._heard[:end].decode(errors="replace")
            del self._heard[:end]
        return view_of(self.text)

    def _listen(self) -> None:
        """Takes what the guest says until QEMU ends."""
        while more := self._line.recv(1 << 16):
            with self._more:
                self._heard += more
                self._more.notify()
        with self._more:
            self._ended = True
            self._more.notify()


def _connect(line: socket.socket, path: str) -> None:
    until = time.monotonic() + LIMIT
    while True:
        try:
            line.connect(path)
        except OSError:
            assert time.monotonic() < until, f"QEMU does not listen at {path}"
            time.sleep(0.1)
        else:
            return
