"""The same guest, or layout, with other names."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from qslot.schema import Guest, Layout
from qslot.schema.catalog.virtual_functions import PHYSICAL
from qslot.schema.finding import Finding

Names = Mapping[str, str]

GROUP: Final = "another-"
"""Before the new name of a group."""


def renamed_guest(guest: Guest, names: Names) -> Guest:
    """With other ids, and other groups."""
    data = guest.model_dump(mode="json")
    for part in (*data["devices"], *data["controllers"]):
        part["id"] = names.get(part["id"], part["id"])
        if part["address"] is not None:
            part["address"] = _address(part["address"], names)
    for device in data["devices"]:
        for field in ("near", "near_switch"):
            device[field] = [names.get(one, one) for one in device[field]]
        if (physical := device["properties"].get(PHYSICAL)) in names:
            device["properties"][PHYSICAL] = names[physical]
        if device["group"] is not None:
            device["group"] = f"{GROUP}{device['group']}"
    data["reserve"] = [_address(one, names) for one in data["reserve"]]
    return Guest.model_validate(data)


def renamed_layout(layout: Layout, names: Names, sha256: str) -> Layout:
    """With other ids, as an answer to the request of that hash."""
    data: dict[str, Any] = json.loads(layout.model_dump_json())
    for part in (*data["controllers"], *data["devices"], *data["spare"], *data["io_windows"], *(data["unmet"] or ())):
        for field in {"id", "bus", "controller", "who"} & part.keys():
            part[field] = names.get(part[field], part[field])
    for field in ("guest_addresses", "guest_names"):
        data[field] = {names.get(name, name): value for name, value in data[field].items()}
    for one in data["warnings"]:
        one["subjects"] = [names.get(name, name) for name in one["subjects"]]
        one["details"] = {name: names.get(value, value) for name, value in one["details"].items()}
    return Layout.model_validate({**data, "input_sha256": sha256})


def renamed_finding(finding: Finding, names: Names) -> str:
    """What it says, with other ids: whole words in its sentence."""
    ids = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    return (
        re.sub(rf"(?<![\w.-])(?:{ids})(?![\w-])", lambda found: names[found[0]], str(finding)) if ids else str(finding)
    )


def _address(text: str, names: Names) -> str:
    bus, colon, place = text.rpartition(":")
    return f"{names.get(bus, bus)}{colon}{place}"
