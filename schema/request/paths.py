"""Where something stands in a request, in the spelling that errors have and `--set` takes: `devices.net0.virtio`."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

_NOTHING: Final = object()

_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
"""Ids by which an entry can be named in a line."""


def path_of(loc: Sequence[str | int], data: object, *, missing: bool = False) -> str:
    """The path of a location in a request, be that a mapping or a Guest; of one that is `missing`, its name, too.

    Entries of lists are named by their ids; by their numbers where they have none, or where the id is what matters.
    Parts of the location that the data does not have are pydantic's own (members of a union), and left out.

    >>> path_of(("devices", 0, "virtio"), {"devices": [{"id": "net0", "virtio": "old"}]})
    'devices.net0.virtio'
    >>> path_of(("devices", 0, "model"), {"devices": [{}]}, missing=True)
    'devices[0].model'
    >>> path_of(("spare", 1, "count"), {"spare": {"pcie": 2, "pci": "many"}})
    'spare.pci'
    """
    text = ""
    for number, part in enumerate(loc):
        if isinstance(part, int) and isinstance(data, Mapping):  # a list that may be written as numbers by name
            return f"{text}.{list(data)[part]}".removeprefix(".") if part < len(data) else text.removeprefix(".")
        data = _inside(data, part)
        if data is _NOTHING and not (missing and number == len(loc) - 1):
            break
        name = _inside(data, "id") if isinstance(part, int) and loc[number + 1 : number + 2] != ("id",) else None
        named = isinstance(name, str) and _ID.fullmatch(name)
        text += f"[{part}]" if isinstance(part, int) and not named else f".{name if named else part}"
    return text.removeprefix(".")


def _inside(data: object, part: str | int) -> object:
    """What stands there."""
    if isinstance(part, int):
        return data[part] if isinstance(data, list | tuple) and part < len(data) else _NOTHING
    return data.get(part, _NOTHING) if isinstance(data, Mapping) else getattr(data, part, _NOTHING)
