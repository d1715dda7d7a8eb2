"""The independent checker: every rule of `qslot.schema.rules`, derived again from a layout. Knows no solver."""

from collections.abc import Callable, Iterator
from typing import Final

from ..errors import expect
from ..finding import Finding
from ..layout.layout import Layout
from ..pci.qemu_versions import version_text
from ..previous import standing_of
from ..request.guest import Guest
from . import (
    addresses,
    capacities,
    completeness,
    connections,
    ejecting,
    iommu,
    needs,
    pins,
    previous_layout,
    properties,
    requested,
    virtual_functions,
    warnings,
)
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
    "virtual-functions": virtual_functions.virtual_functions,
    "sriov-pf": virtual_functions.sriov_pf,
    "connect": connections.connect,
    "virtio-slot": connections.virtio_slot,
    "integrated": connections.integrated,
    "companion": pins.companion,
    "single-balloon": connections.single_balloon,
    "single-model": connections.single_model,
    "iommu-group": iommu.iommu_group,
    "hotplug": needs.hotplug,
    "eject": ejecting.eject,
    "numa": needs.numa,
    "near": needs.near,
    "near-switch": needs.near_switch,
    "order": needs.order,
    "spare": needs.spare,
    "preset": connections.preset,
    "kept-controllers": previous_layout.kept_controllers,
    "frozen": previous_layout.frozen,
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
    "host-files": warnings.host_files,
    "no-acpi": warnings.no_acpi,
    "ejectable": ejecting.ejectable,
    "express-on-pc": warnings.express_on_pc,
    "firmware-version": warnings.firmware_version,
    "qemu-version": warnings.qemu_version,
    "split-card": warnings.split_card,
    "unknown-bars": warnings.unknown_bars,
    "unread-input": warnings.unread_input,
    "machine-version": warnings.machine_version,
    "host-cpu": warnings.host_cpu,
    "out-of-reach": warnings.out_of_reach,
    "companion-order": pins.companion_order,
    "unknown-iommu-group": iommu.unknown_iommu_group,
    "caching-mode": iommu.caching_mode,
    "boot-disk": previous_layout.boot_disk,
    "iommu-platform": iommu.iommu_platform,
}
"""One check a rule, by the rule's code and in the order of the list of rules."""


def verify(guest: Guest, layout: Layout, previous: Layout | None = None) -> list[Finding]:
    """Every rule that the layout breaks as an answer to this guest, in the order of the rules; to this guest beside a
    previous layout, if there is one.

    The n-th spare slot of a kind in the layout is held against the n-th that the request asks for. Nothing that a
    layout says makes it raise; what is no guest or no layout raises ArgumentError.
    """
    expect("guest", guest, Guest, "a Guest, as qslot.read_guest(file) gives one")
    expect("layout", layout, Layout, "a Layout, as qslot.read_layout(file) gives one")
    guest = guest.run_by(version_text(layout.qemu_version), layout.firmware)
    if previous is None:
        return verify_context(context_of(guest, layout))
    expect("previous", previous, Layout, "the layout before, as qslot.read_layout(file) gives one")
    return verify_context(context_of(guest, layout, standing_of(guest, previous)))


def verify_context(known: Context) -> list[Finding]:
    """`verify` of a layout in its context."""
    return [finding for check in CHECKS.values() for finding in check(known)]
