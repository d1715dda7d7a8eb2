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
    """`subjects` are ids, reserved addresses, or entries as "spare[0]"; `before` and `after` what the request says and
    what it would say."""

    what: What
    subjects: tuple[str, ...] = ()
    before: Scalar | None = None
    after: Scalar | None = None


class Remedy(Frozen):
    """With these changes together there is a layout. `places` is where the changed devices sit in it, `used` and
    `available` how much that takes of what ran out, in bytes, bus numbers or controllers."""

    changes: tuple[Change, ...]
    places: dict[str, str] = {}
    limit: str = ""
    """Code of the rule whose limit `used` and `available` are about."""
    used: int = 0
    available: int = 0
