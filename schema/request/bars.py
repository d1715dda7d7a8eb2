"""BARs and option ROM of a device of the request."""

from functools import lru_cache

from ..catalog.measured_bars import measured_bars
from ..pci.bars import Bars, sized
from ..pci.controllers import VirtioMode
from ..pci.machine_types import Version
from ..pci.qemu_properties import Scalar
from ..pci.qemu_versions import Version as QemuVersion
from .resolved import ResolvedDevice


def requested(resolved: ResolvedDevice, mode: VirtioMode | None) -> Bars:
    """BARs of a device of the request in a virtio mode."""
    return requested_with_rom(resolved, mode)[0]


def requested_with_rom(resolved: ResolvedDevice, mode: VirtioMode | None) -> tuple[Bars, int]:
    """The same, and bytes of its option ROM. A listed virtual function has none: its physical one has them."""
    device = resolved.device
    if resolved.is_virtual:
        return (), 0
    if device.bars is not None:
        return sized(device.bars), device.rom or 0
    properties = frozenset(device.properties.items())
    bars, rom = measured_bars(resolved.model.name, mode, properties, resolved.version, resolved.qemu)
    return bars, rom if device.rom is None else device.rom


def most_bytes(resolved: ResolvedDevice) -> int:
    """Of its BARs together, in the virtio mode in which they are largest."""
    device = resolved.device
    if resolved.is_virtual:
        return 0
    if device.bars is not None:
        return sum(bar.size for bar in sized(device.bars))
    properties = frozenset(device.properties.items())
    return _most_bytes(resolved.model.name, resolved.modes, properties, resolved.version, resolved.qemu)


@lru_cache(maxsize=4096)
def _most_bytes(
    model: str,
    modes: tuple[VirtioMode, ...],
    properties: frozenset[tuple[str, Scalar]],
    version: Version | None,
    qemu: QemuVersion | None,
) -> int:
    """Remembered: guests have many devices of few models."""
    return max(
        sum(bar.size for bar in measured_bars(model, mode, properties, version, qemu)[0]) for mode in modes or (None,)
    )
