"""Rules about the properties that controllers are started with."""

from collections.abc import Iterator
from typing import Final

from ..finding import Finding
from ..layout.layout import PlacedController
from ..layout.topology import has_shpc
from ..pci.controller_properties import property_names, unfit_for
from ..pci.controllers import CONTROLLERS, RESERVES
from ..pci.qemu_properties import integer
from .capacities import bus_reserve_holds
from .context import Context

NUMBERS: Final = frozenset({"chassis", "slot", "chassis_nr", "bus_nr"})
"""Whose values other rules speak of: chassis, chassis-nr, bus-numbers."""


def controller_properties(known: Context) -> Iterator[Finding]:
    """One finding a controller, with its properties that its model has not, or does not take that value of."""
    for controller in known.layout.controllers:
        if controller.model not in CONTROLLERS:
            continue
        has = property_names(controller.model)
        wrong = {
            name: value
            for name, value in controller.properties.items()
            if name not in has or (name not in NUMBERS and unfit_for(controller.model, name, value) is not None)
        }
        if wrong:
            yield Finding(rule="controller-properties", subjects=(controller.id,), details=wrong)


def chassis(known: Context) -> Iterator[Finding]:
    """Ports in one place of QEMU's chassis and slot table, where what is not given is 0."""
    ports: dict[tuple[int, int], list[str]] = {}
    for controller in known.layout.controllers:
        kind = CONTROLLERS.get(controller.model)
        if kind is None or not kind.is_port:
            continue
        numbers = {"chassis": 0, "slot": 0, **controller.properties}
        shelf, slot = integer(numbers, "chassis"), integer(numbers, "slot")
        if shelf is None or slot is None or not 0 <= shelf < 256:
            given = {name: value for name, value in controller.properties.items() if name in {"chassis", "slot"}}
            yield Finding(rule="chassis", subjects=(controller.id,), details=given)
        else:
            ports.setdefault((shelf, slot % 256), []).append(controller.id)
    for (shelf, slot), names in ports.items():
        if len(names) > 1:
            yield Finding(rule="chassis", subjects=tuple(names), details={"chassis": shelf, "slot": slot})


def chassis_nr(known: Context) -> Iterator[Finding]:
    """Bridges with no chassis number, or one that another bridge or an expander has."""
    holders: dict[int, list[PlacedController]] = {}
    for controller in known.layout.controllers:
        kind = CONTROLLERS.get(controller.model)
        if controller.model == "pci-bridge":
            value = integer(controller.properties, "chassis_nr")
            if value is None or not 1 <= value <= 255:
                own = controller.properties.get("chassis_nr", "none")
                yield Finding(rule="chassis-nr", subjects=(controller.id,), details={"chassis_nr": own})
                continue
        elif kind is not None and kind.is_expander:
            value = integer(controller.properties, "bus_nr")
        else:
            continue
        if value is not None:
            holders.setdefault(value, []).append(controller)
    for value, there in holders.items():
        # two expanders with one number are a matter of bus numbers
        if len(there) > 1 and any(controller.model == "pci-bridge" for controller in there):
            yield Finding(rule="chassis-nr", subjects=tuple(c.id for c in there), details={"chassis_nr": value})


def shpc(known: Context) -> Iterator[Finding]:
    """Bridges that lost their SHPC though something needs it; where the request says shpc itself, it is obeyed."""
    said = {controller.id for controller in known.guest.controllers if "shpc" in controller.properties}
    with_io = {place.bus.id for place in known.places.values() if place.io}
    spare = {slot.bus for slot in known.layout.spare}
    for bus in reversed(known.topology.buses.values()):
        if bus.id in with_io and bus.above is not None:
            with_io.add(bus.above.id)
        if bus.controller is None or bus.controller.model != "pci-bridge" or has_shpc(bus.controller) or bus.id in said:
            continue
        reasons = {
            "below an expander": bus.expander is not None,
            "below a port without hot-plug": bus.expander is None and not bus.acpi_reaches,
            "no ACPI hot-plug": not known.machine.acpi_bridge_hotplug,
            "IO device": bus.id in with_io,
            "spare slot": bus.id in spare,
        }
        if any(reasons.values()):
            told = ", ".join(reason for reason, holds in reasons.items() if holds)
            yield Finding(rule="shpc", subjects=(bus.id,), details={"reason": told})


def reserves(known: Context) -> Iterator[Finding]:
    """Bridges that reserve no IO where some comes, memory that is no power of two, or too few bus numbers, and those
    with two reserves that exclude each other."""
    content = known.io.content
    asked = {controller.id: controller.properties for controller in known.guest.controllers}
    for bus in known.topology.buses.values():
        if bus.controller is None or bus.kind is None or RESERVES.isdisjoint(bus.controller.properties):
            continue
        given = {name: value for name, value in bus.controller.properties.items() if name in RESERVES}
        if integer(given, "io-reserve") == 0 and content[bus.id]:
            yield Finding(rule="reserves", subjects=(bus.id,), details={"io-reserve": 0, "io": content[bus.id]})
        for name in ("mem-reserve", "pref64-reserve"):
            reserve = None if name in asked.get(bus.id, {}) else integer(given, name)
            if reserve is not None and reserve & (reserve - 1):
                yield Finding(rule="reserves", subjects=(bus.id,), details={name: reserve})
        if not bus_reserve_holds(known, bus):
            numbers = {"bus-reserve": given["bus-reserve"], "buses": known.topology.numbers_below[bus.id]}
            yield Finding(rule="reserves", subjects=(bus.id,), details=numbers)
        if {"pref32-reserve", "pref64-reserve"} <= given.keys():
            numbers = {name: given[name] for name in ("pref32-reserve", "pref64-reserve")}
            yield Finding(rule="reserves", subjects=(bus.id,), details=numbers)
