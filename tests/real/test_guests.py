"""Random guests, planned and booted: what a real QEMU and its firmware make of the plans; hot-plug into spare slots."""

from collections.abc import Callable, Iterator
from itertools import count, islice, product

import pytest

from qslot.schema import Guest, Infeasible, Layout, Solved, VirtioMode
from qslot.schema.firmware.apertures import MMCONFIG_ABOVE_HOLE
from qslot.schema.firmware.ovmf_requests import NO_DEFAULT_IO_PADDING
from qslot.schema.pci.controllers import CONTROLLERS
from qslot.schema.probe import boot, differences, running
from qslot.solver import Options, solve
from qslot.testing.generator import Data, request, valid

from .guests import NEEDS, Wish, planned
from .hotplug import hotplug_into_spares
from .this_qemu import firmware as this_firmware
from .this_qemu import machines, said_here
from .this_qemu import request as asked

pytestmark = pytest.mark.real

EACH = 20
"""Guests a controller: 200 in all. Each combination of mode and need comes twice, two have it three times."""
APART = 100
"""Between the first seeds of two guests: none is drawn twice, and no guest depends on how fast others were planned."""
PAIRS = list(product(VirtioMode, NEEDS))
SETTINGS = [
    (family, name)
    for family in ("pc", "q35")
    for name, model in CONTROLLERS.items()
    if model.machine in (family, None) and not (family == "pc" and model.is_pci_express)
]

PC_SIZES = (1, 2, 30, 31, 59, 60, 61, 89, 90, 91, 92, 120, 121, 122, 150, 153, 184, 215, 245, 246)
Q35_SIZES = (1, 2, 31, 32, 61, 62, 63, 91, 92, 93, 94, 122, 123, 124, 152, 155, 182, 186, 245, 246)
"""libvirt 9.0 refuses 60, 90, 91, 120-122, 150-153 on pc and 62, 92, 93, 122-124, 152-155, 182-186 on q35."""


def wishes(family: str, controller: str) -> list[Wish]:
    """Every tenth guest has spare slots for certain, another tenth OVMF, which takes ten times as long to boot."""
    return [
        Wish(family, controller, mode, need, firmware="ovmf" if n % 10 == 5 else "seabios", spare=n % 10 == 0)
        for n, (mode, need) in enumerate(islice(PAIRS * 3, EACH))
    ]


@pytest.mark.parametrize(("family", "controller"), SETTINGS)
def test_random_guests_are_as_planned(
    family: str, controller: str, record_property: Callable[[str, object], None]
) -> None:
    """Each guest has the controller; together they have each virtio mode with each need. Every spare slot is filled."""
    seeds, wrong, filled = [], {}, 0
    start = APART * EACH * SETTINGS.index((family, controller))
    for first, wish in zip(count(start, APART), wishes(family, controller), strict=False):
        seed, layout = planned(wish, first)
        assert seed < first + APART, "a seed of the next guest"
        seeds.append(seed)
        assert wish.met_by(layout), (seed, wish)
        with running(layout) as machine:
            found = [str(one) for one in differences(layout, machine.enumeration)]
            found += hotplug_into_spares(machine, layout)
        filled += bool(layout.spare)
        if found:
            wrong[seed, wish] = found
    record_property("seeds", " ".join(map(str, seeds)))
    record_property("guests with device_add into their spare slots", filled)
    assert wrong == {}
    assert filled >= 2


def versioned(first: int) -> Iterator[tuple[int, Layout]]:
    """Planned random guests of the generator on stated machine types that this QEMU and its firmware can boot: what
    else they name (other edk2 versions, more address bits than TCG's processor has, properties of newer QEMUs) cannot
    be held against it."""
    for seed in count(first):
        data = request(seed)
        if "-" not in data["machine"] or data["machine"] not in machines():
            continue
        guest = valid(said_here(data))
        if guest is None:
            continue
        addressed = guest.phys_bits is None and guest.pci_hole64 is None and guest.memory < 1 << 39
        if not addressed or not isinstance(data["firmware"], str):
            continue
        outcome = solve(guest, Options(time_limit=10))
        if isinstance(outcome, Solved):
            yield seed, outcome.layout


@pytest.mark.parametrize("first", range(20_000, 20_500, 100))
def test_random_guests_of_old_machine_types_are_as_planned(first: int) -> None:
    """Ten each, 50 in all."""
    wrong, machines = {}, set()
    for seed, layout in islice(versioned(first), 10):
        machines.add(layout.machine)
        with running(layout) as machine:
            found = [str(one) for one in differences(layout, machine.enumeration)]
        if found:
            wrong[seed] = found
    assert wrong == {}
    assert len(machines) >= 5


def test_the_random_guests_are_200_and_have_every_combination() -> None:
    """Both machines, every controller each of them has, and with it each virtio mode with each hot-plug need."""
    all_wishes = [wish for setting in SETTINGS for wish in wishes(*setting)]
    had = {(wish.family, wish.controller, wish.mode, wish.need) for wish in all_wishes}
    assert len(all_wishes) == 200
    assert {wish.controller for wish in all_wishes} == CONTROLLERS.keys()
    assert {setting[0] for setting in SETTINGS} == {"pc", "q35"}
    assert had == {(*setting, mode, need) for setting in SETTINGS for mode, need in PAIRS}


def test_more_hot_pluggable_devices_on_q35_6_1_than_root_ports_have_windows() -> None:
    """SeaBIOS stops at the fifteenth window, which each root port of that machine opens; a switch's ports open none."""
    devices = [{"id": f"n{n}", "model": "nvme", "hotplug": "required"} for n in range(20)]
    outcome = solve(asked({"machine": "pc-q35-6.1", "devices": devices, "spare": {"pcie": 4}}))
    assert isinstance(outcome, Solved)
    with running(outcome.layout) as machine:
        assert differences(outcome.layout, machine.enumeration) == []
        assert hotplug_into_spares(machine, outcome.layout) == []


@pytest.mark.parametrize(
    ("machine", "number"), [*(("pc", number) for number in PC_SIZES), *(("q35", number) for number in Q35_SIZES)]
)
def test_many_nics(machine: str, number: int) -> None:
    """n identical transitional NICs: every size is planned (tests/solver), forty are booted here."""
    devices = [{"id": f"n{n}", "model": "virtio-net", "virtio": "transitional"} for n in range(number)]
    outcome = solve(asked({"machine": machine, "devices": devices}))
    assert isinstance(outcome, Solved)
    assert differences(outcome.layout, boot(outcome.layout)) == []


@pytest.mark.parametrize(
    ("machine", "firmware", "chipset", "most"),
    [
        ("q35", "seabios", {}, 14),
        ("q35", "seabios", {"acpi": False}, 9),
        ("pc", "seabios", {}, 8),
        ("q35", "ovmf", {}, 9),
        ("q35", "ovmf", {"sata": False, "smbus": False}, 10),
        ("pc", "ovmf", {}, 3),
    ],
)
def test_as_many_io_windows_as_there_is_room_for(machine: str, firmware: str, chipset: Data, most: int) -> None:
    """Interfaces that must be hot-pluggable, as many as want a window each: that many boot, one more is refused."""
    root, model = ("pcie.0", "pcie-root-port") if machine == "q35" else ("pci.0", "pci-bridge")

    def guest(windows: int) -> Guest:
        ports = [
            {"id": f"p{n}", "model": model, "address": f"{root}:{n + 3:02x}", "properties": {"io-reserve": 4096}}
            for n in range(windows)
        ]
        devices = [
            {"id": f"n{n}", "model": "e1000", "address": f"p{n}:{0 if machine == 'q35' else 1}"} for n in range(windows)
        ]
        data = {"machine": machine, "firmware": firmware, "chipset": chipset}
        return asked({**data, "controllers": ports, "devices": devices})

    outcome, more = solve(guest(most)), solve(guest(most + 1))
    assert isinstance(outcome, Solved)
    assert len(outcome.layout.io_windows) == most
    assert differences(outcome.layout, boot(outcome.layout)) == []
    assert isinstance(more, Infeasible)
    assert more.findings[0].rule == "io-space"
    numbers = more.findings[0].details
    assert int(numbers["used"]) > int(numbers["available"])


@pytest.mark.parametrize(
    ("machine", "firmware", "most"),
    [("pc", "seabios", 15), ("q35", "seabios", 7), ("pc", "ovmf", 15), ("q35", "ovmf", 7)],
)
def test_as_much_32_bit_memory_as_there_is(machine: str, firmware: str, most: int) -> None:
    """A qxl has two BARs of 64 MiB, and some of 8 KiB to 8 MiB: as many boot as are planned, one more is refused. OVMF
    from 202305 on has MMCONFIG above that memory on q35, and so room for four more."""
    if (machine, firmware) == ("q35", "ovmf") and this_firmware("ovmf").number >= MMCONFIG_ABOVE_HOLE:
        most = 11

    def guest(count: int) -> Guest:
        devices = [{"id": f"q{n}", "model": "qxl"} for n in range(count)]
        return asked({"machine": machine, "firmware": firmware, "devices": devices})

    outcome, more = solve(guest(most)), solve(guest(most + 1))
    assert isinstance(outcome, Solved)
    assert differences(outcome.layout, boot(outcome.layout)) == []
    assert isinstance(more, Infeasible)
    numbers = next(one.details for one in more.findings if one.rule == "memory-space")
    assert int(numbers["used"]) > int(numbers["available"])


def test_a_bridge_gives_up_what_ovmf_would_reserve() -> None:
    """Beside reserves that are asked for, aligned to their own size, its 512 bytes would be too much."""
    controllers = [
        {"id": "large", "model": "pci-bridge", "address": "pci.0:10.0", "properties": {"io-reserve": 8192}},
        {"id": "small", "model": "pci-bridge", "address": "pci.0:02.0", "properties": {"io-reserve": 4096}},
        {"id": "idle", "model": "pci-bridge", "address": "pci.0:11.0"},
    ]
    outcome = solve(asked({"machine": "pc", "firmware": "ovmf", "controllers": controllers}))
    assert isinstance(outcome, Solved)
    given_up = {one.id: one.properties.get("io-reserve") for one in outcome.layout.controllers}["idle"]
    assert given_up == (0 if this_firmware("ovmf").number < NO_DEFAULT_IO_PADDING else None)
    assert differences(outcome.layout, boot(outcome.layout)) == []


@pytest.mark.parametrize(("count", "spare", "lessened"), [(6, 30, False), (7, 40, True)])
def test_ovmf_reserves_less_where_a_device_would_lose_its_memory(count: int, spare: int, lessened: bool) -> None:
    """It has 128 GiB of 64-bit memory, and keeps 512 MiB for each hot-pluggable port: 7 * 16 GiB and 47 * 512 MiB are
    too much, and edk2 would drop the largest first, which is a device."""
    bars = [
        {"bar": 0, "kind": "mem32", "size": 256},
        {"bar": 2, "kind": "mem64", "size": "16GiB", "prefetchable": True},
    ]
    devices = [
        {"id": f"s{n}", "model": "ivshmem-plain", "connect": "express", "hotplug": "required", "bars": bars}
        for n in range(count)
    ]
    data = {"machine": "q35", "firmware": "ovmf", "devices": devices, "spare": {"pcie": spare}}
    outcome = solve(asked(data))
    assert isinstance(outcome, Solved)
    assert {"pref64-reserve" in port.properties for port in outcome.layout.controllers} == {lessened}
    assert differences(outcome.layout, boot(outcome.layout)) == []
