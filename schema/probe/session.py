"""One boot of a layout: a QEMU, and what its firmware says until PCI is enumerated.

No sleep is fixed: SeaBIOS says on its debug port when it is done, OVMF's first byte on the serial line comes after
enumeration.
"""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ..qemu.errors import BootError, FirmwarePanicError
from ..qemu.process import QemuProcess
from .enumeration import Enumeration, Tree
from .firmware import firmware_version

SEABIOS_DONE: Final = re.compile(rb"PCI: (No VGA devices found|Using .* for primary VGA|Enabling)")
SEABIOS_PANIC: Final = re.compile(rb"PCI: out of (I/O|32bit) address space")
POLL: Final = 0.3
"""Seconds between two looks at QEMU's view of PCI."""
SETTLED: Final = 10
"""Polls without a change that count as the end, where OVMF's console is not on the serial line we read."""


class Session:
    """One boot: QEMU, and its firmware's words. Used by `RunningMachine` alone."""

    def __init__(self, firmware: str, image: Path | None, console: bool, limit: float) -> None:
        self.firmware, self.image, self.limit = firmware, image, limit
        self.enumerated = self.seabios if firmware == "seabios" else self.ovmf if console else self.settled
        self.qemu = QemuProcess(limit, self.hear)
        self.spoken = asyncio.Event()
        self.text = b""

    @property
    def said(self) -> str:
        """What the firmware printed until now."""
        return self.text.decode(errors="replace")

    async def boot(self, binary: str, arguments: Sequence[str]) -> Enumeration:
        """Starts QEMU and waits until PCI is enumerated. Raises BootError past the limit, else what QEMU or firmware
        ended with."""
        # emulated first: KVM pays for each of the many changes to the memory map (245 NICs: 114 s instead of 4)
        accelerators = ["-accel", "tcg", *(["-accel", "kvm"] if self.firmware == "seabios" else [])]
        debug_port = ["-device", "isa-debugcon,iobase=0x402,chardev=firmware"]
        console = ("-chardev", "file,id=firmware,path=/dev/stdout")
        line = debug_port if self.firmware == "seabios" else ["-serial", "chardev:firmware"]
        try:
            async with asyncio.timeout(self.limit):
                await self.qemu.start(binary, [*accelerators, *arguments, *console, *line])
                await self.qemu.unless_ended(self.enumerated())
                tree: Tree = await self.qemu.execute("query-pci")
                version: dict[str, Any] = (await self.qemu.execute("query-version"))["qemu"]
        except TimeoutError:
            words = self.said[-600:]
            raise BootError(f"PCI not enumerated in {self.limit:g} s; {self.firmware} said last: {words}") from None
        number = "{major}.{minor}.{micro}".format_map(version)
        return Enumeration(tree, self.said, number, firmware_version(self.firmware, self.said, self.image))

    def hear(self, chunk: bytes) -> None:
        """Keeps what the firmware prints."""
        self.text += chunk
        self.spoken.set()

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
            tree: Tree = await self.qemu.execute("query-pci")
            same = same + 1 if tree == last and _any_assigned(tree) else 0
            last = tree
            await asyncio.sleep(POLL)


def _any_assigned(tree: Tree) -> bool:
    return any(region["address"] > 0 for bus in tree for device in bus["devices"] for region in device["regions"])
