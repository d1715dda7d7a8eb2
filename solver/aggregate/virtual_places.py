"""Where virtual functions come to be, and where automatic placement puts a device for their sake."""

from collections.abc import Iterable, Sequence
from typing import Self

from ...schema.pci.address import ROUTING_IDS
from ...schema.pci.machine import Machine
from ...schema.records import record
from ...schema.request.resolved import ResolvedDevice
from .places import ANYWHERE, Place


@record(frozen=True)
class VirtualPlaces:
    """Those of the members of one item, as they would be in slot 0."""

    routing_ids: frozenset[int]
    """Of each that QEMU creates along with a member: functions of the item's own slot, and from 8 on those of the slots
    after it."""
    created: bool
    """Whether QEMU creates some along with a member, wherever they are."""
    listed: bool
    """Whether a member is a virtual function by itself, beside its physical one."""
    asked: bool
    """Whether the request asks for some, and so for PCI Express."""

    @classmethod
    def of(cls, members: Sequence[ResolvedDevice], functions: Iterable[int] | None) -> Self:
        """Without functions, of a device that may be at any, nothing is said of where they are."""
        taken = frozenset(
            taken
            for one, function in zip(members, functions or (), strict=False)
            if (virtual := one.virtual_functions) is not None
            for taken in virtual.routing_ids(0, function)
        )
        created = any(one.virtual_functions is not None for one in members)
        listed = any(one.is_virtual for one in members)
        return cls(taken, created, listed, any(one.asks_for_virtual for one in members))

    def allowed(self, machine: Machine) -> frozenset[Place]:
        """Rule virtual-functions, of what is not pinned: behind a port or on the root bus, where they have room, and
        where some are asked for only if that is PCI Express. Rule sriov-pf: behind a port."""
        if not self.created and not self.listed:
            return ANYWHERE
        if max(self.routing_ids, default=0) >= ROUTING_IDS:
            return frozenset()
        conventional = self.asked and machine.family == "pc"
        return frozenset({Place.PORT} if self.listed or conventional else {Place.PORT, Place.ROOT})
