"""In which QEMU models came, went and changed, which measuring a few versions does not tell.

From QEMU's release notes and source history. What has been measured must agree: a QEMU before `MODEL_SINCE` shows no
such model, each from then on does, unless it is built without it.
"""

from typing import Final

from ...pci.machine_types import Version

MODEL_SINCE: Final[dict[str, Version]] = {
    "AMDVI-PCI": (11, 0),
    "igb": (8, 0),
    "iommu-testdev": (11, 0),
    "ufs": (8, 2),
    "vhost-user-rtc": (11, 1),
    "vhost-user-snd": (9, 0),
    "vhost-user-spi": (11, 0),
    "virtio-multitouch": (8, 1),
    "virtio-rtc": (11, 1),
    "virtio-sound": (8, 2),
}
"""The first QEMU that has a model; of AMDVI-PCI, the first that lets the user create it with its own identity."""

CHANGED: Final[dict[str, Version]] = {"ati-vga": (11, 0)}
"""The first QEMU whose BARs are as they are today, whatever the machine type: ati-vga got the apertures of the real
cards."""
