"""Starts a QEMU with a monitor, asks it over QMP, and ends it. The only place that starts one.

Importing this needs the optional package qemu.qmp.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

from qemu.qmp import ExecuteError, QMPClient, QMPError

from .errors import BootError, CommandError, QemuEndedError

Answer = TypeVar("Answer")

LAST_MOMENTS: Final = 10.0
"""Seconds between the end of the monitor's line and that of the process, at most."""


class QemuProcess:
    """One QEMU, with its monitor. Commands have `limit` seconds each; whoever starts it must `end` it.

    `heard` is called with whatever QEMU writes to its standard output.
    """

    def __init__(self, limit: float, heard: Callable[[bytes], object] = bool) -> None:
        self.limit, self.heard = limit, heard
        self.errors = b""
        self._client = QMPClient("qslot")
        self._client.logger.disabled = True  # what goes wrong is raised
        self._process: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []

    async def start(self, binary: str, arguments: Sequence[str], inherited: Sequence[int] = ()) -> None:
        """Starts QEMU with these arguments and a monitor, and waits until the monitor answers. It inherits the open
        files `inherited`.

        Raises QemuEndedError with QEMU's own words if it refuses the arguments, BootError if it says nothing in time.
        """
        ours, theirs = socket.socketpair()
        try:
            await self._spawn(binary, arguments, theirs.fileno(), inherited)
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        try:
            async with asyncio.timeout(self.limit):
                await self.unless_ended(self._client.connect(ours))
        except TimeoutError:
            raise BootError(f"QEMU's monitor does not answer in {self.limit:g} s") from None

    async def _spawn(self, binary: str, arguments: Sequence[str], monitor: int, inherited: Sequence[int]) -> None:
        """Starts the process with its monitor on that open socket, and listens to what it writes."""
        self._process = await asyncio.create_subprocess_exec(
            *(binary, *arguments),
            # -mon would do, too, but for a warning of QEMU 11.1
            *("-chardev", f"socket,id=monitor,fd={monitor}", "-qmp", "chardev:monitor"),
            pass_fds=[monitor, *inherited],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._readers = [
            asyncio.create_task(_read(self._process.stdout, self.heard)),
            asyncio.create_task(_read(self._process.stderr, self._add_errors)),
        ]

    async def execute(self, command: str, arguments: Mapping[str, object] | None = None) -> Any:
        """One QMP command. Raises CommandError where QEMU refuses it or does not answer within the limit, and
        QemuEndedError where it goes away meanwhile."""
        try:
            async with asyncio.timeout(self.limit):
                return await self.unless_ended(self._client.execute(command, dict(arguments) if arguments else None))
        except ExecuteError as error:
            raise CommandError(str(error)) from None
        except TimeoutError:
            raise CommandError(f"{command}: no answer in {self.limit:g} s") from None

    def events(self) -> list[dict[str, Any]]:
        """QEMU's events since this was asked last."""
        return [dict(one) for one in self._client.events.clear()]

    async def unless_ended(self, awaited: Coroutine[Any, Any, Answer]) -> Answer:
        """What is awaited, or QemuEndedError if QEMU goes away meanwhile."""
        assert self._process is not None
        end, task = asyncio.create_task(self._process.wait()), asyncio.create_task(awaited)
        try:
            await asyncio.wait({end, task}, return_when=asyncio.FIRST_COMPLETED)
            if task.done() and not _line_broke(task.exception()):
                return task.result()
            # the monitor's line breaks a moment before the process is gone
            status = await asyncio.wait_for(end, LAST_MOMENTS)
            await asyncio.gather(*self._readers)
            raise QemuEndedError(f"QEMU ended with {status}: {self.errors.decode(errors='replace').strip()}")
        finally:
            end.cancel()
            task.cancel()
            await asyncio.gather(end, task, return_exceptions=True)

    async def end(self) -> None:
        """Kills QEMU, if it still runs, and closes the monitor."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        await asyncio.gather(*self._readers)
        with suppress(QMPError, EOFError, ConnectionError):  # QEMU was killed: the line is dead, as it should be
            await self._client.disconnect()

    def _add_errors(self, chunk: bytes) -> None:
        self.errors += chunk


def _line_broke(error: BaseException | None) -> bool:
    """Whether that says that the monitor is gone; a command that QEMU refuses is an answer."""
    return isinstance(error, QMPError | EOFError) and not isinstance(error, ExecuteError)


async def _read(stream: asyncio.StreamReader, heard: Callable[[bytes], object]) -> None:
    """Passes on what comes until the stream ends."""
    while chunk := await stream.read(4096):
        heard(chunk)
