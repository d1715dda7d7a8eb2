"""What QEMU does once a guest gives a device back: which models it unplugs, and of which it says so.

No guest system: a reset takes out what is asked for, with ACPI hot-plug.
"""

import asyncio
from typing import Any, Final

import pytest

from qslot.schema.catalog import DeviceModel, find
from qslot.schema.catalog.measure.ask import MEMORY_ARGUMENTS, Qemu
from qslot.schema.catalog.measure.questions import STAND_INS
from qslot.schema.hotplug.unplugging import SAYS_DELETED, UNPLUGS, ends_qemu_again, says_deleted
from qslot.schema.pci.controllers import Connector
from qslot.schema.qemu.errors import CommandError, QemuEndedError
from qslot.schema.qemu.process import QemuProcess

from .query_pci import guest_addresses
from .test_device_add import TOPOLOGY
from .this_qemu import version

pytestmark = pytest.mark.real

OTHERS: Final = ("e1000", "e1000e", "megasas", "nvme", "secondary-vga", "usb-ehci", "virtio-net", "virtio-scsi")
"""Of each kind of device one that no table names."""
ATTEMPTS: Final = 200
"""How often QEMU is asked whether a device is gone, and whether it has said so."""
PATIENCE: Final = 30
"""How often more, once it is gone, and another of which QEMU speaks: events need not come in order."""


def place(model: DeviceModel) -> dict[str, Any]:
    _, needed = STAND_INS.get(model.name, ((), {}))
    on_bridge = model.connector in (Connector.CONVENTIONAL, Connector.INTEGRATED)
    bus = {"bus": "bridge", "addr": "0x2"} if on_bridge else {"bus": "rp"}
    return {"driver": model.driver, "id": "dut", **bus, **needed}


async def unplugged(qemu: QemuProcess) -> bool:
    """Takes the device out, and then a second one that QEMU says to be deleted: whether it has said so of the first
    soon after. Raises CommandError where QEMU does not unplug it."""
    told: set[str] = set()
    await qemu.execute("device_add", {"driver": "virtio-rng-pci", "id": "loud", "bus": "beside"})
    for name in ("dut", "loud"):
        await qemu.execute("device_del", {"id": name})
    await qemu.execute("system_reset")
    silent = 0
    for _ in range(ATTEMPTS):
        told |= {str(one["data"].get("device")) for one in qemu.events() if one["event"] == "DEVICE_DELETED"}
        gone = "loud" in told and "dut" not in guest_addresses(await qemu.execute("query-pci"))
        silent += gone
        if gone and ("dut" in told or silent > PATIENCE):
            return "dut" in told
        await asyncio.sleep(0.1)
    raise AssertionError(f"still there: {told}")


def answers(qemu: Qemu, name: str) -> tuple[bool, bool]:
    """Whether QEMU says that the device is deleted, and whether it ends where another comes with its id and slot."""
    model = find(name)
    backends, _ = STAND_INS.get(name, ((), {}))
    beside = ("-device", "pcie-root-port,id=beside,bus=pcie.0,addr=0x5,chassis=3")

    async def asked() -> tuple[bool, bool]:
        async with qemu.session(*MEMORY_ARGUMENTS, *TOPOLOGY, *beside, *backends) as running:
            await running.execute("cont")
            await running.execute("device_add", place(model))
            said = await unplugged(running)
            try:
                await running.execute("device_add", place(model))
            except QemuEndedError as error:
                return said, "already registered" in str(error)
            return said, False

    return asyncio.run(asked())


@pytest.mark.parametrize("name", [*SAYS_DELETED, *OTHERS])
def test_what_is_said_of_a_device_that_went(qemu: Qemu, name: str) -> None:
    """Its id and slot are free then, said or not, but where QEMU still has its memory under its address."""
    assert answers(qemu, name) == (says_deleted(name, version()), ends_qemu_again(name, version()))


@pytest.mark.parametrize("name", UNPLUGS)
def test_memory_that_stays(qemu: Qemu, name: str) -> None:
    first = UNPLUGS[name]
    if first is not None and version() >= first:
        pytest.skip(f"this QEMU is {version()}, which unplugs {name}")
    backends, _ = STAND_INS[name]

    async def asked() -> None:
        async with qemu.session(*MEMORY_ARGUMENTS, *TOPOLOGY, *backends) as running:
            await running.execute("cont")
            await running.execute("device_add", place(find(name)))
            await running.execute("device_del", {"id": "dut"})

    with pytest.raises(CommandError, match="cannot be unplugged"):
        asyncio.run(asked())
