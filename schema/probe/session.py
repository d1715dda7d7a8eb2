"""One QEMU process: its QMP line, its firmware's text, its end.

Asynchronous, as the QMP library and the firmware's text are. No sleep is fixed: SeaBIOS says on its debug port when it
is done, OVMF's first byte on the serial line comes after enumeration.
"""

import asyncio
import re
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from qemu.qmp import ExecuteError, QMPClient, QMPError

from .enumeration import Enumeration, Tree
from .errors import BootError, CommandError, FirmwarePanicError, QemuEndedError

Answer = TypeVar("Answer")

SEABIOS_DONE: Final = re.compile(rb"PCI: (No VGA devices found|Using .* for primary VGA|Enabling)")
SEABIOS_PANIC: Final = re.compile(rb"PCI: out of (I/O|32bit) address space")
POLL: Final = 0.3
SETTLED: Final = 10
"""Polls without a change that count as the end, where OVMF's console is not on the serial line we read."""


class Session:
    """One QEMU process: its command line, its firmware's words, its monitor. Used by `RunningMachine` alone."""

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
        """What the firmware printed until now."""
        return self.text.decode(errors="replace")

    async def boot(self, qemu: str, arguments: Sequence[str]) -> Enumeration:
        """Starts QEMU and waits until PCI is enumerated. Raises BootError past the limit, else what QEMU or firmware
        ended with."""
        await self.client.start_server(f"{self.directory}/qmp")
        await self.spawn(qemu, arguments)
        try:
            async with asyncio.timeout(self.limit):
                await self.unless_ended(self.client.accept())
                await self.unless_ended(self.enumerated())
                tree = cast("Tree", await self.unless_ended(self.client.execute("query-pci")))
                version = cast("dict[str, Any]", await self.unless_ended(self.client.execute("query-version")))["qemu"]
        except TimeoutError:
            words = self.said[-600:]
            raise BootError(f"PCI not enumerated in {self.limit:g} s; {self.firmware} said last: {words}") from None
        return Enumeration(tree, self.said, "{major}.{minor}.{micro}".format_map(version))

    async def spawn(self, qemu: str, arguments: Sequence[str]) -> None:
        """Starts the process, its firmware's console on our end of a pipe."""
        # emulated first: KVM pays for each of the many changes to the memory map (245 NICs: 114 s instead of 4)
        accelerators = ["-accel", "tcg", *(["-accel", "kvm"] if self.firmware == "seabios" else [])]
        debug_port = ["-device", "isa-debugcon,iobase=0x402,chardev=firmware"]
        with self.errors.open("wb") as errors:
            self.process = await asyncio.create_subprocess_exec(
                *(qemu, *accelerators, *arguments, "-qmp", f"unix:{self.directory}/qmp"),
                *("-chardev", "file,id=firmware,path=/dev/stdout"),
                *(debug_port if self.firmware == "seabios" else ["-serial", "chardev:firmware"]),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
            )
        self.reader = asyncio.create_task(self.read_text(self.process))

    @property
    def errors(self) -> Path:
        """The file that takes QEMU's standard error."""
        return self.directory / "errors"

    async def read_text(self, process: asyncio.subprocess.Process) -> None:
        """Collects what the firmware prints until the pipe closes."""
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
        """Waits until SeaBIOS says that it is done with PCI. Raises FirmwarePanicError where it gives up."""
        while not SEABIOS_DONE.search(self.text):
            if panic := SEABIOS_PANIC.search(self.text):
                raise FirmwarePanicError(panic[0].decode())
            await self.more_text()

    async def ovmf(self) -> None:
        """Waits for the first words of OVMF, which has enumerated by then."""
        while not self.text:
            await self.more_text()

    async def more_text(self) -> None:
        """Waits until the firmware prints something."""
        self.spoken.clear()
        await self.spoken.wait()

    async def settled(self) -> None:
        """Waits until QEMU's view of PCI no longer changes."""
        last, same = None, 0
        while same < SETTLED:
            tree = cast("Tree", await self.client.execute("query-pci"))
            same = same + 1 if tree == last and _any_assigned(tree) else 0
            last = tree
            await asyncio.sleep(POLL)

    async def execute(self, command: str, arguments: Mapping[str, object] | None) -> object:
        """One QMP command. Raises CommandError where QEMU refuses it, or does not answer within the limit."""
        try:
            async with asyncio.timeout(self.limit):
                return await self.client.execute(command, dict(arguments) if arguments else None)
        except ExecuteError as error:
            raise CommandError(str(error)) from None
        except TimeoutError:
            raise CommandError(f"{command}: no answer in {self.limit:g} s") from None

    async def end(self) -> None:
        """Kills QEMU, if it still runs, and closes the monitor."""
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
