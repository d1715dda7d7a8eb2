"""`-device`: a device type, where it is to sit, and its properties."""

import json
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final

from ..pci.address import FUNCTIONS, ROUTING_IDS, SLOTS
from ..pci.qemu_properties import Properties, Scalar, as_json, canonical_properties
from ..records import record
from .values import QemuArgumentError, option_text, options_of

SEAT: Final = ("driver", "id", "bus", "addr", "multifunction")
"""What says which device it is and where it sits; all else are properties."""

_ADDRESS: Final = re.compile(r"(?:0x)?(?P<slot>[0-9a-f]{1,2})(?:\.(?:0x)?(?P<function>[0-7]))?", re.IGNORECASE)


@record(frozen=True)
class DeviceArgument:
    """A device of the command line. Without a slot QEMU takes the first that is free."""

    driver: str
    id: str | None = None
    bus: str | None = None
    slot: int | None = None
    function: int = 0
    multifunction: bool = False
    properties: Properties = field(default_factory=dict)


def read_device(value: str, settings: dict[str, str] | None = None) -> DeviceArgument:
    """The device of a `-device` value; `settings` are what `-set` changes of it. Raises QemuArgumentError."""
    options = {**options_of(value, first="driver", argument="-device"), **(settings or {})}
    for name in ("driver", "id", "bus"):
        if not isinstance(options.get(name, ""), str):
            raise QemuArgumentError(f"-device {value}: {name} is not text")
    if not options.get("driver"):
        raise QemuArgumentError(f"-device {value}: driver is missing")
    slot, function = _place(options.get("addr"), value)
    rest = {
        name: one for name, one in options.items() if name not in SEAT and isinstance(one, bool | int | float | str)
    }
    return DeviceArgument(
        driver=options["driver"],
        id=options.get("id"),
        bus=options.get("bus"),
        slot=slot,
        function=function,
        multifunction=options.get("multifunction") in (True, "on", "yes", "true", "y"),
        properties=canonical_properties(rest),
    )


def _place(addr: Any, value: str) -> tuple[int | None, int]:
    """Slot and function: text is hexadecimal `slot.function`; a number, of JSON, has eight functions a slot, and -1 is
    none."""
    if addr is None or addr in (-1, "-1"):
        return None, 0
    if type(addr) is int and 0 <= addr < ROUTING_IDS:
        return divmod(addr, FUNCTIONS)
    found = _ADDRESS.fullmatch(addr) if isinstance(addr, str) else None
    if found is None or int(found["slot"], 16) >= SLOTS:
        raise QemuArgumentError(f"-device {value}: addr {addr!r} is not slot.function in hexadecimal")
    return int(found["slot"], 16), int(found["function"] or "0")


def completed(value: str, more: Mapping[str, Scalar]) -> str:
    """A `-device` value in the form that it has, with what it does not say yet."""
    if value.lstrip().startswith("{"):
        return json.dumps({**options_of(value, first="driver", argument="-device"), **_as_json(more)})
    return f"{value},{option_text(more)}" if more else value


def _as_json(more: Mapping[str, Scalar]) -> dict[str, Scalar]:
    return {name: one if name in SEAT else as_json(name, one) for name, one in more.items()}
