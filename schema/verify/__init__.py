"""The independent checker: every rule of `qslot.schema.rules`, derived again from a layout. Knows no solver."""

from collections.abc import Callable, Iterator
from typing import Final

from ..finding import Finding
from ..layout.layout import Layout
from ..request.guest import Guest
from . import addresses, capacities, completeness, connections, needs, pins, properties, requested, warnings
from .context import Context, context_of

Check = Callable[[Context], Iterator[Finding]]

CHECKS: Final[dict[str, Check]] = {
    "complete": completeness.complete,
    "tree": completeness.tree,
    "machine-model": completeness.machine_model,
    "as-requested": requested.as_requested,
    "address-range": addresses.address_range,
    "address-unique": addresses.address_unique,
    "chipset": addresses.chipset,
    "reserve": addresses.reserve,
    "pin": pins.pin,
    "function-zero": addresses.function_zero,
    "multifunction": addresses.multifunction,
    "slot-sharing": addresses.slot_sharing,
    "group": pins.group,
    "connect": connections.connect,
    "virtio-slot": connections.virtio_slot,
    "integrated": connections.integrated,
    "single-balloon": connections.single_balloon,
    "single-model": connections.single_model,
    "viommu-host-device": connections.viommu_host_device,
    "hotplug": needs.hotplug,
    "numa": needs.numa,
    "near": needs.near,
    "near-switch": needs.near_switch,
    "spare": needs.spare,
    "preset": connections.preset,
    "bus-numbers": capacities.bus_numbers,
    "io-space": capacities.io_space,
    "memory-space": capacities.memory_space,
    "max-controllers": capacities.max_controllers,
    "max-depth": capacities.max_depth,
    "controller-properties": properties.controller_properties,
    "chassis": properties.chassis,
    "chassis-nr": properties.chassis_nr,
    "shpc": properties.shpc,
    "reserves": properties.reserves,
    "objective": completeness.objective,
    "hash": completeness.hash_,
    "prediction": completeness.prediction,
    "wasteful-pin": warnings.wasteful_pin,
    "shpc-driver": warnings.shpc_driver,
    "firmware-version": warnings.firmware_version,
}
"""One check a rule, by the rule's code and in the order of the list of rules."""


def verify(guest: Guest, layout: Layout) -> list[Finding]:
    """Every rule that the layout breaks as an answer to this guest, in the order of the rules. Never raises.

    The n-th spare slot of a kind in the layout is held against the n-th that the request asks for.
    """
    return verify_context(context_of(guest, layout))


def verify_context(known: Context) -> list[Finding]:
    """`verify` of a layout in its context."""
    return [finding for check in CHECKS.values() for finding in check(known)]
