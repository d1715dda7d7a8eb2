"""What would have made it possible to plug a device, or to unplug it: each tried, on the layout or by solving."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..schema.errors import InputError
from ..schema.formats.hotplug import plug, unplug
from ..schema.layout.layout import Layout
from ..schema.layout.outcome import Infeasible, known_layout
from ..schema.request.guest import Guest
from ..schema.request.stated import request_of
from ..schema.words import named
from .options import Options
from .solving import solve

Data = dict[str, Any]

WITHOUT: Final = ("address", "numa", "near", "near_switch", "virtio", "virtio_by")
"""Fields that narrow a device's choice of slots: without one of them it may fit."""
MOST_UNPLUGGED: Final = 3
"""How many devices are named whose slot would do."""


def plug_remedies(
    layout: Layout, devices: Sequence[Mapping[str, Any]], options: Options | None = None
) -> tuple[str, ...]:
    """What would give the devices, which no free slot takes, a slot: less asked of them, a device less, or the next
    start of QEMU. Sentences; each was tried, and the last one solved."""
    return (*_asking_less(layout, devices), *_unplugging(layout, devices), *_next_start(layout, devices, options))


def unplug_remedies(layout: Layout, device: str, options: Options | None = None) -> tuple[str, ...]:
    """Where the device would have to sit to be unplugged, if all else stays: what a plan with it hot-pluggable has.
    Empty for one that QEMU never plugs, and where the guest can't have that."""
    request = request_of(layout.model_dump(mode="json"))
    others = [one for one in request["devices"] if one["id"] != device]
    mine = next(one for one in request["devices"] if one["id"] == device)
    moved = {**_without(mine, "address"), "hotplug": "required"}
    found = _solved({**request, "spare": [], "devices": [*others, moved]}, options)
    if not isinstance(found, Layout):
        return ()
    return (f"planned with hotplug: required, and started anew, {_seats(found, [device])}{_added(layout, found)}",)


def _asking_less(layout: Layout, devices: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for field in WITHOUT:
        if any(field in one for one in devices) and (
            found := _plugged(layout, [_without(one, field) for one in devices])
        ):
            yield f"without {field}: {found}"
    if len(devices) > 1 and (found := _each(layout, devices)):
        yield f"each in a slot of its own: {found}"


def _each(layout: Layout, devices: Sequence[Mapping[str, Any]]) -> str | None:
    found = []
    for one in devices:
        try:
            step = plug(layout, [_without(one, "group")])
        except InputError:
            return None
        found.append(_seats(step.layout, step.devices))
        layout = step.layout
    return ", ".join(found)


def _unplugging(layout: Layout, devices: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    count, tried = 0, set[tuple[str, int]]()
    for one in layout.devices:
        if (one.bus, one.slot) in tried or count == MOST_UNPLUGGED:
            continue
        tried.add((one.bus, one.slot))
        try:
            step = unplug(layout, one.id)
        except InputError:
            continue
        if found := _plugged(step.layout, devices):
            count += 1
            yield f"once {named(step.devices)} {'is' if len(step.devices) == 1 else 'are'} unplugged: {found}"


def _next_start(layout: Layout, devices: Sequence[Mapping[str, Any]], options: Options | None) -> Iterator[str]:
    """All that is there stays; the devices, hot-pluggable, get controllers as they need them."""
    request = request_of(layout.model_dump(mode="json"))
    group = {"group": "+".join(str(one.get("id")) for one in devices)} if len(devices) > 1 else {}
    wanted = [{**one, **group, "hotplug": "required"} for one in devices]
    found = _solved({**request, "spare": [], "devices": [*request["devices"], *wanted]}, options)
    if isinstance(found, Layout):
        names = [str(one["id"]) for one in devices]
        yield f"at QEMU's next start, planned with hotplug: required: {_seats(found, names)}{_added(layout, found)}"
    elif found:
        yield f"QEMU's next start does not help, which is proved: {found}"


def _solved(request: Data, options: Options | None) -> Layout | str:
    """The layout, or what a proof says that there is none; empty where neither is known."""
    try:
        outcome = solve(Guest.model_validate(request), options)
    except ValueError:  # pydantic's, and our own: such a device cannot be
        return ""
    if isinstance(outcome, Infeasible):
        return "; ".join(str(one).removeprefix("error ") for one in outcome.findings)
    return known_layout(outcome) or ""


def _plugged(layout: Layout, devices: Sequence[Mapping[str, Any]]) -> str | None:
    try:
        step = plug(layout, devices)
    except InputError:
        return None
    return _seats(step.layout, step.devices)


def _seats(layout: Layout, names: Sequence[str]) -> str:
    """`net1 goes to rp3:00.0`."""
    return ", ".join(f"{one.id} goes to {one.address}" for one in layout.devices if one.id in names)


def _added(before: Layout, after: Layout) -> str:
    known = {one.id for one in before.controllers}
    added = [f"{one.id} ({one.model})" for one in after.controllers if one.id not in known]
    return f", with {named(added)} added" if added else ""


def _without(fields: Mapping[str, Any], name: str) -> Data:
    return {key: value for key, value in fields.items() if key != name}
