"""What a layout may do, but its reader should know."""

from collections.abc import Iterator

from ..finding import Finding
from ..firmware.budget import PAGE
from ..pci.controllers import Connector
from ..pci.qemu_properties import Scalar
from ..weights import WEIGHTS
from .context import Context, SeatedDevice
from .objective import reasons

WASTE = frozenset({"express-on-conventional", "express-on-root", "legacy-on-port", "hotplug-unmet"})
MEASURED = {"seabios": ((1, 16, 2), (1, 16, 3)), "ovmf": ((2022, 11), (2025, 2))}
"""Firmware versions of facts/qemu.md: SeaBIOS releases, edk2 stable tags."""


def wasteful_pin(known: Context) -> Iterator[Finding]:
    """Pinned devices that pay a weight, or open an IO window, which automatic placement would avoid."""
    for name, place in known.places.items():
        pin = place.resolved.device.address
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


def firmware_version(known: Context) -> Iterator[Finding]:
    """One finding where the firmware's version is not among those measured."""
    firmware = known.guest.firmware
    if firmware.number not in MEASURED[firmware.name]:
        yield Finding(
            rule="firmware-version",
            severity="warning",
            details={"firmware": firmware.name, "version": firmware.version},
        )
