"""Starts a real QEMU with a layout, waits until its firmware has enumerated PCI, and asks it what is where.

    enumeration = boot(layout)

Asynchronous inside (the QMP library and the firmware's text are), synchronous outside. No sleep is fixed: SeaBIOS says
on its debug port when it is done, OVMF's first byte on the serial line comes after enumeration.
"""

import asyncio
import itertools
import re
import shutil
import tempfile
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from qemu.qmp import QMPClient, QMPError
from qslot.schema import Layout
from qslot.schema.standin import standalone

QEMU: Final = "qemu-system-x86_64"

Answer = TypeVar("Answer")
Tree = list[dict[str, Any]]
"""What query-pci returns: one entry a root bus."""

SEABIOS_DONE: Final = re.compile(rb"PCI: (No VGA devices found|Using .* for primary VGA|Enabling)")
SEABIOS_PANIC: Final = re.compile(rb"PCI: out of (I/O|32bit) address space")
LIMIT: Final = 120.0
"""Seconds until enumeration must be over. 240 ports take SeaBIOS 70 s here."""
REFUSAL: Final = "-device"
OVMF_ATTEMPTS: Final = 8
"""QEMU 7.2 dies in about one OVMF boot of 25 under TCG, in one of several assertions or by a signal: only what it
says of the command line is final."""
POLL: Final = 0.3
SETTLED: Final = 10
"""Polls without a change that count as the end, where OVMF's console is not on the serial line we read."""


class BootError(Exception):
    """QEMU or the firmware did not get through enumeration; the text says how far it came."""


class FirmwarePanicError(BootError):
    """SeaBIOS stopped for good, saying why ("PCI: out of I/O address space")."""


class QemuEndedError(BootError):
    """QEMU refused the command line, or crashed; its own words."""


@dataclass(frozen=True)
class Enumeration:
    """`tree` is query-pci's answer; `text` what the firmware said until then."""

    tree: Tree
    text: str


class Machine:
    """A running QEMU whose firmware has enumerated PCI; `enumeration` is what it did. `close` it when done.

    `console` is False where OVMF speaks on some other serial device than ours (a pci-serial takes it).
    """

    def __init__(
        self, arguments: Sequence[str], firmware: str = "seabios", *, console: bool = True, limit: float = LIMIT
    ) -> None:
        self._runner = asyncio.Runner()
        self._directory = tempfile.TemporaryDirectory(prefix="qslot-")
        self._session = _Session(Path(self._directory.name), firmware, console, limit)
        try:
            self.enumeration = self._runner.run(self._session.boot(arguments))
        except BaseException:
            self.close()
            raise

    def execute(self, command: str, arguments: Mapping[str, object] | None = None) -> Any:
        """One QMP command. Raises qemu.qmp.ExecuteError with QEMU's own words if it refuses."""
        return self._runner.run(self._session.execute(command, arguments))

    def query_pci(self) -> Tree:
        tree: Tree = self.execute("query-pci")
        return tree

    def close(self) -> None:
        try:
            self._runner.run(self._session.end())
        finally:
            self._runner.close()
            self._directory.cleanup()


class _Session:
    """One QEMU process: its QMP line, its firmware's text, its end."""

    def __init__(self, directory: Path, firmware: str, console: bool, limit: float) -> None:
        self.directory, self.firmware, self.limit = directory, firmware, limit
        self.enumerated = self.seabios if firmware == "seabios" else self.ovmf if console else self.settled
        self.client = QMPClient("qslot")
        self.client.logger.disabled = True  # what goes wrong is raised
        self.process: asyncio.subprocess.Process | None = None
        self.reader: asyncio.Task[None] | None = None
        self.spoken = asyncio.Event()
        self.text = b""

    @property
    def said(self) -> str:
        return self.text.decode(errors="replace")

    async def boot(self, arguments: Sequence[str]) -> Enumeration:
        await self.client.start_server(f"{self.directory}/qmp")
        await self.spawn(arguments)
        try:
            async with asyncio.timeout(self.limit):
                await self.unless_ended(self.client.accept())
                await self.unless_ended(self.enumerated())
                tree = await self.unless_ended(self.client.execute("query-pci"))
        except TimeoutError:
            words = self.said[-600:]
            raise BootError(f"PCI not enumerated in {self.limit:g} s; {self.firmware} said last: {words}") from None
        return Enumeration(cast("Tree", tree), self.said)

    async def spawn(self, arguments: Sequence[str]) -> None:
        accelerators = ["-accel", "tcg"] if self.firmware == "ovmf" else ["-accel", "kvm", "-accel", "tcg"]
        debug_port = ["-device", "isa-debugcon,iobase=0x402,chardev=firmware"]
        with self.errors.open("wb") as errors:
            self.process = await asyncio.create_subprocess_exec(
                *(QEMU, *accelerators, *arguments, "-qmp", f"unix:{self.directory}/qmp"),
                *("-chardev", "file,id=firmware,path=/dev/stdout"),
                *(debug_port if self.firmware == "seabios" else ["-serial", "chardev:firmware"]),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
            )
        self.reader = asyncio.create_task(self.read_text(self.process))

    @property
    def errors(self) -> Path:
        return self.directory / "errors"

    async def read_text(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while chunk := await process.stdout.read(4096):
            self.text += chunk
            self.spoken.set()

    async def unless_ended(self, awaited: Coroutine[Any, Any, Answer]) -> Answer:
        """What is awaited, or QemuEndedError if QEMU goes away meanwhile."""
        assert self.process is not None
        end, task = asyncio.create_task(self.process.wait()), asyncio.create_task(awaited)
        try:
            await asyncio.wait({end, task}, return_when=asyncio.FIRST_COMPLETED)
            if task.done() and not isinstance(task.exception(), QMPError | EOFError):
                return task.result()
            # the QMP line breaks a moment before the process is gone
            status = await asyncio.wait_for(end, 10)
            raise QemuEndedError(f"QEMU ended with {status}: {self.errors.read_text(errors='replace').strip()}")
        finally:
            end.cancel()
            task.cancel()
            await asyncio.gather(end, task, return_exceptions=True)

    async def seabios(self) -> None:
        while not SEABIOS_DONE.search(self.text):
            if panic := SEABIOS_PANIC.search(self.text):
                raise FirmwarePanicError(panic[0].decode())
            await self.more_text()

    async def ovmf(self) -> None:
        while not self.text:
            await self.more_text()

    async def more_text(self) -> None:
        self.spoken.clear()
        await self.spoken.wait()

    async def settled(self) -> None:
        last, same = None, 0
        while same < SETTLED:
            tree = cast("Tree", await self.client.execute("query-pci"))
            same = same + 1 if tree == last and _any_assigned(tree) else 0
            last = tree
            await asyncio.sleep(POLL)

    async def execute(self, command: str, arguments: Mapping[str, object] | None) -> object:
        async with asyncio.timeout(self.limit):
            return await self.client.execute(command, dict(arguments) if arguments else None)

    async def end(self) -> None:
        if self.process is not None:
            if self.process.returncode is None:
                self.process.kill()
            await self.process.wait()
        if self.reader is not None:
            await self.reader
        with suppress(QMPError, EOFError, ConnectionError):  # QEMU was killed: the line is dead, as it should be
            await self.client.disconnect()


def _any_assigned(tree: Tree) -> bool:
    return any(region["address"] > 0 for bus in tree for device in bus["devices"] for region in device["regions"])


@contextmanager
def running(layout: Layout, *, limit: float = LIMIT) -> Iterator[Machine]:
    """A QEMU with this layout, its firmware done with PCI."""
    machine = _start(layout, limit)
    try:
        yield machine
    finally:
        machine.close()


def _start(layout: Layout, limit: float) -> Machine:
    """OVMF boots that QEMU itself spoils are tried again."""
    console = not any(device.driver.startswith("pci-serial") for device in layout.devices)
    for attempt in itertools.count(1):
        try:
            return Machine(standalone(layout), layout.firmware.name, console=console, limit=limit)
        except QemuEndedError as error:
            if layout.firmware.name != "ovmf" or REFUSAL in str(error) or attempt == OVMF_ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def boot(layout: Layout, *, limit: float = LIMIT) -> Enumeration:
    """Boots the layout far enough for PCI to be enumerated, reads it and ends QEMU.

    Raises QemuEndedError, FirmwarePanicError, or BootError when `limit` seconds were not enough.
    """
    with running(layout, limit=limit) as machine:
        return machine.enumeration


def missing() -> str | None:
    """Why nothing can be booted here, if so."""
    return None if shutil.which(QEMU) else f"{QEMU} is not installed"
