"""The closed table of preferences: what a layout pays for each device that sits where it would rather not."""

from typing import Final

WEIGHTS: Final[dict[str, int]] = {
    "hotplug-unmet": 8,
    "express-on-conventional": 4,
    "express-on-root": 4,
    "legacy-on-port": 4,
    "shared": 2,
    "foreign-node": 2,
    "iommu-space": 2,
    "switch": 1,
    "chipset-place": 1,
}
"""Per device and reason (`switch`: per switch that was not demanded; `iommu-space`: per IOMMU group that shares another
one's address space); docs/semantics.md says when each applies."""
