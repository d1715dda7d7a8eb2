"""The tree of buses that a layout describes, indexed once. Any layout is read: what hangs nowhere is left out."""

from functools import cached_property
from itertools import chain

from ..pci.controllers import CONTROLLERS, PORT, BusModel, ControllerModel
from ..pci.machine import Machine
from ..pci.qemu_properties import integer, is_on
from ..records import record
from .layout import Layout, PlacedController, Seat


@record(frozen=True)
class Bus:
    """One bus that can be reached from the root. `depth` counts controllers above it, its own included."""

    id: str
    model: BusModel
    depth: int
    controller: PlacedController | None = None
    kind: ControllerModel | None = None
    above: "Bus | None" = None
    """The bus that its controller sits on."""
    expander: PlacedController | None = None
    """Whose complex it belongs to; None is the main root's."""
    switches: tuple[str, ...] = ()
    """Ids of the switch upstream ports above it."""
    acpi_reaches: bool = True
    """Whether ACPI can offer hot-plug below its controller: neither that nor one above is an expander, or with QEMU
    before 8.0 a port that says hotplug=off."""
    takes_hotplug: bool = False
    relies_on_shpc: bool = False
    """Its hot-plug, if any, works only through the guest's SHPC driver."""

    @property
    def is_root(self) -> bool:
        """Whether it is the main root bus."""
        return self.controller is None

    @property
    def is_port(self) -> bool:
        """Whether a root or downstream port offers it."""
        return self.model is PORT

    @property
    def is_conventional(self) -> bool:
        """Whether it is conventional PCI, not PCI Express."""
        return not self.model.express

    @property
    def is_expander(self) -> bool:
        """Whether it is the bus of a pxb or pxb-pcie."""
        return self.kind is not None and self.kind.is_expander

    @property
    def node(self) -> int | None:
        """NUMA node of the complex, as QEMU is told it; None on the main root and for an expander without one."""
        return None if self.expander is None else integer(self.expander.properties, "numa_node")


@record(frozen=True, eq=False)
class Topology:
    """`buses` has parents before children; `below` lists the buses of the bridges on a bus."""

    buses: dict[str, Bus]
    below: dict[str, list[Bus]]
    slots: dict[tuple[str, int], list[Seat]]
    """Who sits in each slot that is used at all, whether its bus exists or not; controllers first."""
    controllers: dict[str, PlacedController]
    """By id, the first of equal ones."""

    @cached_property
    def numbers_below(self) -> dict[str, int]:
        """Bus numbers used below each bus, reserved ones included; those of an expander are its own complex's."""
        below = dict.fromkeys(self.buses, 0)
        for bus in reversed(self.buses.values()):
            if bus.controller is not None and bus.above is not None and not bus.is_expander:
                reserved = integer(bus.controller.properties, "bus-reserve") or 0
                below[bus.above.id] += 1 + max(below[bus.id], reserved)
        return below


def has_shpc(controller: PlacedController) -> bool:
    """Whether the bridge has a standard hot-plug controller."""
    return CONTROLLERS[controller.model].has_shpc(controller.properties)


def port_hotplug(controller: PlacedController) -> bool:
    """Whether a port takes hot-plug: its property says so, or nothing."""
    return is_on(controller.properties, "hotplug")


def topology_of(machine: Machine, layout: Layout) -> Topology:
    """Indexes a layout. Of equal ids the first counts; a controller with the root bus's id is left out."""
    controllers: dict[str, PlacedController] = {}
    sitting: dict[str, list[PlacedController]] = {}
    for controller in layout.controllers:
        if controller.id != machine.root and controllers.setdefault(controller.id, controller) is controller:
            sitting.setdefault(controller.bus, []).append(controller)
    slots: dict[tuple[str, int], list[Seat]] = {}
    for seat in chain(layout.controllers, layout.devices):
        slots.setdefault((seat.bus, seat.slot), []).append(seat)
    buses, below = _tree(machine, sitting)
    return Topology(buses, below, slots, controllers)


def _tree(machine: Machine, sitting: dict[str, list[PlacedController]]) -> tuple[dict[str, Bus], dict[str, list[Bus]]]:
    """Breadth first from the root, so that loops and orphans are never met."""
    root = Bus(machine.root, machine.bus, 0, takes_hotplug=machine.root_hotplug)
    buses = {root.id: root}
    below: dict[str, list[Bus]] = {root.id: []}
    queue = [root]
    for parent in queue:
        for controller in sitting.get(parent.id, ()):
            kind = CONTROLLERS.get(controller.model)
            if kind is not None:
                bus = _offered(machine, parent, controller, kind)
                buses[bus.id] = bus
                below[bus.id] = []
                below[parent.id].append(bus)
                queue.append(bus)
    return buses, below


def _offered(machine: Machine, parent: Bus, controller: PlacedController, kind: ControllerModel) -> Bus:
    expander = controller if kind.is_expander else parent.expander
    reached = parent.acpi_reaches and expander is None
    by_acpi = machine.acpi_bridge_hotplug and reached
    bridge = kind.is_hotplug_bridge
    port = kind.is_port and port_hotplug(controller)
    natively = machine.plugs_natively(below_expander=expander is not None)
    port_plugs = port and ((reached and machine.port_hotplug) or natively)
    return Bus(
        id=controller.id,
        model=kind.bus,
        depth=parent.depth + 1,
        controller=controller,
        kind=kind,
        above=parent,
        expander=expander,
        switches=(*parent.switches, controller.id) if controller.model == "x3130-upstream" else parent.switches,
        acpi_reaches=reached and not (kind.is_port and not port and machine.port_ends_acpi),
        takes_hotplug=port_plugs or (bridge and (by_acpi or has_shpc(controller))),
        relies_on_shpc=bridge and has_shpc(controller) and not by_acpi,
    )
