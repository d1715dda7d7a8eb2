"""The brute-force oracle beside a previous layout: every choice of who stays, each as pins of a request of its own.

The requests are made from plain data, by what docs/semantics.md says of previous layouts, and share no code with
`schema/previous` and `solver/replanning`.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any, NamedTuple

from pydantic import ValidationError

from qslot.schema import Guest, Layout

from ..reference import Costs, best

MOST: int = 6
"""Devices: a choice more for each doubles the requests."""


class Least(NamedTuple):
    """How many move at least, and what the best layout costs in which no more do, but for what the guest sees."""

    moved: int
    costs: Costs


def least(guest: Guest, previous: Layout, nodes: int = 8_000) -> Least | None:
    """None where there is no layout even if all move. Raises NoAnswer."""
    there = {one.id: one for one in previous.devices}
    both = [one.id for one in guest.devices if one.id in there and there[one.id].model == one.model]
    for moved in range(len(both) + 1):
        found = []
        for gone in combinations(both, moved):
            stay = [name for name in both if name not in gone]
            request = staying(with_controllers(guest, previous, stay), previous, stay)
            costs = None if request is None else best(request, nodes)
            found += [] if costs is None else [costs]
        if found:
            order = [term for term in guest.policy.order if term not in ("moved", "guest_visible")]
            return Least(moved, min(found, key=lambda costs: [costs[term] for term in order]))
    return None


def with_controllers(guest: Guest, previous: Layout, stay: list[str]) -> dict[str, Any]:
    """The request as data, with all controllers of before where they were, or those above who stays; ids are taken to
    mean the same."""
    buses = {one.id: one.bus for one in (*previous.controllers, *previous.devices)}
    above = {name for one in stay for name in _buses_above(one, buses)}
    data = guest.model_dump(mode="json", exclude_defaults=True)
    listed = {one["id"]: one for one in data.get("controllers", [])}
    for one in (one for one in previous.controllers if one.id in above or not guest.policy.prune):
        mine = listed.setdefault(one.id, {"id": one.id, "model": one.model})
        mine["address"] = _address(one)
        mine["properties"] = {**one.properties, **mine.get("properties", {})}
        for name, field in (("hotplug", "hotplug"), ("numa_node", "numa")):
            if name in mine["properties"] and field in mine:
                del mine["properties"][name]
    return {**data, "controllers": list(listed.values())}


def _buses_above(name: str, buses: Mapping[str, str]) -> Iterator[str]:
    while name in buses:
        name = buses[name]
        yield name


def staying(data: Mapping[str, Any], previous: Layout, stay: list[str]) -> Guest | None:
    """The request in which these sit where they sat, in the mode that they had; None where it contradicts itself."""
    there = {one.id: one for one in previous.devices}
    devices = []
    for one in data.get("devices", []):
        if one["id"] in stay:
            seat = there[one["id"]]
            asked = one.get("address", "")
            if not _means(asked, seat) or one.get("virtio", "auto") not in ("auto", seat.virtio):
                return None
            one = {**one, "address": _address(seat)}
        devices.append(one)
    try:
        return Guest.model_validate({**data, "devices": devices})
    except ValidationError:
        return None


def _address(seat: Any) -> str:
    return f"{seat.bus}:{seat.slot:02x}.{seat.function}"


def _means(asked: str, seat: Any) -> bool:
    """Whether a pin, or none, means that address."""
    whole = _address(seat)
    return not asked or asked in (whole, whole[:-2], whole[-2:])
