"""What a layout may do, but its reader should know."""

from collections.abc import Iterator
from typing import Final

from ..finding import Finding
from ..firmware.budget import PAGE
from ..firmware.seabios_high import FROM_THE_TOP
from ..pci.controllers import CONTROLLERS, Connector
from ..pci.machine import machine_of
from ..pci.machine_types import machine_type
from ..pci.ovmf_addresses import ASKS_THE_CPU
from ..pci.qemu_properties import Scalar, opened_on_host
from ..pci.qemu_versions import is_firmware_measured, is_measured, measured_as, version_text
from ..pci.ram import high_memory_end, high_memory_start
from ..request.host_cards import host_cards
from ..weights import WEIGHTS
from .context import Context, SeatedDevice
from .objective import reasons

WASTE = frozenset({"express-on-conventional", "express-on-root", "legacy-on-port", "hotplug-unmet"})
LOOKS_AT_CPU: Final = {"seabios": FROM_THE_TOP, "ovmf": ASKS_THE_CPU}
"""The version from which the CPU's vendor and address bits decide where 64-bit memory goes."""


def wasteful_pin(known: Context) -> Iterator[Finding]:
    """Pinned devices that pay a weight, or open an IO window, which automatic placement would avoid."""
    pins = {device.id: device.address for device in known.asked.devices}
    for name, place in known.places.items():
        pin = pins.get(name)
        if pin is not None and pin.bus is not None and (waste := _waste(known, place)):
            yield Finding(rule="wasteful-pin", severity="warning", subjects=(name,), details=waste)


def _waste(known: Context, place: SeatedDevice) -> dict[str, Scalar]:
    waste: dict[str, Scalar] = {reason: WEIGHTS[reason] for reason in reasons(known, place) if reason in WASTE}
    # a port is where express devices belong, IO BAR or not
    if place.bus.is_port and place.io and place.resolved.connector is Connector.CONVENTIONAL:
        waste["io-window"] = PAGE
    return waste


def shpc_driver(known: Context) -> Iterator[Finding]:
    """One finding an item, or a spare slot, that can be plugged only by SHPC."""
    told: set[str] = set()
    for place in known.places.values():
        item = place.item
        relies = place.bus.relies_on_shpc and place.takes_hotplug and item.hotplug != "never"
        if relies and item.key not in told:
            told.add(item.key)
            yield Finding(rule="shpc-driver", severity="warning", subjects=item.ids, details={"bus": place.bus.id})
    for slot in known.layout.spare:
        bus = known.topology.buses.get(slot.bus)
        if bus is not None and bus.relies_on_shpc:
            yield Finding(
                rule="shpc-driver", severity="warning", subjects=(bus.id,), details={"bus": bus.id, "slot": slot.slot}
            )


def host_files(known: Context) -> Iterator[Finding]:
    """One finding for each controller or device of the layout with such properties."""
    for seat in (*known.layout.controllers, *known.layout.devices):
        if opened := opened_on_host(seat.properties):
            yield Finding(rule="host-files", severity="warning", subjects=(seat.id,), details=opened)


def no_acpi(known: Context) -> Iterator[Finding]:
    """One finding where ACPI would make devices hot-pluggable, or spare them the guest's SHPC driver."""
    machine = known.guest.machine_model
    if machine.acpi:
        return
    chipset = known.guest.chipset.model_copy(update={"acpi": True})
    with_acpi = machine_of(machine.name, known.guest.model_copy(update={"chipset": chipset}).protected_chipset)
    lacking = []
    for name, place in known.places.items():
        by_shpc = place.bus.relies_on_shpc and place.bus.acpi_reaches and with_acpi.acpi_bridge_hotplug
        if place.item.hotplug != "never" and (by_shpc or (place.bus.is_root and with_acpi.root_hotplug)):
            lacking.append(name)
    if lacking:
        yield Finding(rule="no-acpi", severity="warning", subjects=tuple(lacking))


def express_on_pc(known: Context) -> Iterator[Finding]:
    """One finding for all ports, switches and bridges behind ports of a machine pc."""
    if known.machine.family != "pc":
        return
    express = (one for one in known.layout.controllers if one.model in CONTROLLERS)
    names = tuple(one.id for one in express if CONTROLLERS[one.model].is_pci_express)
    if names:
        yield Finding(rule="express-on-pc", severity="warning", subjects=names)


def firmware_version(known: Context) -> Iterator[Finding]:
    """One finding where the firmware's version is not among those measured."""
    firmware = known.guest.firmware
    if not is_firmware_measured(firmware.name, firmware.number):
        yield Finding(
            rule="firmware-version",
            severity="warning",
            details={"firmware": firmware.name, "version": firmware.version},
        )


def qemu_version(known: Context) -> Iterator[Finding]:
    """One finding where QEMU's version is not among those measured."""
    guest = known.guest
    if not is_measured(guest.qemu_version):
        taken_for = measured_as(guest.qemu_version).version
        details: dict[str, Scalar] = {"qemu": version_text(guest.qemu_version), "as": version_text(taken_for)}
        yield Finding(rule="qemu-version", severity="warning", details=details)


def split_card(known: Context) -> Iterator[Finding]:
    """One finding for each card of the host whose functions are not all in one slot."""
    devices = known.guest.devices
    for card in host_cards(devices):
        names = tuple(devices[one.place].id for one in card)
        places = [known.places[name] for name in names if name in known.places]
        if len({(place.bus.id, place.seat.slot) for place in places}) > 1:
            yield Finding(rule="split-card", severity="warning", subjects=names, details={"host": card[0].host.card})


def unknown_bars(known: Context) -> Iterator[Finding]:
    """One finding for each device whose BARs the request does not know, with the host's address of it."""
    for device in known.guest.devices:
        if device.unknown_bars:
            host = device.properties.get("host")
            details: dict[str, Scalar] = {} if host is None else {"host": host}
            yield Finding(rule="unknown-bars", severity="warning", subjects=(device.id,), details=details)


def unread_input(known: Context) -> Iterator[Finding]:
    """One finding for each part of the input that the request does not hold."""
    for words in known.guest.unread:
        yield Finding(rule="unread-input", severity="warning", details={"input": words})


def host_cpu(known: Context) -> Iterator[Finding]:
    """One finding where the firmware goes by a CPU that is the host's, or has its address bits, and what it goes by is
    not said."""
    guest = known.guest
    if not guest.cpu.has_bits_of_host or guest.firmware.number < LOOKS_AT_CPU[guest.firmware.name]:
        return
    said = {"vendor": guest.cpu.vendor if guest.cpu.host else guest.cpu.vendor_seen, "phys_bits": guest.phys_bits}
    unsaid = [name for name, value in said.items() if value is None]
    if unsaid:
        details: dict[str, Scalar] = {"unsaid": ", ".join(unsaid), "vendor": guest.cpu.vendor_seen}
        yield Finding(rule="host-cpu", severity="warning", details=details | {"phys_bits": guest.address_bits})


def out_of_reach(known: Context) -> Iterator[Finding]:
    """One finding for all devices with a BAR there, and bridges with a window that reaches there."""
    told, platform = known.memory, known.layout.platform
    if told is None:
        return
    ram = high_memory_start(known.machine, platform), high_memory_end(known.machine, platform)
    beyond = 1 << platform.address_bits
    out = {name for name, start, end in told.memory_spans if end > beyond or max(start, ram[0]) < min(end, ram[1])}
    names = tuple(one.id for one in (*known.layout.controllers, *known.layout.devices) if one.id in out)
    if names:
        details: dict[str, Scalar] = {"phys_bits": platform.address_bits}
        yield Finding(rule="out-of-reach", severity="warning", subjects=names, details=details)


def machine_version(known: Context) -> Iterator[Finding]:
    """One finding where the machine type's devices, or its CPU's address bits, may be others than is assumed."""
    guest = known.guest
    said = machine_type(guest.machine)
    if said is None or guest.machine_as is not None:
        return
    doubts = list(said.doubts)
    if said.host_phys_bits and guest.phys_bits is None:
        doubts.append("its CPU has the host's physical address bits, which phys_bits does not say")
    if doubts:
        details: dict[str, Scalar] = {"machine": said.name, "upstream": said.upstream, "as": "; ".join(doubts)}
        yield Finding(rule="machine-version", severity="warning", details=details)
