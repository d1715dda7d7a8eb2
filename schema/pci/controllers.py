"""What each bus provides and each device needs: the connect types, in one table.

Sources: facts measured on QEMU 7.2 and the connect flags that libvirt documents for its PCI controllers; QEMU itself
enforces next to nothing of this (docs/pcie.txt calls it guidance), firmware and guest do.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field
from enum import Flag, StrEnum, auto
from functools import cached_property
from typing import Final

from ..records import record
from .qemu_properties import Scalar, is_on


class Connector(StrEnum):
    """How an endpoint connects. `hybrid` devices are PCI Express behind a port and conventional elsewhere."""

    CONVENTIONAL = "conventional"
    EXPRESS = "express"
    HYBRID = "hybrid"
    INTEGRATED = "integrated"  # only on the main root bus (virtio-iommu)


class VirtioMode(StrEnum):
    """Which virtio interface a device offers: 0.9 only, both, or 1.0 only. The first two have an IO BAR."""

    LEGACY = "legacy"
    TRANSITIONAL = "transitional"
    MODERN = "modern"


class Need(Flag):
    """Connect types: a bus provides some, a device or controller needs one of some."""

    CONVENTIONAL = auto()
    EXPRESS = auto()
    ROOT_PORT = auto()
    UPSTREAM_PORT = auto()
    DOWNSTREAM_PORT = auto()
    PCIE_TO_PCI_BRIDGE = auto()
    DMI_TO_PCI_BRIDGE = auto()
    PCI_BRIDGE = auto()
    PCI_EXPANDER = auto()
    PCIE_EXPANDER = auto()

    def meets(self, other: "Need") -> bool:
        """Whether the two have any in common; as `&`, without making a third one."""
        return self._value_ & other._value_ != 0


ENDPOINT: Final = Need.CONVENTIONAL | Need.EXPRESS
PORTS: Final = Need.ROOT_PORT | Need.DOWNSTREAM_PORT
MEMORY_RESERVES: Final = frozenset({"mem-reserve", "pref32-reserve", "pref64-reserve"})
RESERVES: Final = MEMORY_RESERVES | {"io-reserve", "bus-reserve"}


@record(frozen=True)
class BusModel:
    """A bus: what it provides, its slots, and whether automatic placement puts endpoints there."""

    provides: Need
    first_slot: int
    last_slot: int
    express: bool
    """PCI Express semantics: pcie.0, ports, a switch's inner bus, a pxb-pcie's bus."""

    @cached_property
    def takes_by_pin(self) -> Need:
        """What a user may pin there: on any bus of endpoints any endpoint, and pci-bridges.

        Wider than automatic placement, as in libvirt; QEMU starts all of it (measured: tests/real/test_firmware.py).
        """
        return self.provides | ENDPOINT | Need.PCI_BRIDGE if self.provides & ENDPOINT else self.provides


@record(frozen=True)
class ControllerModel:
    """A bridge-like device: what it needs of its parent bus and the one bus it offers. What follows from that is worked
    out once: a solve asks thousands of times."""

    name: str
    needs: Need
    bus: BusModel
    machine: str | None = None
    """`q35` or `pc` where only that machine takes it. Ports and what goes behind them stand on pc only where listed."""
    bus_numbers: int = 1
    """Bus numbers it consumes by itself; a pxb has a root bus and a hidden bridge behind it."""
    properties: frozenset[str] = field(default=frozenset())
    """QEMU properties that a request may set, beside those every PCI device has."""

    @cached_property
    def is_port(self) -> bool:
        """Whether it is a root or downstream port."""
        return self.bus is PORT

    @cached_property
    def is_pci_express(self) -> bool:
        """Whether it is a PCI Express function: a port, a switch's upstream port, or a bridge that goes behind one."""
        return bool(self.needs & (PORTS | Need.UPSTREAM_PORT | Need.PCIE_TO_PCI_BRIDGE))

    @cached_property
    def is_expander(self) -> bool:
        """Whether it is a pxb or pxb-pcie."""
        return self.needs in (Need.PCI_EXPANDER, Need.PCIE_EXPANDER)

    @cached_property
    def is_hotplug_bridge(self) -> bool:
        """Whether its conventional bus may take hot-plug, by its SHPC or by ACPI."""
        return self.bus is HOTPLUG_BRIDGE

    @cached_property
    def has_reserves(self) -> bool:
        """Whether properties reserve windows and bus numbers for what is plugged in later."""
        return self.properties >= RESERVES

    @cached_property
    def shares_slots(self) -> bool:
        """Whether automatic placement puts several that need the same bus into one slot, one a function."""
        return self.needs in (Need.ROOT_PORT, Need.DOWNSTREAM_PORT, Need.PCI_BRIDGE)

    def has_shpc(self, properties: Mapping[str, Scalar], *, by_default: bool = True) -> bool:
        """Whether it has a standard hot-plug controller (SHPC): a pcie-pci-bridge always, a pci-bridge as these
        canonical properties say."""
        switched = "shpc" in self.properties
        return self.is_hotplug_bridge and (not switched or is_on(properties, "shpc", default=by_default))


PCIE_ROOT: Final = BusModel(Need.EXPRESS | Need.ROOT_PORT | Need.DMI_TO_PCI_BRIDGE | Need.PCIE_EXPANDER, 1, 31, True)
PCI_ROOT: Final = BusModel(Need.CONVENTIONAL | Need.PCI_BRIDGE | Need.PCI_EXPANDER | Need.ROOT_PORT, 1, 31, False)
PORT: Final = BusModel(Need.EXPRESS | Need.UPSTREAM_PORT | Need.PCIE_TO_PCI_BRIDGE, 0, 0, True)
SWITCH: Final = BusModel(Need.DOWNSTREAM_PORT, 0, 31, True)
HOTPLUG_BRIDGE: Final = BusModel(Need.CONVENTIONAL | Need.PCI_BRIDGE, 1, 31, False)
PLAIN_BRIDGE: Final = BusModel(Need.CONVENTIONAL | Need.PCI_BRIDGE, 0, 31, False)
PCIE_EXPANDER_BUS: Final = BusModel(Need.ROOT_PORT | Need.DMI_TO_PCI_BRIDGE, 0, 31, True)

_EXPANDER_PROPERTIES: Final = frozenset({"bus_nr", "numa_node", "bypass_iommu"})
_PORT_PROPERTIES: Final = frozenset({"chassis", "slot", "port", "hotplug"})

CONTROLLERS: Final[dict[str, ControllerModel]] = {
    model.name: model
    for model in (
        ControllerModel("pcie-root-port", Need.ROOT_PORT, PORT, properties=_PORT_PROPERTIES | RESERVES),
        ControllerModel("ioh3420", Need.ROOT_PORT, PORT, properties=_PORT_PROPERTIES),
        ControllerModel("x3130-upstream", Need.UPSTREAM_PORT, SWITCH),
        ControllerModel("xio3130-downstream", Need.DOWNSTREAM_PORT, PORT, properties=_PORT_PROPERTIES),
        ControllerModel("pcie-pci-bridge", Need.PCIE_TO_PCI_BRIDGE, HOTPLUG_BRIDGE),
        ControllerModel("i82801b11-bridge", Need.DMI_TO_PCI_BRIDGE, PLAIN_BRIDGE, "q35"),
        ControllerModel(
            "pci-bridge", Need.PCI_BRIDGE, HOTPLUG_BRIDGE, properties=frozenset({"chassis_nr", "shpc"}) | RESERVES
        ),
        ControllerModel("pxb", Need.PCI_EXPANDER, PLAIN_BRIDGE, "pc", bus_numbers=2, properties=_EXPANDER_PROPERTIES),
        ControllerModel("pxb-pcie", Need.PCIE_EXPANDER, PCIE_EXPANDER_BUS, "q35", properties=_EXPANDER_PROPERTIES),
    )
}


CREATED_ON: Final[dict[str, frozenset[str]]] = {
    "q35": frozenset(CONTROLLERS) - {"ioh3420", "i82801b11-bridge", "pxb"},
    "pc": frozenset({"pci-bridge", "pxb"}),
}
"""Models that a planner adds by itself, by machine: any other is there only where the request lists it."""


def may_share_slot(models: Iterable[str]) -> bool:
    """Whether controllers of these models sit in one slot, one a function.

    >>> may_share_slot({"pcie-root-port", "ioh3420"}), may_share_slot({"pcie-root-port", "pcie-pci-bridge"})
    (True, False)
    """
    needs = {model.needs if (model := CONTROLLERS.get(name)) and model.shares_slots else None for name in models}
    return len(needs) == 1 and None not in needs
