"""ACPI hot-plug behind bridges switched on and off: a real QEMU makes of it what is predicted."""

import pytest

from qslot.schema import Solved
from qslot.schema.probe import probe
from qslot.solver import solve

from .this_qemu import request

pytestmark = pytest.mark.real

MACHINES = ("pc-q35-5.2", "pc-q35-6.0", "pc-q35-6.1", "pc-q35-7.2", "pc-i440fx-7.2")


@pytest.mark.parametrize("switch", [True, False])
@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("firmware", ["seabios", "ovmf"])
def test_windows_and_paddings(machine: str, firmware: str, switch: bool) -> None:
    q35 = "q35" in machine
    models = ("e1000e", "virtio-net", "rtl8139", "nvme") if q35 else ("e1000", "rtl8139")
    devices = [{"id": f"d{number}", "model": model, "hotplug": "required"} for number, model in enumerate(models)]
    spare = {"pcie": 2, "pci": 1} if q35 else {"pci": 30}
    chipset = {"bridge_hotplug": switch}
    guest = {"machine": machine, "firmware": firmware, "chipset": chipset, "devices": devices, "spare": spare}
    outcome = solve(request(guest))
    assert isinstance(outcome, Solved), outcome
    assert [str(one) for one in probe(outcome.layout).differences] == []
