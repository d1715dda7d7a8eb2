"""What `hotplug` tells a running QEMU is taken, at the address that it says."""

import pytest

from qslot.schema import Guest
from qslot.schema.formats.hotplug import plug
from qslot.schema.probe import running
from qslot.solver import solve

from .query_pci import guest_addresses

pytestmark = pytest.mark.real

DEVICES = (
    [{"id": "a", "model": "virtio-net"}],
    [{"id": "b", "model": "e1000"}],
    [{"id": "c", "model": "virtio-rng", "virtio": "modern"}, {"id": "d", "model": "virtio-rng", "virtio": "modern"}],
    [{"id": "e", "model": "virtio-net", "virtio": "transitional"}],
)


@pytest.mark.parametrize("machine", ["q35", "pc"])
def test_one_after_the_other(machine: str) -> None:
    spare = {"pcie": 3, "pci": 3} if machine == "q35" else {"pci": 3}
    layout = solve(Guest.model_validate({"machine": machine, "devices": [], "spare": spare})).require()
    with running(layout) as qemu:
        for devices in DEVICES:
            step = plug(layout, devices)
            for command in step.commands:
                qemu.execute(command["execute"], command["arguments"])
            layout = step.layout
        seen = guest_addresses(qemu.query_pci())
    assert {name: seen[name] for name in "abcde"} == {name: layout.guest_addresses[name] for name in "abcde"}
