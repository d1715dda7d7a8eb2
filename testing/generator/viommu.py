"""A vIOMMU, and what it makes of devices of the host: their IOMMU groups, expanders that bypass it."""

from typing import Final

from . import spelling
from .draft import Draft

_VIRTIO: Final = "virtio-iommu"
CONNECT: Final = ("express", "hybrid", "conventional")


def draw_viommu(draft: Draft) -> list[str]:
    """What the request then needs. Two groups, so that some share one and some do not; some devices say none."""
    draw = draft.draw
    if not draft.themed("host", 0.8, 0):
        return []
    for device in draft.devices:
        if device["model"] == "acme-card" and draw.chance(0.7):
            device["model"] = "vfio-pci"
    if any(device["model"] == "vfio-pci" for device in draft.devices) and draw.chance(0.7):
        draft.devices.append({"id": "mate", "model": "vfio-pci", "connect": draw.choice(CONNECT), "bars": []})
    for device in draft.devices:
        if device["model"] == "vfio-pci" and draw.chance(0.75):
            device["iommu_group"] = draw.choice((7, 7, 8))
            if draw.chance(0.5):  # where both are pinned there is mostly no layout
                device.pop("address", None)
    for controller in draft.controllers:
        if controller["model"].startswith("pxb") and draw.chance(0.7):
            switch = {"bypass_iommu": spelling.boolean(draw, draw.chance(0.8))}
            controller["properties"] = controller.get("properties", {}) | switch
    if any(device["model"] == _VIRTIO for device in draft.devices):
        return []
    if draft.family == "q35" and draw.chance(0.7):
        return ["viommu"]
    if draft.family == "q35" and draw.chance(0.5):
        draft.devices.append({"id": "mmu", "model": "amd-iommu", "properties": {"dma-remap": True}})
    else:
        draft.devices.append({"id": "mmu", "model": _VIRTIO})
    return []
