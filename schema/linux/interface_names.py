"""Names of network interfaces in a Linux guest with systemd's predictable naming, as its default policy chooses them.

Sources: systemd.net-naming-scheme(7), systemd.link(5) (`NamePolicy=keep kernel database onboard slot path`), and what
Debian 12 (systemd 252, Linux 6.1) did in QEMU 7.2, 10.0, 11.1: tests/real/test_linux.py. Other schemes differ:

- before v247 a device behind a bridge takes the bridge's slot number (and several collide); v247 to v250, and from v255
  on, none does; v251 to v254 one whose function 0 announces more functions does. Bridges have a number only where
  hot-plug is native, see slot_numbers.
- from v257 (Debian 13) on the number comes from ACPI itself, so that a second conventional bridge gives its devices the
  names that the first one's have, and one of the two keeps the kernel's `ethN`.

A guest without systemd (RHEL 6, Alpine) names otherwise, and so do `net.ifnames=0` and virtio's `failover=on`.
"""

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import Final

from ..catalog.virtual_functions import PHYSICAL
from ..firmware import Prediction
from ..layout.known_model import known_model
from ..layout.layout import Layout, PlacedController, PlacedDevice
from ..layout.topology import Topology, topology_of
from ..pci.controllers import CONTROLLERS
from ..records import record
from .slot_numbers import (
    Place,
    acpi_slots,
    acpi_tables,
    describes_each_function,
    is_fixed_function,
    slot_numbers,
)

SEVERAL_PORTS: Final = frozenset({"rocker"})
"""Network models that are no one interface: a switch has one for each port."""


def guest_names(layout: Layout, prediction: Prediction, topology: Topology | None = None) -> dict[str, str | None]:
    """The interface name of each device: `enp1s0`, `ens3`, `ens3f1`, `eno7`. None for what is no network interface.

    None, too, for a virtual function, whose name is made from its physical one's, for a host's device, for what the
    guest never sees, and where two would get the same name: the first to ask has it, the other keeps the kernel's, and
    who is first is a race.
    """
    if topology is None:
        topology = topology_of(layout.machine_model, layout)
    naming = _Naming(layout, prediction, topology)
    names = {device.id: naming.name(device) if _is_interface(device) else None for device in layout.devices}
    given = Counter(names.values())
    return {device: name if given[name] == 1 else None for device, name in names.items()}


@record(frozen=True)
class _Naming:
    layout: Layout
    prediction: Prediction
    topology: Topology

    @cached_property
    def numbers(self) -> Mapping[Place, int]:
        return slot_numbers(self.layout, self.topology, self.prediction.secondary)

    @cached_property
    def indexes(self) -> Mapping[str, str | None]:
        """Onboard names by device, of those that ACPI tells an `acpi-index`; None where functions share the slot.

        Where hot-plug is ACPI's, QEMU tells an index a slot: with one on each of two functions, function 0 was given
        that of the other. Where there is none, QEMU 8.0 and newer tell each function its own.
        """
        indexes = {one.id: index for one in self.layout.devices if (index := one.properties.get("acpi-index"))}
        if not indexes or acpi_tables(self.layout) != "qemu":
            return {}
        each = describes_each_function(self.layout.machine_model)
        described = acpi_slots(self.layout, self.topology)
        stated = {(one.bus, one.slot) for one in self.layout.devices if one.id in indexes}
        shared = Counter((one.bus, one.slot) for one in self.layout.devices)
        told: dict[str, str | None] = {}
        for one in self.layout.devices:
            place = (one.bus, one.slot)
            if each and is_fixed_function(one, self.topology):
                told |= {one.id: f"eno{indexes[one.id]}"} if one.id in indexes else {}
            elif place in stated and place in described and (each or one.function == 0):
                told[one.id] = f"eno{indexes[one.id]}" if shared[place] == 1 else None
        return told

    @cached_property
    def bridges(self) -> Mapping[str, PlacedController]:
        """Without expanders: what sits below one has no bridge above it but its own root."""
        return {c.id: c for c in self.layout.controllers if not CONTROLLERS[c.model].is_expander}

    @cached_property
    def unseen(self) -> frozenset[str]:
        """Buses that Linux does not find though the firmware has numbered them: other roots are told by ACPI."""
        if acpi_tables(self.layout) != "none":
            return frozenset()
        return frozenset(bus.id for bus in self.topology.buses.values() if bus.expander is not None)

    def name(self, device: PlacedDevice) -> str | None:
        """Onboard index, else slot, else path."""
        address = self.prediction.guest_addresses.get(device.id)
        if address is None or device.bus in self.unseen or device.id in self.prediction.lost:
            return None
        if device.id in self.indexes:
            return self.indexes[device.id]
        function = f"f{device.function}" if device.function or device.multifunction else ""
        slot = self.slot(device)
        if slot is not None:
            return f"ens{slot}{function}"
        return f"enp{int(address.partition(':')[0], 16)}s{device.slot}{function}"

    def slot(self, device: PlacedDevice) -> int | None:
        """Number of the slot the device is in, or of the nearest one above that has any."""
        own = self.numbers.get((device.bus, device.slot))
        if own is not None or not device.multifunction:
            return own
        bridge = self.bridges.get(device.bus)
        while bridge is not None and (bridge.bus, bridge.slot) not in self.numbers:
            bridge = self.bridges.get(bridge.bus)
        return None if bridge is None else self.numbers[bridge.bus, bridge.slot]


def _is_interface(device: PlacedDevice) -> bool:
    if PHYSICAL in device.properties:
        return False
    model = known_model(device)
    return model is not None and model.category == "network" and model.name not in SEVERAL_PORTS
