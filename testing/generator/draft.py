"""A request in the making: plain data, and what the parts that are drawn later must know of the earlier ones."""

from dataclasses import dataclass, field
from typing import Any, Final

from ...schema.pci.controllers import CONTROLLERS, PCI_ROOT, PCIE_ROOT, BusModel
from .draw import Draw

Data = dict[str, Any]

THEMES: Final = {
    "slots": 4, "policy": 4, "io": 6, "pins": 1, "hotplug": 2, "spare": 4, "numa": 2, "groups": 2, "near": 2,
    "buses": 4, "bridges": 4, "controllers": 1, "order": 1, "host": 4, "inside": 4, "functions": 3, "memory": 3,
}  # fmt: skip
"""What makes something scarce or mixes a feature in, each with its weight: what binds seldom is drawn more often."""


@dataclass(frozen=True, slots=True)
class Size:
    """From `least` to `most` devices; `small` keeps all else within the reach of a brute-force oracle."""

    most: int
    small: bool
    least: int = 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a guest must be of; one of each is drawn, what stands there twice as often again."""

    families: tuple[str, ...] = ("q35", "q35", "pc")
    firmware: tuple[str, ...] = ("seabios", "ovmf")
    machine: str | None = None
    """The machine type, of the one family then; None draws one."""


@dataclass
class Draft:
    """Filled part by part: machine, controllers, devices, then what is asked around them."""

    draw: Draw
    size: Size
    wanted: Wanted = Wanted()
    themes: frozenset[str] = frozenset()
    family: str = "q35"
    version: tuple[int, int] | None = None
    """The machine type's; None without one."""
    firmware: str = "seabios"
    nodes: int = 0
    controllers: list[Data] = field(default_factory=list)
    devices: list[Data] = field(default_factory=list)
    full: list[str] = field(default_factory=list)
    """Buses of which every slot is reserved, so that they only use up what the firmware shares out."""
    pinned: dict[tuple[str, int], set[int]] = field(default_factory=dict)
    """Functions that pins name, by bus and slot; a pin without a function counts as the lowest."""

    @property
    def root(self) -> str:
        """Id of the root bus."""
        return "pcie.0" if self.family == "q35" else "pci.0"

    def buses(self) -> dict[str, BusModel]:
        """What endpoints may be pinned to: the root bus and those of listed controllers."""
        root = PCIE_ROOT if self.family == "q35" else PCI_ROOT
        return {self.root: root} | {one["id"]: CONTROLLERS[one["model"]].bus for one in self.controllers}

    def themed(self, theme: str, share: float, otherwise: float) -> bool:
        """True in that share of the guests with the theme, and of the others."""
        return self.draw.chance(share if theme in self.themes else otherwise)

    def node(self, share: float) -> int | None:
        """A guest NUMA node in that share of draws, if there are any."""
        return self.draw.integer(0, self.nodes - 1) if self.nodes and self.draw.chance(share) else None
