"""How a generated guest stands to each family of rules, judged by the oracle: relax the family and look again."""

from collections.abc import Callable
from typing import Any

from qslot.schema import Guest
from qslot.testing.generator import Data, valid

from .reference import Costs, best, measure

Relax = Callable[[Data], None]


def _each(name: str, *fields: str) -> Relax:
    def relax(data: Data) -> None:
        for entry in data[name]:
            for field in fields:
                entry.pop(field, None)

    return relax


def _properties(*names: str) -> Relax:
    def relax(data: Data) -> None:
        for entry in data["controllers"]:
            for name in names:
                entry["properties"].pop(name, None)

    return relax


def _hotplug(data: Data) -> None:
    for device in data["devices"]:
        if device["hotplug"] == "required":
            device["hotplug"] = "never"


def _numa(data: Data) -> None:
    for entry in (*data["devices"], *data["spare"]):
        entry["numa"] = None
    for controller in data["controllers"]:
        if not controller["model"].startswith("pxb"):
            controller["numa"] = None


def _pins(data: Data) -> None:
    for entry in (*data["devices"], *data["controllers"]):
        entry["address"] = None


def _drop(*path: str) -> Relax:
    def relax(data: Data) -> None:
        for name in path[:-1]:
            data = data[name]
        data.pop(path[-1], None)

    return relax


def _limits(data: Data) -> None:
    data["policy"] |= {"max_controllers": None, "max_depth": None}


RELAXATIONS: dict[str, Relax] = {
    "reserve": _drop("reserve"),
    "policy": _limits,
    "hotplug": _hotplug,
    "numa": _numa,
    "near": _each("devices", "near", "near_switch"),
    "group": _each("devices", "group"),
    "pin": _pins,
    "spare": _drop("spare"),
    "bus-numbers": _properties("bus-reserve", "bus_nr"),
    "iommu-group": _each("devices", "iommu_group"),
    "shpc": _properties("shpc"),
    "reserves": _properties("io-reserve"),
}


def relaxed(guest: Guest, relax: Relax) -> Guest | None:
    """None where that is bad input: virtual functions that are listed need their group, or their pins."""
    data: dict[str, Any] = guest.model_dump(mode="json")
    relax(data)
    return valid(data)


def without_io_limit(guest: Guest) -> Costs | None:
    limits = measure.LIMITS
    measure.LIMITS = dict.fromkeys(limits, 1 << 40)
    try:
        return best(guest)
    finally:
        measure.LIMITS = limits


def families(guest: Guest) -> tuple[Costs | None, set[str]]:
    """The guest's best costs, and the families without which it would be cheaper or, if it can't be, could be."""
    costs = best(guest)
    binding = set()
    if without_io_limit(guest) != costs:
        binding.add("io-space")
    for name, relax in RELAXATIONS.items():
        easier = relaxed(guest, relax)
        if easier is not None and easier != guest and best(easier) != costs:
            binding.add(name)
    return costs, binding
