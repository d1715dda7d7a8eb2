"""BARs of chipset, bridges and devices of a layout: what each function asks the firmware for."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from ..catalog.measured_bars import measured_bars
from ..catalog.virtual_functions import PHYSICAL, physical_function, virtual_functions
from ..layout.layout import PlacedDevice
from ..pci.bars import BarKind, Bars, SizedBar, sized
from ..pci.machine import Machine
from ..pci.qemu_properties import Properties, integer
from ..pci.size import power_of_two
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
"""BARs of the chipset by (slot, function): USB, SATA, SMBus, IDE. QEMU 7.2, by `query-pci`:
tests/real/test_machine_versions.py, tests/real/test_firmware.py."""

PORT_BARS: Final = (SizedBar(0, BarKind.MEM32, 0x1000),)
"""MSI-X of pcie-root-port; other ports have MSI only (tests/real/test_firmware.py)."""
SHPC_BARS: Final = (SizedBar(0, BarKind.MEM64, 0x100),)
"""Registers of a bridge's standard hot-plug controller."""


class VirtualBar(NamedTuple):
    """One BAR of all of a device's virtual functions, in bytes of each."""

    kind: BarKind
    size: int
    functions: int


VIRTUAL_BARS: Final[dict[str, tuple[VirtualBar, ...]]] = {"igb": (VirtualBar(BarKind.PREF64, 0x4000, 8),) * 2}
"""Of models that always have virtual functions. OVMF gives them room where the device is on PCI Express, SeaBIOS none
(QEMU 10.0 and 11.1: tests/real/test_ovmf_addresses.py)."""


def listed_virtual(devices: Iterable[PlacedDevice]) -> dict[str, list[PlacedDevice]]:
    """Virtual functions that a layout lists, by the id of their physical one."""
    found: dict[str, list[PlacedDevice]] = {}
    for device in devices:
        if (physical := physical_function(device.properties)) is not None:
            found.setdefault(physical, []).append(device)
    return found


def virtual_bars(device: PlacedDevice, listed: Sequence[PlacedDevice]) -> tuple[VirtualBar, ...]:
    """Of a device's virtual functions: those that QEMU creates along with it, or those that the layout lists, all with
    the BARs of the first. QEMU says none of the listed ones' to be prefetchable."""
    if listed:
        one = listed[0]
        own = frozenset((name, value) for name, value in one.properties.items() if name != PHYSICAL)
        bars, _ = measured_bars(one.model, one.virtio, own, None, None)
        return tuple(
            VirtualBar(BarKind.MEM64 if kind is BarKind.PREF64 else kind, size, len(listed))
            for _, kind, size in bars
            if kind is not BarKind.IO
        )
    virtual = virtual_functions(device.model, device.properties) if device.model == "nvme" else None
    if virtual is None:
        return VIRTUAL_BARS.get(device.model, ())
    return (VirtualBar(BarKind.MEM64, _bytes_of_nvme(device.properties, virtual.number), virtual.number),)


def _bytes_of_nvme(properties: Properties, number: int) -> int:
    """Registers and doorbells, MSI-X table and pending bits of one, each on pages of its own (QEMU's source)."""
    queues = integer(properties, "sriov_max_vq_per_vf") or (integer(properties, "sriov_vq_flexible") or 0) // number
    vectors = integer(properties, "sriov_max_vi_per_vf") or (integer(properties, "sriov_vi_flexible") or 0) // number
    registers = PAGE + -(-8 * queues // PAGE) * PAGE
    return power_of_two(registers + -(-16 * vectors // PAGE) * PAGE + -(-vectors // 64) * 8)


def device_bars(device: PlacedDevice, machine: Machine) -> tuple[Bars, int]:
    """BARs by rising number, and bytes of the option ROM; none of a virtual function, whose physical one has them.
    Raises UnknownModel for what nothing describes."""
    if PHYSICAL in device.properties:
        return (), 0
    if device.bars is not None:
        return sized(device.bars), device.rom or 0
    properties = frozenset(device.properties.items())
    bars, rom = measured_bars(device.model, device.virtio, properties, machine.version, machine.qemu)
    return bars, rom if device.rom is None else device.rom


def window_bytes(bars: Bars) -> int:
    """Bytes of a bridge's window of memory that is not prefetchable which these BARs take: 4 KiB each at least."""
    return sum(max(size, PAGE) for _, kind, size in bars if kind in (BarKind.MEM32, BarKind.MEM64))
