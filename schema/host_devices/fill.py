"""What is known of the host's devices, put into a request that is still to be validated."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..catalog import models
from ..pci.host_address import HostAddress
from ..request.device import Bar
from .device import HostDevice, HostDevices

ASSUMED: Final = {"connect": "express"}
"""Of a device that nobody can look up: libvirt, too, takes it for PCI Express then."""


def with_host_devices(data: dict[str, Any], host: HostDevices, *, assume: bool = False) -> dict[str, Any]:
    """The request with what the source knows of each device of the host. What a device states itself is kept.

    Those that the source does not have stay as they are; with `assume` they are taken for what libvirt takes them, and
    for having BARs that nobody knows.
    """
    devices = data.get("devices")
    if not isinstance(devices, list):
        return data
    return {**data, "devices": [_filled(one, host, assume=assume) if _is_of_host(one) else one for one in devices]}


def _is_of_host(device: object) -> bool:
    model = device.get("model") if isinstance(device, dict) else None
    entry = models().get(model) if isinstance(model, str) else None
    return entry is not None and entry.self_described


def _filled(device: dict[str, Any], host: HostDevices, *, assume: bool) -> dict[str, Any]:
    found = look_up(device.get("properties"), host)
    if found is None and not assume:
        return device
    fields = {**(ASSUMED if assume else {}), **_fields(found or HostDevice())}
    if device.get("bars") is not None:  # they are all that it has, whatever the source says
        return {**{name: fields[name] for name in ("connect", "iommu_group") if name in fields}, **device}
    return {**fields, **{name: value for name, value in device.items() if name != "unknown_bars"}}


def look_up(properties: object, host: HostDevices) -> HostDevice | None:
    """What the source has of the device that a property names; None where it has nothing, or none is named."""
    name = properties.get("host") if isinstance(properties, Mapping) else None
    address = HostAddress.parse(name) if isinstance(name, str) else None
    return None if address is None else host.find(address)


def _fields(found: HostDevice) -> dict[str, Any]:
    """By the names of a request's fields, only what is known."""
    connect = None if found.express is None else "express" if found.express else "conventional"
    known = {"connect": connect, "rom": found.rom or None, "iommu_group": found.iommu_group}
    fields: dict[str, Any] = {name: value for name, value in known.items() if value is not None}
    if found.bars is not None:
        fields["bars"] = listed(found.bars)
    return fields if found.bars is not None and found.rom is not None else {**fields, "unknown_bars": True}


def listed(bars: Iterable[Bar]) -> list[dict[str, Any]]:
    """BARs as a file would have them."""
    return [bar.model_dump() for bar in bars]
