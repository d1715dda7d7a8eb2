"""The PCI tree as a firmware finds it: buses, the functions it can see on them, and the numbers it gives the buses.

Everything that SeaBIOS and OVMF have in common. Plain dataclasses: a layout of 1000 devices is read in milliseconds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import field
from operator import attrgetter
from typing import Final

from ..layout.known_model import controller_model
from ..layout.layout import Layout, PlacedController, PlacedDevice, Platform
from ..pci.bars import Bars
from ..pci.controllers import RESERVES
from ..pci.machine import Machine
from ..pci.qemu_properties import integer, is_on
from ..records import record
from .bars import CHIPSET, PORT_BARS, SHPC_BARS, VirtualBar, device_bars, listed_virtual, virtual_bars
from .budget import PAGE

WITHOUT_SHPC: Final = (2, 9)
"""The one machine version whose pci-bridge has shpc off unless told otherwise (measured: not so in 2.0, 2.8, 2.10)."""


@record(eq=False)
class Function:
    """One function of a slot. `id` is empty for what belongs to the chipset; `bus` is what it bridges to."""

    id: str
    slot: int
    function: int
    multifunction: bool
    bars: Bars = ()
    rom: int = 0
    """Bytes of its option ROM's BAR; 0 without one."""
    virtual_bars: tuple[VirtualBar, ...] = ()
    """Those of its virtual functions, as far as firmware can see them."""
    bus: "FirmwareBus | None" = None
    model: str = ""


@record(eq=False)
class FirmwareBus:
    """A root bus, or the bus below a bridge. Reserves are in bytes and bus numbers; None is what nobody asked."""

    id: str
    """The controller whose id this bus has; empty for the hidden root bus above a pxb's bridge."""
    parent: "FirmwareBus | None" = None
    functions: list[Function] = field(default_factory=list)
    port: bool = False
    """Below a root or downstream port."""
    hotplug: bool = True
    shpc: bool = False
    io_reserve: int | None = None
    memory_reserve: int | None = None
    pref32_reserve: int | None = None
    pref64_reserve: int | None = None
    bus_reserve: int | None = None
    children: "list[FirmwareBus]" = field(default_factory=list)
    """The buses its functions bridge to."""
    number: int = 0
    """Secondary bus number."""
    subordinate: int = 0


@record
class FirmwareTree:
    """What the firmware reaches; `buses` holds the rest, too."""

    machine: Machine
    platform: Platform
    buses: dict[str, FirmwareBus]
    """By id of the controller (or of the root bus) that offers it."""
    complexes: list[list[FirmwareBus]]
    """For the main root bus and each expander's, by rising bus number: that root and all below it, depth first."""

    @property
    def roots(self) -> list[FirmwareBus]:
        """The root buses: the main one, then those of expanders."""
        return [buses[0] for buses in self.complexes]

    @property
    def reachable(self) -> list[FirmwareBus]:
        """Every bus the firmware finds, by rising bus number once the numbers are given."""
        return [bus for buses in self.complexes for bus in buses]


def tree_of(layout: Layout) -> FirmwareTree:
    """What stands on a bus that does not exist, or in a function that no firmware looks at, is left out."""
    machine = layout.machine_model
    main = FirmwareBus(machine.root, hotplug=False, functions=list(_chipset(machine)))
    buses = {machine.root: main}
    roots: list[FirmwareBus] = []
    for controller in layout.controllers:
        buses[controller.id] = _bus_of(controller, machine, roots)
    seats: tuple[PlacedController | PlacedDevice, ...] = (*layout.controllers, *layout.devices)
    listed = listed_virtual(layout.devices)
    for seat in seats:
        above = buses.get(seat.bus)
        if above is not None:
            above.functions.append(_function(seat, above, buses, machine))
            if isinstance(seat, PlacedDevice) and (above.port or (above.parent is None and machine.family == "q35")):
                above.functions[-1].virtual_bars = virtual_bars(seat, listed.get(seat.id, ()))
    hidden = [root for root in roots if not root.id]
    for bus in (*buses.values(), *hidden):
        bus.functions = _visible(bus.functions)
        bus.children = [function.bus for function in bus.functions if function.bus is not None]
    roots.sort(key=lambda root: root.number)
    return FirmwareTree(machine, layout.platform, buses, [_depth_first(root) for root in (main, *roots)])


def _depth_first(root: FirmwareBus) -> list[FirmwareBus]:
    order = []
    waiting = [root]
    while waiting:
        bus = waiting.pop()
        order.append(bus)
        waiting += reversed(bus.children)
    return order


def _bus_of(controller: PlacedController, machine: Machine, roots: list[FirmwareBus]) -> FirmwareBus:
    """The bus a controller offers; expanders add their root bus to `roots`."""
    model = controller_model(controller)
    properties = controller.properties
    bus = FirmwareBus(controller.id, port=model.is_port, hotplug=is_on(properties, "hotplug"))
    if model.is_port or controller.model == "pci-bridge":
        bus.io_reserve = _io_reserve(controller, machine, bus.hotplug)
        if not RESERVES.isdisjoint(properties):  # most have none
            bus.memory_reserve = integer(properties, "mem-reserve")
            bus.pref32_reserve = integer(properties, "pref32-reserve")
            bus.pref64_reserve = integer(properties, "pref64-reserve")
            bus.bus_reserve = integer(properties, "bus-reserve")
    bus.shpc = model.has_shpc(properties, by_default=machine.version != WITHOUT_SHPC)
    if model.is_expander:
        root = bus
        if model.bus_numbers == 2:
            # QEMU puts a hidden bridge on the expander's root bus; devices name that bridge's bus by the expander's id.
            root = FirmwareBus("", functions=[Function("", 0, 0, False, bus=bus)])
            bus.parent = root
        root.number = integer(properties, "bus_nr") or 0
        if root.number:  # number 0 is the main root's: QEMU starts, the guest never sees the expander's bus
            roots.append(root)
    return bus


def _io_reserve(controller: PlacedController, machine: Machine, hotplug: bool) -> int | None:
    asked = integer(controller.properties, "io-reserve")
    # other ports of that machine get none (measured)
    implicit = machine.port_io_reserve and hotplug and controller.model == "pcie-root-port"
    return PAGE if asked is None and implicit else asked


def _chipset(machine: Machine) -> Iterator[Function]:
    """Host bridge slots hide their other functions; the south bridge's and the USB controllers' slots do not."""
    bars = CHIPSET[machine.family]
    for slot, function in machine.taken:
        yield Function("", slot, function, slot != 0, bars.get((slot, function), ()))


def _function(
    seat: PlacedController | PlacedDevice, above: FirmwareBus, buses: Mapping[str, FirmwareBus], machine: Machine
) -> Function:
    function = Function(seat.id, seat.slot, seat.function, seat.multifunction, model=seat.model)
    if isinstance(seat, PlacedDevice):
        function.bars, function.rom = device_bars(seat, machine)
        return function
    bus = buses[seat.id]
    function.bars = PORT_BARS if seat.model == "pcie-root-port" else SHPC_BARS if bus.shpc else ()
    # An expander shows as a plain device, its bus is a root of its own. A bus that already has a parent belongs to an
    # id used twice, in a layout that is wrong anyway: without this the walks below could go round in circles.
    if bus.parent is None and not controller_model(seat).is_expander:
        function.bus = bus
        bus.parent = above
    return function


def _visible(functions: list[Function]) -> list[Function]:
    """By rising slot and function, as firmware scans: others than function 0 only where that one announces them."""
    functions.sort(key=attrgetter("slot", "function"))
    multifunction = {f.slot: f.multifunction for f in reversed(functions) if f.function == 0}
    return [f for f in functions if f.function == 0 or multifunction.get(f.slot, False)]
