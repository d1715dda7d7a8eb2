"""A client of a QEMU that runs already: its monitor (QMP), by the socket that it listens on."""

import json
import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Final, Self

from ..bounded_input import has_endless_number
from .errors import CommandError, MissingError, ProbeError

GREETING_LIMIT: Final = 5.0
"""Seconds for the greeting, which QMP sends at once to the one client that it takes."""
ANSWER_LIMIT_OF_MONITOR: Final = 10.0
"""Seconds for an answer, whatever else is said meanwhile."""
LONGEST_LINE: Final = 8 << 20
"""Bytes of an answer. QEMU's longest, the list of all its types, has some hundred thousand."""
RECEIVED_AT_ONCE: Final = 1 << 16
"""Bytes that are read at once."""


class Monitor:
    """A session, to be used in a `with`; it changes nothing of the guest."""

    def __init__(self, address: str) -> None:
        """Connects to a UNIX socket by its path, or to `HOST:PORT`. Raises MissingError where nobody listens there,
        ProbeError where it is no monitor that answers."""
        self.address = address
        self._socket = self._connected()
        self._limit = GREETING_LIMIT
        self._said = b""
        self._unread = b""
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
            self._socket.close()

    def execute(self, command: str, arguments: Mapping[str, object] | None = None) -> Any:
        """What QEMU answers. Raises CommandError with its own words where it refuses, ProbeError where it is gone."""
        deadline = time.monotonic() + self._limit
        asked = {"execute": command, **({"arguments": arguments} if arguments else {})}
        try:
            self._socket.sendall(json.dumps(asked).encode() + b"\n")
        except OSError as error:
            raise ProbeError(f"{self.address}: QEMU is gone: {_words(error)}") from None
        while True:
            answer = self._message(f"no answer to {command}", deadline)
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                refusal = answer["error"]
                words = refusal.get("desc", refusal) if isinstance(refusal, dict) else refusal
                raise CommandError(f"{command}: {str(words)[:200]}")

    def mapping(self, command: str) -> dict[str, Any]:
        """What QEMU answers, which is a mapping. Raises as `execute`, and ProbeError for what is none."""
        answer = self.execute(command)
        if not isinstance(answer, dict):
            raise self.misunderstood(command, answer)
        return answer

    def rows(self, command: str, arguments: Mapping[str, object] | None, *names: str) -> list[dict[str, Any]]:
        """What QEMU answers, a list of mappings that have text by each of these names. Raises as `mapping`."""
        answer = self.execute(command, arguments)
        rows = answer if isinstance(answer, list) else [answer]
        if any(not isinstance(one, dict) or not all(isinstance(one.get(name), str) for name in names) for one in rows):
            raise self.misunderstood(command, answer)
        return rows

    def misunderstood(self, command: str, answer: object) -> ProbeError:
        """What to raise for an answer that no QEMU gives."""
        return ProbeError(f"{self.address}: no QEMU that is known here: its answer to {command} is {repr(answer)[:60]}")

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
        told = self._message(
            f"no greeting in {GREETING_LIMIT:g} s: either this is no QMP, or another client (libvirt, say) has the "
            "monitor, which takes one at a time (add a `-qmp` of your own, or give the domain's XML), or it starts",
            time.monotonic() + self._limit,
        )
        if "QMP" not in told:
            raise ProbeError(f"{self.address}: no QMP: it begins with {self._said[:60]!r}")
        self._limit = ANSWER_LIMIT_OF_MONITOR

    def _message(self, none: str, deadline: float) -> dict[str, Any]:
        try:
            self._said = self._line(deadline)
        except TimeoutError:
            raise ProbeError(f"{self.address}: {none}") from None
        except OSError as error:
            raise ProbeError(f"{self.address}: QEMU is gone: {_words(error)}") from None
        if not self._said:
            raise ProbeError(f"{self.address}: closed without an answer: no QMP, or QEMU has ended")
        try:
            message = None if has_endless_number(self._said.decode()) else json.loads(self._said)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            raise ProbeError(f"{self.address}: no QMP: it says {self._said[:60]!r}")
        return message

    def _line(self, deadline: float) -> bytes:
        """The next line, or what there is of it where the other side has closed, or it is too long to be one."""
        pieces: list[bytes] = []
        read = 0
        while b"\n" not in self._unread and read <= LONGEST_LINE:
            pieces.append(self._unread)
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            self._unread = self._socket.recv(RECEIVED_AT_ONCE)
            read += len(self._unread)
            if not self._unread:
                break
        line, end, self._unread = self._unread.partition(b"\n")
        return b"".join([*pieces, line, end])


def _words(error: OSError | ValueError) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
