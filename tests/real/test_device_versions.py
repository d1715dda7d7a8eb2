"""Old machine types in a real QEMU: BARs, option ROMs and a plain virtio disk's mode are as the plan has them."""

import asyncio
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from qslot.schema import Chipset, VirtioMode
from qslot.schema.catalog import DeviceModel, exclusive, models
from qslot.schema.catalog.load import load_unmeasured
from qslot.schema.catalog.measure.ask import Qemu
from qslot.schema.catalog.measure.questions import STAND_INS
from qslot.schema.pci.machine import machine_of
from qslot.schema.request.resolved import plain_is_legacy

from .test_catalog import bars, rows

pytestmark = pytest.mark.real

VERSIONS = ("2.4", "2.5", "2.6", "2.7", "2.8", "2.10", "3.1", "4.0", "4.1", "5.0", "5.1", "5.2", "6.0", "6.1", "7.2")
MACHINES = (
    "pc-i440fx-1.4",
    "pc-i440fx-2.3",
    *(f"{kind}-{one}" for one in VERSIONS for kind in ("pc-i440fx", "pc-q35")),
)
ROM = 6
"""The number that query-pci gives the ROM BAR."""


@pytest.fixture(scope="module")
def qemu() -> Qemu:
    binary = shutil.which("qemu-system-x86_64")
    assert binary is not None
    return Qemu(binary)


def measurable() -> Iterator[DeviceModel]:
    """Models that start with nothing of the host; virtio-mem and virtio-pmem need room for memory, too."""
    for model in models().values():
        if model.name not in load_unmeasured() and model.category != "memory":
            yield model


async def seen(qemu: Qemu, machine: str, *arguments: str) -> dict[str, Any]:
    """What query-pci says of each device, by id; the machine is stopped before its firmware runs."""
    async with qemu.session("-machine", machine, *arguments) as qmp:
        tree: Any = await qmp.execute("query-pci")
        return {row["qdev_id"]: row for bus in tree for row in rows(bus["devices"])}


def all_at_root(machine: str) -> Iterator[tuple[str, ...]]:
    """Arguments for a function of the root bus for each model, its stand-ins apart from the others'; as many machines
    as it takes for each to have one at most of the models that exclude each other."""
    root, version = machine_of(machine, Chipset()).root, machine_of(machine, Chipset()).version
    single = exclusive(version)
    waiting = list(measurable())
    while waiting:
        here = [one for one in waiting if not any(one.name in many and beside(one, many, waiting) for many in single)]
        words: list[str] = []
        for n, model in enumerate(sorted(here, key=lambda one: one.name != "qxl-vga")):
            backends, needed = STAND_INS.get(model.name, ((), {}))
            seat = {"id": model.name, "bus": root, "addr": f"{3 + n // 8:#x}.{n % 8}", "multifunction": "on"}
            fields = {**seat, **needed}
            device = ",".join((model.driver, *(f"{key}={value}" for key, value in fields.items())))
            words += (re.sub(r"=back\b", f"=back{n}", one) for one in (*backends, "-device", device))
        yield tuple(words)
        waiting = [one for one in waiting if one not in here]


def beside(model: DeviceModel, many: frozenset[str], waiting: list[DeviceModel]) -> bool:
    """Whether another of them comes first."""
    return next(one for one in waiting if one.name in many) is not model


def rom(row: Any) -> int:
    return sum(region["size"] for region in row["regions"] if region["bar"] == ROM)


@pytest.mark.parametrize("machine", MACHINES)
def test_bars_and_rom_of_every_model(qemu: Qemu, machine: str) -> None:
    old = machine_of(machine, Chipset())

    wrong = {}
    found: dict[str, Any] = {}
    for words in all_at_root(machine):
        found |= asyncio.run(seen(qemu, machine, *words))
    assert found.keys() >= {model.name for model in measurable()}
    for model in measurable():
        row = found[model.name]
        mode = None
        if model.virtio is not None:
            plain = VirtioMode.LEGACY if plain_is_legacy(old) else VirtioMode.TRANSITIONAL
            mode = plain if plain in model.virtio.modes else VirtioMode.MODERN
        expected = model.bars(mode, {}, old.version), model.rom_bytes({}, old.version)
        if (bars(row), rom(row)) != expected:
            wrong[model.name] = (bars(row), rom(row), expected)
    assert wrong == {}


@pytest.mark.parametrize("machine", MACHINES)
def test_a_virtio_disk_that_is_not_told_its_mode(qemu: Qemu, machine: str) -> None:
    """`virtio_by: slot`: legacy alone on machine types before 2.7, whatever the slot; else modern behind a port."""
    old = machine_of(machine, Chipset())
    backends, _ = STAND_INS["virtio-blk"]
    for behind in (False, True) if old.family == "q35" else (False,):
        port = ("-device", "ioh3420,id=rp,bus=pcie.0,addr=0x3,chassis=1") if behind else ()
        place = f"bus={'rp' if behind else old.root},addr={'0x0' if behind else '0x5'}"
        disk = f"virtio-blk-pci,id=dut,drive=back,{place}"

        async def switches(*arguments: str) -> tuple[str, bool]:
            async with qemu.session("-machine", machine, *arguments) as qmp:
                read: list[Any] = [
                    await qmp.execute("qom-get", {"path": "/machine/peripheral/dut", "property": name})
                    for name in ("disable-legacy", "disable-modern")
                ]
                return read[0], read[1]

        found = asyncio.run(switches(*port, *backends, "-device", disk))
        expected = ("off", True) if plain_is_legacy(old) else ("on" if behind else "off", False)
        assert found == expected, behind
