"""Where a device fits in a running guest, and why it does not fit elsewhere."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from ..layout.layout import Layout, PlacedDevice
from ..layout.topology import Bus
from ..pci.address import Address
from ..pci.bars import BarKind
from ..pci.controllers import Connector, VirtioMode
from ..pci.machine import Machine
from ..request.resolved import ResolvedDevice
from .room import FreeSlot, Room, bars_of, free_slots
from .seating import seated
from .slots import slots_closed_by

Obstacle = Literal["kind", "node", "mode", "virtual", "io", "memory"]

OBSTACLES: Final[dict[Obstacle, str]] = {
    "kind": "not for such a device",
    "node": "of another NUMA node",
    "mode": "would make another virtio mode",
    "virtual": "no free slots for its virtual functions",
    "io": "no IO ports left for it",
    "memory": "no memory left for it",
}
"""Why a free slot will not do, in words that follow its name and a colon."""


@dataclass(frozen=True, slots=True)
class SlotFit:
    """A free slot, with the devices in it as QEMU would be told of them, or why they do not fit."""

    free: FreeSlot
    devices: tuple[PlacedDevice, ...]
    obstacle: Obstacle | None = None
    left: Room | None = None
    """What is left of the bus's room with them there."""
    detour: bool = False
    """Whether automatic placement would take it only where there is nothing better."""


def fits(layout: Layout, devices: Sequence[ResolvedDevice]) -> Iterator[SlotFit]:
    """Each free slot of the layout, with the devices as the functions of that slot."""
    return (fit_at(slot, slot.room, devices, layout.machine_model) for slot in free_slots(layout))


def fit_at(slot: FreeSlot, room: Room, devices: Sequence[ResolvedDevice], machine: Machine) -> SlotFit:
    """Whether the devices fit into that slot, of whose bus so much room is left."""
    bus = slot.bus
    seats = tuple(
        seated(
            one,
            Address(bus.id, slot.slot, number),
            behind_port=bus.is_port,
            multifunction=number == 0 and len(devices) > 1,
        )
        for number, one in enumerate(devices)
    )
    obstacle = next((why for one in devices if (why := _unsuited(one, bus, machine)) is not None), None)
    if obstacle is None and not bus.is_port and not set().union(*map(slots_closed_by, seats)) <= slot.others:
        obstacle = "virtual"
    if obstacle is not None:
        return SlotFit(slot, seats, obstacle)
    bars = tuple(bar for seat in seats for bar in bars_of(seat, machine))
    with_io = room.without(tuple(bar for bar in bars if bar.kind is BarKind.IO))
    if with_io is None:
        return SlotFit(slot, seats, "io")
    left = with_io.without(tuple(bar for bar in bars if bar.kind is not BarKind.IO))
    if left is None:
        return SlotFit(slot, seats, "memory")
    detour = any(_detour(one, seat, bus) for one, seat in zip(devices, seats, strict=True))
    return SlotFit(slot, seats, left=left, detour=detour)


def _unsuited(resolved: ResolvedDevice, bus: Bus, machine: Machine) -> Obstacle | None:
    device, connector = resolved.device, resolved.connector
    legacy_virtio = machine.family == "q35" and bool(resolved.modes) and VirtioMode.MODERN not in resolved.modes
    if connector is Connector.INTEGRATED or (connector is Connector.EXPRESS and bus.is_conventional):
        return "kind"
    if (connector is Connector.CONVENTIONAL and bus.is_port and not legacy_virtio) or (
        resolved.asks_for_virtual and not bus.is_port
    ):
        return "kind"
    if device.numa is not None and device.numa != bus.node:
        return "node"
    told = resolved.slot_decides
    made = VirtioMode.MODERN if bus.is_port else VirtioMode.TRANSITIONAL
    return "mode" if told is not None and told is not made else None


def _detour(resolved: ResolvedDevice, seat: PlacedDevice, bus: Bus) -> bool:
    """An express-capable device on a conventional bus of q35, virtio 0.9 behind a port, or a node that nobody asked
    for."""
    behind_port = bus.is_port and seat.virtio in (VirtioMode.LEGACY, VirtioMode.TRANSITIONAL)
    conventional = bus.is_conventional and resolved.connector is Connector.HYBRID
    return behind_port or conventional or (resolved.device.numa is None and bus.node is not None)


def how_many(layout: Layout, device: ResolvedDevice) -> tuple[int, Mapping[Obstacle, int]]:
    """How many such devices can be plugged one after the other, each into a slot of its own; and by what reason how
    many free slots stay empty then."""
    rooms: dict[str, Room] = {}
    closed: dict[str, set[int]] = {}
    count, obstacles = 0, dict[Obstacle, int]()
    for slot in free_slots(layout):
        taken = closed.setdefault(slot.bus.id, set())
        left = replace(slot, others=slot.others - taken)
        fit = fit_at(left, rooms.get(slot.bus.id, slot.room), [device], layout.machine_model)
        if slot.slot in taken:
            fit = SlotFit(slot, fit.devices, "virtual")
        if fit.left is None:
            assert fit.obstacle is not None
            obstacles[fit.obstacle] = obstacles.get(fit.obstacle, 0) + 1
        else:
            count += 1
            rooms[slot.bus.id] = fit.left
            taken |= {slot.slot}.union(*map(slots_closed_by, fit.devices))
    return count, obstacles
