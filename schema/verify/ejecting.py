"""Rules about what the guest is offered to eject, where the policy protects devices that need no hot-plug."""

from collections.abc import Iterator

from ..finding import Finding
from ..layout.topology import port_hotplug
from ..pci.controllers import RESERVES
from .context import Context, once


def eject(known: Context) -> Iterator[Finding]:
    """Ports whose hot-plug is not as the policy has it, and pci.0 where it takes hot-plug all the same."""
    if known.guest.policy.eject != "protect":
        return
    if known.machine.family == "pc" and known.machine.acpi and known.layout.platform.chipset.root_hotplug:
        yield Finding(rule="eject", subjects=(known.machine.root,), details={"hotplug": "on"})
    off, open_to_us = turned_off(known), left_open(known)
    for name, bus in known.topology.buses.items():
        if bus.controller is None or name not in open_to_us or port_hotplug(bus.controller) == (name not in off):
            continue
        yield Finding(rule="eject", subjects=(name,), details={"hotplug": "on" if name in off else "off"})


@once
def turned_off(known: Context) -> frozenset[str]:
    """Ports whose hot-plug the policy turns off: those with devices that need none, and with nothing else."""
    needs: dict[str, set[str]] = {}
    for place in known.places.values():
        needs.setdefault(place.bus.id, set()).add(place.item.hotplug)
    return frozenset(name for name in left_open(known) if needs.get(name) == {"never"})


@once
def left_open(known: Context) -> frozenset[str]:
    """Ports of which the request says neither whether they take hot-plug nor what they keep room for; none without the
    policy."""
    if known.guest.policy.eject != "protect":
        return frozenset()
    said = {
        one.id
        for one in known.guest.controllers
        if "hotplug" in one.model_fields_set or not RESERVES.isdisjoint(one.properties)
    }
    return frozenset(name for name, bus in known.topology.buses.items() if bus.is_port and name not in said)


def ejectable(known: Context) -> Iterator[Finding]:
    """One finding a bus, with the devices there that need no hot-plug and that the guest can eject all the same."""
    if known.guest.policy.eject != "protect":
        return
    reached: dict[str, list[str]] = {}
    for name, place in known.places.items():
        is_open = place.bus.takes_hotplug and place.bus.id not in turned_off(known)
        if place.item.hotplug == "never" and is_open and place.resolved.model.hotpluggable:
            reached.setdefault(place.bus.id, []).append(name)
    for bus, names in reached.items():
        yield Finding(rule="ejectable", severity="warning", subjects=tuple(names), details={"bus": bus})
