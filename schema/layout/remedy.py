"""What would help a guest that cannot be laid out: changes to the request, each set proved to suffice by a layout."""

from typing import Literal

from ..base import Frozen
from ..pci.qemu_properties import Scalar

What = Literal[
    "hotplug", "pin", "numa", "near", "near-switch", "group", "virtio", "properties", "spare", "reserve",
    "max-controllers", "max-depth", "preset", "viommu", "firmware", "machine", "leave-out",
]  # fmt: skip
"""What of the request would be otherwise; `leave-out` are devices, or demanded controllers, that would not be in it."""


class Change(Frozen):
    """One change to the request."""

    what: What
    """What of the request would be otherwise."""
    subjects: tuple[str, ...] = ()
    """Ids of devices or controllers, reserved addresses, or entries as `spare[0]`; none where it is the guest's own."""
    before: Scalar | None = None
    """What the request says; null where that has no short words."""
    after: Scalar | None = None
    """What it would say; null where it would say nothing."""


class Remedy(Frozen):
    """Changes with which, together, there is a layout."""

    changes: tuple[Change, ...]
    """What would be otherwise in the request, all of it together."""
    places: dict[str, str] = {}
    """Where the changed devices sit in that layout: address by id."""
    limit: str = ""
    """Code of the rule whose limit `used` and `available` are about; empty where none ran out."""
    used: int = 0
    """How much that layout takes of what ran out, in bytes, bus numbers or controllers."""
    available: int = 0
    """How much there is of it, in the same unit."""
