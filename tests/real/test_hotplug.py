"""What `hotplug` tells a running QEMU is taken, at the address that it says."""

import pytest

from qslot.schema import Guest
from qslot.solver import solve
from qslot.testing import RealQemu

pytestmark = pytest.mark.real

DEVICES = (
    [{"id": "a", "model": "virtio-net"}],
    [{"id": "b", "model": "e1000"}],
    [{"id": "c", "model": "virtio-rng", "virtio": "modern"}, {"id": "d", "model": "virtio-rng", "virtio": "modern"}],
    [{"id": "e", "model": "virtio-net", "virtio": "transitional"}],
)


@pytest.mark.parametrize("machine", ["q35", "pc"])
def test_one_after_the_other(real_qemu: RealQemu, machine: str) -> None:
    spare = {"pcie": 3, "pci": 3} if machine == "q35" else {"pci": 3}
    layout = solve(Guest.model_validate({"machine": machine, "devices": [], "spare": spare})).require()
    with real_qemu(layout) as qemu:
        for devices in DEVICES:
            qemu.plug(*devices)
        assert sorted(qemu.addresses()) == list("abcde")
        assert qemu.addresses() == qemu.layout.guest_addresses
