"""Below a port that says hotplug=off QEMU takes a device where the plan says that it can be plugged, and Linux sees it;
elsewhere QEMU refuses it, or Linux never sees it."""

import time
from pathlib import Path
from typing import Final

import pytest

from qslot.schema import Layout, Solved
from qslot.schema.formats.qemu import hotplug_buses
from qslot.solver import solve
from qslot.testing.generator import Data

from .linux.initramfs import Boot
from .linux.live import LiveLinux
from .query_pci import guest_addresses
from .this_qemu import request, skip_without

pytestmark = pytest.mark.real

NEW: Final = "new"
PATIENCE: Final = 20.0
"""Seconds within which Linux has found a device, or never does."""
BELOW: Final = {
    "dp": {"up": ("x3130-upstream", "rp:00.0"), "dp": ("xio3130-downstream", "up:00.0")},
    "br": {"p2p": ("pcie-pci-bridge", "rp:00.0"), "br": ("pci-bridge", "p2p:01.0")},
    "rp": {},
}
"""By the bus on which a device is plugged, what is below the port."""


def planned(machine: str, bus: str) -> Layout:
    skip_without(machine)
    controllers: list[Data] = [{"id": "rp", "model": "pcie-root-port", "hotplug": False, "address": "pcie.0:03.0"}]
    for name, (model, address) in BELOW[bus].items():
        controllers.append({"id": name, "model": model, "address": address})
    if bus == "br":
        controllers[-1]["properties"] = {"shpc": False}
    outcome = solve(request({"machine": machine, "controllers": controllers}))
    assert isinstance(outcome, Solved), outcome
    return outcome.layout


@pytest.mark.parametrize("machine", ["pc-q35-6.0", "pc-q35-6.1", "pc-q35-7.2"])
@pytest.mark.parametrize("bus", BELOW)
def test_what_is_plugged_below_is_seen_where_it_is_said(machine: str, bus: str, guest: Boot, tmp_path: Path) -> None:
    layout = planned(machine, bus)
    with LiveLinux(layout, guest, tmp_path) as live:
        before = len(live.booted().functions)
        said = {"driver": "e1000", "id": NEW, "bus": bus, "addr": "0x1" if bus == "br" else "0x0"}
        try:
            live.execute("device_add", said)
        except AssertionError:
            sees = False
        else:
            sees = _sees(live, before + 1)
        assert NEW in guest_addresses(live.execute("query-pci")) or not sees
    assert (bus in hotplug_buses(layout)) == sees


def _sees(live: LiveLinux, number: int) -> bool:
    """Whether Linux comes to have that many functions."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        time.sleep(1)
        if len(live.look().functions) == number:
            return True
    return False
