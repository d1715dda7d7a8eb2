"""A layout held against its request: who belongs together, where each device of the request really sits."""

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import field
from functools import cached_property, wraps
from itertools import repeat
from typing import Any, TypeVar

from ..firmware import Prediction, predict
from ..firmware.ample import memory_is_ample
from ..layout.layout import Layout, PlacedDevice, Replanned, Seat, SpareSlot
from ..layout.topology import Bus, Topology, topology_of
from ..linux.interface_names import guest_names
from ..pci.controllers import VirtioMode
from ..pci.machine import Machine
from ..previous import Path, Standing, paths_of, sights
from ..records import record
from ..request.device import Device, Hotplug, Spare
from ..request.guest import Guest
from ..request.resolved import ResolvedDevice, mode_on
from .io_space import IoSpace, io_space

Value = TypeVar("Value")


@record(frozen=True)
class RequestedItem:
    """A device without a group, or a whole group: what takes one slot."""

    key: str
    members: tuple[Device, ...]
    hotplug: Hotplug
    numa: int | None
    """The node that any member asks for."""
    pinned: bool
    """Whether the request names its slot."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Of its members, as listed."""
        return tuple(member.id for member in self.members)


@record(frozen=True)
class SeatedDevice:
    """One device of the request on a bus that exists."""

    resolved: ResolvedDevice
    item: RequestedItem
    seat: PlacedDevice
    bus: Bus
    mode: VirtioMode | None
    io: int
    """Bytes of its IO BARs in that mode."""
    shared: bool
    """Whether its slot also holds something that is not of its item."""
    takes_hotplug: bool
    """Whether a hot-plug need is met here."""


@record(frozen=True, eq=False)
class Context:
    """What the rules look at: request and layout, and what follows from the two, each worked out once."""

    guest: Guest
    """The request. Beside a previous layout it also lists that one's controllers, and what stays counts as pinned."""
    layout: Layout
    machine: Machine
    topology: Topology
    resolved: dict[str, ResolvedDevice]
    items: dict[str, RequestedItem]
    """By device id; members of a group have the same."""
    places: dict[str, SeatedDevice]
    """By device id; without devices that are missing, or whose bus is."""
    spares: tuple[tuple[Spare, SpareSlot | None], ...]
    """Each spare slot asked for, with the layout's slot for it: the n-th of a kind answers the n-th asked for."""
    asked: Guest
    """The request as it is."""
    standing: Standing | None = None
    """What there was before, if anything; then `paths` are those of this layout."""
    paths: dict[str, Path] = field(default_factory=dict)
    derived: dict[object, Any] = field(default_factory=dict)
    """What else follows from request and seats, by who derives it: see `once`."""

    @cached_property
    def io(self) -> IoSpace:
        """What the layout takes of the IO space."""
        return io_space(self.machine, self.guest.firmware.name, self.topology, self._direct())

    def _direct(self) -> dict[str, int]:
        """Bytes of the IO BARs on each bus itself."""
        direct = dict.fromkeys(self.topology.buses, 0)
        direct[self.machine.root] = self.machine.io_bytes
        for place in self.places.values():
            direct[place.bus.id] += place.io
        for wanted, slot in self.spares:
            if wanted.kind == "pci" and slot is not None and slot.bus in direct:
                direct[slot.bus] += wanted.io
        return direct

    @cached_property
    def prediction(self) -> Prediction | None:
        """What the firmware makes of it; None where it has models that nobody knows. Where OVMF drops anything, memory
        is left out: for want of that it drops IO, too."""
        whole = self.memory
        if whole is not None and (self.layout.firmware.name == "seabios" or not whole.drops_anything):
            return whole
        return self._predicted(memory=False)

    @cached_property
    def memory(self) -> Prediction | None:
        """The same with memory; None, too, where there is ample for any order of things."""
        return None if self._ample else self._predicted(memory=True)

    @cached_property
    def _ample(self) -> bool:
        try:
            return memory_is_ample(self.layout)
        except (KeyError, ValueError):  # other rules speak of these
            return True

    def _predicted(self, *, memory: bool) -> Prediction | None:
        try:
            return predict(self.layout, memory=memory)
        except (KeyError, ValueError):
            return None

    @cached_property
    def names(self) -> dict[str, str | None]:
        """What a Linux guest calls each network interface, as far as that is predicted."""
        return {} if self.prediction is None else guest_names(self.layout, self.prediction, self.topology)

    @cached_property
    def replanned(self) -> Replanned | None:
        """What is not as it was in the previous layout, if there was one."""
        if self.standing is None:
            return None
        before = self.standing.before
        seen = None if self.prediction is None else sights(self.layout, self.prediction.guest_addresses, self.names)
        return Replanned(
            moved=before.moved(self.layout, self.paths), guest_visible=before.seen_otherwise(self.layout, seen)
        )

    def with_statements(self, layout: Layout) -> "Context":
        """Of a layout with the same seats that says more of itself; what is derived from the seats is kept."""
        other = copy(self)
        object.__setattr__(other, "layout", layout)
        return other

    def has_seats_of(self, layout: Layout) -> bool:
        """Whether its layout is that one, but for what that says of itself."""
        own = self.layout
        seats = own.controllers is layout.controllers and own.devices is layout.devices and own.spare == layout.spare
        machine = own.machine == layout.machine and own.platform == layout.platform
        return seats and machine and own.firmware == layout.firmware

    def beside(self, asked: Guest, layout: Layout, standing: Standing, paths: dict[str, Path]) -> "Context":
        """Of the same seats as the answer to a request beside a previous layout, of which this one's request says who
        stays."""
        other = self.with_statements(layout)
        for name, value in {"asked": asked, "standing": standing, "paths": paths, "derived": {}}.items():
            object.__setattr__(other, name, value)
        other.__dict__.pop("replanned", None)
        return other

    def occupant(self, seat: Seat) -> str:
        """Key of the item a seat belongs to; controllers, and devices nobody asked for, stand for themselves."""
        item = self.items.get(seat.id) if isinstance(seat, PlacedDevice) else None
        return seat.id if item is None else item.key

    def in_chipset_slot(self, bus: str, slot: int) -> bool:
        """Whether that is the slot that the chipset itself sits in."""
        return bus == self.machine.root and slot == self.machine.chipset_slot


def once(derive: Callable[[Context], Value]) -> Callable[[Context], Value]:
    """The function, which then works once for all statements of a layout: for what follows from request and seats."""

    @wraps(derive)
    def derived(known: Context) -> Value:
        if derive not in known.derived:
            known.derived[derive] = derive(known)
        value: Value = known.derived[derive]
        return value

    return derived


def context_of(
    guest: Guest, layout: Layout, standing: Standing | None = None, known: Iterable[Context] = ()
) -> Context:
    """Never raises, whatever the layout. `known` are contexts of layouts without a previous one: where one is of these
    seats, as the request that says who stays, what follows from those is taken from it."""
    asked, machine = guest, guest.machine_model
    same = next((one for one in known if one.machine == machine and one.has_seats_of(layout)), None)
    topology = topology_of(machine, layout) if same is None else same.topology
    paths = {} if standing is None else paths_of(layout, topology)
    if standing is not None:
        guest = standing.keeping(standing.seats.keys() & standing.before.stayed(layout, paths))
        if same is not None and same.guest is guest:
            return same.beside(asked, layout, standing, paths)
    result = Context(
        guest=guest,
        layout=layout,
        machine=machine,
        topology=topology,
        resolved=guest.resolved,
        items=_items(guest),
        places={},
        spares=tuple(_paired(guest, layout)),
        asked=asked,
        standing=standing,
        paths=paths,
    )
    for seat in layout.devices:
        bus = result.topology.buses.get(seat.bus)
        if bus is not None and seat.id in guest.resolved and seat.id not in result.places:
            result.places[seat.id] = _place(result, seat, bus)
    return result


def _items(guest: Guest) -> dict[str, RequestedItem]:
    items: dict[str, RequestedItem] = {}
    for device in guest.devices:
        if device.id in items:
            continue
        if device.group is None:
            pinned = device.address is not None and device.address.bus is not None
            items[device.id] = RequestedItem(
                device.id, (device,), guest.resolved[device.id].hotplug, device.numa, pinned
            )
            continue
        members = guest.groups[device.group]
        item = RequestedItem(
            key=f"group {device.group}",
            members=members,
            hotplug=guest.resolved[device.id].hotplug,
            numa=next((member.numa for member in members if member.numa is not None), None),
            pinned=any(member.address is not None and member.address.bus is not None for member in members),
        )
        items |= dict.fromkeys(item.ids, item)
    return items


def _place(result: Context, seat: PlacedDevice, bus: Bus) -> SeatedDevice:
    resolved = result.resolved[seat.id]
    item = result.items[seat.id]
    # what is emitted counts, even where it is not what the request asks for
    mode = seat.virtio if seat.virtio in resolved.modes else mode_on(resolved, behind_port=bus.is_port)
    neighbours = result.topology.slots[seat.bus, seat.slot]
    alone = len(neighbours) == 1 or all(result.occupant(other) == item.key for other in neighbours)
    shared = not alone or result.in_chipset_slot(seat.bus, seat.slot)
    offered = bus.takes_hotplug and not (bus.is_conventional and seat.slot == 0)
    takes_hotplug = offered and not shared and (seat.function == 0 or any(one.function == 0 for one in neighbours))
    return SeatedDevice(resolved, item, seat, bus, mode, resolved.io_bytes(mode), shared, takes_hotplug)


def _paired(guest: Guest, layout: Layout) -> Iterator[tuple[Spare, SpareSlot | None]]:
    for kind in ("pcie", "pci"):
        offered = (slot for slot in layout.spare if slot.kind == kind)
        for wanted in guest.spare:
            if wanted.kind == kind:
                for _ in repeat(None, wanted.count):
                    yield wanted, next(offered, None)
