"""Rules about who must cope with a layout: the guest's operating system, and every host. Derived from the layout."""

from collections.abc import Callable, Iterator
from typing import Final

from ..catalog import UnknownModel, find
from ..environment.host import Host, Version
from ..environment.host_cpu import on_host
from ..environment.target import Environment
from ..finding import Finding
from ..firmware import predict
from ..layout.layout import Layout, PlacedDevice, Platform
from ..pci.machine_types import family_of
from ..pci.qemu_properties import VIRTIO_SWITCHES, Scalar
from ..request.device import ModeSource
from ..request.firmware import Firmware

Check = Callable[[Environment, Layout], Iterator[Finding]]

HOST_FIRMWARE: Final = "host-firmware"


def os_machine(environment: Environment, layout: Layout) -> Iterator[Finding]:
    """Where the OS is not known to support the machine, or to boot with the firmware."""
    os, firmware = environment.os, layout.firmware.name
    if os is not None:
        family, _ = family_of(layout.machine)
        if not (os.q35 if family == "q35" else os.i440fx):
            yield Finding(rule="os-machine", severity="warning", details={"os": os.id, "machine": family})
        if not os.firmware.get({"seabios": "bios", "ovmf": "efi"}[firmware], True):
            yield Finding(rule="os-machine", severity="warning", details={"os": os.id, "firmware": firmware})


def os_driver(environment: Environment, layout: Layout) -> Iterator[Finding]:
    """Virtio devices that the OS has no driver for in their mode; and whether its driver packages have one."""
    os = environment.os
    for device in layout.devices:
        driven = None if device.virtio is None else environment.drives(device.model)
        if os is not None and driven is not None and device.virtio not in driven:
            numbers: dict[str, Scalar] = {"os": os.id, "model": device.model, "mode": str(device.virtio)}
            if device.virtio in (os.modes(device.model, "packages") or ()):
                numbers["packages"] = True
            yield Finding(rule="os-driver", severity="warning", subjects=(device.id,), details=numbers)


def host_machine(environment: Environment, layout: Layout) -> Iterator[Finding]:
    """Hosts that are known to lack the machine type."""
    for host in environment.hosts:
        if host.has_machine(layout.machine) is False:
            yield Finding(rule="host-machine", details={"host": host.words, "machine": layout.machine})


def host_model(environment: Environment, layout: Layout) -> Iterator[Finding]:
    """Of what a host is known not to have, and of means that it is not known to take; the slot it always has."""
    for device in layout.devices:
        mode, means = device.virtio, _means(device)
        for host in environment.hosts:
            told = mode is None or means is None or host.takes(device.model, mode, means)
            if not told or host.has_model(device.model) is False:
                numbers: dict[str, Scalar] = {"host": host.words, "model": device.driver}
                if mode is not None:
                    numbers["mode"] = str(mode)
                yield Finding(rule="host-model", subjects=(device.id,), details=numbers)


def host_firmware(environment: Environment, layout: Layout) -> Iterator[Finding]:
    """Hosts with the firmware of another QEMU, or that give the guest another CPU: one where the firmware fails or
    loses something is an error, one where it gives other addresses a warning."""
    elsewhere: dict[tuple[Version, Firmware, Platform], list[Host]] = {}
    for host in environment.hosts:
        other = on_host(layout, host)
        if other is not layout:
            elsewhere.setdefault((other.qemu_version, other.firmware, other.platform), []).append(host)
    for hosts in (elsewhere[one] for one in sorted(elsewhere, key=lambda one: one[0], reverse=True)):
        yield from _elsewhere(layout, on_host(layout, hosts[0]), "; ".join(host.words for host in hosts))


def host_phys_bits(environment: Environment, layout: Layout) -> Iterator[Finding]:
    """Hosts whose CPU has fewer address bits than the guest's is said to have, or than it has by default, if the
    firmware then puts something beyond."""
    platform = layout.platform
    for host in environment.hosts:
        least = host.phys_bits
        if least is None or platform.address_bits <= least:
            continue
        if platform.phys_bits is not None or _highest(layout) > 1 << least:
            details: dict[str, Scalar] = {"host": host.words, "phys_bits": platform.address_bits, "has": least}
            yield Finding(rule="host-phys-bits", severity="warning", details=details)


def _highest(layout: Layout) -> int:
    """Where the last of what the firmware places ends; 0 where that is not known."""
    try:
        prediction = predict(layout)
    except (UnknownModel, ValueError):  # other rules speak of these
        return 0
    return max((end for _, _, end in prediction.memory_spans), default=0)


def _elsewhere(layout: Layout, other: Layout, host: str) -> Iterator[Finding]:
    try:
        here, there = predict(layout), predict(other)
    except (UnknownModel, ValueError):  # other rules speak of these
        return
    details: dict[str, Scalar] = {"host": host, "firmware": f"{other.firmware.name} {other.firmware.version}"}
    unseen = (name for name, address in there.guest_addresses.items() if address is None)
    lost = tuple(dict.fromkeys((*there.lost, *there.unreserved, *unseen)))
    moved = sorted(
        {name for (name, bar), base in there.memory_bars.items() if here.memory_bars.get((name, bar)) != base}
    )
    if there.failure is not None:
        details["fails"] = there.failure.rule
        yield Finding(rule=HOST_FIRMWARE, subjects=there.failure.subjects, details=details)
    elif lost:
        yield Finding(rule=HOST_FIRMWARE, subjects=lost, details=details)
    elif moved:
        yield Finding(rule=HOST_FIRMWARE, severity="warning", subjects=tuple(moved), details=details)


def _means(device: PlacedDevice) -> ModeSource | None:
    """What tells the mode; None where a device has no other mode, or nothing but its slot says it."""
    try:
        virtio = find(device.model).virtio
    except UnknownModel:
        return None
    if virtio is None or not virtio.plain_varies:
        return None
    if device.driver.endswith("-transitional"):
        return "type"
    return "property" if {*VIRTIO_SWITCHES} & device.properties.keys() else None


ENVIRONMENT_CHECKS: Final[dict[str, Check]] = {
    "os-machine": os_machine,
    "os-driver": os_driver,
    "host-machine": host_machine,
    "host-model": host_model,
    HOST_FIRMWARE: host_firmware,
    "host-phys-bits": host_phys_bits,
}
"""One check a rule, in the order of the list of rules."""


def verify_for(environment: Environment, layout: Layout) -> list[Finding]:
    """What the OS or a host does not cope with, in the order of the rules. Never raises."""
    return [finding for check in ENVIRONMENT_CHECKS.values() for finding in check(environment, layout)]
