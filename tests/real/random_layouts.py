"""Layouts drawn at random: also what the planner would never choose, as long as QEMU starts it.

layout = random_layout(seed, "q35", Firmware(name="seabios"))
"""

from dataclasses import dataclass, field
from random import Random
from typing import Final, Literal

from qslot.schema import Chipset, Firmware, Layout, VirtioMode
from qslot.schema.layout.layout import PlacedController, PlacedDevice, Platform, Versions
from qslot.schema.pci.machine import machine_of
from qslot.schema.pci.machine_types import family_of
from qslot.schema.pci.qemu_properties import Scalar
from qslot.schema.pci.qemu_versions import assumed_qemu

from .memory_draws import heavy_device, memory_reserves, platform, primary_video

Family = Literal["q35", "pc"]

WITH_IO: Final = (
    "AC97", "ES1370", "am53c974", "e1000", "lsi53c895a", "mptsas1068", "ne2k_pci", "pcnet", "piix3-usb-uhci", "rtl8139",
    "tulip", "virtio-net", "virtio-rng", "virtio-scsi", "virtio-serial",
)  # fmt: skip
"""Conventional models with IO BARs of 32 bytes to 1 KiB; virtio in one of its first two modes."""
EXPRESS_WITH_IO: Final = ("e1000e", "megasas-gen2")
WITHOUT_IO: Final = ("bochs-display", "edu", "nec-usb-xhci", "virtio-net", "virtio-rng", "virtio-scsi", "vmxnet3")
NICS: Final = frozenset({"e1000", "e1000e", "ne2k_pci", "pcnet", "rtl8139", "tulip", "virtio-net", "vmxnet3"})
DEEPEST: Final = 4


@dataclass
class Draw:
    """A layout in the making. `greed`: how likely an endpoint wants IO, `weight`: how likely much memory instead."""

    random: Random
    family: Family
    greed: float
    weight: float = 0.0
    controllers: list[PlacedController] = field(default_factory=list)
    devices: list[PlacedDevice] = field(default_factory=list)
    left: int = 40
    """Devices and controllers still to be drawn, roughly."""

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def controller(self, model: str, bus: str, slot: int, function: int = 0, **properties: int | bool) -> str:
        name = f"c{len(self.controllers) + 1}"
        self.left -= 1
        self.controllers.append(
            PlacedController(
                id=name,
                model=model,
                bus=bus,
                slot=slot,
                function=function,
                properties={key.replace("_reserve", "-reserve"): value for key, value in properties.items()},
            )
        )
        return name

    def endpoint(self, bus: str, slot: int, function: int = 0, *, port: bool = False) -> None:
        """One function of an endpoint that wants IO ports or not."""
        self.left -= 1
        if self.weight and self.chance(self.weight):
            self.devices.append(heavy_device(self.random, f"d{len(self.devices) + 1}", bus, slot, function))
            return
        wants = self.chance(self.greed)
        model = self.random.choice((WITH_IO + (EXPRESS_WITH_IO if port else ())) if wants else WITHOUT_IO)
        mode = None
        if model.startswith("virtio-"):
            mode = VirtioMode.TRANSITIONAL if wants else VirtioMode.MODERN
        self.devices.append(
            PlacedDevice(
                id=f"d{len(self.devices) + 1}",
                model=model,
                driver=model if mode is None else f"{model}-pci{'' if wants else '-non'}-transitional",
                virtio=mode,
                bus=bus,
                slot=slot,
                function=function,
                properties={"romfile": ""} if model in NICS else {},
            )
        )

    def slot_of_endpoints(self, bus: str, slot: int, *, port: bool = False) -> None:
        functions = 1 if self.chance(0.8) else self.random.randint(2, 4)
        for function in [0, *sorted(self.random.sample(range(1, 8), functions - 1))]:
            self.endpoint(bus, slot, function, port=port)

    def seal(self, firmware: Firmware, platform: Platform, machine: str) -> Layout:
        """With multifunction=on wherever it is needed."""
        shared = {(seat.bus, seat.slot) for seat in (*self.controllers, *self.devices) if seat.function}
        update = {"multifunction": True}

        def first_of_many(seat: PlacedController | PlacedDevice) -> bool:
            return seat.function == 0 and (seat.bus, seat.slot) in shared

        controllers = (c.model_copy(update=update) if first_of_many(c) else c for c in self.controllers)
        devices = (d.model_copy(update=update) if first_of_many(d) else d for d in self.devices)
        return Layout(
            status="feasible",
            machine=machine,
            firmware=firmware,
            platform=platform,
            controllers=tuple(controllers),
            devices=tuple(devices),
            input_sha256="",
            versions=Versions(qslot="0"),
        )


def random_layout(
    seed: int,
    family: Family,
    firmware: Firmware,
    machine: str | None = None,
    *,
    heavy: bool = False,
    express: bool = False,
) -> Layout:
    """The same layout for the same arguments. About one in five asks for more IO than there is; `heavy` ones ask for
    little IO and a lot of memory; `express` ones have ports on pc, too."""
    random = Random(f"{seed} {family}")
    draw = Draw(random, family, greed=random.choice((0.1, 0.3, 0.5, 0.9)), left=random.choice((8, 20, 40, 70)))
    chipset = Chipset(sata=random.random() < 0.8, smbus=random.random() < 0.8, usb=random.random() < 0.2)
    if heavy:
        draw.greed, draw.weight, draw.left = 0.1, random.choice((0.2, 0.5, 0.8)), random.choice((6, 12, 20, 30))
    slots = list(range(3, 0x1D))
    random.shuffle(slots)
    if family == "q35":
        _expanders(draw, "pxb-pcie", slots)
        while draw.left > 0 and slots:
            _q35_slot(draw, slots.pop())
        if draw.chance(0.3):
            draw.endpoint("pcie.0", 0x1F, draw.random.choice((1, 4, 5, 6, 7)))
    else:
        _expanders(draw, "pxb", slots)
        while draw.left > 0 and slots:
            if express and draw.chance(0.6):
                _ports(draw, "pci.0", slots.pop())
            else:
                _conventional_slot(draw, "pci.0", slots.pop(), 0, expanded=False)
        if draw.chance(0.3):
            draw.endpoint("pci.0", 0x01, draw.random.choice((4, 5, 6, 7)))
    if heavy and draw.chance(0.4):
        draw.devices.append(primary_video(random, "pcie.0" if family == "q35" else "pci.0", 2))
    fixed = Platform(memory=256 << 20, numa_nodes=0, chipset=chipset)
    runs = assumed_qemu(*family_of(machine or family), (firmware.name, firmware.number))
    model = machine_of(machine or family, chipset, qemu=runs)
    return draw.seal(firmware, platform(random, model, chipset, firmware) if heavy else fixed, machine or family)


def _expanders(draw: Draw, model: str, slots: list[int]) -> None:
    if draw.chance(0.7):
        return
    number = draw.random.randint(70, 90)
    for _ in range(draw.random.randint(1, 2)):
        root = "pcie.0" if draw.family == "q35" else "pci.0"
        expander = draw.controller(model, root, slots.pop(), bus_nr=number)
        number += draw.random.randint(60, 80)
        below = draw.random.sample(range(32), draw.random.randint(0, 4))
        for slot in sorted(below):
            if model == "pxb":
                _conventional_slot(draw, expander, slot, 1, expanded=True)
            else:
                _ports(draw, expander, slot)


def _q35_slot(draw: Draw, slot: int) -> None:
    kind = draw.random.random()
    if kind < 0.6:
        _ports(draw, "pcie.0", slot)
    elif kind < 0.9:
        draw.slot_of_endpoints("pcie.0", slot)
    else:
        bridge = draw.controller("i82801b11-bridge", "pcie.0", slot)
        _conventional_bus(draw, bridge, 1)


def _ports(draw: Draw, bus: str, slot: int) -> None:
    """Root ports packed into one slot."""
    model = "ioh3420" if draw.chance(0.1) else "pcie-root-port"
    for function in range(draw.random.choice((1, 1, 2, 4, 8))):
        if draw.left > 0 or function == 0:
            _port(draw, model, bus, slot, function, 1)


def _port(draw: Draw, model: str, bus: str, slot: int, function: int, depth: int) -> None:
    number = len(draw.controllers) + 1
    port = draw.controller(model, bus, slot, function, chassis=number)
    if draw.chance(0.1):
        _set(draw, port, "hotplug", False)
    before = len(draw.controllers)
    wanted = len(draw.devices)
    kind = draw.random.random()
    if kind < 0.5:
        draw.slot_of_endpoints(port, 0, port=True)
    elif kind < 0.65 and depth < DEEPEST:
        _conventional_bus(draw, draw.controller("pcie-pci-bridge", port, 0), depth + 1)
    elif kind < 0.75 and depth < DEEPEST:
        upstream = draw.controller("x3130-upstream", port, 0)
        for place in sorted(draw.random.sample(range(32), draw.random.randint(0, 3))):
            _port(draw, "xio3130-downstream", upstream, place, 0, depth + 2)
    if model == "pcie-root-port":
        empty = len(draw.devices) == wanted and len(draw.controllers) == before
        _reserves(draw, port, len(draw.controllers) - before, empty=empty)


def _reserves(draw: Draw, bridge: str, below: int, *, empty: bool) -> None:
    """`below`: how many bridges are there, and so how many bus numbers are in use."""
    if draw.chance(0.12):
        _set(draw, bridge, "io-reserve", draw.random.choice((0, 4096, 8192) if empty else (4096, 4096, 8192)))
    if draw.chance(0.08) and below < 3:
        # A reserve inside another one could make that too small: reserves are drawn where next to nothing is below.
        _set(draw, bridge, "bus-reserve", 8 * (below + 1) + draw.random.randint(1, 3))
    if draw.weight:
        for key, value in memory_reserves(draw.random).items():
            _set(draw, bridge, key, value)


def _conventional_bus(draw: Draw, bus: str, depth: int, *, expanded: bool = False) -> None:
    for slot in sorted(draw.random.sample(range(1, 32), draw.random.randint(0, 3))):
        _conventional_slot(draw, bus, slot, depth, expanded=expanded)


def _conventional_slot(draw: Draw, bus: str, slot: int, depth: int, *, expanded: bool) -> None:
    if depth < DEEPEST and draw.chance(0.35):
        for function in range(draw.random.choice((1, 1, 1, 2))):
            number = len(draw.controllers) + 1
            bridge = draw.controller("pci-bridge", bus, slot, function, chassis_nr=number, shpc=draw.chance(0.5))
            before = len(draw.controllers)
            _conventional_bus(draw, bridge, depth + 1, expanded=expanded)
            if before == len(draw.controllers):
                _reserves(draw, bridge, 0, empty=False)
    else:
        draw.slot_of_endpoints(bus, slot)


def _set(draw: Draw, name: str, key: str, value: Scalar) -> None:
    index = next(index for index, controller in enumerate(draw.controllers) if controller.id == name)
    properties = {**draw.controllers[index].properties, key: value}
    draw.controllers[index] = draw.controllers[index].model_copy(update={"properties": properties})
