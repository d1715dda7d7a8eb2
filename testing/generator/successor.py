"""A guest that comes after another: devices added, removed, changed; seats of before reserved, or given to others."""

from collections.abc import Callable
from typing import Any, Final

from ...schema import Guest, Layout
from .draw import Draw
from .guest import valid

Devices = list[dict[str, Any]]

_MODELS: Final = ("virtio-net", "e1000", "virtio-blk", "nvme", "virtio-rng", "VGA")


def successor(draw: Draw, before: Guest, layout: Layout) -> Guest | None:
    """The guest before with one to three changes; None where they make no valid request."""
    data = before.model_dump(mode="json", exclude_defaults=True)
    devices: Devices = data.setdefault("devices", [])
    seats = [str(seat.address) for seat in layout.devices]
    for number in range(draw.integer(1, 3)):
        change = draw.choice(_CHANGES)
        if devices or change is _added:
            change(draw, devices, number)
        if seats and draw.chance(0.3):
            data.setdefault("reserve", []).append(draw.choice(seats))
        if seats and devices and draw.chance(0.2):
            draw.choice(devices)["address"] = draw.choice(seats)
    if draw.chance(0.15):
        data.setdefault("policy", {})["prune"] = True
    order = [term for term in before.policy.order if term not in ("moved", "guest_visible")]
    data.setdefault("policy", {})["order"] = ["moved", "guest_visible", *order]
    return valid(data)


def _added(draw: Draw, devices: Devices, number: int) -> None:
    devices.insert(draw.integer(0, len(devices)), {"id": f"added{number}", "model": draw.choice(_MODELS)})


def _removed(draw: Draw, devices: Devices, _: int) -> None:
    del devices[draw.integer(0, len(devices) - 1)]


def _another(draw: Draw, devices: Devices, number: int) -> None:
    """One more of a kind, anywhere."""
    like = {**draw.choice(devices), "id": f"another{number}"}
    devices.append({name: value for name, value in like.items() if name not in ("address", "group")})


def _mode(draw: Draw, devices: Devices, _: int) -> None:
    one = draw.choice(devices)
    if one["model"].startswith("virtio"):
        one["virtio"] = draw.choice(("transitional", "modern"))


def _hotplug(draw: Draw, devices: Devices, _: int) -> None:
    draw.choice(devices)["hotplug"] = draw.choice(("required", "preferred", "never"))


def _unpinned(draw: Draw, devices: Devices, _: int) -> None:
    draw.choice(devices).pop("address", None)


_CHANGES: Final[tuple[Callable[[Draw, Devices, int], None], ...]] = (
    _added,
    _removed,
    _another,
    _mode,
    _hotplug,
    _unpinned,
)
