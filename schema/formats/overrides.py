"""What is said beside a guest: merged into its data before that is checked.

A key is a field of the guest, or a path to one: `devices.net0.hotplug`, `policy.max_depth`. Ids may hold dots
(`controllers.pci.1.hotplug`). Devices and controllers are merged by id; `policy`, `chipset` and properties by name; of
all else the new value stands in place of the old one. None takes away what the guest says.
"""

from collections.abc import Mapping
from functools import reduce
from typing import Any, Final

from ..errors import InputError, Problem
from ..request.problems import nearest, short

Data = dict[str, Any]
Overrides = Mapping[str, object]

PARTS: Final = ("devices", "controllers")
"""Fields whose entries have ids."""
BY_NAME: Final = ("policy", "chipset", "properties")
"""Mappings that can be stated in part."""


def overridden(guest: Data, overrides: Overrides, name: str = "overrides") -> Data:
    """The data with all of them, in their order. Raises InputError, which begins with `name`, for a part that the guest
    does not have; an entry that says its model is one more."""
    result = guest
    for path, value in overrides.items():
        field, dot, inside = path.partition(".")
        old = result.get(field)
        if dot and field in PARTS:
            value = _part(old, inside, value)
        elif dot:
            value = {inside: value} if field in BY_NAME else {**_entered(old), inside: value}
        result = _merged(result, field, _parts(field, old, value, name) if field in PARTS else value)
    return result


def _merged(data: Data, key: str, value: object) -> Data:
    if value is None:
        return {other: old for other, old in data.items() if other != key}
    old = data.get(key)
    if key in BY_NAME and isinstance(value, Mapping):
        return data | {key: _all_merged(old if isinstance(old, dict) else {}, value)}
    return data | {key: value}


def _all_merged(data: Data, more: Mapping[str, object]) -> Data:
    return reduce(lambda merged, one: _merged(merged, *one), more.items(), data)


def _entered(old: object) -> Mapping[str, object]:
    """What a path goes on into: for a firmware a text may stand there, see Firmware."""
    if isinstance(old, str):
        name, colon, version = old.partition(":")
        return {"name": name, "version": version} if colon else {"name": name}
    return old if isinstance(old, Mapping) else {}


def _part(old: object, path: str, value: object) -> dict[str, object]:
    """`net0.properties.mq` as `{net0: {properties: {mq: ...}}}`. Of ids that fit, the longest is meant."""
    fitting = (known for known in _positions(old) if f"{path}.".startswith(f"{known}."))
    part = max(fitting, key=len, default=path.partition(".")[0])
    field, dot, name = path[len(part) + 1 :].partition(".")
    return {part: {field: {name: value} if dot else value} if field else value}


def _positions(entries: object) -> dict[str, int]:
    """By id, of what has not been checked yet."""
    listed = list(entries) if isinstance(entries, list | tuple) else []
    named = [(one.get("id"), place) for place, one in enumerate(listed) if isinstance(one, dict)]
    return {part: place for part, place in reversed(named) if isinstance(part, str)}


def _parts(field: str, old: object, new: object, name: str) -> object:
    """The parts with all entries merged, which are a list or a mapping by id. What is neither is left to the checks."""
    if isinstance(new, Mapping):
        new = [_entry(field, part, fields, name) for part, fields in new.items()]
    if not isinstance(new, list | tuple) or not isinstance(old, list | tuple | None):
        return new
    result, positions = list(old or ()), _positions(old)
    for number, entry in enumerate(new):
        part = entry.get("id") if isinstance(entry, Mapping) else None
        if not isinstance(part, str):
            raise _refused(name, f"{field}[{number}]", entry, "is no mapping with the id of a part")
        if part in positions:
            result[positions[part]] = _all_merged(result[positions[part]], entry)
        elif entry.get("model") is not None:
            positions[part] = len(result)
            result.append(dict(entry))
        else:
            raise _refused(name, f"{field}.{part}", part, f"is no id that the guest has{nearest(part, positions)}")
    return result


def _entry(field: str, part: object, fields: object, name: str) -> Data:
    if not isinstance(fields, Mapping):
        raise _refused(name, f"{field}.{part}", fields, "is no mapping of fields")
    return {"id": part, **fields}


def _refused(name: str, path: str, value: object, what: str) -> InputError:
    mend = f"{short(value)} {what}"
    return InputError(name, [Problem(path, value, mend, f"{path}: {mend}")])
