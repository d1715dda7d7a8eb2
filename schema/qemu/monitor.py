"""A client of a QEMU that runs already: its monitor (QMP), by the socket that it listens on."""

import json
import socket
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Final, Self

from .errors import CommandError, MissingError, ProbeError

GREETING_LIMIT: Final = 5.0
"""Seconds for the greeting, which QMP sends at once to the one client that it takes."""
ANSWER_LIMIT_OF_MONITOR: Final = 10.0
"""Seconds for an answer."""


class Monitor:
    """A session, to be used in a `with`; it changes nothing of the guest."""

    def __init__(self, address: str) -> None:
        """Connects to a UNIX socket by its path, or to `HOST:PORT`. Raises MissingError where nobody listens there,
        ProbeError where it is no monitor that answers."""
        self.address = address
        self._socket = self._connected()
        self._lines = self._socket.makefile("rb")
        self._said = b""
        try:
            self._greeted()
            self.execute("qmp_capabilities")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the session; QEMU goes on."""
        with suppress(OSError):
            self._lines.close()
            self._socket.close()

    def execute(self, command: str, arguments: Mapping[str, object] | None = None) -> Any:
        """What QEMU answers. Raises CommandError with its own words where it refuses, ProbeError where it is gone."""
        asked = {"execute": command, **({"arguments": arguments} if arguments else {})}
        try:
            self._socket.sendall(json.dumps(asked).encode() + b"\n")
        except OSError as error:
            raise ProbeError(f"{self.address}: QEMU is gone: {_words(error)}") from None
        while True:
            answer = self._message(f"no answer to {command}")
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise CommandError(f"{command}: {answer['error'].get('desc', answer['error'])}")

    def get(self, path: str, name: str) -> Any:
        """A property of an object of QEMU's; None where it has none of that name."""
        try:
            return self.execute("qom-get", {"path": path, "property": name})
        except CommandError:
            return None

    def _connected(self) -> socket.socket:
        host, colon, port = self.address.rpartition(":")
        try:
            if colon and "/" not in self.address and port.isdecimal():
                return socket.create_connection((host, int(port)), GREETING_LIMIT)
            with ExitStack() as closing:
                plain = closing.enter_context(socket.socket(socket.AF_UNIX))
                plain.settimeout(GREETING_LIMIT)
                plain.connect(self.address)
                closing.pop_all()
                return plain
        except (OSError, ValueError) as error:
            raise MissingError(f"{self.address}: no QEMU's monitor: {_words(error)}") from None

    def _greeted(self) -> None:
        if "QMP" not in self._message(
            f"no greeting in {GREETING_LIMIT:g} s: either this is no QMP, or another client (libvirt, say) has the "
            "monitor, which takes one at a time (add a `-qmp` of your own, or give the domain's XML), or it starts"
        ):
            raise ProbeError(f"{self.address}: no QMP: it begins with {self._said[:60]!r}")
        self._socket.settimeout(ANSWER_LIMIT_OF_MONITOR)

    def _message(self, none: str) -> dict[str, Any]:
        try:
            self._said = self._lines.readline()
        except TimeoutError:
            raise ProbeError(f"{self.address}: {none}") from None
        except OSError as error:
            raise ProbeError(f"{self.address}: QEMU is gone: {_words(error)}") from None
        if not self._said:
            raise ProbeError(f"{self.address}: closed without an answer: no QMP, or QEMU has ended")
        try:
            message = json.loads(self._said)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            raise ProbeError(f"{self.address}: no QMP: it says {self._said[:60]!r}")
        return message


def _words(error: OSError | ValueError) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
