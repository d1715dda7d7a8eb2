"""The numbers under which Linux knows PCI slots: /sys/bus/pci/slots, which interface names are made of.

Measured with QEMU 7.2, 10.0, 11.1 and Linux 6.1 (tests/real/test_linux.py). A slot has one where a hot-plug driver
found it:

- acpiphp, wherever QEMU's ACPI tables offer hot-plug: pci.0 and all conventional bridges of the main root, the number
  being the slot's; not where function 0 cannot be unplugged (a bridge, a VGA, the chipset), but from QEMU 8.0 on where
  another function can. Behind a root port it is 0.
- pciehp and shpchp, where the tables leave hot-plug to the guest: ports under the number in their property `slot`,
  the 31 slots of an SHPC under their own. So on q35 below expanders, everywhere before machine type 6.1, and everywhere
  without ACPI. A kernel without shpchp (Debian's cloud kernel) has no numbers there.

Numbers are given once: of slots that ask for the same the first keeps it, the others are called "3-1", "3-2" ...
"""

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from ..layout.known_model import known_model
from ..layout.layout import Layout, PlacedDevice
from ..layout.topology import Bus, Topology, has_shpc, port_hotplug
from ..pci.machine import Machine
from ..pci.qemu_properties import integer

Place = tuple[str, int]
"""A bus's id and one of its slots."""

Tables = Literal["qemu", "seabios", "none"]

EACH_FUNCTION: Final = (8, 0)
"""The QEMU whose ACPI tables describe all functions there are, not function 0 alone, whatever the machine type."""

PC_USB: Final = (0x01, 2)
"""Slot and function of the only part of a chipset that can be unplugged, pc's USB controller where it has one."""

NO_SEABIOS_TABLES: Final = (1, 17)
"""The SeaBIOS that has no ACPI tables of its own any more."""

NO_NATIVE: Final = (6, 1)
"""The machine version whose ports hide that they are hot-pluggable, so that pciehp passes them by."""


def acpi_tables(layout: Layout) -> Tables:
    """Whose ACPI tables the guest has. With `acpi=off` SeaBIOS up to 1.16 brings its own on q35, and none on pc; the
    image of 1.17.0 holds none, and OVMF has none."""
    if layout.platform.chipset.acpi:
        return "qemu"
    firmware = layout.firmware
    brings = firmware.name == "seabios" and firmware.number < NO_SEABIOS_TABLES
    return "seabios" if brings and layout.machine_model.family == "q35" else "none"


def acpi_slots(layout: Layout, topology: Topology) -> dict[Place, int]:
    """Slots that the ACPI tables describe as hot-pluggable, with the number given there (_SUN)."""
    machine = layout.machine_model
    tables = acpi_tables(layout)
    if tables == "seabios":
        return {(machine.root, slot): slot for slot in range(1, 32)}
    if tables == "none":
        return {}
    fixed = _fixed(machine, topology)
    return {
        (bus.id, slot): slot
        for bus in topology.buses.values()
        if _is_described(bus, machine)
        for slot in range(1 if bus.is_port else 32)
        if (bus.id, slot) not in fixed
    }


def _is_described(bus: Bus, machine: Machine) -> bool:
    if bus.controller is None:
        return machine.root_hotplug
    plugs = port_hotplug(bus.controller) if bus.is_port else bus.is_conventional
    return machine.acpi_bridge_hotplug and bus.acpi_reaches and plugs


def _fixed(machine: Machine, topology: Topology) -> set[Place]:
    """Slots of which nothing that is described can be unplugged: function 0 cannot, in newer QEMUs no function."""
    chipset = {(machine.root, slot) for slot, _ in machine.taken}
    seats = [(place, seat.function, _unplugs(seat)) for place, here in topology.slots.items() for seat in here]
    fixed = chipset | {place for place, function, unplugs in seats if function == 0 and not unplugs}
    if describes_each_function(machine):
        fixed -= {place for place, _, unplugs in seats if unplugs}
        fixed -= {(machine.root, PC_USB[0])} if machine.family == "pc" and PC_USB in machine.taken else set()
    return fixed


def describes_each_function(machine: Machine) -> bool:
    """Whether the QEMU's ACPI tables describe all functions that it starts with."""
    return machine.qemu is not None and machine.qemu >= EACH_FUNCTION


def is_fixed_function(device: PlacedDevice, topology: Topology) -> bool:
    """Whether the ACPI tables of a QEMU that describes each function tell this one's `acpi-index` in a `_DSM` of its
    own: it is below the main root, and nothing unplugs it, ACPI no more than the guest's own drivers."""
    bus = topology.buses.get(device.bus)
    if bus is None or bus.expander is not None:
        return False
    native = bus.controller is not None and bus.is_port and port_hotplug(bus.controller)
    return not (_unplugs(device) and (bus.takes_hotplug or native))


def _unplugs(seat: object) -> bool:
    if not isinstance(seat, PlacedDevice):
        return False
    model = known_model(seat)
    return model is None or model.hotpluggable


def slot_numbers(layout: Layout, topology: Topology, secondary: dict[str, int | None]) -> dict[Place, int]:
    """Slots that have a number of their own in the guest, the least being 1: what net_id reads as a slot's name.

    `secondary` are the guest's bus numbers by controller: they decide who comes first.
    """
    machine = layout.machine_model
    numbers = {machine.root: 0} | {name: value for name, value in secondary.items() if value is not None}
    described = [item for item in acpi_slots(layout, topology).items() if item[0][0] in numbers]
    # acpiphp meets a bus when it is made, depth first; the drivers of ports and bridges come later and go bus by bus
    described.sort(key=lambda item: (numbers[item[0][0]], item[0][1]))
    native = [bus for bus in topology.buses.values() if bus.id in numbers and _is_native(bus, machine, layout)]
    native.sort(key=lambda bus: _found(bus, numbers))
    first: dict[int, Place] = {}
    for place, value in (*described, *_ports(native, machine), *_shpc(native)):
        if value > 0:
            first.setdefault(value, place)
    return {place: value for value, place in first.items()}


def _is_native(bus: Bus, machine: Machine, layout: Layout) -> bool:
    """Whether the tables leave hot-plug on this bus to pciehp and shpchp."""
    if bus.controller is None:
        return False
    tables = acpi_tables(layout)
    if tables == "qemu":
        return machine.family == "q35" and (bus.expander is not None or not machine.acpi_bridge_hotplug)
    return tables == "none" or bus.expander is not None


def _found(bus: Bus, numbers: dict[str, int]) -> tuple[int, int, int]:
    assert bus.controller is not None
    return numbers.get(bus.controller.bus, 0), bus.controller.slot, bus.controller.function


def _ports(buses: Iterable[Bus], machine: Machine) -> Iterator[tuple[Place, int]]:
    for bus in buses:
        if bus.controller is not None and bus.is_port and port_hotplug(bus.controller) and machine.version != NO_NATIVE:
            yield (bus.id, 0), integer(bus.controller.properties, "slot") or 0


def _shpc(buses: Iterable[Bus]) -> Iterator[tuple[Place, int]]:
    for bus in buses:
        if bus.controller is not None and has_shpc(bus.controller):
            yield from (((bus.id, slot), slot) for slot in range(1, 32))
