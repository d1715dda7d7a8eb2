"""What query-pci shows."""

from collections.abc import Iterable, Iterator
from typing import Any


def guest_addresses(buses: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Where the guest sees what has an id, as `lspci` prints it: endpoints alone."""
    return {
        one["qdev_id"]: f"{one['bus']:02x}:{one['slot']:02x}.{one['function']}"
        for one in rows(buses)
        if one["qdev_id"] and "pci_bridge" not in one
    }


def rows(buses: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Devices on these buses, at any depth: those behind a bridge are shown once that has its bus number."""
    for bus in buses:
        for device in bus.get("devices", ()):
            yield device
            if "pci_bridge" in device:
                yield from rows([device["pci_bridge"]])
