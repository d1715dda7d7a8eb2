"""The forms of an argument's value: `name=value` pairs with doubled commas, and JSON.

Source: QEMU 7.2's util/keyval.c and util/qemu-option.c, tried on the binary.
"""

import json
from collections.abc import Mapping
from typing import Any

from ..errors import QslotError
from ..pci.qemu_properties import as_text


class QemuArgumentError(QslotError, ValueError):
    """An argument that QEMU, too, would refuse; the text names it."""


def options_of(value: str, *, first: str, argument: str) -> dict[str, Any]:
    """The pairs of a value. A first part without a sign is that of `first`, a later one is a switch that is on.

    Raises QemuArgumentError, which names the `argument`.

    >>> options_of("e1000,id=a,,b,multifunction", first="driver", argument="-device")
    {'driver': 'e1000', 'id': 'a,b', 'multifunction': 'on'}
    """
    if value.lstrip().startswith("{"):
        return _json(value, argument)
    parts = [part.replace("\0", ",") for part in value.replace(",,", "\0").split(",")]
    options: dict[str, Any] = {}
    for index, part in enumerate(parts):
        name, sign, text = part.partition("=")
        if sign:
            options[name] = text
        elif index == 0:
            options[first] = name
        elif name:
            options[name] = "on"
    return options


def option_text(options: Mapping[str, Any]) -> str:
    """Such pairs as text, a comma in a value doubled.

    >>> option_text({"driver": "e1000", "id": "a,b", "multifunction": True})
    'driver=e1000,id=a,,b,multifunction=on'
    """
    return ",".join(f"{name}={as_text(value).replace(',', ',,')}" for name, value in options.items())


def _json(value: str, argument: str) -> dict[str, Any]:
    try:
        data = json.loads(value)
    except (ValueError, RecursionError):
        raise QemuArgumentError(f"{argument} {value[:60]}: not JSON") from None
    if not isinstance(data, dict):
        raise QemuArgumentError(f"{argument} {value[:60]}: not a JSON object")
    return data
