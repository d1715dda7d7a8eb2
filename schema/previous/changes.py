"""What changes for a guest between a layout and the one that comes after it."""

from collections.abc import Mapping
from functools import cached_property

from ..firmware import predict
from ..layout.layout import Layout, PlacedDevice
from ..layout.topology import Topology, topology_of
from ..linux.interface_names import guest_names
from ..pci.machine import Machine
from ..records import record
from .paths import Path, paths_of

Sight = tuple[str | None, str | None]
"""Address and, of a network interface, name, as the guest has them; None for what it never sees."""


@record(frozen=True, eq=False)
class Before:
    """A previous layout, and what the guest made of it, worked out once."""

    layout: Layout

    def is_of_another_family(self, machine: Machine) -> bool:
        """Whether it was on the other of q35 and pc: then nothing of it can stay, and nothing is said to move."""
        return self.layout.machine_model.family != machine.family

    @cached_property
    def devices(self) -> dict[str, PlacedDevice]:
        """By id."""
        return {one.id: one for one in self.layout.devices}

    @cached_property
    def topology(self) -> Topology:
        """Its tree of buses."""
        return topology_of(self.layout.machine_model, self.layout)

    @cached_property
    def paths(self) -> dict[str, Path]:
        """Of controllers and devices, by id."""
        return paths_of(self.layout, self.topology)

    @cached_property
    def seen(self) -> dict[str, Sight] | None:
        """Of each device, as it is predicted; what a file says of itself counts for nothing. None where nothing is."""
        try:
            prediction = predict(self.layout, memory=False)
        except (KeyError, ValueError):
            return None
        return sights(self.layout, prediction.guest_addresses, guest_names(self.layout, prediction, self.topology))

    def stayed(self, layout: Layout, paths: Mapping[str, Path]) -> list[str]:
        """Devices that are in both at the same path, in the same virtio mode; `paths` are the layout's."""
        if self.is_of_another_family(layout.machine_model):
            return []
        return [
            one.id
            for one in self.in_both(layout)
            if paths.get(one.id) == self.paths.get(one.id) and one.virtio == self.devices[one.id].virtio
        ]

    def moved(self, layout: Layout, paths: Mapping[str, Path]) -> tuple[str, ...]:
        """Devices that are in both, at another path or in another virtio mode; none where that is said of all, as the
        machine is of another family."""
        if self.is_of_another_family(layout.machine_model):
            return ()
        stayed = set(self.stayed(layout, paths))
        return tuple(one.id for one in self.in_both(layout) if one.id not in stayed)

    def seen_otherwise(self, layout: Layout, sights: dict[str, Sight] | None) -> tuple[str, ...]:
        """Devices that are in both, whose guest address or interface name is another. Where either layout cannot be
        predicted, that is all of them: none is known to keep it."""
        before = self.seen
        both = [one.id for one in self.in_both(layout)]
        if before is None or sights is None:
            return tuple(both)
        return tuple(name for name in both if before.get(name) != sights.get(name))

    def otherwise_in(self, layout: Layout) -> tuple[str, ...]:
        """The same as the layout itself states what the guest sees."""
        return self.seen_otherwise(layout, sights(layout, layout.guest_addresses, layout.guest_names))

    def seen_as_before(self, name: str, layout: Layout) -> bool:
        """Whether the guest sees that device of both as it did, as the layout states it."""
        return name not in self.otherwise_in(layout)

    def in_both(self, layout: Layout) -> list[PlacedDevice]:
        """The layout's devices that were there: id and model are the same."""
        models = {name: one.model for name, one in self.devices.items()}
        return [one for one in layout.devices if models.get(one.id) == one.model]


def sights(layout: Layout, addresses: Mapping[str, str | None], names: Mapping[str, str | None]) -> dict[str, Sight]:
    """What the guest sees of each device."""
    return {one.id: (addresses.get(one.id), names.get(one.id)) for one in layout.devices}
