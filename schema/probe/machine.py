"""A running QEMU whose firmware has enumerated PCI. Importing this needs the optional package qemu.qmp."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ..qemu.errors import QemuEndedError
from .enumeration import LIMIT, QEMU, Tree
from .session import Session

REFUSAL: Final = "-device"
OVMF_ATTEMPTS: Final = 8
"""QEMU 7.2 dies in about one OVMF boot of 25 under TCG, in one of several assertions or by a signal: only what it
says of the command line is final."""


class RunningMachine:
    """Synchronous face of a session; `enumeration` is what the firmware did. `close` it when done.

    `image` is the firmware's among the arguments, if one is there. `console` is False where OVMF speaks on some other
    serial device than ours (a pci-serial takes it).
    """

    def __init__(
        self,
        arguments: Sequence[str],
        firmware: str = "seabios",
        *,
        image: Path | None = None,
        qemu: str = QEMU,
        console: bool = True,
        limit: float = LIMIT,
    ) -> None:
        self._runner = asyncio.Runner()
        self._session = Session(firmware, image, console, limit)
        try:
            self.enumeration = self._runner.run(self._session.boot(qemu, arguments))
        except BaseException:
            self.close()
            raise

    def execute(self, command: str, arguments: Mapping[str, object] | None = None) -> Any:
        """One QMP command. Raises CommandError with QEMU's own words if it refuses."""
        return self._runner.run(self._session.qemu.execute(command, arguments))

    def query_pci(self) -> Tree:
        """The devices of all root buses, as QEMU lists them now."""
        tree: Tree = self.execute("query-pci")
        return tree

    def close(self) -> None:
        """Ends QEMU."""
        try:
            self._runner.run(self._session.qemu.end())
        finally:
            self._runner.close()


def start(
    arguments: Sequence[str], firmware: str, *, image: Path | None, qemu: str, console: bool, limit: float
) -> RunningMachine:
    """OVMF boots that QEMU itself spoils are tried again."""
    for attempt in itertools.count(1):
        try:
            return RunningMachine(arguments, firmware, image=image, qemu=qemu, console=console, limit=limit)
        except QemuEndedError as error:
            if firmware != "ovmf" or REFUSAL in str(error) or attempt == OVMF_ATTEMPTS:
                raise
    raise AssertionError("unreachable")
