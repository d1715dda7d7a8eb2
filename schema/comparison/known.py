"""A layout, and what follows from it, worked out once."""

from functools import cached_property

from ..firmware import Prediction, predict
from ..layout.known_model import known_model
from ..layout.layout import Layout, PlacedController, PlacedDevice, Seat
from ..layout.topology import Topology, topology_of
from ..linux.interface_names import guest_names
from ..linux.slot_numbers import Place, slot_numbers
from ..previous import Path, paths_of
from ..records import record
from .difference import WindowKind, WindowRange


@record(frozen=True)
class Known:
    """One of the two layouts."""

    layout: Layout

    @cached_property
    def topology(self) -> Topology:
        """Its buses."""
        return topology_of(self.layout.machine_model, self.layout)

    @cached_property
    def prediction(self) -> Prediction:
        """What the firmware makes of it."""
        return predict(self.layout)

    @cached_property
    def names(self) -> dict[str, str | None]:
        """Of network interfaces, by device."""
        return guest_names(self.layout, self.prediction, self.topology)

    @cached_property
    def numbers(self) -> dict[Place, int]:
        """Of slots, as Linux has them from ACPI (_SUN) or from the hot-plug drivers."""
        return slot_numbers(self.layout, self.topology, self.prediction.secondary)

    @cached_property
    def windows(self) -> dict[WindowKind, dict[str, WindowRange]]:
        """By kind and by id of the bridge."""
        prediction = self.prediction
        memory, prefetchable = prediction.memory_windows, prediction.prefetchable_windows
        return {
            "io": {one.controller: WindowRange(base=one.base, size=one.size) for one in prediction.io_windows},
            "memory": {name: WindowRange(base=base, size=size) for name, (base, size) in memory.items()},
            "prefetchable": {name: WindowRange(base=base, size=size) for name, (base, size) in prefetchable.items()},
        }

    @cached_property
    def paths(self) -> dict[str, Path]:
        """By id."""
        return paths_of(self.layout, self.topology)

    @cached_property
    def controllers(self) -> dict[str, PlacedController]:
        """By id."""
        return {one.id: one for one in self.layout.controllers}

    @cached_property
    def devices(self) -> dict[str, PlacedDevice]:
        """By id."""
        return {one.id: one for one in self.layout.devices}

    def path(self, seat: Seat, *, models: bool = False) -> str:
        """From the root bus, by slots and functions, and by the models of bridges if asked."""
        way = self.paths.get(seat.id)
        if way is None:
            return str(seat.address)
        told = " ".join(step.model for step in way.above) if models else ""
        return f"{self.layout.machine_model.root}:{way}" + (f" ({told})" if told else "")

    def identities(self, device: PlacedDevice) -> dict[str, str | int | None]:
        """What a guest may know a device by, beside its path."""
        return {
            "guest_address": self.prediction.guest_addresses.get(device.id),
            "slot_number": self.numbers.get((device.bus, device.slot)),
            "interface": self.names.get(device.id),
        }


def plugs(device: PlacedDevice) -> bool:
    """Whether QEMU takes such a device while a guest runs."""
    model = known_model(device)
    return model is not None and model.hotpluggable
