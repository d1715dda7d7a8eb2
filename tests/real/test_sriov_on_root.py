"""Virtual functions on root buses, and where there is no PCI Express, in real QEMUs: which slots they close.

`make real QEMU=trixie TESTS=tests/real/test_sriov_on_root.py` is QEMU 10.0, `QEMU=sid` 11.1."""

import asyncio
import itertools
from collections.abc import Iterable, Sequence
from random import Random

import pytest
from pydantic import ValidationError

from qslot.schema import Solved
from qslot.schema.catalog.measure.ask import MEMORY_ARGUMENTS, Qemu
from qslot.schema.formats.standalone import standalone
from qslot.schema.layout.layout import PlacedDevice
from qslot.schema.qemu.errors import CommandError
from qslot.schema.verify import verify
from qslot.solver import solve
from qslot.testing.generator import Data

from .linux.guest import boot_linux
from .linux.initramfs import Boot
from .sriov import refusal, skip_before_created_at_start
from .this_qemu import here, request

pytestmark = pytest.mark.real


@pytest.fixture(autouse=True)
def _new_enough() -> None:
    skip_before_created_at_start()


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_on_a_conventional_bus_linux_enables_none(machine: str, guest: Boot) -> None:
    """No guest gets at their capability there; QEMU gives them their addresses all the same. The igb itself works."""
    bridge = [{"id": "bridge", "model": "pcie-pci-bridge"}] if machine == "q35" else []
    pin = {"address": "bridge:01.0"} if machine == "q35" else {}
    data = {"machine": machine, "memory": "512MiB", "controllers": bridge}
    outcome = solve(request({**data, "devices": [{"id": "a", "model": "igb", **pin}]}))
    assert isinstance(outcome, Solved)
    layout = here(outcome.layout)
    view = boot_linux(layout, guest, options="qslot.sriov loglevel=0")
    seen = view.functions[str(layout.guest_addresses["a"])]
    assert (seen.driver, seen.virtual) == ("igb", ()), view.text


def random_guest_of_pc(random: Random) -> Data:
    """Several igb, pinned and not, of pc and of a q35 on which no port is created, and others beside them."""
    machine, root = random.choice((("pc", "pci.0"), ("pc", "pci.0"), ("q35", "pcie.0")))
    cards = [{"id": f"igb{n}", "model": "igb"} for n in range(random.randint(1, 6))]
    others = [{"id": f"d{n}", "model": random.choice(("edu", "e1000"))} for n in range(random.randint(0, 12))]
    devices: list[Data] = [{**one, "hotplug": "never"} for one in (*cards, *others)]
    for device in devices:
        if random.random() < 0.2:
            device["address"] = f"{root}:{random.randint(2, 0xD):02x}.0"
    limits = {"max_controllers": 0}
    return {"machine": machine, "devices": devices, "policy": limits}


def test_unpinned_ones_on_a_root_bus_start(qemu: Qemu) -> None:
    """60 random plans; and with an igb moved by one slot QEMU and the checker say the same."""
    started, refused = 0, 0
    for seed in itertools.count(1):
        try:
            guest = request(random_guest_of_pc(Random(seed)))
        except ValidationError:
            continue
        outcome = solve(guest)
        if not isinstance(outcome, Solved):
            continue
        layout = outcome.layout
        assert not refusal(qemu, standalone(layout)), layout
        other = layout.model_copy(update={"devices": tuple(_shifted(one) for one in layout.devices)})
        rules = {one.rule for one in verify(guest, other) if one.severity == "error"}
        told = refusal(qemu, standalone(other))
        # the checker may ask for more of what is not pinned: slots that are nobody else's
        assert not told or rules & {"virtual-functions", "address-unique"}, told
        started, refused = started + 1, refused + bool(told)
        if started == 60:
            break
    assert refused > 20


def _shifted(device: PlacedDevice) -> PlacedDevice:
    return device.model_copy(update={"slot": device.slot + 1}) if device.id == "igb0" else device


def test_plugged_into_pc_it_closes_slots(qemu: Qemu) -> None:
    """As many as `qslot capacity` says, where it says."""

    async def plugged(words: Sequence[str], places: Iterable[int]) -> list[str]:
        said = []
        async with qemu.session(*words) as qmp:
            for number, slot in enumerate(places):
                try:
                    await qmp.execute("device_add", {"driver": "igb", "id": f"more{number}", "addr": f"{slot:#x}"})
                except CommandError as error:
                    said.append(str(error))
        return said

    outcome = solve(request({"machine": "pc", "devices": [{"id": "a", "model": "igb"}]}))
    assert isinstance(outcome, Solved)
    assert asyncio.run(plugged(standalone(outcome.layout), range(4, 0x10, 2))) == []
    refused = asyncio.run(plugged(standalone(outcome.layout), (3, 4, 5, 0x12, 0x13, 0xF)))
    assert len(refused) == 5


def test_an_igb_on_pc_sits_where_its_virtual_functions_end_on_the_bus(qemu: Qemu) -> None:
    """Pinned to any slot, it is refused by both or by neither."""
    taken = []
    for slot in range(2, 0x20):
        device = {"id": "a", "model": "igb", "address": f"pci.0:{slot:02x}.0"}
        words = ["-machine", "pc", *MEMORY_ARGUMENTS, "-device", f"igb,id=a,bus=pci.0,addr={slot:#x}"]
        told = refusal(qemu, words)
        if not told:
            outcome = solve(request({"machine": "pc", "devices": [device]}))
            assert isinstance(outcome, Solved)
            taken.append(slot)
            continue
        assert "VF addr overflows" in told
        with pytest.raises(ValidationError, match=r"past slot 1f of pci\.0"):
            request({"machine": "pc", "devices": [device]})
    assert taken == [*range(2, 0xF)]
