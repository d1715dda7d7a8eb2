"""What follows from where controllers hang: depth, complex, switches above, ACPI's reach, hot-plug."""

from dataclasses import field
from functools import cached_property

from ...schema.records import record
from .buses import BusType
from .things import Bridge
from .variables import Expression, Seats


@record
class Tree:
    """Of every bus by its name. What hangs nowhere says nothing."""

    seats: Seats
    depth: dict[str, Expression] = field(default_factory=dict)
    _inside: dict[str, dict[str, Expression]] = field(default_factory=dict)
    reached: dict[str, Expression] = field(init=False)
    """Whether ACPI reaches the controller that offers the bus: not below an expander, nor with QEMU before 8.0 an
    unplugged port."""

    def __post_init__(self) -> None:
        self._depths()
        for root in self.seats.roots:
            self.inside(root.key)  # an answer says where each controller is
        self.reached = self._reached()

    def _depths(self) -> None:
        """Rule tree: a bus is one deeper than that of its controller, so that nothing is inside itself."""
        seats, model = self.seats, self.seats.model
        self.depth = {seats.guest.machine_model.root: 0}
        for key in seats.bridges:
            self.depth[key] = model.new_int_var(1, len(seats.bridges), f"depth {key}")
        for key in seats.bridges:
            seats.inherits(key, self.depth[key] - 1, self.depth.__getitem__)

    def inside(self, controller: str) -> dict[str, Expression]:
        """Of every bus, whether it is that controller's or below it."""
        if controller not in self._inside:
            seats = self.seats
            theirs: dict[str, Expression] = {seats.guest.machine_model.root: 0}
            for key in seats.bridges:
                may_be = key != controller and controller in self.above[key]
                theirs[key] = seats.model.new_bool_var(f"{key} < {controller}") if may_be else int(key == controller)
            for key, value in theirs.items():
                if not isinstance(value, int):
                    seats.inherits(key, value, theirs.__getitem__)
            self._inside[controller] = theirs
        return self._inside[controller]

    @cached_property
    def above(self) -> dict[str, set[str]]:
        """Of every bus all that may be above it, on some bus or other."""
        above = {key: {bus for bus in self.seats.on[key] if bus in self.seats.bridges} for key in self.seats.bridges}
        for between in above:  # as Warshall did
            for key in above:
                if between in above[key]:
                    above[key] |= above[between]
        return above

    def off_main(self, bus: str) -> Expression:
        """Whether it is an expander's or below one."""
        return sum(self.inside(root.key)[bus] for root in self.seats.roots)

    def on_node(self, bus: str, node: int) -> Expression:
        """1 where the bus is below an expander of that node, else 0."""
        return sum(self.inside(root.key)[bus] for root in self.seats.roots if root.node == node)

    @property
    def switches(self) -> list[str]:
        """Upstream ports."""
        return [key for key, one in self.seats.bridges.items() if one.model == "x3130-upstream"]

    def _reached(self) -> dict[str, Expression]:
        seats = self.seats
        result = {key: seats.model.new_bool_var(f"acpi {key}") for key in seats.bridges}

        def beneath(bus: str) -> Expression:
            owner = seats.buses[bus].owner
            if owner is None:
                return 1
            dull = owner.is_port and not owner.hotplug and seats.guest.machine_model.port_ends_acpi
            ends = owner.is_expander or dull
            return 0 if ends else result[bus]

        for key in seats.bridges:
            seats.inherits(key, result[key], beneath)
        return result

    def takes_hotplug(self, bus: str) -> Expression:
        """Section Hot-plug, slot 0 of conventional buses aside."""
        platform, owner = self.seats.guest.machine_model, self.seats.buses[bus].owner
        if owner is None:
            return int(platform.root_hotplug)
        if owner.is_port:
            if not owner.hotplug:
                return 0
            if platform.native_hotplug and not platform.acpi_bridge_hotplug:
                return 1
            by_acpi = self.reached[bus] if platform.port_hotplug else 0
            return by_acpi + self.off_main(bus) if platform.native_hotplug else by_acpi
        if owner.model not in ("pcie-pci-bridge", "pci-bridge"):
            return 0
        if owner.created or owner.shpc:  # of a created bridge SHPC is off only where ACPI reaches it
            return 1
        return self.reached[bus] if platform.acpi_bridge_hotplug else 0

    def keeps_shpc(self, bridge: Bridge) -> bool:
        """Whether it has SHPC wherever it is."""
        guest = self.seats.guest
        optional = bridge.created and bridge.model == "pci-bridge" and guest.policy.preset != "libvirt"
        return bridge.shpc and not (optional and guest.machine_model.acpi_bridge_hotplug)


def is_port(seats: Seats, bus: str) -> bool:
    """Whether a root or downstream port offers that bus."""
    return seats.buses[bus].kind is BusType.PORT
