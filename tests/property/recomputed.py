"""What each argument for a bound comes to, worked out from the request by docs/semantics.md and without the solver.

For guests that list no controller and pin nothing, so that each item has the three sorts of place that there are: a
port of its own, a conventional bridge, the root bus.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from qslot.schema import Guest
from qslot.schema.pci.controllers import Connector, VirtioMode
from qslot.schema.request.fields import Term
from qslot.schema.request.resolved import ResolvedDevice
from qslot.schema.weights import WEIGHTS

Place = Literal["port", "bridge", "root"]
Sums = dict[tuple[Term, str], int]
"""By term and argument, in the units of the answer."""

PAGE, FUNCTIONS, SLOTS, FREE = 4096, 8, 32, 31
"""Bytes of an IO window's unit; functions of a slot; slots of a bus, and those of a bridge that takes hot-plug."""


def plain(guest: Guest) -> Guest:
    """The guest without controllers, pins, nodes, limits and wishes to be near, and without devices that bring virtual
    functions: those have not all the sorts of place that others of their kind have."""
    data = guest.model_dump(mode="json", exclude={"policy": {"max_controllers", "max_depth", "preset"}})
    data |= {"controllers": [], "reserve": [], "numa_nodes": 0}
    data["devices"] = [one for one in data["devices"] if guest.resolved[one["id"]].virtual_functions is None]
    for part in (*data["devices"], *data["spare"]):
        part.update(dict.fromkeys(part.keys() & {"address", "numa"}), **dict.fromkeys(part.keys() & NEAR, ()))
    return Guest.model_validate(data)


NEAR = {"near", "near_switch"}


@dataclass(frozen=True, slots=True)
class Item:
    """A device, a group or a spare slot. What each place for it costs in preferences, and its bytes of IO there."""

    size: int
    functions: int
    """Of a slot that it needs at least: all where it shares with nobody."""
    costs: dict[Place, int]
    io: dict[Place, int]

    def least_io(self) -> int:
        return min(self.io[place] for place in self.costs)


def items_of(guest: Guest, *, cheapest: bool) -> list[Item]:
    """With their cheapest places only, where they are alone; else with all that are allowed."""
    groups: dict[str, list[ResolvedDevice]] = {}
    for name, resolved in guest.resolved.items():
        groups.setdefault(resolved.device.group or f"device {name}", []).append(resolved)
    items = [_item(guest, members) for members in groups.values()]
    items += [one for spare in guest.spare for one in [_spare(guest, spare)] * spare.count]
    if not cheapest:
        return items
    least = [min(one.costs.values()) for one in items]
    return [
        Item(one.size, FUNCTIONS, {place: cost for place, cost in one.costs.items() if cost == low}, one.io)
        for one, low in zip(items, least, strict=True)
    ]


def _hot(guest: Guest) -> set[Place]:
    hot: set[Place] = {"port", "bridge"}
    return (
        hot | {"root"}
        if guest.machine_model.family == "pc"
        and guest.chipset.acpi
        and guest.chipset.root_hotplug
        and guest.policy.eject == "allow"
        else hot
    )


def _item(guest: Guest, members: list[ResolvedDevice]) -> Item:
    need, size, hot = members[0].hotplug, len(members), _hot(guest)
    places = set.intersection(*(set(_places(guest, one)) for one in members))
    if need == "required":
        places &= hot
    unmet = {place: WEIGHTS["hotplug-unmet"] * size * (need == "preferred" and place not in hot) for place in places}
    costs = {place: unmet[place] + sum(_weight(guest, one, place) for one in members) for place in places}
    io = {place: sum(one.io_bytes(_mode(one, place)) for one in members) for place in places}
    return Item(size, FUNCTIONS if need == "required" else size, costs, io)


def _spare(guest: Guest, spare: Any) -> Item:
    places = _hot(guest) & ({"port"} if spare.kind == "pcie" else {"bridge", "root"})
    return Item(0, FUNCTIONS, dict.fromkeys(places, 0), dict.fromkeys(places, spare.io))


def _places(guest: Guest, one: ResolvedDevice) -> Iterator[Place]:
    """Rules connect, integrated, virtio-slot, iommu-group."""
    if one.shares_iommu_group:  # no expander is listed that bypasses the vIOMMU
        yield "bridge"
        return
    told_by_slot = one.slot_decides
    port = guest.machine_model.family == "q35" and (one.connector in (Connector.EXPRESS, Connector.HYBRID) or _old(one))
    if port and told_by_slot in (None, VirtioMode.MODERN):
        yield "port"
    if told_by_slot is not VirtioMode.MODERN:
        if one.connector in (Connector.HYBRID, Connector.CONVENTIONAL):
            yield "bridge"
        yield "root"


def _old(one: ResolvedDevice) -> bool:
    """Legacy virtio."""
    return bool(one.modes) and VirtioMode.MODERN not in one.modes


def _mode(one: ResolvedDevice, place: Place) -> VirtioMode | None:
    if len(one.modes) > 1:
        return VirtioMode.MODERN if place == "port" else VirtioMode.TRANSITIONAL
    return next(iter(one.modes), None)


def _weight(guest: Guest, one: ResolvedDevice, place: Place) -> int:
    if guest.machine_model.family == "pc":
        return 0
    express = one.connector in (Connector.EXPRESS, Connector.HYBRID)
    reason = {"bridge": "express-on-conventional", "root": "express-on-root"}.get(place) if express else None
    if place == "port" and not express:
        reason = "legacy-on-port"
    soft = WEIGHTS["chipset-place"] if one.chipset_place is not None and place != "root" else 0
    return soft + (WEIGHTS[reason] if reason else 0)


def recomputed(guest: Guest, *, cheapest: bool) -> Sums:
    """The value of every argument that bounds this guest's terms."""
    q35 = guest.machine_model.family == "q35"
    items = items_of(guest, cheapest=cheapest)
    lone = [one for one in items if set(one.costs) == {"port"} and one.functions == FUNCTIONS]
    on_ports = sum(one.functions for one in items if set(one.costs) == {"port"})
    on_bridges = [one for one in items if set(one.costs) == {"bridge"}]
    bridges = _slots(sum(one.functions for one in on_bridges), SLOTS)
    first = q35 and bridges > 0
    shared = sum(one.least_io() for one in items if "root" not in one.costs and one not in lone)
    filled = sum(one.functions for one in on_bridges if one.least_io())
    depths: dict[Place, int] = {"root": 0, "port": 1, "bridge": 2 if q35 else 1}
    sums: Sums = {
        ("preferences", "each-by-itself"): sum(min(one.costs.values()) for one in items),
        ("depth", "each-by-itself"): sum(one.size * min(depths[place] for place in one.costs) for one in items),
        ("io_windows", "io-pages"): PAGE * (sum(-(-one.least_io() // PAGE) for one in lone) + -(-shared // PAGE)),
        ("io_windows", "bridges-with-io"): PAGE * _slots(filled, FREE),
    }
    if first and guest.firmware.name == "seabios":
        sums["io_windows", "empty-bridge"] = PAGE
    if not q35:
        return {**sums, ("controllers", "conventional-bridges"): bridges, ("controllers", "expanders"): 0}
    sums["controllers", "ports-for-lone-items"] = bridges + len(lone) + first
    sums["controllers", "ports-for-functions"] = bridges + _slots(on_ports, 1) + first
    return sums


def _slots(functions: int, slots: int) -> int:
    """Buses of so many slots that these functions fill."""
    return -(-functions // (FUNCTIONS * slots))
