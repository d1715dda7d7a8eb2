"""Which models device_add takes while a machine runs, with what they lean on: as the catalogue says."""

import asyncio
from typing import Any

import pytest

from qslot.schema.catalog import DeviceModel, find
from qslot.schema.catalog.measure.ask import MEMORY_ARGUMENTS, NOT_PLUGGABLE, VHOST_USER_BACKEND, Qemu
from qslot.schema.catalog.measure.questions import STAND_INS, VHOST_USER
from qslot.schema.pci.controllers import Connector
from qslot.schema.qemu.errors import CommandError

from .this_qemu import version

pytestmark = pytest.mark.real

NAMES = (
    *("AMDVI-PCI", "acpi-erst", "igb", "iommu-testdev", "pvpanic-pci", "ufs", "vhost-user-blk", "vhost-user-fs"),
    *("vhost-user-gpio", "vhost-user-gpu", "vhost-user-i2c", "vhost-user-input", "vhost-user-rng", "vhost-user-rtc"),
    *("vhost-user-scsi", "vhost-user-snd", "vhost-user-spi", "vhost-user-vga", "vhost-user-vsock", "virtio-balloon"),
    *("virtio-mem", "virtio-multitouch", "virtio-rtc", "virtio-sound"),
)
TOPOLOGY = (
    *("-device", "pcie-root-port,id=rp,bus=pcie.0,addr=0x3,chassis=1"),
    *("-device", "pcie-root-port,id=above,bus=pcie.0,addr=0x4,chassis=2"),
    *("-device", "pcie-pci-bridge,id=bridge,bus=above,addr=0x0"),
)


async def plugged(qemu: Qemu, model: DeviceModel) -> bool:
    """Whether QEMU takes it, on a port or a bridge as it needs one. Raises CommandError for another refusal."""
    backends, needed = STAND_INS.get(model.name, ((), {}))
    on_bridge = model.connector in (Connector.CONVENTIONAL, Connector.INTEGRATED)
    bus = {"bus": "bridge", "addr": "0x2"} if on_bridge else {"bus": "rp"}
    vhost_user = model.name.startswith(VHOST_USER)
    chardev = {"chardev": VHOST_USER_BACKEND} if vhost_user else {}
    async with qemu.session(*MEMORY_ARGUMENTS, *TOPOLOGY, *backends, vhost_user=vhost_user) as running:
        await running.execute("cont")
        arguments: dict[str, Any] = {"driver": model.driver, "id": "dut", **bus, **needed, **chardev}
        try:
            await running.execute("device_add", arguments)
        except CommandError as refusal:
            if any(words in str(refusal) for words in NOT_PLUGGABLE):
                return False
            raise
        return True


@pytest.mark.parametrize("name", NAMES)
def test_what_device_add_answers(qemu: Qemu, name: str) -> None:
    model = find(name)
    if not model.in_qemu(version()):
        pytest.skip(f"this QEMU is {version()}, which has no {name}")
    assert asyncio.run(plugged(qemu, model)) == model.hotpluggable
