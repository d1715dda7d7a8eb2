"""Solver and brute force agree on feasibility and on every term of the objective."""

import pytest

from qslot.schema import Guest
from qslot.solver import Options, solve
from qslot.testing.generator import small_guest, valid

from ..opinions.oracle import opinion
from ..profile import sample

SEEDS = range(sample(120, ci=600))
CHUNK = 30
PATIENCE = Options(time_limit=60)


def compared(guest: Guest) -> str:
    return opinion(guest, solve(guest, PATIENCE))


@pytest.mark.parametrize("first", range(0, len(SEEDS), CHUNK))
def test_solver_and_oracle_agree(first: int) -> None:
    verdicts = {seed: compared(small_guest(seed)) for seed in SEEDS[first : first + CHUNK]}
    judged = {seed: verdict for seed, verdict in verdicts.items() if not verdict.startswith("n/a")}
    assert {seed: verdict for seed, verdict in judged.items() if verdict != "agree"} == {}
    assert len(judged) > 0.5 * CHUNK


OLD = range(1000, 1060)


def on_old_machine_type(seed: int) -> Guest | None:
    """Where plain virtio is legacy: a guest whose devices do not all say their modes, on every other seed as libvirt
    would have it; None where such a one is refused."""
    data = small_guest(seed).model_dump(mode="json", exclude_defaults=True)
    kind = "pc-q35" if "q35" in data["machine"] else "pc-i440fx"
    data["machine"] = f"{kind}-{'2.4' if seed % 3 else '2.6'}"
    for n, device in enumerate(data.get("devices", [])):
        if (seed + n) % 3:
            device.pop("virtio", None)
            device.pop("virtio_by", None)
    if seed % 2:
        data["policy"] = {**data.get("policy", {}), "preset": "libvirt"}
    return valid(data)


@pytest.mark.parametrize("first", range(OLD.start, OLD.stop, CHUNK))
def test_they_agree_on_machine_types_that_make_virtio_legacy(first: int) -> None:
    guests = {seed: on_old_machine_type(seed) for seed in range(first, first + CHUNK)}
    verdicts = {seed: compared(guest) for seed, guest in guests.items() if guest is not None}
    assert {seed: one for seed, one in verdicts.items() if one != "agree" and not one.startswith("n/a")} == {}
    assert list(verdicts.values()).count("agree") > 0.5 * CHUNK


def _slots(bus: str, first: int) -> list[str]:
    return [f"{bus}:{slot:02x}" for slot in range(first, 32)]


def _functions(slot: str) -> list[str]:
    return [f"{slot}.{function}" for function in range(1, 8)]


NAMED = {
    "windows of several pages round up bus by bus": {
        "machine": "pc",
        "devices": [{"id": f"n{n}", "model": "virtio-net", "virtio": "transitional"} for n in range(4)],
        "reserve": [f"pci.0:{slot:02x}" for slot in range(4, 32)],
    },
    "a demanded switch gets downstream ports of the planner's": {
        "machine": "pc-q35-6.1",
        "devices": [{"id": "d0", "model": "rtl8139"}],
        "controllers": [{"id": "c0", "model": "pcie-pci-bridge"}, {"id": "c1", "model": "x3130-upstream"}],
    },
    "a window below a reserve costs nothing": {
        "machine": "pc-q35-6.1",
        "devices": [{"id": "d0", "model": "virtio-gpu", "address": "pcie.0:01.0"}, {"id": "d1", "model": "qemu-xhci"}],
        "controllers": [{"id": "c0", "model": "pcie-root-port", "properties": {"io-reserve": 32768}}],
    },
    "a group of one stays off the chipset's slot": {
        "machine": "pc",
        "devices": [
            {"id": "d0", "model": "rtl8139", "address": "c0:03.1"},
            {"id": "d1", "model": "virtio-balloon", "hotplug": "preferred", "group": "g0", "address": ".5"},
            {"id": "d2", "model": "e1000e", "hotplug": "never"},
        ],
        "controllers": [{"id": "c0", "model": "pci-bridge", "properties": {"shpc": "off"}}],
    },
    "a bus-reserve exceeds the buses below": {
        "machine": "pc-q35-7.2",
        "devices": [{"id": "d0", "model": "e1000e"}],
        "controllers": [
            {"id": "c0", "model": "x3130-upstream"},
            {"id": "c1", "model": "pcie-root-port", "hotplug": False, "properties": {"bus-reserve": 1}},
            {"id": "c2", "model": "pcie-root-port", "address": "pcie.0:03.0", "properties": {"bus-reserve": 3}},
        ],
    },
    "one window keeps one port from being empty, not two": {
        "machine": "pc-q35-6.1",
        "firmware": {"name": "ovmf", "version": "2022.11"},
        "chipset": {"smbus": False},
        "devices": [{"id": "d0", "model": "ich9-usb-ehci1"}],
        "controllers": [
            {
                "id": "c0",
                "model": "pcie-root-port",
                "address": "pcie.0:02.0",
                "properties": {"io-reserve": 32768, "bus-reserve": 2},
            },
            {"id": "c1", "model": "pcie-root-port", "address": "pcie.0:01.1"},
        ],
    },
    "one of two reserves inside the other": {
        "machine": "q35",
        "devices": [{"id": "d0", "model": "nvme", "hotplug": "required"}],
        "controllers": [
            {"id": "c0", "model": "pci-bridge", "properties": {"bus-reserve": 2}},
            {"id": "c1", "model": "pci-bridge", "properties": {"bus-reserve": 2}},
        ],
    },
    "reserves inside a pinned one, inside another": {
        "machine": "pc",
        "chipset": {"sata": False, "smbus": False, "acpi": False},
        "devices": [
            {"id": "d0", "model": "AC97"},
            {"id": "d1", "model": "virtio-balloon", "virtio": "auto"},
            {"id": "d2", "model": "e1000", "hotplug": "preferred"},
        ],
        "controllers": [
            {"id": "c0", "model": "pci-bridge", "address": "pci.0:03.0", "properties": {"bus-reserve": 248}},
            {"id": "c1", "model": "pci-bridge", "properties": {"shpc": "off"}},
            {"id": "c2", "model": "pci-bridge", "properties": {"bus-reserve": 125}},
            {"id": "c3", "model": "pci-bridge", "address": "c0:01.1", "properties": {"bus-reserve": 124}},
        ],
    },
    "two reserves that nearly fill the bus numbers": {
        "machine": "pc",
        "firmware": {"name": "ovmf", "version": "2022.11"},
        "devices": [{"id": "d0", "model": "nvme"}, {"id": "d1", "model": "i6300esb"}],
        "controllers": [
            {"id": "c0", "model": "pci-bridge", "address": "pci.0:02.0", "properties": {"bus-reserve": 254}},
            {"id": "c1", "model": "pci-bridge", "properties": {"bus-reserve": 254}},
            {"id": "c2", "model": "pci-bridge"},
            {"id": "c3", "model": "pci-bridge", "properties": {"shpc": "on"}},
        ],
        "reserve": [
            *_slots("pci.0", 6),
            *_functions("pci.0:04"),
            *_slots("c1", 2),
            *_slots("c2", 3),
            *_slots("c3", 2),
        ],
    },
    "four reserves of which no three nest": {
        "machine": "pc-i440fx-7.2",
        "chipset": {"sata": False, "usb": True},
        "devices": [
            {"id": "d0", "model": "nvme"},
            {"id": "d1", "model": "virtio-net", "virtio": "modern"},
            {"id": "d2", "model": "vfio-pci", "hotplug": "required", "connect": "hybrid", "bars": []},
            {"id": "d3", "model": "virtio-vga"},
            {"id": "d4", "model": "AC97"},
        ],
        "controllers": [
            {"id": "c0", "model": "pci-bridge", "properties": {"bus-reserve": 254, "shpc": "off"}},
            {"id": "c1", "model": "pci-bridge", "properties": {"bus-reserve": 249}},
            {"id": "c2", "model": "pci-bridge", "properties": {"bus-reserve": 2}},
            {"id": "c3", "model": "pci-bridge", "properties": {"bus-reserve": 250}},
        ],
        "spare": [{"kind": "pci", "count": 2}],
        "reserve": [*_slots("c1", 3), *_functions("c1:01")[1:], *_slots("c3", 3), *_functions("c3:02")],
    },
    "two switches beside a reserve that leaves one number": {
        "machine": "pc-q35-7.2",
        "firmware": {"name": "ovmf", "version": "2022.11"},
        "devices": [{"id": "d0", "model": "nvme"}],
        "controllers": [
            {"id": "c0", "model": "x3130-upstream"},
            {"id": "c1", "model": "pcie-root-port", "properties": {"bus-reserve": 253}, "hotplug": False},
            {"id": "c2", "model": "x3130-upstream"},
            {"id": "c3", "model": "ioh3420", "address": "pcie.0:02.0"},
        ],
        "spare": [{"kind": "pcie", "io": 64}],
        "reserve": _functions("c3:00"),
    },
    "a switch inside a reserve that holds all numbers": {
        "machine": "pc-q35-7.2",
        "devices": [
            {"id": "d0", "model": "virtio-balloon", "group": "g0", "near": ["d1"]},
            {"id": "d1", "model": "virtio-net", "address": ".4", "virtio": "auto", "group": "g0", "near": ["d0"]},
        ],
        "controllers": [
            {"id": "c0", "model": "x3130-upstream"},
            {
                "id": "c1",
                "model": "pcie-root-port",
                "address": "pcie.0:03.1",
                "properties": {"bus-reserve": 254},
            },
        ],
        "reserve": _functions("pcie.0:1f")[3:],
    },
    "a downstream port that takes a switch with it": {
        "machine": "pc-q35-7.2",
        "devices": [{"id": "d0", "model": "i6300esb"}],
        "controllers": [
            {"id": "c0", "model": "xio3130-downstream"},
            {"id": "c1", "model": "xio3130-downstream"},
            {"id": "c2", "model": "pci-bridge"},
            {"id": "c3", "model": "x3130-upstream", "address": "c1:00.0"},
        ],
        "spare": [{"kind": "pcie"}],
    },
    "two downstream ports that keep two switches from being empty": {
        "machine": "pc-q35-6.1",
        "firmware": {"name": "ovmf", "version": "2022.11"},
        "devices": [{"id": "d0", "model": "virtio-rng"}, {"id": "d1", "model": "virtio-gpu", "hotplug": "never"}],
        "controllers": [
            {"id": "c0", "model": "x3130-upstream"},
            {"id": "c1", "model": "pci-bridge", "address": "pcie.0:02.0", "properties": {"bus-reserve": 120}},
            {"id": "c2", "model": "x3130-upstream"},
        ],
    },
    "a group pinned beside the chipset takes what is free there": {
        "machine": "q35",
        "firmware": {"name": "ovmf", "version": "2022.11"},
        "devices": [
            {"id": "d0", "model": "rtl8139", "address": "pcie.0:1f.6", "group": "g0"},
            {"id": "d1", "model": "virtio-vga", "group": "g0"},
        ],
    },
    "IO three levels inside a port that forwards none": {
        "machine": "pc-q35-7.2",
        "chipset": {"smbus": False, "usb": True},
        "devices": [
            {"id": "d0", "model": "e1000", "hotplug": "preferred"},
            {"id": "d1", "model": "ich9-usb-ehci1"},
            {"id": "d2", "model": "e1000", "numa": 0},
        ],
        "controllers": [
            {"id": "c0", "model": "pcie-root-port"},
            {"id": "c1", "model": "pcie-root-port", "address": "pcie.0:02.0", "properties": {"io-reserve": 0}},
            {"id": "c2", "model": "xio3130-downstream"},
        ],
        "numa_nodes": 1,
    },
}
"""Guests that once were answered wrongly."""


@pytest.mark.parametrize("name", NAMED)
def test_named_regression(name: str) -> None:
    assert compared(Guest.model_validate(NAMED[name])) == "agree"
