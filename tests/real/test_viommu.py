"""Whose address space each function has with a vIOMMU, as a stopped QEMU lists them (`info mtree`).

VFIO refuses an IOMMU group in several of them. No host device is needed to see them: QEMU makes one for each function,
whatever it is, so that emulated devices stand in.
"""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from qslot.schema import Layout, Solved
from qslot.schema.catalog.measure.ask import Qemu
from qslot.schema.catalog.virtual_functions import virtual_functions
from qslot.schema.formats.standalone import standalone
from qslot.schema.layout.layout import PlacedController
from qslot.schema.pci.controllers import CONTROLLERS
from qslot.schema.qemu.errors import QemuEndedError
from qslot.solver import Options, solve
from qslot.testing.generator import Data, SeededDraw, draw_request, small_size, valid

from .this_qemu import machines, said_here, version

pytestmark = pytest.mark.real

ROOTS = {"intel-iommu": "vtd-root", "virtio-iommu-pci": "virtio-iommu-device"}
"""What QEMU calls the address spaces of each vIOMMU."""
CHIPSET = 4
"""Functions of q35's chipset, and of pc's, each with a space of its own."""
SEEDS = range(200)
LEAST = 25
"""Layouts that are looked at, at least."""


async def spaces(qemu: Qemu, viommu: str, *arguments: str, machine: str = "q35") -> int:
    """How many address spaces of the vIOMMU there are."""
    extra = ("-device", viommu) if viommu == "intel-iommu" else ()
    async with qemu.session("-machine", machine, *extra, *arguments) as qmp:
        text = str(await qmp.execute("human-monitor-command", {"command-line": "info mtree"}))
    return len(re.findall(rf"^address-space: {ROOTS[viommu]}\s*$", text, re.MULTILINE))


def device(text: str) -> list[str]:
    return ["-device", text]


PORT = device("pcie-root-port,id=rp,chassis=1,addr=3")
P2P = [*PORT, *device("pcie-pci-bridge,id=p2p,bus=rp")]
TWO = {
    "functions of one slot of a port": [
        *PORT,
        *device("e1000e,bus=rp,addr=0.0,multifunction=on"),
        *device("e1000e,bus=rp,addr=0.1"),
    ],
    "functions on pcie.0": [*device("e1000,addr=4"), *device("e1000,addr=5")],
    "behind one bridge": [*P2P, *device("e1000,bus=p2p,addr=1"), *device("e1000,bus=p2p,addr=2")],
    "behind it and a bridge behind it": [
        *P2P,
        *device("pci-bridge,id=br,bus=p2p,addr=3,chassis_nr=4"),
        *device("e1000,bus=p2p,addr=1"),
        *device("e1000,bus=br,addr=2"),
    ],
    "behind an i82801b11-bridge": [
        *device("i82801b11-bridge,id=dmi,addr=4"),
        *device("e1000,bus=dmi,addr=1"),
        *device("e1000,bus=dmi,addr=2"),
    ],
}
BYPASSED = [
    *device("pxb-pcie,id=x,bus_nr=128,addr=4,bypass_iommu=on"),
    *device("pcie-root-port,id=r1,bus=x,chassis=1,addr=0.0,multifunction=on"),
    *device("pcie-root-port,id=r2,bus=x,chassis=2,addr=0.1"),
    *device("e1000e,bus=r1"),
    *device("e1000e,bus=r2"),
]


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("functions of one slot of a port", 3),
        ("functions on pcie.0", 2),
        ("behind one bridge", 3),  # the port's, the bridge's, that of all behind it
        ("behind it and a bridge behind it", 3),
        ("behind an i82801b11-bridge", 1),  # the bridge's, which all behind it share
    ],
)
@pytest.mark.parametrize("viommu", ROOTS)
def test_spaces(qemu: Qemu, viommu: str, name: str, made: int) -> None:
    listed = [] if viommu == "intel-iommu" else device("virtio-iommu-pci,addr=9")
    assert asyncio.run(spaces(qemu, viommu, *listed, *TWO[name])) == CHIPSET + (listed != []) + made


def test_below_an_expander_that_bypasses_it_there_is_none(qemu: Qemu) -> None:
    """But the expander's own, which sits on pcie.0."""
    assert asyncio.run(spaces(qemu, "intel-iommu", *BYPASSED)) == CHIPSET + 1


def test_a_pxb_of_pc_is_a_bridge_and_bypasses_nothing(qemu: Qemu) -> None:
    two = [*device("e1000,bus=x,addr=1"), *device("e1000,bus=x,addr=2")]
    mmu = device("virtio-iommu-pci,addr=9")
    for bypass in ("off", "on"):
        pxb = device(f"pxb,id=x,bus_nr=128,addr=4,bypass_iommu={bypass}")
        assert asyncio.run(spaces(qemu, "virtio-iommu-pci", *mmu, *pxb, *two, machine="pc")) == CHIPSET + 2


@pytest.mark.parametrize(
    "pair", [("intel-iommu", "virtio-iommu-pci"), ("amd-iommu", "intel-iommu"), ("amd-iommu", "virtio-iommu-pci")]
)
def test_there_is_one_viommu_at_most(qemu: Qemu, pair: tuple[str, str]) -> None:
    with pytest.raises(QemuEndedError, match="does not support multiple vIOMMUs"):
        asyncio.run(spaces(qemu, "intel-iommu", *(word for name in pair for word in ("-device", name))))


@pytest.mark.parametrize("viommu", ["intel-iommu", "amd-iommu"])
def test_pc_takes_no_such_viommu(qemu: Qemu, viommu: str) -> None:
    async def start() -> None:
        async with qemu.session("-machine", "pc", "-device", viommu):
            pass

    with pytest.raises(QemuEndedError, match="dynamic sysbus device type"):
        asyncio.run(start())


# ---- layouts: the table of docs/semantics.md, iommu-group, against QEMU's count


@dataclass
class Table:
    """Address spaces of all functions of a layout but the chipset's, by the table. Those of virtual functions that come
    along with a device are there from the start with QEMU 10.0 and newer, with 7.2 once the guest enables them."""

    layout: Layout
    above: dict[str, PlacedController] = field(init=False)

    def __post_init__(self) -> None:
        self.above = {one.id: one for one in self.layout.controllers}

    def run(self) -> int:
        seats = (*self.layout.controllers, *self.layout.devices)
        functions = [(seat.bus, seat.slot, seat.function) for seat in seats]
        for device in self.layout.devices if version() >= (10, 0) else ():
            if (virtual := virtual_functions(device.model, device.properties)) is not None:
                functions += [(device.bus, *place) for place in virtual.places(device.slot, device.function)]
        return len({self.space(function[0], function) for function in functions} - {None})

    def space(self, bus: str, function: tuple[str, int, int]) -> object:
        """None where nothing is translated. A bridge that is not PCI Express lends its own space to all behind it."""
        own: object = function
        for controller in self.up(bus):
            model = CONTROLLERS[controller.model]
            if model.name == "pxb-pcie" and controller.properties.get("bypass_iommu") is True:
                return None
            if not model.bus.express:
                own = (controller.bus, controller.slot, controller.function)
                own = ("behind", controller.id) if model.name == "pcie-pci-bridge" else own
        return own

    def up(self, bus: str) -> Iterable[PlacedController]:
        while bus in self.above:
            yield self.above[bus]
            bus = self.above[bus].bus


def drawn(seed: int) -> Data:
    """A small request for SeaBIOS, with a virtio-iommu or none."""
    draw = SeededDraw(seed)
    data = draw_request(draw, small_size(draw))
    for name in ("memory", "pci_hole64", "phys_bits", "needs", "chipset"):
        data.pop(name, None)
    devices = [one for one in data["devices"] if one["model"] != "amd-iommu"]
    return data | {"devices": devices, "firmware": "seabios"}


def test_layouts_have_as_many_spaces_as_the_table_says(qemu: Qemu) -> None:
    looked_at = 0
    for seed in SEEDS:
        data = drawn(seed)
        listed = any(one["model"] == "virtio-iommu" for one in data["devices"])
        q35 = data["machine"] == "q35" or "q35" in data["machine"]
        if data["machine"] not in machines() or not (listed or q35):
            continue
        viommu = "virtio-iommu-pci" if listed else "intel-iommu"
        guest = valid(said_here(data | ({} if listed else {"needs": ["viommu"]})))
        if guest is None:
            continue
        outcome = solve(guest, Options(time_limit=5))
        if not isinstance(outcome, Solved):
            continue
        arguments = standalone(outcome.layout)
        machine = arguments[arguments.index("-machine") + 1]
        count = asyncio.run(spaces(qemu, viommu, *arguments, machine=machine))
        assert count == CHIPSET + Table(outcome.layout).run(), f"seed {seed}"
        looked_at += 1
    assert looked_at >= LEAST
