"""Devices, alone: model, virtio mode, hot-plug need, node, address, and what describes itself."""

from typing import Any, Final

from ...schema.catalog import find
from ...schema.pci.controllers import Connector, Need
from .draft import Data, Draft
from .draw import Draw
from .pins import pin

_COMMON: Final = (
    *("virtio-net", "virtio-scsi", "virtio-blk", "virtio-net", "e1000", "rtl8139", "virtio-balloon", "virtio-rng"),
    *("virtio-vga", "VGA", "ich9-usb-ehci1", "ich9-usb-uhci1", "AC97", "pci-serial", "i6300esb", "virtio-gpu"),
    *("vfio-pci", "virtio-iommu", "ich9-intel-hda"),
)
_EXPRESS: Final = ("e1000e", "nvme", "qemu-xhci", "bochs-display", "nvme", "e1000e")
_RARE: Final = (
    "vmxnet3",
    "virtio-9p",
    "virtio-serial",
    "nec-usb-xhci",
    "pvscsi",
    "vhost-vsock",
    "ne2k_pci",
    "ES1370",
)
SELF_DESCRIBED: Final = ("vfio-pci", "acme-card")
ONE_A_GUEST: Final = ("virtio-balloon", "virtio-iommu")
_MEANS: Final = ("type", "slot", "property")
MODERN_SINCE: Final = (2, 7)
"""Machine version from which a virtio device that is not told its mode is not legacy."""


def draw_devices(draft: Draft) -> None:
    """Fills the draft with devices, of few models in half of the guests."""
    draw = draft.draw
    palette = draw.some(_COMMON + _EXPRESS + _RARE, 0, 4) if draw.chance(0.5) else []
    for number in range(draw.integer(draft.size.least, draft.size.most)):
        model = draw_model(draft, palette)
        draft.devices.append(draw_device(draft, f"d{number}", model))


def draw_model(draft: Draft, palette: list[str]) -> str:
    """Name of a model, of the palette mostly; no second one of what a guest has once."""
    draw = draft.draw
    if draft.themed("host", 0.4, 0) or draft.themed("memory", 0.4, 0.02):
        return draw.choice(SELF_DESCRIBED)
    model = draw.choice(palette) if palette and draw.chance(0.7) else draw.choice(_COMMON + _EXPRESS + _RARE)
    if model in ONE_A_GUEST and any(device["model"] == model for device in draft.devices):
        return "virtio-net"
    return model


def draw_device(draft: Draft, name: str, model: str) -> Data:
    """One of a model, under that name: with mode, hot-plug need, node and address as the themes have it."""
    draw = draft.draw
    entry: Data = {"id": name, "model": model}
    known = None if model in SELF_DESCRIBED else find(model)
    if known is None:
        entry |= _described(draft)
    elif known.virtio is not None and draft.themed("io", 0.8, 0.4):
        entry |= _mode(draft, [mode.value for mode in known.virtio.modes])
    if draft.themed("hotplug", 0.7, 0.25):
        can = known is None or known.hotpluggable
        entry["hotplug"] = draw.choice(
            ("required", "never", "required", "preferred") if can else ("never", "preferred")
        )
    node = draft.node(0.4 if "numa" in draft.themes else 0.2)
    if node is not None:
        entry["numa"] = node
    address = _address(
        draft, model, integrated=Connector.INTEGRATED in (known and known.connector, entry.get("connect"))
    )
    if address is not None:
        entry["address"] = address
    return entry


def _mode(draft: Draft, modes: list[str]) -> Data:
    draw = draft.draw
    mode = draw.choice((*reversed(modes), "auto"))
    legacy_slots = draft.version is not None and draft.version < MODERN_SINCE
    by_slot = mode == "auto" or legacy_slots is (mode == "legacy")
    means = draw.choice(_MEANS if by_slot else ("type", "property"))
    return {"virtio": mode} if means == "type" else {"virtio": mode, "virtio_by": means}


def _address(draft: Draft, model: str, *, integrated: bool) -> str | None:
    draw = draft.draw
    if draft.themed("functions", 0.35, 0.02):
        return f".{draw.choice((1, 0, 2, 1, 7))}"
    share = 0.5 if "pins" in draft.themes or model in SELF_DESCRIBED else 0.45 if "inside" in draft.themes else 0.04
    if draft.themed("functions", 0.35, 0) or draw.chance(share):
        return pin(draft, Need.EXPRESS, root_only=integrated)
    return None


def _described(draft: Draft) -> Data:
    draw = draft.draw
    entry: Data = {"connect": draw.choice(("express", "conventional", "hybrid", "integrated")), "bars": _bars(draft)}
    if draft.themed("memory", 0.4, 0.1):
        entry["rom"] = draw.choice(("64KiB", 1 << 18, 1 << 24))
    return entry


def _bars(draft: Draft) -> list[dict[str, Any]]:
    draw = draft.draw
    bars: list[Data] = []
    number = 0
    for _ in range(draw.integer(0, 3 if {"io", "memory"} & draft.themes else 1)):
        bar = _io_bar(draft) if draft.themed("memory", 0.3, 0.7) else _memory_bar(draw, large="memory" in draft.themes)
        taken = 2 if bar["kind"] == "mem64" else 1
        if number + taken <= 6:
            bars.append({"bar": number, **bar})
            number += taken
    return bars


def _io_bar(draft: Draft) -> Data:
    return {"kind": "io", "size": draft.draw.choice((4, 256, 1024, 4096, 4096))}


def _memory_bar(draw: Draw, *, large: bool) -> Data:
    kind = draw.choice(("mem32", "mem64"))
    bits = (12, 14, 20, 24, 28, 30) if kind == "mem32" else (14, 12, 20, 28, 30, 33, 36, 40, 45)
    exponent = draw.choice(bits if large else bits[:3])
    return {"kind": kind, "size": 1 << exponent, "prefetchable": draw.chance(0.5)}
