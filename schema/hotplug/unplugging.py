"""What QEMU does when a guest gives a device back: which models stay, and of which no event says that they went."""

from typing import Final

from ..layout.layout import PlacedDevice
from ..pci.qemu_versions import Version, version_text

Since = dict[str, Version | None]
"""From models to the first QEMU of those measured (7.2.22, 10.0.13, 11.1.3) that does it, None where none does."""

UNPLUGS: Final[Since] = {"virtio-mem": (10, 0), "virtio-pmem": None}
"""Models that QEMU plugs, but does not unplug before that version."""

SAYS_DELETED: Final[Since] = {
    "qemu-xhci": (10, 0),
    "nec-usb-xhci": (10, 0),
    "bochs-display": (11, 1),
    "intel-hda": (11, 1),
    "ich9-intel-hda": (11, 1),
    "qxl": None,
}
"""Models that leave the guest, but of which QEMU sends no DEVICE_DELETED before that version: something in QEMU still
refers to them, so that they are never freed. Their id and slot can be given to others all the same, but for
KEEPS_MEMORY (measured: tests/real/test_unplugging.py)."""

KEEPS_MEMORY: Final = frozenset({"bochs-display", "qxl"})
"""Those of SAYS_DELETED whose memory, not freed, keeps the name that it has from their address: QEMU ends, and the
guest with it, where such a device is plugged there again (same test)."""


def why_it_stays(device: PlacedDevice, qemu: Version) -> str | None:
    """Why that QEMU does not unplug the device, a sentence; None where it does."""
    if _does(UNPLUGS, device.model, qemu):
        return None
    since = UNPLUGS[device.model]
    later = "no QEMU does" if since is None else f"QEMU {version_text(since)} does, once its requested size is 0"
    return f"{device.id} ({device.model}) stays: QEMU {version_text(qemu)} does not unplug such memory ({later})"


def says_deleted(model: str, qemu: Version) -> bool:
    """Whether that QEMU sends DEVICE_DELETED once the guest has given such a device back."""
    return _does(SAYS_DELETED, model, qemu)


def ends_qemu_again(model: str, qemu: Version) -> bool:
    """Whether that QEMU ends where such a device is plugged into a slot that another of its model has left."""
    return model in KEEPS_MEMORY and not says_deleted(model, qemu)


def _does(since: Since, model: str, qemu: Version) -> bool:
    first = since.get(model, (0,))
    return first is not None and qemu >= first
