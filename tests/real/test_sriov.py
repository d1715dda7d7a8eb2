"""Virtual functions in real QEMUs: where they are, and that plans with them start; with a neighbour moved they do not.

`make real QEMU=trixie TESTS=tests/real/test_sriov.py` is QEMU 10.0, with igb and nvme; `QEMU=sid` is 11.1, with listed
ones of virtio, too. Each starts 100 random plans, and 100 with a neighbour moved."""

import asyncio
import itertools
from collections.abc import Sequence
from functools import cache
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from qslot.schema import Guest, Infeasible, Layout, Solved
from qslot.schema.catalog.measure.ask import MEMORY_ARGUMENTS, Qemu
from qslot.schema.catalog.virtual_functions import asked_for, virtual_functions
from qslot.schema.formats.standalone import standalone
from qslot.schema.layout.layout import PlacedDevice
from qslot.schema.verify import verify
from qslot.solver import solve
from qslot.testing.generator import Data

from .linux.guest import boot_linux
from .linux.initramfs import Boot
from .sriov import refusal, skip_before_created_at_start, tree_of_started
from .test_firmware import hold
from .this_qemu import OTHER_QEMU, here, name, request, version

pytestmark = pytest.mark.real

LISTED_SINCE = (10, 1)
GUESTS = 100
KINDS = ("igb", "nvme", "card")
NEIGHBOUR = "neighbour"
LARGE_CARD: list[Data] = [
    {"id": "pf", "model": "virtio-net", "virtio": "modern", "group": "card"},
    *(
        {"id": f"vf{n}", "model": "virtio-net", "virtio": "modern", "group": "card", "properties": {"sriov-pf": "pf"}}
        for n in range(12)
    ),
]
"""More virtual functions than a slot has."""
REFUSALS = ("not available", "single function")


@pytest.fixture(autouse=True)
def _new_enough() -> None:
    skip_before_created_at_start()


def disk(number: int) -> Data:
    """Properties of an nvme with so many virtual functions, as QEMU takes them."""
    return dict(asked_for("nvme", number, {}))


@pytest.mark.parametrize("place", [(3, 0), (3, 1), (0xD, 0)])
@pytest.mark.parametrize(("model", "properties"), [("igb", {}), *(("nvme", disk(n)) for n in (1, 7, 12, 40))])
def test_they_are_where_the_catalogue_says(qemu: Qemu, model: str, properties: Data, place: tuple[int, int]) -> None:
    slot, function = place
    words = ["-machine", "q35", *MEMORY_ARGUMENTS, "-device", "nvme-subsys,id=s"]
    more = {"serial": "s", "subsys": "s"} if model == "nvme" else {}
    text = ",".join(f"{key}={value}" for key, value in {**properties, **more}.items())
    if function:
        words += ["-device", f"edu,addr={slot:#x}.0,multifunction=on"]
    before = {(0, 0)} | seats(asyncio.run(tree_of_started(qemu, words)))
    after = seats(asyncio.run(tree_of_started(qemu, [*words, "-device", f"{model},addr={slot:#x}.{function},{text}"])))
    known = virtual_functions(model, properties)
    assert known is not None
    assert after - before == {place, *known.places(*place)}


def seats(tree: Any) -> set[tuple[int, int]]:
    return {(one["slot"], one["function"]) for one in tree[0]["devices"]}


def random_guest(random: Random, kind: str) -> Data:
    """Devices with virtual functions, one of that kind at least, and others, pinned, in groups or free."""
    ports = [{"id": f"port{n}", "model": "pcie-root-port"} for n in range(random.randint(0, 2))]
    drawn = [random.choice(("igb", "igb", "nvme", "nvme", "e1000e", "edu", "virtio-rng")) for _ in range(4)]
    models = [*(() if kind == "card" else (kind,)), *drawn[: random.randint(1, 4)]]
    devices = [_somewhere(random, {"id": f"d{n}", "model": model}, ports) for n, model in enumerate(models)]
    if kind == "card" or (version() >= LISTED_SINCE and random.random() < 0.3):
        devices += card(random, random.choice((4, 4, 20)))
    devices.append({"id": NEIGHBOUR, "model": random.choice(("e1000e", "edu")), "hotplug": "never"})
    return {"machine": "q35", "devices": devices, "controllers": ports}


def _somewhere(random: Random, device: Data, ports: Sequence[Data]) -> Data:
    device["hotplug"] = random.choice(("never", "never", "preferred"))
    if device["model"] == "nvme":
        device["vfs"] = random.choice((1, 2, 3, 6, 7, 8, 20))
    where = random.random()
    if where < 0.4:
        slot = random.choice((3, 4, 5, 6, 0xC, 0xD, 0x13, 0x14, 0x16, 0x1E))
        device["address"] = f"pcie.0:{slot:02x}.{random.choice((0, 0, 0, 1))}"
    elif where < 0.55 and ports:
        device["address"] = f"{random.choice(ports)['id']}:00.{random.choice((0, 0, 1, 5))}"
    elif where < 0.75:
        device["group"] = random.choice("ab")
    return device


def card(random: Random, most: int = 4) -> list[Data]:
    """A virtio device and its virtual functions, in any order; pinned to functions where it need not be first."""
    virtual = [{"id": f"vf{n}", "properties": {"sriov-pf": "pf"}} for n in range(random.randint(1, most))]
    order: list[Data] = [{"id": "pf"}, *virtual]
    if random.random() < 0.5:
        order = [{**one, "address": f".{number:x}"} for number, one in enumerate(order)]
        random.shuffle(order)
    return [{"model": "virtio-net", "virtio": "modern", "group": "card", **one} for one in order]


@cache
def plans() -> tuple[tuple[str, Guest, Layout], ...]:
    """`GUESTS` random guests with their plans, each with a device of the kind that is named."""
    kinds = KINDS if version() >= LISTED_SINCE else KINDS[:2]
    found: list[tuple[str, Guest, Layout]] = []
    for seed in itertools.count(1):
        kind = kinds[len(found) % len(kinds)]
        try:
            guest = request(random_guest(Random(seed), kind))
        except ValidationError:
            continue
        outcome = solve(guest)
        if isinstance(outcome, Solved):
            found.append((kind, guest, outcome.layout))
        else:
            assert isinstance(outcome, Infeasible), outcome
        if len(found) == GUESTS:
            break
    return tuple(found)


def test_planstree_of_started(qemu: Qemu) -> None:
    started = plans()
    assert len(started) == GUESTS
    refused = {layout.input_sha256: told for _, _, layout in started if (told := refusal(qemu, standalone(layout)))}
    assert not refused


def moved(layout: Layout, kind: str) -> Layout:
    """The neighbour put where a virtual function of the first device of that kind is."""
    physical = next(one for one in layout.devices if one.model == kind or (kind == "card" and one.id == "pf"))
    if kind == "card":
        listed = next(one for one in layout.devices if one.properties.get("sriov-pf") == physical.id)
        slot, function = listed.slot, listed.function
    else:
        known = virtual_functions(physical.model, physical.properties)
        assert known is not None
        slot, function = next(known.places(physical.slot, physical.function))
    place = {"bus": physical.bus, "slot": slot, "function": function, "multifunction": function == 0}
    update = {
        NEIGHBOUR: next(one for one in layout.devices if one.id == NEIGHBOUR).model_copy(update=place),
        physical.id: physical.model_copy(update={"multifunction": physical.function == 0}),
    }
    return layout.model_copy(update={"devices": tuple(update.get(one.id, one) for one in layout.devices)})


def test_a_neighbour_in_their_place_is_refused_by_both(qemu: Qemu) -> None:
    """In all of these plans, a third of them by each kind, half where QEMU has no listed ones."""
    for kind, guest, layout in plans():
        there = moved(layout, kind)
        rules = {one.rule for one in verify(guest, there) if one.severity == "error"}
        assert ("address-unique" if kind == "card" else "virtual-functions") in rules, there
        told = refusal(qemu, standalone(there))
        assert any(words in told for words in REFUSALS), told


@pytest.mark.parametrize("firmware", ["seabios", "ovmf"])
@pytest.mark.parametrize("kind", ["nvme", "large nvme", "card", "large card"])
def test_room_for_their_bars_is_predicted(kind: str, firmware: str) -> None:
    """OVMF gives them room, behind a port and on the root bus; SeaBIOS none."""
    if "card" in kind and version() < LISTED_SINCE:
        pytest.skip(f"{OTHER_QEMU} {name()}, which has no sriov-pf")
    number = 40 if kind == "large nvme" else 4
    disks = [
        {"id": one, "model": "nvme", "hotplug": "never", "properties": {**disk(number), "subsys": f"of-{one}"}}
        for one in "ab"
    ]
    disks[1] |= {"address": "pcie.0:08.0"}
    parts = LARGE_CARD if kind == "large card" else card(Random(1)) if kind == "card" else disks
    outcome = solve(request({"machine": "q35", "firmware": firmware, "devices": parts}))
    assert isinstance(outcome, Solved)
    assert hold(here(outcome.layout), 240.0)[0] == "equal"


@pytest.mark.parametrize("kind", ["igb", "nvme", "card", "large card"])
def test_linux_finds_them_where_they_are_predicted(kind: str, guest: Boot) -> None:
    """Enabled by sysfs, behind a port and (but for virtio's) on the root bus; 12 of virtio's go on past function 7."""
    if "card" in kind and version() < LISTED_SINCE:
        pytest.skip(f"{OTHER_QEMU} {name()}, which has no sriov-pf")
    # a subsystem has one controller with virtual functions: each gets its own
    more: Data = {"properties": disk(10)} if kind == "nvme" else {}
    pair: list[Data] = [
        {"id": "a", "model": kind, **more},
        {"id": "b", "model": kind, "address": "pcie.0:05.0", **more},
    ]
    parts = {"card": card(Random(1)), "large card": LARGE_CARD}.get(kind, pair)
    outcome = solve(request({"machine": "q35", "memory": "512MiB", "firmware": "ovmf", "devices": parts}))
    assert isinstance(outcome, Solved)
    layout = here(outcome.layout)
    view = boot_linux(layout, guest, options="qslot.sriov loglevel=0")
    seen = {device.id: view.functions[str(layout.guest_addresses[device.id])].virtual for device in physical(layout)}
    for device in physical(layout):
        known = expected(layout, device)
        # Linux's igb enables 7 of the 8
        assert list(seen[device.id]) == known[: 7 if kind == "igb" else None], view.text


def physical(layout: Layout) -> list[PlacedDevice]:
    return [device for device in layout.devices if "sriov-pf" not in device.properties]


def expected(layout: Layout, device: PlacedDevice) -> list[str]:
    """Addresses of its virtual functions: what the layout says of listed ones, else on the bus of its own address."""
    listed = [one.id for one in layout.devices if one.properties.get("sriov-pf") == device.id]
    if listed:
        return sorted(str(layout.guest_addresses[one]) for one in listed)
    bus = str(layout.guest_addresses[device.id]).partition(":")[0]
    known = virtual_functions(device.model, device.properties)
    assert known is not None
    return sorted(f"{bus}:{slot:02x}.{function}" for slot, function in known.places(device.slot, device.function))
