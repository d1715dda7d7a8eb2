"""A device on a bus, as QEMU is told of it: its virtio mode there and how that is spelled."""

from ..layout.layout import PlacedDevice
from ..pci.address import Address
from ..request.resolved import ResolvedDevice, mode_on
from ..verify.requested import emission


def seated(resolved: ResolvedDevice, address: Address, *, behind_port: bool, multifunction: bool) -> PlacedDevice:
    """The device at that address. Plain virtio stays plain: an option ROM has its device type's name in QEMU's stream
    (tests/real/test_guest_abi.py)."""
    device = resolved.device
    mode = mode_on(resolved, behind_port=behind_port)
    driver, switches = emission(resolved, mode) if device.fixed_mode else (resolved.model.driver, {})
    return PlacedDevice(
        id=device.id,
        model=device.model,
        driver=driver,
        virtio=mode,
        bus=address.bus,
        slot=address.slot,
        function=address.function,
        multifunction=multifunction,
        properties={**switches, **device.properties},
        bars=device.bars,
        rom=device.rom,
    )
