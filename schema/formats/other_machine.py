"""A domain or a command line asked for on the other of the machines q35 and pc, whose buses are others.

What such a text says of places is of the machine that it starts, not what the reader asks for: it goes, and is named.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..pci.machine_types import machine_type
from ..words import named

Data = dict[str, Any]
OF_ITS_FAMILY: Final = ("usb", "root_hotplug")
"""Switches of the chipset that mean something else on the other machine, or nothing."""


def for_its_machine(data: Data, overrides: Iterable[Mapping[str, object]]) -> Data:
    """What another program's words say of a guest, without places where the overrides put it on a machine of the other
    family; `unread` then says what went. The overrides are not yet in it: what they say of places is of that machine.
    """
    stated = [one["machine"] for one in overrides if isinstance(one, Mapping) and "machine" in one]
    was, asked = (machine_type(str(name)) for name in (data.get("machine"), stated[-1] if stated else None))
    if was is None or asked is None or was.family == asked.family:
        return data
    pinned = [one["id"] for one in data.get("devices", ()) if _is_placed(one)]
    listed = [one["id"] for one in data.get("controllers", ())]
    usb = data.get("chipset", {}).get("usb") is True
    lost = {"addresses of": pinned, "controllers": listed, "reserved": list(data.get("reserve", ()))}
    lost |= {"the chipset's": ["USB controller"] if usb else []}
    why = f"of machine {was.family}, and {asked.family} has other buses: left out, and placed anew"
    told = [f"{what} {named(names)}: {why}" for what, names in lost.items() if names]
    chipset = {name: value for name, value in data.get("chipset", {}).items() if name not in OF_ITS_FAMILY}
    return {
        **{field: value for field, value in data.items() if field not in ("controllers", "reserve")},
        "devices": [_unplaced(one) for one in data.get("devices", ())],
        "chipset": chipset,
        "unread": [*data.get("unread", ()), *told],
    }


def _is_placed(device: Data) -> bool:
    """Whether it says its bus; a function alone is the same on any machine."""
    return not str(device.get("address", ".")).startswith(".")


def _unplaced(device: Data) -> Data:
    return {name: value for name, value in device.items() if name != "address" or not _is_placed(device)}
