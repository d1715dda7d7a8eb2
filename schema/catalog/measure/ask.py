"""Asks a real QEMU what its PCI device types are: one stopped machine a question, so that no answer colours another."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...pci.bars import ROM_BAR
from ...pci.machine_types import Version
from ...pci.qemu_properties import as_text
from ...qemu.errors import CommandError, ProbeError, QemuEndedError
from ..bar import Kind, ModelBar
from ..load import version_of
from .vhost_user import backend

if TYPE_CHECKING:
    from ...qemu.process import QemuProcess

PATIENCE = 60.0
"""Seconds for QEMU to start and answer."""
MACHINE = "q35"
COMMON = ("-S", "-nodefaults", "-no-user-config", "-display", "none", "-accel", "kvm", "-accel", "tcg")
HOTPLUG_PORT = "rp"
"""Id of a port that takes device_add."""
NOT_PLUGGABLE = ("expects a pluggable device type", "does not support hotplugging")
"""What QEMU says of a type that device_add never takes, or takes no more once the machine runs."""
VHOST_USER_BACKEND = "back"
"""Id of a chardev that leads to a vhost-user backend."""
MEMORY_ARGUMENTS = ("-m", "128M,slots=1,maxmem=1G")  # room for virtio-mem and virtio-pmem


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

    @property
    def release(self) -> Version:
        """Major and minor number of the QEMU, which are also those of its newest machine type."""
        return version_of(self.version)


class Qemu:
    """Starts one QEMU after another, at most two at a time."""

    def __init__(self, binary: str) -> None:
        self.binary = binary
        self._slots = asyncio.Semaphore(2)

    async def measure(
        self, driver: str, properties: Mapping[str, Any], backends: Iterable[str] = (), *, vhost_user: bool = False
    ) -> Seen:
        """Plug the device into pcie.0 and look; with `vhost_user` its `chardev` is a backend, too. Raises ProbeError
        with QEMU's words if it refuses the device."""
        words = {"bus": "pcie.0", "addr": "0x5", "id": "dut", **properties}
        words |= {"chardev": VHOST_USER_BACKEND} if vhost_user else {}
        arguments = (*MEMORY_ARGUMENTS, *backends, "-device", device_text(driver, words))
        async with self._slots, self.session(*arguments, vhost_user=vhost_user) as qemu:
            for bus in await qemu.execute("query-pci"):
                for row in bus["devices"]:
                    if row["qdev_id"] == "dut":
                        return _seen(row)
        raise ProbeError(f"{driver} does not show in query-pci")

    async def types(self) -> Types:
        """Every PCI device type that this QEMU has, and what it says of them without making one."""
        async with self.session() as qemu:
            version = await qemu.execute("query-version")
            number = version["qemu"]
            machines = await qemu.execute("query-machines")
            kinds = [
                await _subtypes(qemu, name) for name in ("conventional-pci-device", "pci-express-device", "virtio-pci")
            ]
            names = sorted(kinds[0] | kinds[1])
        return Types(
            version=f"{number['major']}.{number['minor']}.{number['micro']}",
            machine=next(machine["name"] for machine in machines if machine.get("alias") == MACHINE),
            conventional=kinds[0],
            express=kinds[1],
            virtio=kinds[2],
            pluggable=await self._pluggable(names),
            properties=await self._properties(names),
        )

    async def _properties(self, names: list[str]) -> dict[str, frozenset[str]]:
        """Of each type. To list them QEMU creates one, and ends where OpenGL is missing: such types get none."""
        found: dict[str, frozenset[str]] = {}
        while len(found) < len(names):
            async with self.session() as qemu:
                for name in names[len(found) :]:
                    try:
                        found[name] = await _properties(qemu, name)
                    except QemuEndedError:
                        found[name] = frozenset()
                        break
        return found

    async def _pluggable(self, names: list[str]) -> frozenset[str]:
        """Those that device_add takes. Whatever ends QEMU, because it lacks OpenGL, it does not take."""
        found: dict[str, bool] = {}
        while len(found) < len(names):
            async with self.session("-device", f"pcie-root-port,id={HOTPLUG_PORT},bus=pcie.0,chassis=1") as qemu:
                for name in names[len(found) :]:
                    try:
                        found[name] = await _pluggable(qemu, name)
                    except QemuEndedError:
                        found[name] = False
                        break
        return frozenset(name for name in names if found[name])

    @contextlib.asynccontextmanager
    async def session(self, *arguments: str, vhost_user: bool = False) -> "AsyncIterator[QemuProcess]":
        """A stopped q35 machine, with `vhost_user` one that has the chardev VHOST_USER_BACKEND.

        Raises QemuEndedError with QEMU's own words if it does not start.
        """
        from ...qemu.process import QemuProcess

        process = QemuProcess(PATIENCE)
        async with contextlib.AsyncExitStack() as stack:
            words, inherited = [*COMMON, "-machine", MACHINE, *arguments], []
            if vhost_user:
                inherited = [await stack.enter_async_context(backend())]
                words += ["-chardev", f"socket,id={VHOST_USER_BACKEND},fd={inherited[0]}"]
            stack.push_async_callback(process.end)
            await process.start(self.binary, words, inherited)
            yield process


def device_text(driver: str, properties: Mapping[str, Any]) -> str:
    """The value of `-device`."""
    return ",".join((driver, *(f"{name}={as_text(value)}" for name, value in properties.items())))


async def _subtypes(qemu: "QemuProcess", name: str) -> frozenset[str]:
    rows = await qemu.execute("qom-list-types", {"implements": name, "abstract": False})
    return frozenset(row["name"] for row in rows)


async def _properties(qemu: "QemuProcess", name: str) -> frozenset[str]:
    rows = await qemu.execute("device-list-properties", {"typename": name})
    return frozenset(row["name"] for row in rows)


async def _pluggable(qemu: "QemuProcess", name: str) -> bool:
    """QEMU looks at the class before it looks for the bus (7.2), or once it has found one and before it makes the
    device there (10.0 on). A device that is made stays in the port, and the next refusals speak of that."""
    for bus in ("nowhere", HOTPLUG_PORT):
        try:
            await qemu.execute("device_add", {"driver": name, "bus": bus})
        except CommandError as refusal:
            if any(words in str(refusal) for words in NOT_PLUGGABLE):
                return False
    return True


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
