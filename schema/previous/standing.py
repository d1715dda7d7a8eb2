"""What of a previous layout may stand in the layout to come: its controllers, and seats that devices may keep."""

from collections.abc import Collection
from dataclasses import field
from functools import cached_property

from ..layout.layout import Layout, PlacedController, PlacedDevice
from ..pci.address import Address, Pin
from ..pci.controllers import CONTROLLERS
from ..pci.qemu_properties import integer, is_on
from ..records import record
from ..request.device import FIELD_OF, Controller, Device
from ..request.fields import Policy, Term
from ..request.guest import Guest
from ..request.resolved import mode_on
from .changes import Before
from .listed import listed_already, means
from .matching import free_name


@record(frozen=True, eq=False)
class Standing:
    """A request beside the layout that was there before it. Each request that it makes is made once, so that what is
    derived from one is, too."""

    asked: Guest
    """The request as it is."""
    controllers: dict[str, Controller]
    """The previous controllers, parents first, as the request would list them: by id, each where it was and with its
    properties."""
    seats: dict[str, Address]
    """By id, where each device was that may stay as far as the request itself goes; buses as the request calls them."""
    moving: tuple[str, ...]
    """Devices that were there and cannot stay whatever the others do: the request puts them elsewhere, or gives them
    another virtio mode."""
    elsewhere: tuple[str, ...]
    """Those of them that the request puts elsewhere."""
    before: Before
    _kept: dict[frozenset[str], Guest] = field(default_factory=dict)
    """The requests of `keeping`."""

    @property
    def is_conversion(self) -> bool:
        """Whether the layout before is of another family of machines, so that nothing of it may stand."""
        return self.before.is_of_another_family(self.asked.machine_model)

    @property
    def policy(self) -> Policy:
        """The request's; from one family to another what the guest sees otherwise counts after preferences, so that no
        device gives up hot-plug to keep an address."""
        policy = self.asked.policy
        if not self.is_conversion:
            return policy
        order: list[Term] = [term for term in policy.order if term != "guest_visible"]
        order.insert(order.index("preferences") + 1, "guest_visible")
        return policy.model_copy(update={"order": tuple(order)})

    @cached_property
    def guest(self) -> Guest:
        """The request that lists all previous controllers, and says of no device that it stays."""
        return self._listing(self.controllers)

    def keeping(self, names: Collection[str]) -> Guest:
        """The request that also lists the previous controllers, and says of these devices that they stay, as pins
        would; with the policy `prune` only the controllers above those. It is not validated."""
        kept = frozenset(names)
        if kept not in self._kept:
            guest = self._listing(self._above(kept)) if self.asked.policy.prune else self.guest
            devices = tuple(self._pinned(one) if one.id in kept else one for one in guest.devices)
            self._kept[kept] = guest.model_copy(update={"devices": devices})
        return self._kept[kept]

    def _pinned(self, device: Device) -> Device:
        return device.model_copy(update={"address": Pin(*self.seats[device.id])})

    def _above(self, names: Collection[str]) -> dict[str, Controller]:
        """The controllers between these devices and the root bus."""
        needed = {self.seats[name].bus for name in names}
        for name, one in reversed(self.controllers.items()):  # children before parents
            if name in needed and one.address is not None and one.address.bus is not None:
                needed.add(one.address.bus)
        return {name: one for name, one in self.controllers.items() if name in needed}

    def _listing(self, controllers: dict[str, Controller]) -> Guest:
        """The request's own controllers, those that were there as they were, then the others."""
        own = tuple(controllers.get(one.id, one) for one in self.asked.controllers)
        listed = {one.id for one in own}
        others = (one for name, one in controllers.items() if name not in listed)
        return self.asked.model_copy(update={"controllers": (*own, *others), "policy": self.policy})


def standing_of(guest: Guest, previous: Layout) -> Standing:
    """What may stand. Devices are the same where id and model are; what QEMU places by itself keeps no seat. Of another
    family of machines nothing may."""
    history = Before(previous)
    if history.is_of_another_family(guest.machine_model):
        return Standing(guest, {}, {}, (), (), history)
    labels = _labels(guest, previous)
    buses = {guest.machine_model.root: guest.machine_model.root, **labels}
    ports = {one.id for one in previous.controllers if one.model in CONTROLLERS and CONTROLLERS[one.model].is_port}
    before = {one.id: one for one in previous.devices}
    seats: dict[str, Address] = {}
    moving: list[str] = []
    elsewhere: list[str] = []
    for device in guest.devices:
        old = before.get(device.id)
        if old is None or old.model != device.model or old.bus not in buses:
            continue
        if guest.resolved[device.id].model.brings:
            continue
        seat = Address(buses[old.bus], old.slot, old.function)
        there = device.address is None or means(device.address, seat)
        if there and _mode(guest, old, behind_port=old.bus in ports) == old.virtio:
            seats[device.id] = seat
        else:
            moving.append(device.id)
            elsewhere += [] if there else [device.id]
    listed = {one.id: one for one in guest.controllers}
    controllers = {labels[one.id]: _controller(one, listed.get(labels[one.id]), labels) for one in previous.controllers}
    return Standing(guest, controllers, seats, tuple(moving), tuple(elsewhere), history)


def _mode(guest: Guest, old: PlacedDevice, *, behind_port: bool) -> object:
    return mode_on(guest.resolved[old.id], behind_port=behind_port)


def _labels(guest: Guest, previous: Layout) -> dict[str, str]:
    """By id of a previous controller, what the request calls it: as it lists it, else as before, if nobody else has
    that id."""
    labels = {old: new for new, old in listed_already(guest, previous).items()}
    taken = {guest.machine_model.root, *(one.id for one in guest.parts), *labels.values()}
    for one in previous.controllers:
        if one.id not in labels:
            labels[one.id] = free_name(one.id, taken)
    return labels


def _controller(placed: PlacedController, listed: Controller | None, labels: dict[str, str]) -> Controller:
    """As the request would list it; what it says of properties itself comes first."""
    said = set() if listed is None else listed.model_fields_set
    return Controller.model_construct(
        id=labels[placed.id],
        model=placed.model,
        address=Pin(labels.get(placed.bus, placed.bus), placed.slot, placed.function),
        hotplug=listed.hotplug if listed and "hotplug" in said else is_on(placed.properties, "hotplug"),
        numa=listed.numa if listed and "numa" in said else integer(placed.properties, "numa_node"),
        properties={
            name: value
            for name, value in {**placed.properties, **(listed.properties if listed else {})}.items()
            if name not in FIELD_OF
        },
    )
