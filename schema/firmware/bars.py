"""BARs of chipset, bridges and devices of a layout: what each function asks the firmware for."""

from typing import Final

from ..catalog.measured_bars import measured_bars
from ..layout.layout import PlacedDevice
from ..pci.bars import BarKind, Bars, SizedBar, sized
from ..pci.machine import Machine
from .budget import PAGE

CHIPSET: Final[dict[str, dict[tuple[int, int], Bars]]] = {
    "q35": {
        (0x1D, 0): (SizedBar(4, BarKind.IO, 0x20),),
        (0x1D, 1): (SizedBar(4, BarKind.IO, 0x20),),
        (0x1D, 2): (SizedBar(4, BarKind.IO, 0x20),),
        (0x1D, 7): (SizedBar(0, BarKind.MEM32, 0x1000),),
        (0x1F, 2): (SizedBar(4, BarKind.IO, 0x20), SizedBar(5, BarKind.MEM32, 0x1000)),
        (0x1F, 3): (SizedBar(4, BarKind.IO, 0x40),),
    },
    "pc": {(0x01, 1): (SizedBar(4, BarKind.IO, 0x10),), (0x01, 2): (SizedBar(4, BarKind.IO, 0x20),)},
}
"""BARs of the chipset by (slot, function): USB, SATA, SMBus, IDE. QEMU 7.2, measured (`query-pci`)."""

PORT_BARS: Final = (SizedBar(0, BarKind.MEM32, 0x1000),)
"""MSI-X of pcie-root-port; other ports have MSI only (measured)."""
SHPC_BARS: Final = (SizedBar(0, BarKind.MEM64, 0x100),)
"""Registers of a bridge's standard hot-plug controller."""


def device_bars(device: PlacedDevice, machine: Machine) -> tuple[Bars, int]:
    """BARs by rising number, and bytes of the option ROM. Raises UnknownModel for what nothing describes."""
    if device.bars is not None:
        return sized(device.bars), device.rom or 0
    bars, rom = measured_bars(device.model, device.virtio, frozenset(device.properties.items()), machine.version)
    return bars, rom if device.rom is None else device.rom


def window_bytes(bars: Bars) -> int:
    """Bytes of a bridge's window of memory that is not prefetchable which these BARs take: 4 KiB each at least."""
    return sum(max(size, PAGE) for _, kind, size in bars if kind in (BarKind.MEM32, BarKind.MEM64))
