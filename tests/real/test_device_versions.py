"""Old machine types in a real QEMU: BARs, option ROMs and a plain virtio disk's mode are as the plan has them."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest

from qslot.schema import Chipset, VirtioMode
from qslot.schema.catalog import DeviceModel, exclusive, find, models
from qslot.schema.catalog.load import load_unmeasured
from qslot.schema.catalog.measure.ask import MEMORY_ARGUMENTS, Qemu, device_text
from qslot.schema.catalog.measure.questions import STAND_INS, VHOST_USER, VIRTIO_MODES
from qslot.schema.formats.qemu import FIRST_DISPLAYS
from qslot.schema.pci.machine import machine_of
from qslot.schema.pci.machine_types import Version
from qslot.schema.pci.qemu_properties import Scalar
from qslot.schema.pci.ram import PLUGGABLE_SINCE
from qslot.schema.request.resolved import plain_is_legacy

from .query_pci import rows
from .test_catalog import bars
from .this_qemu import version as version_of_qemu

pytestmark = pytest.mark.real

VERSIONS = (
    *("2.4", "2.5", "2.6", "2.7", "2.8", "2.10", "3.1", "4.0", "4.1", "5.0", "5.1", "5.2", "6.0", "6.1", "7.2"),
    *("8.2", "9.2", "10.0", "10.1", "11.1"),
)
MACHINES = (
    "pc-i440fx-1.4",
    "pc-i440fx-2.3",
    *(f"{kind}-{one}" for one in VERSIONS for kind in ("pc-i440fx", "pc-q35")),
)
TWO_BMCS = frozenset({"pci-ipmi-bt", "pci-ipmi-kcs"})
"""QEMU 10.0 takes one ipmi-bmc-sim ("Detected duplicate SaveStateEntry: id=ipmi-bmc-sim"), and each needs its own."""
ROM = 6
"""The number that query-pci gives the ROM BAR."""


@pytest.fixture
def release() -> Version:
    return version_of_qemu()


def takes_memory(machine: str) -> bool:
    version = machine_of(machine, Chipset()).version
    return version is None or version >= PLUGGABLE_SINCE


def measurable(machine: str, release: Version) -> list[DeviceModel]:
    """Models that start on a machine type with nothing but what QEMU itself has."""
    return [
        model
        for model in models().values()
        if model.in_qemu(release) and model.name not in load_unmeasured() and not model.name.startswith(VHOST_USER)
        if takes_memory(machine) or model.category != "memory"
    ]


async def seen(qemu: Qemu, machine: str, *arguments: str) -> dict[str, Any]:
    """What query-pci says of each device, by id; the machine is stopped before its firmware runs."""
    room = MEMORY_ARGUMENTS if takes_memory(machine) else ()
    async with qemu.session("-machine", machine, *room, *arguments) as qmp:
        tree: Any = await qmp.execute("query-pci")
        return {row["qdev_id"]: row for row in rows(tree)}


def turn(model: DeviceModel) -> tuple[int, bool]:
    """Displays in the order that QEMU wants, and igb in a low slot: its functions take the 16th after it, too."""
    known = FIRST_DISPLAYS.index(model.name) if model.name in FIRST_DISPLAYS else len(FIRST_DISPLAYS)
    return known, model.name != "igb"


def all_at_root(machine: str, release: Version) -> Iterator[tuple[str, ...]]:
    """Arguments for a function of the root bus for each model, its stand-ins apart from the others'; as many machines
    as it takes for each to have one at most of the models that exclude each other."""
    root, version = machine_of(machine, Chipset()).root, machine_of(machine, Chipset()).version
    single = (*exclusive(version), TWO_BMCS)
    waiting = measurable(machine, release)
    while waiting:
        here = [one for one in waiting if not any(one.name in many and beside(one, many, waiting) for many in single)]
        words: list[str] = []
        for n, model in enumerate(sorted(here, key=turn)):
            backends, needed = STAND_INS.get(model.name, ((), {}))
            seat = {"id": model.name, "bus": root, "addr": f"{3 + n // 8:#x}.{n % 8}", "multifunction": "on"}
            device = device_text(model.driver, {**seat, **needed})
            words += (re.sub(r"=back\b", f"=back{n}", one) for one in (*backends, "-device", device))
        yield tuple(words)
        waiting = [one for one in waiting if one not in here]


def beside(model: DeviceModel, many: frozenset[str], waiting: list[DeviceModel]) -> bool:
    """Whether another of them comes first."""
    return next(one for one in waiting if one.name in many) is not model


def rom(row: Any) -> int:
    return sum(region["size"] for region in row["regions"] if region["bar"] == ROM)


@pytest.mark.parametrize("machine", MACHINES)
def test_bars_and_rom_of_every_model(qemu: Qemu, release: Version, machine: str) -> None:
    old = machine_of(machine, Chipset())

    wrong = {}
    found: dict[str, Any] = {}
    for words in all_at_root(machine, release):
        found |= asyncio.run(seen(qemu, machine, *words))
    assert found.keys() >= {model.name for model in measurable(machine, release)}
    for model in measurable(machine, release):
        row = found[model.name]
        mode = None
        if model.virtio is not None:
            plain = VirtioMode.LEGACY if plain_is_legacy(old) else VirtioMode.TRANSITIONAL
            mode = plain if plain in model.virtio.modes else VirtioMode.MODERN
        expected = model.bars(mode, {}, old.version, release), model.rom_bytes({}, old.version, release)
        if (bars(row), rom(row)) != expected:
            wrong[model.name] = (bars(row), rom(row), expected)
    assert wrong == {}


STATED: dict[str, tuple[tuple[str, VirtioMode | None, dict[str, int | bool]], ...]] = {
    "pc-q35-2.7": (("virtio-serial", VirtioMode.TRANSITIONAL, {"emergency-write": True}),),
    "pc-q35-3.1": (
        ("virtio-blk", VirtioMode.TRANSITIONAL, {"discard": True}),
        ("virtio-blk", VirtioMode.TRANSITIONAL, {"discard": True, "write-zeroes": False}),
    ),
    "pc-q35-4.0": (("virtio-balloon", VirtioMode.TRANSITIONAL, {"page-poison": True}),),
    "pc-q35-5.0": (("virtio-balloon", VirtioMode.TRANSITIONAL, {"page-poison": True}),),
    "pc-q35-5.2": (
        ("nvme", None, {"msix_qsize": 300}),
        ("nvme", None, {"max_ioqpairs": 600}),
        ("nvme", None, {"msix-exclusive-bar": False}),
        ("virtio-rng", VirtioMode.MODERN, {"vectors": 3}),
        ("virtio-rng", VirtioMode.MODERN, {"vectors": 300}),
    ),
    "pc-q35-7.2": (("virtio-rng", VirtioMode.MODERN, {"vectors": 0}),),
    "pc-q35-9.2": (
        ("virtio-balloon", VirtioMode.MODERN, {"vectors": 2}),
        ("virtio-mem", VirtioMode.MODERN, {"vectors": 300}),
        ("virtio-vga", VirtioMode.MODERN, {"hostmem": 1 << 30, "vectors": 600}),
    ),
    "pc-q35-10.0": (
        ("virtio-balloon", VirtioMode.MODERN, {"vectors": 0}),
        ("virtio-balloon", VirtioMode.TRANSITIONAL, {"vectors": 300}),
        ("virtio-mem", VirtioMode.MODERN, {"vectors": 1000, "page-per-vq": True}),
        ("virtio-gpu", VirtioMode.MODERN, {"hostmem": 1 << 20, "vectors": 0}),
    ),
    "pc-q35-11.1": (("ati-vga", None, {"x-linear-aper-size": 128 << 20, "vgamem_mb": 8}),),
}
"""By machine type: what a device says of itself, against the machine's own default."""


@pytest.mark.parametrize("machine", list(STATED))
def test_what_a_device_states_beats_the_machine_type(qemu: Qemu, release: Version, machine: str) -> None:
    wrong = []
    for name, mode, properties in STATED[machine]:
        model, (backends, needed) = find(name), STAND_INS.get(name, ((), {}))
        words: dict[str, Scalar] = {
            "id": "dut",
            "bus": "pcie.0",
            "addr": "0x5",
            **needed,
            **(VIRTIO_MODES[mode] if mode else {}),
            **properties,
        }
        device = device_text(model.driver, words)
        row = asyncio.run(seen(qemu, machine, *backends, "-device", device))["dut"]
        expected = model.bars(mode, properties, machine_of(machine, Chipset()).version, release)
        if bars(row) != expected:
            wrong.append((name, properties, bars(row), expected))
    assert wrong == []


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
