"""Slots of a layout that take device_add as they are, and why others do not."""

from collections.abc import Iterator, Mapping
from typing import Final, get_args

from ..catalog.virtual_functions import virtual_functions
from ..layout.layout import Layout, PlacedDevice
from ..layout.topology import Bus, Topology, port_hotplug, topology_of
from ..pci.machine import Machine
from ..records import record
from ..request.shared import SlotKind

SLOT_KINDS: Final[tuple[SlotKind, ...]] = get_args(SlotKind)


@record(frozen=True)
class FreePlace:
    """A free slot on a bus that takes hot-plug."""

    kind: SlotKind
    bus: Bus
    slot: int


def free_places(layout: Layout, topology: Topology | None = None) -> Iterator[FreePlace]:
    """Free slots that take hot-plug, in the order of the buses: parents first, as they stand in the layout."""
    machine = layout.machine_model
    topology = topology or topology_of(machine, layout)
    virtual = {(one.bus, slot) for one in layout.devices for slot in slots_closed_by(one)}
    for bus in topology.buses.values():
        if not bus.takes_hotplug:
            continue
        kind: SlotKind = "pcie" if bus.is_port else "pci"
        for slot in offered_slots(bus, machine):
            if (bus.id, slot) not in topology.slots and (bus.id, slot) not in virtual:
                yield FreePlace(kind, bus, slot)


def slots_closed_by(device: PlacedDevice) -> set[int]:
    """Slots of its bus after its own in which its virtual functions are."""
    virtual = virtual_functions(device.model, device.properties)
    places = virtual.places(device.slot, device.function) if virtual is not None else ()
    return {slot for slot, _ in places if slot != device.slot}


def offered_slots(bus: Bus, machine: Machine) -> list[int]:
    """Slots of the bus that could be plugged; the chipset's own cannot."""
    if not bus.is_root:
        return list(range(bus.model.first_slot, bus.model.last_slot + 1))
    held = {slot for slot, _ in machine.taken} | machine.closed
    return [slot for slot in range(bus.model.first_slot, bus.model.last_slot + 1) if slot not in held]


def why_no_hotplug(bus: Bus) -> str:
    """Why a bus takes none, in words that follow its name."""
    if bus.is_root:
        return "is the root bus, where this machine takes none"
    if bus.is_expander:
        return "is the bus of an expander"
    if bus.is_port and bus.controller is not None and not port_hotplug(bus.controller):
        return "is of a port with hotplug=off"
    if bus.is_port or (bus.kind is not None and bus.kind.is_hotplug_bridge):
        return "is where neither ACPI nor the bridge itself offers it"
    return f"is of a {bus.kind.name if bus.kind else 'bridge'}, which offers none"


def told(slots: Mapping[str, int]) -> str:
    """`3 pcie, 12 pci`, or `nothing`.

    >>> told({"pcie": 3, "pci": 12}), told({})
    ('3 pcie, 12 pci', 'nothing')
    """
    return ", ".join(f"{count} {kind}" for kind in SLOT_KINDS if (count := slots.get(kind, 0))) or "nothing"
