"""What is plugged into planned spare slots of conventional bridges has its BARs in a Linux guest; what a port keeps
above a pcie-pci-bridge, Linux does not hand on, whichever firmware ran."""

import time
from pathlib import Path
from typing import Final

import pytest

from qslot.schema import Layout
from qslot.schema.hotplug import free_slots
from qslot.schema.hotplug.room import free_bytes
from qslot.schema.request.firmware import FirmwareName
from qslot.solver import solve

from . import this_qemu
from .layouts import controller
from .layouts import layout as by_hand
from .linux.guest import IO, View
from .linux.initramfs import Boot
from .linux.live import LiveLinux
from .query_pci import guest_addresses

pytestmark = pytest.mark.real

MIB: Final = 1 << 20
RAM: Final = 1 << 30
"""Bytes: Linux takes that much where OVMF boots it."""
CARDS: Final = ("e1000", "e1000", "edu", "edu", "edu", "edu")
"""64 IO ports and 128 KiB each of the first, 1 MiB each of the others: more than the 2 MiB that firmware gives."""
LOOKS: Final = 20
"""How often Linux is asked whether it has noticed them all."""


def plugged(live: LiveLinux, seats: list[tuple[str, int]]) -> list[list[tuple[int, int, int]]]:
    """The BARs of the cards, each in its slot, once Linux has them all."""
    live.booted()
    for number, (card, (bus, slot)) in enumerate(zip(CARDS, seats, strict=True)):
        live.execute("device_add", {"driver": card, "id": f"new{number}", "bus": bus, "addr": f"{slot:x}"})
    there = guest_addresses(live.execute("query-pci"))
    addresses = [there[f"new{number}"] for number in range(len(CARDS))]
    return [seen.functions[address].bars for seen in [_noticed(live, addresses)] for address in addresses]


def _noticed(live: LiveLinux, addresses: list[str]) -> View:
    for _ in range(LOOKS):
        seen = live.look()
        if all(address in seen.functions for address in addresses):
            return seen
        time.sleep(1)
    raise AssertionError(f"not all of {addresses} are seen")


@pytest.mark.parametrize("machine", ["q35", "pc"])
@pytest.mark.parametrize("firmware", ["seabios", "ovmf"])
def test_planned_spare_slots_have_room(machine: str, firmware: FirmwareName, guest: Boot, tmp_path: Path) -> None:
    asked = {
        "machine": machine,
        "firmware": firmware,
        "memory": RAM,
        "chipset": {"root_hotplug": False},
        "spare": [{"kind": "pci", "count": len(CARDS), "io": 64, "memory": MIB}],
    }
    layout = solve(this_qemu.request(asked)).require()
    with LiveLinux(layout, guest, tmp_path) as live:
        found = plugged(live, [(one.bus, one.slot) for one in layout.spare])
    assert all(base for bars in found for base, _, _ in bars), found


@pytest.mark.parametrize("firmware", ["seabios", "ovmf"])
def test_a_port_s_reserves_do_not_reach_the_bridge_behind_it(
    firmware: FirmwareName, guest: Boot, tmp_path: Path
) -> None:
    """There is what the bridge's own windows hold, as `hotplug` says."""
    port = controller("pcie.0:4", "pcie-root-port", "rp", chassis=1, io_reserve=4096, mem_reserve=64 * MIB)
    layout = this_qemu.here(
        by_hand("q35", port, controller("rp:0", "pcie-pci-bridge", "p2p"), memory=RAM, firmware=firmware)
    )
    ports, memory = _room(layout)
    with LiveLinux(layout, guest, tmp_path) as live:
        found = plugged(live, [("p2p", number + 1) for number in range(len(CARDS))])
    placed = [(size, flags) for bars in found for base, size, flags in bars if base]
    assert sum(flags & IO > 0 for _, flags in placed) == (2 if ports else 0)
    assert memory - MIB < sum(size for size, flags in placed if not flags & IO) <= memory


def _room(layout: Layout) -> tuple[int, int]:
    """Free bytes of IO ports and of memory that is not prefetchable behind the bridge."""
    room = next(one.room for one in free_slots(layout) if one.bus.id == "p2p")
    return free_bytes(room.io) or 0, free_bytes(room.memory) or 0
