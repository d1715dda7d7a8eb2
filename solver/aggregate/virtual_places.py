"""Where virtual functions come to be, and where automatic placement puts a device for their sake."""

from collections.abc import Iterable, Sequence
from typing import Self

from ...schema.pci.address import FUNCTIONS, SLOTS
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
    listed: bool
    """Whether a member is a virtual function by itself, beside its physical one."""

    @classmethod
    def of(cls, members: Sequence[ResolvedDevice], functions: Iterable[int] | None) -> Self:
        """Without functions, of a device that may be at any, nothing is said of them."""
        taken = frozenset(
            taken
            for one, function in zip(members, functions or (), strict=False)
            if (virtual := one.virtual_functions) is not None
            for taken in virtual.routing_ids(0, function)
        )
        return cls(taken, any(one.is_virtual for one in members))

    def allowed(self, machine: Machine) -> frozenset[Place]:
        """Rule virtual-functions, of what is not pinned: PCI Express; beyond the own slot only behind a port, where
        there is no other; and not past the end of the bus. Rule sriov-pf: behind a port, too."""
        if not self.routing_ids and not self.listed:
            return ANYWHERE
        last = max(self.routing_ids, default=0)
        if last >= SLOTS * FUNCTIONS:
            return frozenset()
        own_slot_does = not self.listed and last < FUNCTIONS
        return frozenset({Place.PORT, Place.ROOT} if own_slot_does and machine.family == "q35" else {Place.PORT})
