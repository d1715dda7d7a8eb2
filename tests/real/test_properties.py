"""What a real QEMU takes: the values of controllers' properties, and which displays may be there together."""

import asyncio
import shutil
from itertools import combinations_with_replacement

import pytest

from qslot.schema import Chipset
from qslot.schema.catalog import exclusive, find
from qslot.schema.catalog.measure.ask import Qemu, RefusedError
from qslot.schema.pci.machine import machine_of
from qslot.schema.pci.qemu_properties import canonical, unfit

pytestmark = pytest.mark.real

PORT = "pcie-root-port,id=dut,bus=pcie.0,addr=0x2"
BRIDGE = "pci-bridge,id=dut,bus=pcie.0,addr=0x2"
EXPANDER = "pxb-pcie,id=dut,bus=pcie.0,addr=0x2"
SPELLED = {
    "hotplug": (PORT, ("on", "off", "yes", "no", "true", "false", "y", "n"), ("On", "1", "0", "banana", "")),
    "shpc": (f"{BRIDGE},chassis_nr=1", ("on", "no"), ("banana", "auto")),
    "chassis": (PORT, ("0", "255", "0x10"), ("256", "-1", "banana")),
    "slot": (PORT, ("0", "255"), ("65536",)),
    "port": (PORT, ("0", "255"), ("256",)),
    "chassis_nr": (BRIDGE, ("1", "255"), ("0", "256", "banana")),
    "bus_nr": (EXPANDER, ("1", "255", "0x10"), ("256", "banana")),
    "io-reserve": (PORT, ("0", "8K", "8k", "8192", "0x2000", "8192B", " 8K"), ("banana", "", "on", "-1", "1e3")),
    "mem-reserve": (PORT, ("0", "1000", "3M", "4095M"), ("4G",)),
    "pref32-reserve": (PORT, ("0", "4095M"), ("4G",)),
    "pref64-reserve": (PORT, ("0", "3M", "4G"), ("16E", "banana")),
    "bus-reserve": (PORT, ("1", "255", "0x10"), ("-1", "banana", "on", "4294967296")),
}
"""By property: a device, texts that both QEMU and a request take as one value, and texts that both refuse."""

DISPLAYS = ("VGA", "cirrus-vga", "qxl-vga", "vmware-svga", "ati-vga", "virtio-vga", "bochs-display", "qxl")


@pytest.fixture(scope="module")
def qemu() -> Qemu:
    binary = shutil.which("qemu-system-x86_64")
    assert binary is not None
    return Qemu(binary)


async def read(qemu: Qemu, device: str, name: str) -> object:
    """The property's value in a stopped q35 machine. Raises RefusedError."""
    async with qemu.session("-device", device) as qmp:
        return await qmp.execute("qom-get", {"path": "/machine/peripheral/dut", "property": name})


@pytest.mark.parametrize("name", SPELLED)
def test_values_are_what_qemu_makes_of_them(qemu: Qemu, name: str) -> None:
    device, taken, refused = SPELLED[name]
    for text in taken:
        assert asyncio.run(read(qemu, f"{device},{name}={text}", name)) == canonical(name, text), text
        assert unfit(name, text) is None, text
    for text in refused:
        with pytest.raises(RefusedError):
            asyncio.run(read(qemu, f"{device},{name}={text}", name))
        assert unfit(name, text) is not None, text


def test_a_node_that_does_not_exist(qemu: Qemu) -> None:
    with pytest.raises(RefusedError, match="Illegal numa node 5"):
        asyncio.run(read(qemu, f"{EXPANDER},bus_nr=32,numa_node=5", "numa_node"))


@pytest.mark.parametrize("machine", ["pc-q35-2.12", "pc-q35-3.0", "pc-q35-7.2", "pc-i440fx-7.2"])
def test_displays_that_exclude_each_other(qemu: Qemu, machine: str) -> None:
    """In QEMU's own order, with qxl-vga first, as the plan's arguments have it."""
    root, version = machine_of(machine, Chipset()).root, machine_of(machine, Chipset()).version

    async def start(pair: list[str]) -> None:
        devices = (f"{find(one).driver},id=d{n},bus={root},addr={5 + n:#x}" for n, one in enumerate(pair))
        async with qemu.session("-machine", machine, *(word for one in devices for word in ("-device", one))):
            pass

    wrong = []
    for one, other in combinations_with_replacement(DISPLAYS, 2):
        pair = sorted((one, other), key=lambda model: model != "qxl-vga")
        together = not any({one, other} <= models for models in exclusive(version))
        try:
            asyncio.run(start(pair))
            started = True
        except RefusedError:
            started = False
        if started != together:
            wrong.append(pair)
    assert wrong == []
