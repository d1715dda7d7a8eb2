"""QEMU's device types: which are of PCI, and whose global properties each has."""

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from ..packaged import packaged_json

OTHER_NAMES: Final = {
    "ahci": "ich9-ahci",
    "lsi": "lsi53c895a",
    "e1000-82540em": "e1000",
    "ac97": "AC97",
    "es1370": "ES1370",
    **{f"virtio-{name}": f"virtio-{name}-pci" for name in (
        "9p", "balloon", "blk", "gpu", "gpu-gl", "input-host", "iommu", "keyboard", "mouse", "net", "rng", "scsi",
        "serial", "tablet",
    )},
}  # fmt: skip
"""Other names that QEMU 7.2 takes for a device type (`-device help`, x86)."""

PCI_DEVICE: Final = "pci-device"
"""The type above all others of PCI."""


@cache
def _types() -> dict[str, Any]:
    data: dict[str, Any] = packaged_json(__file__, "device_types.json")
    return data


def device_type(name: str) -> str:
    """The device type that QEMU takes the name for."""
    return OTHER_NAMES.get(name, name)


def is_pci(name: str) -> bool:
    """Whether it is known as a type of PCI devices."""
    return name in _types()["pci"]


def is_elsewhere(name: str) -> bool:
    """Whether it is known as a type of devices that are not on PCI."""
    return name in _types()["other"] or name.endswith("-cpu")


def lineage(name: str) -> Iterable[str]:
    """The type and those above it, from the nearest up.

    >>> "virtio-pci" in lineage("virtio-net-pci")
    True
    """
    above: str | None = name
    while above is not None:
        yield above
        above = _types()["pci"].get(above)
