"""What decides the layout of a guest, and nothing else: guests of one form have one answer, but for the names in it.

The form is the sequence of devices in listed order, with pins, groups and neighbours told by position. Ids are no part
of it, nor are properties that no rule looks at; ids that look like those that qslot gives are, as controllers that it
creates have to keep off them.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from ...schema.catalog.virtual_functions import PHYSICAL
from ...schema.layout.layout import Layout
from ...schema.pci.qemu_properties import Properties
from ...schema.request.guest import Guest
from ..decode.layout_tree import PREFIXES
from .versions import answered_by

Data = dict[str, Any]

NEUTRAL: Final = frozenset({
    "audiodev", "bootindex", "chardev", "cryptodev", "drive", "fsdev", "iothread", "mac", "netdev", "rng", "serial",
})  # fmt: skip
"""Properties of devices that no rule, no BAR and no prediction looks at: backends by name, and who a device is."""

GIVEN_NAME: Final = re.compile(rf"(?:{'|'.join(sorted({*PREFIXES.values()}))})\d+|pcie?\.0")
"""Ids that the planner may give, and those of root buses."""

MARK: Final = "\x01"
"""Stands around the positions of what has another name in each guest; nothing that is read may hold it."""


class NormalForm(NamedTuple):
    """The form of a guest, and what it takes to say its answer in the guest's own names."""

    key: str
    """SHA-256 of the form, and of all that would answer otherwise: versions, and whether there is a limit of time."""
    sha256: str
    """That of the request, which a layout repeats."""
    names: tuple[str, ...]
    """Ids by position: of the devices, then of the controllers."""
    properties: tuple[Properties, ...]
    """Of the devices, by position."""


def normal_form(guest: Guest, previous: Layout | None = None, *, limited: bool = False) -> NormalForm:
    """The form of a guest beside a previous layout, if there is one. `limited`: there is a limit of time, under which
    the search goes another way, and of several best layouts may find another."""
    marks = {} if previous is not None else positions(guest)
    form = {
        "by": answered_by(),
        "limited": limited,
        "previous": None if previous is None else _as_it_is(guest, previous),
        "firmware": [guest.firmware.name, guest.firmware.version, guest.firmware.stated],
        "qemu": [guest.qemu, guest.states_qemu],
        "request": _without_names(guest, marks),
    }
    text = json.dumps(form, sort_keys=True, separators=(",", ":"))
    names = tuple(part.id for part in (*guest.devices, *guest.controllers))
    properties = tuple(device.properties for device in guest.devices)
    return NormalForm(hashlib.sha256(text.encode()).hexdigest(), guest.sha256, names, properties)


def positions(guest: Guest) -> dict[str, str]:
    """By id, what stands for it in a form; ids that look like given ones stand for themselves."""
    ids = [part.id for part in (*guest.devices, *guest.controllers)]
    return {one: f"{MARK}i{place}{MARK}" for place, one in enumerate(ids) if not GIVEN_NAME.fullmatch(one)}


def _as_it_is(guest: Guest, previous: Layout) -> list[Any]:
    """Beside a previous layout every name counts, as parts are told by theirs, and what a controller says counts even
    where it says the default."""
    said = [sorted(controller.model_fields_set) for controller in guest.controllers]
    return [previous.model_dump(mode="json"), said]


def _without_names(guest: Guest, marks: Mapping[str, str]) -> Data:
    data: Data = guest.model_dump(mode="json", exclude_defaults=True, exclude={"qemu", "firmware"})
    groups = {name: place for place, name in enumerate(guest.groups)}
    data["devices"] = [_device(one, marks, groups) for one in data.get("devices", ())]
    data["controllers"] = [_part(one, marks) for one in data.get("controllers", ())]
    data["reserve"] = [_address(one, marks) for one in data.get("reserve", ())]
    data["order"] = _marked(data.get("order", ()), marks)
    return data


def _device(data: Data, marks: Mapping[str, str], groups: Mapping[str, int]) -> Data:
    part = _part(data, marks)
    if (group := data.get("group")) is not None:
        part["group"] = groups[group]
    for field in ("near", "near_switch"):
        if field in data:
            part[field] = _marked(data[field], marks)
    properties = {name: value for name, value in part.pop("properties", {}).items() if name not in NEUTRAL}
    if PHYSICAL in properties:
        properties[PHYSICAL] = marks.get(properties[PHYSICAL], properties[PHYSICAL])
    return part | ({"properties": properties} if properties else {})


def _part(data: Data, marks: Mapping[str, str]) -> Data:
    part = {**data, "id": marks.get(data["id"], data["id"])}
    if data.get("address") is not None:
        part["address"] = _address(data["address"], marks)
    return part


def _address(text: str, marks: Mapping[str, str]) -> str:
    bus, colon, place = text.rpartition(":")
    return f"{marks.get(bus, bus)}{colon}{place}"


def _marked(ids: Iterable[str], marks: Mapping[str, str]) -> list[str]:
    return [marks.get(one, one) for one in ids]
