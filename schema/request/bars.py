"""BARs and option ROM of a device of the request."""

from ..catalog.measured_bars import measured_bars
from ..pci.bars import Bars, sized
from ..pci.controllers import VirtioMode
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
