"""Solver and brute force agree on feasibility and on every term of the objective."""

import os

import pytest
from qslot.schema import Guest

from ..generate import tiny_guest
from .campaign import compare

SEEDS = range(600 if os.environ.get("HYPOTHESIS_PROFILE") == "ci" else 120)
CHUNK = 30


@pytest.mark.parametrize("first", range(0, len(SEEDS), CHUNK))
def test_solver_and_oracle_agree(first: int) -> None:
    verdicts = {seed: compare(tiny_guest(seed)) for seed in SEEDS[first : first + CHUNK]}
    assert {seed: verdict for seed, verdict in verdicts.items() if verdict in ("DISAGREE", "undecided")} == {}
    judged = [verdict for verdict in verdicts.values() if verdict != "too large for the oracle"]
    assert len(judged) > 0.8 * CHUNK


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
}
"""Guests that once were answered wrongly."""


@pytest.mark.parametrize("name", NAMED)
def test_named_regression(name: str) -> None:
    assert compare(Guest.model_validate(NAMED[name])) in ("agree", "both infeasible")
