"""A guest of 46 address bits with eight BARs of 128 GiB, booted under both firmwares: each BAR where it is foretold."""

from typing import Any

import pytest

import qslot
from qslot.schema import Guest, Infeasible, Layout, Solved
from qslot.schema.firmware import predict
from qslot.schema.pci.ram import GIB
from qslot.schema.request.firmware import FirmwareName
from qslot.solver import solve

from . import this_qemu
from .linux.guest import boot_linux
from .linux.initramfs import Boot
from .test_firmware import hold
from .this_qemu import OTHER_QEMU

pytestmark = pytest.mark.real

CARDS = 8
PATIENCE = 240.0
"""Seconds: edk2 2022.11 maps all of it, which takes a minute under emulation."""
BAR = {"bar": 2, "kind": "mem64", "size": "128GiB", "prefetchable": True}


def asked(firmware: FirmwareName, **more: Any) -> Guest:
    cards = [
        {"id": f"gpu{n}", "model": "vfio-pci", "connect": "express", "hotplug": "never", "bars": [BAR]}
        for n in range(CARDS)
    ]
    return this_qemu.request(
        {
            "machine": "q35",
            "memory": "1GiB",
            "phys_bits": 46,
            "firmware": firmware,
            "devices": cards,
            **more,
        }
    )


@pytest.mark.parametrize("firmware", ["seabios", "ovmf"])
def test_every_bar_is_where_it_is_foretold(firmware: FirmwareName) -> None:
    layout = solve(asked(firmware)).require()
    told = predict(layout)
    large = {name: at for (name, bar), at in told.memory_bars.items() if bar == BAR["bar"]}
    assert len(large) == CARDS
    assert all(at % (128 * GIB) == 0 and at + 128 * GIB <= 1 << 46 for at in large.values())
    assert hold(layout, PATIENCE)[0] == "equal"


def test_without_pages_of_1_gib_ovmf_loses_them_as_foretold() -> None:
    """edk2 goes by 40 bits then, in which they do not fit: there is no plan; one that was made has no BAR."""
    small = asked("ovmf", pdpe1gb=False)
    assert isinstance(solve(small), Infeasible)
    layout: Layout = solve(asked("ovmf")).require()
    platform = layout.platform.model_copy(update={"pdpe1gb": False})
    outcome, _ = hold(layout.model_copy(update={"platform": platform}), PATIENCE)
    assert outcome == "equal, with losses, memory-space"


def test_linux_finds_no_place_for_large_bars_beyond_the_cpus_addresses(guest: Boot) -> None:
    """A small one, which is warned of, too, it puts elsewhere."""
    known = asked("seabios", phys_bits=40)
    small = qslot.Device(id="net0", model="virtio-net", virtio="modern", hotplug="never")
    outcome = solve(known.model_copy(update={"devices": (*known.devices, small)}).validated())
    if not isinstance(outcome, Solved):
        pytest.skip(f"{OTHER_QEMU} {this_qemu.name()}, whose SeaBIOS keeps to the CPU's addresses: there is no plan")
    layout = outcome.layout
    (told,) = (one.subjects for one in layout.warnings if one.rule == "out-of-reach")
    view = boot_linux(layout, guest)
    cards = {name: at for name, at in layout.guest_addresses.items() if at is not None and name != small.id}
    without = {name for name, at in cards.items() if all(size < 128 * GIB for _, size, _ in view.functions[at].bars)}
    assert without == {*told} & cards.keys() != set()
    assert small.id in told
    assert view.functions[layout.guest_addresses[small.id] or ""].driver == "virtio-pci"
