"""What happens to a guest that runs: a device plugged in, or unplugged."""

from typing import Any, Final

from ...schema import Layout
from ...schema.errors import InputError
from ...schema.formats.hotplug import HotplugStep, plug, unplug
from .draw import Draw

IN_ONE_SLOT: Final[tuple[tuple[dict[str, Any], ...], ...]] = (
    ({"model": "virtio-net"},),
    ({"model": "virtio-net", "virtio": "transitional"},),
    ({"model": "e1000"},),
    ({"model": "rtl8139"},),
    ({"model": "e1000e"},),
    ({"model": "virtio-scsi"},),
    ({"model": "qemu-xhci"},),
    ({"model": "megasas"},),
    ({"model": "virtio-rng"}, {"model": "virtio-rng"}),
    ({"model": "e1000"}, {"model": "virtio-rng"}),
)
"""What sits in one slot; none of it needs a backend."""


def draw_plugged(draw: Draw, layout: Layout, number: int) -> HotplugStep | None:
    """A device more, or two in a slot, with ids of `hot` and this number; None where no slot takes them."""
    fields = draw.choice(IN_ONE_SLOT)
    devices = [{"id": f"hot{number}{'ab'[place]}", **one} for place, one in enumerate(fields)]
    try:
        return plug(layout, devices)
    except InputError:
        return None


def draw_unplugged(draw: Draw, layout: Layout) -> HotplugStep | None:
    """A device less, with its slot; None where the one that is drawn cannot go."""
    if not layout.devices:
        return None
    try:
        return unplug(layout, draw.choice(layout.devices).id)
    except InputError:
        return None


def draw_step(draw: Draw, layout: Layout, number: int) -> HotplugStep | None:
    """One or the other."""
    return draw_unplugged(draw, layout) if draw.chance(0.4) else draw_plugged(draw, layout, number)
