"""What a firmware made of a guest's PCI devices, and what it takes to ask for that."""

from dataclasses import dataclass
from typing import Any, Final

QEMU: Final = "qemu-system-x86_64"
LIMIT: Final = 120.0
"""Seconds until enumeration must be over. 240 ports take SeaBIOS 70 s on a slow machine."""

Tree = list[dict[str, Any]]
"""What query-pci returns: one entry a root bus."""


@dataclass(frozen=True)
class Enumeration:
    """`tree` is query-pci's answer, `text` what the firmware said until then, `version` QEMU's."""

    tree: Tree
    text: str
    version: str
