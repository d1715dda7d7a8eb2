"""A device of the command line as a request has it: its model, its virtio mode, and BARs that a backend sizes."""

from collections.abc import Mapping
from typing import Any, Final

from ..catalog import DeviceModel, excluded, models, named_by_qemu
from ..errors import QslotError
from ..pci.qemu_properties import VIRTIO_SWITCHES, Properties, as_text, switched_mode
from ..pci.size import power_of_two
from .device import DeviceArgument
from .device_types import device_type
from .values import QemuArgumentError

LEAST_BAR: Final = 4096
"""Bytes of the smallest BAR that a backend makes."""
BAR_BACKENDS: Final = ("memdev", "pmrdev")
"""Properties that name the memory behind a BAR."""


class UnknownDevice(QslotError):  # noqa: N818 - it says what is the case
    """A device type that is not planned; the text says why."""


def device_fields(one: DeviceArgument, properties: Properties, backends: Mapping[str, int]) -> dict[str, Any]:
    """Fields of a request's device, without id and address. `properties` are all that it has, global ones included,
    `backends` the bytes of memory by id. Raises UnknownDevice, QemuArgumentError."""
    driver = device_type(one.driver)
    name, mode = named_by_qemu(driver) or (driver, None)
    model = models().get(name)
    if model is None:
        raise UnknownDevice(excluded().get(driver, "no device type that is known here"))
    fields: dict[str, Any] = {"model": model.name, **_bars(model, properties, backends)}
    kept = properties
    if model.virtio is not None:
        fields |= _mode(mode, properties, one)
        kept = {name: value for name, value in properties.items() if name not in VIRTIO_SWITCHES}
    return fields | ({"properties": kept} if kept else {})


def undescribed(driver: str, *, behind_port: bool) -> dict[str, Any]:
    """The same of a device type that nobody here knows, at an address that is stated: nothing is known of its BARs."""
    connect = "express" if behind_port else "conventional"
    return {"model": driver, "connect": connect, "bars": [], "unknown_bars": True, "hotplug": "never"}


def _mode(mode: str | None, properties: Properties, one: DeviceArgument) -> dict[str, str]:
    """What tells the mode: the type, or properties, or nothing but the slot."""
    if mode is not None:
        return {"virtio": mode}
    try:
        switched = switched_mode(properties)
    except ValueError as error:
        raise QemuArgumentError(f"-device {one.driver}: {error}") from None
    return {"virtio_by": "slot"} if switched is None else {"virtio": switched, "virtio_by": "property"}


def _bars(model: DeviceModel, properties: Properties, backends: Mapping[str, int]) -> dict[str, Any]:
    """Of a model with a BAR that is as large as a backend all BARs; nothing of others."""
    if model.virtio is not None or model.self_described:
        return {}
    bars = model.bars(None, properties)
    if not any(bar.bar in model.backend_sized for bar in bars):
        return {}
    size = next((backends.get(as_text(properties[name])) for name in BAR_BACKENDS if name in properties), None)
    rows = [
        {"bar": bar.bar, "kind": bar.kind, "prefetchable": bar.prefetchable}
        | {
            "size": bar.size
            if size is None or bar.bar not in model.backend_sized
            else max(LEAST_BAR, power_of_two(size))
        }
        for bar in bars
    ]
    return {"bars": rows} if size is not None else {"bars": rows, "unknown_bars": True}
