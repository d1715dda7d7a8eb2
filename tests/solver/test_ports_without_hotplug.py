"""What can be plugged below a port that says hotplug=off, by QEMU and machine type, as measured by
tests/real/test_port_without_hotplug.py: encoder and checker agree on it."""

import pytest

from qslot.schema import Guest, Infeasible, Solved
from qslot.schema.formats.qemu import hotplug_buses
from qslot.schema.verify import verify
from qslot.solver import solve

SWITCH = [
    {"id": "up", "model": "x3130-upstream", "address": "rp:00.0"},
    {"id": "below", "model": "xio3130-downstream", "address": "up:00.0"},
]
BRIDGES = [
    {"id": "p2p", "model": "pcie-pci-bridge", "address": "rp:00.0"},
    {"id": "below", "model": "pci-bridge", "address": "p2p:01.0", "properties": {"shpc": False}},
]


@pytest.mark.parametrize(
    ("qemu", "machine", "switch", "bridges"),
    [
        ("7.2", "pc-q35-6.0", True, False),  # without ACPI behind bridges ports plug by themselves
        ("7.2", "pc-q35-6.1", False, False),
        ("7.2", "pc-q35-7.2", False, False),
        ("10.0", "pc-q35-6.0", True, False),
        ("10.0", "pc-q35-6.1", True, True),
        ("10.0", "pc-q35-7.2", True, True),
        ("11.1", "pc-q35-6.1", True, True),
    ],
)
def test_what_must_be_pluggable_there(qemu: str, machine: str, switch: bool, bridges: bool) -> None:
    port = {"id": "rp", "model": "pcie-root-port", "address": "pcie.0:03.0", "hotplug": False}
    for below, slot, able in ((SWITCH, "00", switch), (BRIDGES, "01", bridges), ([], "00", False)):
        bus = "below" if below else "rp"
        nic = {"id": "nic", "model": "e1000", "address": f"{bus}:{slot}.0", "hotplug": "required"}
        data = {"machine": machine, "qemu": qemu, "controllers": [port, *below]}
        outcome = solve(Guest.model_validate({**data, "devices": [nic]}))
        assert isinstance(outcome, Solved if able else Infeasible), (bus, outcome)
        guest = Guest.model_validate({**data, "devices": [nic | {"hotplug": "preferred"}]})
        plain = solve(guest)
        assert isinstance(plain, Solved)
        assert (bus in hotplug_buses(plain.layout)) is able
        assert [one for one in verify(guest, plain.layout) if one.severity == "error"] == []
