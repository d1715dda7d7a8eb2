"""What QEMU creates beside what it is asked for: query-pci before and after each model, and each chipset switch."""

import asyncio
from functools import partial
from typing import Any

import pytest

from qslot.schema import Layout, Solved
from qslot.schema.catalog import DeviceModel, models
from qslot.schema.catalog.measure.ask import MEMORY_ARGUMENTS, Qemu, device_text
from qslot.schema.catalog.measure.questions import STAND_INS
from qslot.schema.formats.qemu import arguments
from qslot.schema.formats.standalone import needs_hardware
from qslot.schema.pci.machine import Chipset, machine_of
from qslot.schema.probe import probe
from qslot.schema.qemu.errors import QemuEndedError
from qslot.solver import solve

from .this_qemu import request

pytestmark = pytest.mark.real

ROOTS = {"q35": "pcie.0", "pc": "pci.0"}
SLOT = 5
Seats = dict[tuple[int, int], dict[str, Any]]
"""What query-pci shows on bus 0, by slot and function."""

VIRTUAL = {"igb": tuple((SLOT + 16 + n // 4, n % 4 * 2) for n in range(8))}
"""Functions that QEMU creates with the model by itself: its virtual ones, 128 functions and more behind it."""

BACKED = {
    "ivshmem-doorbell": "a server",
    "vhost-scsi": "a target of the host's kernel",
    "virtio-input-host": "an input device of the host",
}
"""Models that no stand-in serves, beside those that need hardware: what they would need."""


async def seats(qemu: Qemu, machine: str, *words: str) -> Seats:
    async with qemu.session("-machine", machine, *MEMORY_ARGUMENTS, *words) as qmp:
        tree: Any = await qmp.execute("query-pci")
    return {(one["slot"], one["function"]): one for bus in tree for one in bus["devices"]}


def words_of(model: DeviceModel, root: str) -> tuple[str, ...]:
    """Arguments that create one device of the model, with its address where it takes one."""
    backends, needed = STAND_INS.get(model.name, ((), {}))
    seat = {} if model.brings is not None else {"bus": root, "addr": str(SLOT)}
    return (*backends, "-device", device_text(model.driver, {**seat, **needed}))


async def beside(qemu: Qemu, machine: str) -> dict[str, Seats]:
    """By model, all that is there only with it; without models that QEMU refuses, or that need the host's."""
    before = await seats(qemu, machine)

    async def one(model: DeviceModel) -> tuple[str, Seats | None]:
        if needs_hardware(model.driver) or model.name in BACKED:
            return model.name, None
        try:
            after = await seats(qemu, machine, *words_of(model, ROOTS[machine]))
        except QemuEndedError:
            return model.name, None
        return model.name, {seat: shown for seat, shown in after.items() if seat not in before}

    limit = asyncio.Semaphore(2)

    async def limited(model: DeviceModel) -> tuple[str, Seats | None]:
        async with limit:
            return await one(model)

    found = await asyncio.gather(*map(limited, models().values()))
    return {name: new for name, new in found if new is not None}


@pytest.mark.parametrize("machine", ROOTS)
def test_every_model_brings_what_the_catalogue_says(qemu: Qemu, machine: str) -> None:
    """All others are where they were told to be, and nothing else is there."""
    found = asyncio.run(beside(qemu, machine))
    assert len(found) >= 60
    first = machine_of(machine, Chipset()).first_slot
    expected = {name: ((first if models()[name].brings else SLOT, 0), *VIRTUAL.get(name, ())) for name in found}
    assert {name: tuple(new) for name, new in found.items()} == expected
    assert ("amd-iommu" in found) == (machine == "q35")
    assert {name for name, model in models().items() if model.brings} == {"amd-iommu"}


SWITCHES = {
    "q35": ({"sata": False}, {"smbus": False}, {"usb": True}, {"acpi": False}),
    "pc": ({"usb": True}, {"acpi": False}),
}


@pytest.mark.parametrize(
    ("machine", "switch"), [(machine, switch) for machine, those in SWITCHES.items() for switch in those]
)
def test_every_chipset_switch_takes_the_slots_that_are_known(qemu: Qemu, machine: str, switch: dict[str, bool]) -> None:
    options = ",".join([machine, *(f"{name}={'on' if on else 'off'}" for name, on in switch.items())])
    found = asyncio.run(seats(qemu, options))
    assert set(found) == set(machine_of(machine, Chipset.model_validate(switch)).taken)


OTHERS = ("hpet=off", "nvdimm=on", "smm=off", "vmport=off", "graphics=off", "i8042=off", "pit=off", "cxl=on")


@pytest.mark.parametrize("option", OTHERS)
@pytest.mark.parametrize("machine", ROOTS)
def test_other_machine_options_take_no_slot(qemu: Qemu, machine: str, option: str) -> None:
    before, after = (asyncio.run(seats(qemu, words)) for words in (machine, f"{machine},{option}"))
    assert set(after) == set(before)


def test_the_first_free_slot_at_its_turn(qemu: Qemu) -> None:
    """Listed first it takes slot 1, listed last what is left, also below what was told a higher slot."""
    mmu, low, high = (("-device", text) for text in ("amd-iommu", "e1000,addr=1", "e1000,addr=9"))
    ask = partial(seats, qemu, "q35")
    assert (1, 0) in asyncio.run(ask(*mmu, *high))
    assert (2, 0) in asyncio.run(ask(*low, *high, *mmu))
    with pytest.raises(QemuEndedError, match="in use by AMDVI-PCI"):
        asyncio.run(ask(*mmu, *low))


def test_its_slot_takes_no_other_function(qemu: Qemu) -> None:
    with pytest.raises(QemuEndedError, match="single function"):
        asyncio.run(seats(qemu, "q35", "-device", "amd-iommu", "-device", "e1000,addr=1.1"))


def planned(*parts: dict[str, Any], **fields: Any) -> Layout:
    outcome = solve(request({"machine": "q35", "devices": parts, **fields}))
    assert isinstance(outcome, Solved)
    return outcome.layout


MMU = {"id": "mmu", "model": "amd-iommu"}
NIC = {"id": "nic", "model": "virtio-net"}


@pytest.mark.parametrize("firmware", ["seabios", "ovmf"])
@pytest.mark.parametrize("usb", [False, True])
def test_layouts_start_and_are_as_planned(firmware: str, usb: bool) -> None:
    """Once a root port was put where AMDVI-PCI goes, which QEMU refused."""
    sound = [{"id": f"s{n}", "model": "AC97", "hotplug": "never"} for n in range(3)]
    layout = planned(NIC, MMU, *sound, firmware=firmware, chipset={"usb": usb})
    assert probe(layout).differences == ()
    assert [str(one.address) for one in layout.devices if one.id == "mmu"] == ["pcie.0:01.0"]


def test_behind_pinned_slots_it_is_created_after_them() -> None:
    pinned = [{"id": f"s{n}", "model": "AC97", "address": f"pcie.0:{n:02x}.0"} for n in (1, 2, 4)]
    port = {"id": "rp", "model": "pcie-root-port", "address": "pcie.0:03.1"}
    layout = planned(NIC, MMU, *pinned, controllers=[port])
    assert [str(one.address) for one in layout.devices if one.id == "mmu"] == ["pcie.0:05.0"]
    assert probe(layout).differences == ()


def test_where_a_slot_before_is_empty_it_is_told_as_qemu_11_takes_it() -> None:
    words = arguments(planned(NIC, MMU | {"address": "pcie.0:06"}))
    assert words.index("AMDVI-PCI,id=mmu,bus=pcie.0,addr=0x6.0") < words.index("amd-iommu,id=mmu-amd-iommu,pci-id=mmu")
