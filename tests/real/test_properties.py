"""What a real QEMU takes: the values of controllers' properties, and which displays may be there together."""

import asyncio
from contextlib import nullcontext
from itertools import combinations_with_replacement

import pytest
from pydantic import ValidationError

from qslot.schema import Chipset, Guest
from qslot.schema.catalog import exclusive, find
from qslot.schema.catalog.measure.ask import Qemu
from qslot.schema.formats.qemu import FIRST_DISPLAYS
from qslot.schema.pci.machine import machine_of
from qslot.schema.pci.qemu_properties import HOST_FILES, canonical, unfit
from qslot.schema.qemu.errors import CommandError, QemuEndedError

from .this_qemu import version

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

DISPLAYS = (
    "VGA",
    "secondary-vga",
    "cirrus-vga",
    "qxl-vga",
    "vmware-svga",
    "ati-vga",
    "virtio-vga",
    "bochs-display",
    "qxl",
)


OPENS_NOTHING = frozenset({
    "audiodev", "chardev", "chardev1", "chardev2", "chardev3", "chardev4", "drive", "fsdev", "mad-chardev", "netdev",
    "display", "duplex", "failover_pair_id", "fp_start_macaddr", "hba_serial", "host", "mac", "masterbus", "model",
    "mount_tag", "name", "serial", "tag", "tx", "vhostfd", "world", "wwpn", "x-speed", "x-width", "x-msix-relocation",
    "fd", "addr", "firmware-version", "sriov-pf", "vf-token",
})  # fmt: skip
"""Texts that name backends, which open nothing, or are read by QEMU itself; an open descriptor; and a host device."""


async def read(qemu: Qemu, device: str, name: str) -> object:
    """The property's value in a stopped q35 machine. Raises QemuEndedError."""
    async with qemu.session("-device", device) as qmp:
        return await qmp.execute("qom-get", {"path": "/machine/peripheral/dut", "property": name})


@pytest.mark.parametrize("name", SPELLED)
def test_values_are_what_qemu_makes_of_them(qemu: Qemu, name: str) -> None:
    device, taken, refused = SPELLED[name]
    for text in taken:
        assert asyncio.run(read(qemu, f"{device},{name}={text}", name)) == canonical(name, text), text
        assert unfit(name, text) is None, text
    for text in refused:
        with pytest.raises(QemuEndedError):
            asyncio.run(read(qemu, f"{device},{name}={text}", name))
        assert unfit(name, text) is not None, text


@pytest.mark.parametrize("model", ["pcie-root-port", "ioh3420", "pci-bridge", "i82801b11-bridge", "pxb-pcie"])
def test_names_that_a_controller_cannot_have(qemu: Qemu, model: str) -> None:
    """Those of all its properties; of an expander those of its host bridge."""
    owner = "pxb-host" if model == "pxb-pcie" else model
    names = [*asyncio.run(properties_of(qemu, owner)), "bus_nr", "parent_bus", "realized", "type", "beside"]
    refused = {one for one in names if not asyncio.run(starts(qemu, f"{model},{MORE.get(model, '')}id={one},addr=0x2"))}
    assert refused == {one for one in names if is_refused(model, one)}
    assert "realized" in refused
    assert "beside" not in refused


async def properties_of(qemu: Qemu, model: str) -> list[str]:
    """Names, as `-device` takes them."""
    async with qemu.session("-machine", "none") as qmp:
        told = await qmp.execute("device-list-properties", {"typename": model})
    return [one["name"] for one in told if "[" not in one["name"] and one["name"][0].isalpha()]


async def starts(qemu: Qemu, device: str) -> bool:
    """Whether q35 does with it."""
    try:
        async with qemu.session("-machine", "q35", "-device", device):
            return True
    except QemuEndedError:
        return False


MORE = {"pci-bridge": "chassis_nr=9,", "pxb-pcie": "bus_nr=99,"}
"""What QEMU does not start them without."""


def is_refused(model: str, name: str) -> bool:
    """Whether a request with such a controller is."""
    try:
        Guest.model_validate({"machine": "q35", "controllers": [{"id": name, "model": model}], "devices": []})
    except ValidationError as refused:
        return ".id: " in str(refused)
    return False


def test_a_node_that_does_not_exist(qemu: Qemu) -> None:
    with pytest.raises(QemuEndedError, match="Illegal numa node 5"):
        asyncio.run(read(qemu, f"{EXPANDER},bus_nr=32,numa_node=5", "numa_node"))


async def start(qemu: Qemu, machine: str, pair: list[str]) -> None:
    """Two displays, in that order. Raises QemuEndedError."""
    root = machine_of(machine, Chipset()).root
    devices = (f"{find(one).driver},id=d{n},bus={root},addr={5 + n:#x}" for n, one in enumerate(pair))
    async with qemu.session("-machine", machine, *(word for one in devices for word in ("-device", one))):
        pass


@pytest.mark.parametrize("machine", ["pc-q35-2.12", "pc-q35-3.0", "pc-q35-7.2", "pc-i440fx-7.2", "pc-q35-11.1"])
def test_displays_that_exclude_each_other(qemu: Qemu, machine: str) -> None:
    """In the order that the plan's arguments have."""
    of_type = machine_of(machine, Chipset()).version

    wrong = []
    for one, other in combinations_with_replacement(DISPLAYS, 2):
        pair = sorted((one, other), key=lambda model: (*FIRST_DISPLAYS, model).index(model))
        together = not any({one, other} <= models for models in exclusive(of_type))
        try:
            asyncio.run(start(qemu, machine, pair))
            started = True
        except QemuEndedError:
            started = False
        if started != together:
            wrong.append(pair)
    assert wrong == []


@pytest.mark.parametrize("other", ["VGA", "secondary-vga"])
def test_a_vmware_svga_must_come_first(qemu: Qemu, other: str) -> None:
    """From some QEMU after 7.2 on; before, any order will do."""
    asyncio.run(start(qemu, "q35", ["vmware-svga", other]))
    with pytest.raises(QemuEndedError, match="id=vga") if version() > (7, 2) else nullcontext():
        asyncio.run(start(qemu, "q35", [other, "vmware-svga"]))


def test_every_text_that_a_device_takes_is_known_to_open_a_file_or_not(qemu: Qemu) -> None:
    """To list the properties of some types QEMU creates one, and ends where OpenGL is missing."""

    async def texts() -> set[str]:
        async with qemu.session() as asked:
            rows = await asked.execute("qom-list-types", {"implements": "pci-device", "abstract": False})
        names, found = sorted(row["name"] for row in rows), set()
        while names:
            async with qemu.session() as asked:
                while names:
                    try:
                        properties = await asked.execute("device-list-properties", {"typename": names.pop()})
                    except QemuEndedError:
                        break
                    except CommandError:
                        continue
                    found |= {one["name"] for one in properties if one["type"] in ("str", "string")}
        return found

    found = asyncio.run(texts())
    assert {"romfile", "evdev", "sysfsdev"} <= found
    assert found <= HOST_FILES | OPENS_NOTHING
    assert not HOST_FILES & OPENS_NOTHING
