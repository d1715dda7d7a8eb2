"""Starts a real QEMU with a layout, lets its firmware number the buses, and holds what it made against the layout."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from qslot.schema import Layout

LOOK_SECONDS = 0.5
"""Between two looks; firmware is done when two of them, all devices numbered, are the same."""

PATIENCE = 40
"""Looks without a change after which what is still missing is taken as never coming."""


class Seen(NamedTuple):
    """One function of a running guest: the id of the bus above it, its slot and function there, and its BDF."""

    parent: str
    slot: int
    function: int
    address: str


class Agreement(NamedTuple):
    """How many devices sit as planned, and a line for each that does not."""

    version: str
    agreed: int
    differences: list[str]


def boot(layout: "Layout", binary: str, timeout: float = 120) -> Agreement:
    """Raises OSError where QEMU can't be started, TimeoutError where the firmware never finishes."""
    return asyncio.run(_boot(layout, binary, timeout))


async def _boot(layout: "Layout", binary: str, timeout: float) -> Agreement:
    from qemu.qmp import QMPClient
    from qslot.schema.standin import standalone

    with tempfile.TemporaryDirectory(prefix="qslot-") as folder:
        socket = Path(folder, "qmp")
        words = [*standalone(layout), "-qmp", f"unix:{socket},server=on,wait=off"]
        process = await asyncio.create_subprocess_exec(binary, *words, stderr=asyncio.subprocess.PIPE)
        client = QMPClient("qslot")
        client.logger.disabled = True  # what goes wrong is raised
        try:
            async with asyncio.timeout(timeout):
                await _connect(client, process, socket)
                version = (await client.execute("query-version"))["qemu"]  # type: ignore[index]
                seen = await _settled(client, {seat.id for seat in (*layout.controllers, *layout.devices)})
        finally:
            await _stop(client, process)
    return _compare(layout, seen, ".".join(str(version[part]) for part in ("major", "minor", "micro")))


async def _connect(client: Any, process: asyncio.subprocess.Process, socket: Path) -> None:
    while not socket.exists():
        if process.returncode is not None:
            assert process.stderr is not None
            raise OSError(f"QEMU refused to start: {(await process.stderr.read()).decode(errors='replace').strip()}")
        await asyncio.sleep(0.05)
    await client.connect(str(socket))


async def _settled(client: Any, expected: set[str]) -> dict[str, Seen]:
    before: dict[str, Seen] = {}
    same = 0
    while True:
        seen = dict(_walk(await client.execute("query-pci")))
        same = same + 1 if seen == before else 0
        if (same and expected <= set(seen)) or same > PATIENCE:
            return seen
        before = seen
        await asyncio.sleep(LOOK_SECONDS)


def _walk(buses: list[dict[str, Any]]) -> Iterator[tuple[str, Seen]]:
    """Every function that has an id, with the id of the bridge above it (empty for a root bus)."""
    pending = [("", device) for bus in buses for device in bus["devices"]]
    while pending:
        parent, device = pending.pop()
        place = f"{device['bus']:02x}:{device['slot']:02x}.{device['function']}"
        name = device["qdev_id"]
        if name:
            yield name, Seen(parent, device["slot"], device["function"], place)
        bridge = device.get("pci_bridge", {})
        pending += [(name, below) for below in bridge.get("devices", [])]


async def _stop(client: Any, process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
    with suppress(OSError, EOFError):  # QEMU was killed: the line is dead, as it should be
        await client.disconnect()


def _compare(layout: "Layout", seen: dict[str, Seen], version: str) -> Agreement:
    """Slots, functions and bridges as planned; guest addresses as predicted. Root buses have no id in QEMU's answer."""
    controllers = {controller.id: controller.model for controller in layout.controllers}
    differences = []
    for seat in (*layout.controllers, *layout.devices):
        if seat.id not in seen:
            differences.append(f"{seat.id}: planned at {seat.address}, is not to be seen")
            continue
        there = seen[seat.id]
        rooted = controllers.get(seat.bus, "").startswith("pxb") or seat.bus not in controllers
        if (seat.slot, seat.function) != there[1:3] or (not rooted and seat.bus != there.parent):
            differences.append(
                f"{seat.id}: planned at {seat.address}, is at {there.parent or 'a root bus'} {there.address}"
            )
        elif layout.guest_addresses.get(seat.id) not in (None, there.address):
            differences.append(f"{seat.id}: predicted at {layout.guest_addresses[seat.id]}, is at {there.address}")
    total = len(layout.controllers) + len(layout.devices)
    return Agreement(version, total - len(differences), differences)
