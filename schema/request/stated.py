"""A layout -> the request that pins what stands in it.

Layouts are of a room above this one, so they are read as data here.
"""

from typing import Any, Final

from ..pci.address import Address
from ..pci.controllers import CONTROLLERS
from ..pci.qemu_properties import VIRTIO_SWITCHES
from .device import ModeSource

Data = dict[str, Any]

FIELDS: Final = {"hotplug": "hotplug", "numa_node": "numa"}
"""Properties of controllers that a request says as fields."""


def request_of(layout: Data) -> Data:
    """The fields of a Guest, of the fields of a Layout."""
    models = {one["id"]: one["model"] for one in layout["controllers"]}
    unknown = {name for one in layout["warnings"] if one["rule"] == "unknown-bars" for name in one["subjects"]}
    return {
        "machine": layout["machine"],
        "firmware": layout["firmware"],
        **layout["platform"],
        "controllers": [_controller(one) for one in layout["controllers"]],
        "devices": [_device(one, models, unknown_bars=one["id"] in unknown) for one in layout["devices"]],
        "spare": [{"kind": one["kind"]} for one in layout["spare"]],
    }


def _controller(placed: Data) -> Data:
    properties = placed["properties"]
    fields = {field: properties[name] for name, field in FIELDS.items() if name in properties}
    others = {name: value for name, value in properties.items() if name not in FIELDS}
    return {"id": placed["id"], "model": placed["model"], "address": _address(placed), "properties": others, **fields}


def _device(placed: Data, models: dict[str, str], *, unknown_bars: bool) -> Data:
    result = {
        "id": placed["id"],
        "model": placed["model"],
        "address": _address(placed),
        "properties": {name: value for name, value in placed["properties"].items() if name not in VIRTIO_SWITCHES},
        "rom": placed["rom"],
    }
    if unknown_bars:
        result["unknown_bars"] = True
    if placed["virtio"] is not None:
        result |= {"virtio": placed["virtio"], "virtio_by": _mode_source(placed)}
    if placed["bars"] is not None:
        above = models.get(placed["bus"])
        express = above is not None and CONTROLLERS[above].bus.express
        result |= {"bars": placed["bars"], "connect": "express" if express else "conventional"}
    return result


def _address(placed: Data) -> str:
    return str(Address(placed["bus"], placed["slot"], placed["function"]))


def _mode_source(placed: Data) -> ModeSource:
    """What tells QEMU the virtio mode."""
    if placed["driver"].endswith("-transitional"):  # -non-transitional, too
        return "type"
    return "property" if {*VIRTIO_SWITCHES} & {*placed["properties"]} else "slot"
