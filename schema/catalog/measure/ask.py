"""Asks a real QEMU what its PCI device types are: one stopped machine a question, so that no answer colours another."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import QslotError
from ...pci.bars import ROM_BAR
from ...pci.qemu_properties import as_text
from ..bar import Kind, ModelBar

if TYPE_CHECKING:
    from qemu.qmp import QMPClient

PATIENCE = 60.0
"""Seconds for QEMU to start and answer."""
MACHINE = "q35"
COMMON = ("-S", "-nodefaults", "-no-user-config", "-display", "none", "-accel", "kvm", "-accel", "tcg")
MEMORY_ARGUMENTS = ("-m", "128M,slots=1,maxmem=1G")  # room for virtio-mem and virtio-pmem


class RefusedError(QslotError):
    """QEMU did not start with the device; the text is QEMU's."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A device as query-pci shows it. `rom` is bytes."""

    device_id: int
    class_code: int
    bars: tuple[ModelBar, ...]
    rom: int


@dataclass(frozen=True, slots=True)
class Types:
    """QEMU's PCI device types."""

    version: str
    machine: str
    conventional: frozenset[str]
    express: frozenset[str]
    virtio: frozenset[str]
    pluggable: frozenset[str]
    """Types that device_add takes on one bus or another."""
    properties: Mapping[str, frozenset[str]]


class Qemu:
    """Starts one QEMU after another, at most two at a time."""

    def __init__(self, binary: str) -> None:
        self.binary = binary
        self._slots = asyncio.Semaphore(2)

    async def measure(self, driver: str, properties: Mapping[str, Any], backends: Iterable[str] = ()) -> Seen:
        """Plug the device into pcie.0 and look. Raises RefusedError if QEMU won't."""
        words = {"bus": "pcie.0", "addr": "0x5", "id": "dut", **properties}
        device = ",".join((driver, *(f"{name}={as_text(value)}" for name, value in words.items())))
        async with self._slots, self.session(*MEMORY_ARGUMENTS, *backends, "-device", device) as qmp:
            for bus in await _rows(qmp, "query-pci"):
                for row in bus["devices"]:
                    if row["qdev_id"] == "dut":
                        return _seen(row)
        raise RefusedError(f"{driver} does not show in query-pci")

    async def types(self) -> Types:
        """Every PCI device type that this QEMU has, and what it says of them without making one."""
        async with self.session() as qmp:
            version = await _rows(qmp, "query-version")
            number = version["qemu"]
            machines = await _rows(qmp, "query-machines")
            kinds = [
                await _subtypes(qmp, name) for name in ("conventional-pci-device", "pci-express-device", "virtio-pci")
            ]
            names = sorted(kinds[0] | kinds[1])
            pluggable = frozenset([name for name in names if await _pluggable(qmp, name)])
        return Types(
            version=f"{number['major']}.{number['minor']}.{number['micro']}",
            machine=next(machine["name"] for machine in machines if machine.get("alias") == MACHINE),
            conventional=kinds[0],
            express=kinds[1],
            virtio=kinds[2],
            pluggable=pluggable,
            properties=await self._properties(names),
        )

    async def _properties(self, names: list[str]) -> dict[str, frozenset[str]]:
        """Of each type. To list them QEMU creates one, and ends where OpenGL is missing: such types get none."""
        from qemu.qmp import ExecInterruptedError

        found: dict[str, frozenset[str]] = {}
        while len(found) < len(names):
            async with self.session() as qmp:
                for name in names[len(found) :]:
                    try:
                        found[name] = await _properties(qmp, name)
                    except ExecInterruptedError:
                        found[name] = frozenset()
                        break
        return found

    @contextlib.asynccontextmanager
    async def session(self, *arguments: str) -> "AsyncIterator[QMPClient]":
        """A stopped q35 machine and its monitor. Raises RefusedError with QEMU's own words if it does not start."""
        from qemu.qmp import QMPClient

        ours, theirs = socket.socketpair()
        monitor = ("-chardev", f"socket,id=qmp,fd={theirs.fileno()}", "-mon", "chardev=qmp,mode=control")
        process = await asyncio.create_subprocess_exec(
            *(self.binary, *COMMON, "-machine", MACHINE, *monitor, *arguments),
            pass_fds=[theirs.fileno()],
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        theirs.close()
        qmp = QMPClient()
        qmp.logger.disabled = True  # a refused start is an answer here, not an error to log
        try:
            await _connect(qmp, ours, process)
            yield qmp
        finally:
            with contextlib.suppress(Exception):  # whatever it says, it is killed next
                await qmp.disconnect()
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()


async def _connect(qmp: "QMPClient", ours: socket.socket, process: asyncio.subprocess.Process) -> None:
    from qemu.qmp import ConnectError

    try:
        await asyncio.wait_for(qmp.connect(ours), PATIENCE)
    except (ConnectError, TimeoutError):
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        _, errors = await process.communicate()
        raise RefusedError(errors.decode(errors="replace").strip() or "QEMU does not answer") from None


async def _rows(qmp: "QMPClient", command: str, arguments: dict[str, object] | None = None) -> Any:
    return await asyncio.wait_for(qmp.execute(command, arguments), PATIENCE)


async def _subtypes(qmp: "QMPClient", name: str) -> frozenset[str]:
    rows = await _rows(qmp, "qom-list-types", {"implements": name, "abstract": False})
    return frozenset(row["name"] for row in rows)


async def _properties(qmp: "QMPClient", name: str) -> frozenset[str]:
    rows = await _rows(qmp, "device-list-properties", {"typename": name})
    return frozenset(row["name"] for row in rows)


async def _pluggable(qmp: "QMPClient", name: str) -> bool:
    """QEMU looks at the class before it looks for the bus, so a bus that does not exist keeps the machine as it is."""
    from qemu.qmp import ExecuteError

    try:
        await _rows(qmp, "device_add", {"driver": name, "bus": "nowhere", "id": "dut"})
    except ExecuteError as refusal:
        return "pluggable device type" not in str(refusal)
    raise RefusedError(f"{name} went onto a bus that does not exist")


def _seen(row: Mapping[str, Any]) -> Seen:
    bars = [_bar(region) for region in row["regions"] if region["bar"] != ROM_BAR]
    rom = sum(region["size"] for region in row["regions"] if region["bar"] == ROM_BAR)
    ordered = tuple(sorted(bars, key=lambda bar: bar.bar))
    return Seen(row["id"]["device"], row["class_info"]["class"], ordered, rom)


def _bar(region: Mapping[str, Any]) -> ModelBar:
    if region["type"] == "io":
        return ModelBar(region["bar"], "io", region["size"], False)
    kind: Kind = "mem64" if region["mem_type_64"] else "mem32"
    return ModelBar(region["bar"], kind, region["size"], region["prefetch"])
