"""What query-pci shows, in a layout's words: each device by id, on the planner's bus, below which windows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..layout.layout import Layout
from ..pci.address import Address
from ..pci.controllers import CONTROLLERS
from .enumeration import Tree


@dataclass(frozen=True)
class Range:
    """Ports or addresses from `base` to `limit`, both included, in bytes; closed where base is above limit."""

    base: int
    limit: int

    @property
    def is_open(self) -> bool:
        """Whether it holds anything at all."""
        return 0 <= self.base <= self.limit  # edk2 closes the prefetchable one with a base of -1 MiB

    @property
    def size(self) -> int:
        """Its bytes; 0 where it is closed."""
        return self.limit - self.base + 1 if self.is_open else 0

    def __str__(self) -> str:
        return f"{self.base:#x}-{self.limit:#x}" if self.is_open else "none"

    def holds(self, address: int, size: int) -> bool:
        """Whether all `size` bytes from `address` on are in it."""
        return self.base <= address and address + size - 1 <= self.limit


@dataclass(frozen=True)
class FoundBridge:
    """A bridge's bus numbers and windows."""

    id: str
    """Its id in the layout; that of a pxb, too, for the bridge hidden in it."""
    secondary: int
    """Number of the bus that it offers."""
    subordinate: int
    """The highest bus number below it."""
    io: Range
    """IO ports that it forwards."""
    memory: Range
    """Memory that is not prefetchable, as it forwards it."""
    prefetchable: Range
    """Prefetchable memory that it forwards."""


@dataclass(frozen=True)
class Found:
    """A device with an id, as query-pci shows it."""

    id: str
    """Its id in the layout."""
    bus: str
    """The planner's name of the bus that it sits on."""
    number: int
    """The number that the firmware gave that bus."""
    slot: int
    """Slot of that bus, from 0 to 31."""
    function: int
    """Function of that slot, from 0 to 7."""
    regions: list[dict[str, Any]]
    """Its BARs, as query-pci lists them: number, type, size in bytes, address (-1 where it has none)."""
    above: tuple[FoundBridge, ...]
    """The bridges above it, from the root down."""
    own: FoundBridge | None
    """What it forwards itself; None where it is no bridge."""

    @property
    def address(self) -> Address:
        """Where it was found, in the planner's words."""
        return Address(self.bus, self.slot, self.function)

    @property
    def guest_address(self) -> str:
        """Where the guest sees it, as lspci prints it."""
        return f"{self.number:02x}:{self.slot:02x}.{self.function}"


def walk(layout: Layout, tree: Tree) -> Iterator[Found]:
    """Every device with an id, the bridge hidden in each pxb included (it has the pxb's id), and what a device brings
    along, which has none of its own."""
    brought = {one.address: one.id for one in layout.devices if one.model == "amd-iommu"}
    root = layout.machine_model.root
    expanders = {c.properties.get("bus_nr"): c.id for c in layout.controllers if CONTROLLERS[c.model].is_expander}
    for entry in tree:
        number = entry["bus"]
        bus = root if number == 0 else expanders.get(number, f"root bus {number}")
        devices = (
            one | {"qdev_id": one["qdev_id"] or brought.get(Address(bus, one["slot"], one["function"]), "")}
            for one in entry["devices"]
        )
        yield from _below(list(devices), bus, number, ())


def _below(devices: list[dict[str, Any]], bus: str, number: int, above: tuple[FoundBridge, ...]) -> Iterator[Found]:
    for device in devices:
        name = device["qdev_id"]
        bridge = device.get("pci_bridge")
        own = None if bridge is None else _bridge(name, bridge["bus"])
        if name:
            yield Found(name, bus, number, device["slot"], device["function"], device["regions"], above, own)
        if bridge is not None and own is not None:
            yield from _below(bridge.get("devices", []), name, bridge["bus"]["secondary"], (*above, own))


def _bridge(name: str, bus: dict[str, Any]) -> FoundBridge:
    io, memory, prefetchable = (Range(**bus[kind]) for kind in ("io_range", "memory_range", "prefetchable_range"))
    return FoundBridge(name, bus["secondary"], bus["subordinate"], io, memory, prefetchable)
