"""A guest's state, saved by one QEMU and loaded by another: whether that one takes it."""

import asyncio
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from qslot.schema import Layout
from qslot.schema.formats.standalone import standalone
from qslot.schema.probe.enumeration import QEMU
from qslot.schema.qemu.errors import QemuEndedError
from qslot.schema.qemu.process import QemuProcess

LIMIT: Final = 60.0
STOPPED: Final = ("-accel", "tcg", "-S")
POLL: Final = 0.02


def refusal(source: Layout, target: Layout) -> str | None:
    """What the QEMU of `target` says of the state that the QEMU of `source` saved; None where it takes it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "state"
        return asyncio.run(_moved(standalone(source), standalone(target), file))


async def _moved(source: Sequence[str], target: Sequence[str], file: Path) -> str | None:
    one = QemuProcess(LIMIT)
    try:
        await one.start(QEMU, [*source, *STOPPED])
        await one.execute("migrate", {"uri": f"exec:cat > {shlex.quote(str(file))}"})
        assert await _end(one) == "completed"
    finally:
        await one.end()
    other = QemuProcess(LIMIT)
    try:
        await other.start(QEMU, [*target, *STOPPED, "-incoming", "defer"])
        await other.execute("migrate-incoming", {"uri": f"exec:cat {shlex.quote(str(file))}"})
        status = await _end(other)
        return None if status == "completed" else f"migration {status}"
    except QemuEndedError as error:
        return str(error)
    finally:
        await other.end()


async def _end(qemu: QemuProcess) -> str:
    """The last status of the migration."""
    async with asyncio.timeout(LIMIT):
        while True:
            status = (await qemu.execute("query-migrate")).get("status", "none")
            if status in ("completed", "failed", "cancelled"):
                return str(status)
            await asyncio.sleep(POLL)
