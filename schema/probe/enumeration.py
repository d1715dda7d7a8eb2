"""What a firmware made of a guest's PCI devices, and what it takes to ask for that."""

from dataclasses import dataclass
from typing import Any, Final

QEMU: Final = "qemu-system-x86_64"
LIMIT: Final = 120.0
"""Seconds until enumeration must be over. SeaBIOS with 240 devices takes some 10, OVMF with a few 5."""

Tree = list[dict[str, Any]]
"""What query-pci returns: one entry a root bus."""


@dataclass(frozen=True)
class Enumeration:
    """What the firmware of a running QEMU made of its PCI devices."""

    tree: Tree
    """QEMU's answer to query-pci."""
    text: str
    """What the firmware said until then."""
    version: str
    """QEMU's version."""
    firmware: str
    """The firmware's version; empty where it does not say it."""
