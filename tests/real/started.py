"""A real QEMU with a monitor that others can connect to, before its firmware runs."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from qslot.schema.probe.enumeration import QEMU
from qslot.schema.qemu.process import QemuProcess

LIMIT = 60.0
"""Seconds until the monitor must answer."""
STOPPED = ("-S", "-accel", "tcg", "-display", "none")


@contextmanager
def started(words: Sequence[str], folder: Path) -> Iterator[str]:
    """The socket of a monitor beside our own. Raises QemuEndedError with QEMU's own words where it does not start."""
    path = folder / "m.sock"
    path.unlink(missing_ok=True)
    qemu = QemuProcess(LIMIT)
    with asyncio.Runner() as runner:
        try:
            runner.run(qemu.start(QEMU, [*words, *STOPPED, "-qmp", f"unix:{path},server=on,wait=off"]))
            yield str(path)
        finally:
            runner.run(qemu.end())
