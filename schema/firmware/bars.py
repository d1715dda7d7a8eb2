"""What each function of the guest asks the firmware for: BARs and option ROM of chipset, bridges and devices."""

from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from ..catalog import Bar as CatalogueBar
from ..catalog import find
from ..layout.layout import PlacedDevice
from ..pci.controllers import VirtioMode
from ..pci.machine import Machine
from ..pci.qemu_properties import Scalar
from ..request.device import Bar as RequestedBar
from .budget import PAGE

if TYPE_CHECKING:
    from ..request.traits import Traits


class Kind(IntEnum):
    """What a BAR can hold: IO ports, or memory by address width; PREF is prefetchable memory."""

    IO = 0
    MEM32 = 1
    PREF32 = 2
    MEM64 = 3
    PREF64 = 4


class Bar(NamedTuple):
    """One BAR as the firmware sizes it. `size` in bytes."""

    number: int
    kind: Kind
    size: int


Bars = tuple[Bar, ...]

ROM_BAR: Final = 6
"""Number under which option ROMs go, after the six BARs."""

CHIPSET: Final[dict[str, dict[tuple[int, int], Bars]]] = {
    "q35": {
        (0x1D, 0): (Bar(4, Kind.IO, 0x20),),
        (0x1D, 1): (Bar(4, Kind.IO, 0x20),),
        (0x1D, 2): (Bar(4, Kind.IO, 0x20),),
        (0x1D, 7): (Bar(0, Kind.MEM32, 0x1000),),
        (0x1F, 2): (Bar(4, Kind.IO, 0x20), Bar(5, Kind.MEM32, 0x1000)),
        (0x1F, 3): (Bar(4, Kind.IO, 0x40),),
    },
    "pc": {(0x01, 1): (Bar(4, Kind.IO, 0x10),), (0x01, 2): (Bar(4, Kind.IO, 0x20),)},
}
"""BARs of the chipset by (slot, function): USB, SATA, SMBus, IDE. QEMU 7.2, measured (`query-pci`)."""

PORT_BARS: Final = (Bar(0, Kind.MEM32, 0x1000),)
"""MSI-X of pcie-root-port; other ports have MSI only (measured)."""
SHPC_BARS: Final = (Bar(0, Kind.MEM64, 0x100),)
"""Registers of a bridge's standard hot-plug controller."""


def device_bars(device: PlacedDevice, machine: Machine) -> tuple[Bars, int]:
    """BARs by rising number, and bytes of the option ROM. Raises UnknownModel for what nothing describes."""
    if device.bars is not None:
        return _bars(device.bars), device.rom or 0
    bars, rom = _catalogued(device.model, device.virtio, frozenset(device.properties.items()), machine.version)
    return bars, rom if device.rom is None else device.rom


def requested(traits: "Traits", mode: VirtioMode | None) -> Bars:
    """BARs of a device of the request in a virtio mode."""
    return requested_with_rom(traits, mode)[0]


def requested_with_rom(traits: "Traits", mode: VirtioMode | None) -> tuple[Bars, int]:
    """The same, and bytes of its option ROM."""
    device = traits.device
    if device.bars is not None:
        return _bars(device.bars), device.rom or 0
    bars, rom = _catalogued(traits.model.name, mode, frozenset(device.properties.items()), traits.version)
    return bars, rom if device.rom is None else device.rom


def window_bytes(bars: Bars) -> int:
    """Bytes of a bridge's window of memory that is not prefetchable which these BARs take: 4 KiB each at least."""
    return sum(max(size, PAGE) for _, kind, size in bars if kind in (Kind.MEM32, Kind.MEM64))


@lru_cache(maxsize=4096)
def _catalogued(
    model: str, mode: VirtioMode | None, properties: frozenset[tuple[str, Scalar]], version: tuple[int, int] | None
) -> tuple[Bars, int]:
    entry, given = find(model), dict(properties)
    return _bars(entry.bars(mode, given, version)), entry.rom_bytes(given, version)


def _bars(bars: Iterable[RequestedBar | CatalogueBar]) -> Bars:
    return tuple(sorted(Bar(bar.bar, kind_of(bar), bar.size) for bar in bars))


def kind_of(bar: RequestedBar | CatalogueBar) -> Kind:
    if bar.kind == "io":
        return Kind.IO
    if bar.kind == "mem32":
        return Kind.PREF32 if bar.prefetchable else Kind.MEM32
    return Kind.PREF64 if bar.prefetchable else Kind.MEM64
