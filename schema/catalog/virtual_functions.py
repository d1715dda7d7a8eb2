"""Virtual functions (SR-IOV): which routing ids those of a device take on its bus, beside its own.

QEMU creates those of igb and nvme together with the device (measured on 10.0 and 11.1; older ones when the guest
enables them, at the same ids): nobody else may have these, and none may be past the end of the bus. The guest sees
them once it has enabled them. Those of a virtio device are devices of the request by themselves, which name their
physical function: property `sriov-pf`.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from ..pci.address import FUNCTIONS
from ..pci.qemu_properties import Properties, Scalar, integer
from .nvme_queues import COUNT, with_queues


class VirtualFunctions(NamedTuple):
    """How many there may be, and how their routing ids follow from the device's own: it plus `offset`, then one every
    `stride`."""

    number: int
    offset: int
    stride: int

    def routing_ids(self, slot: int, function: int) -> range:
        """Of each, of a device there: 8 times the slot plus the function. From 256 on they are past the end of the
        bus."""
        first = slot * FUNCTIONS + function + self.offset
        return range(first, first + self.number * self.stride, self.stride)

    def places(self, slot: int, function: int) -> Iterator[tuple[int, int]]:
        """The same as slots and functions; slots from 32 on are past the end of the bus."""
        return (divmod(one, FUNCTIONS) for one in self.routing_ids(slot, function))


ALWAYS_THERE: Final[Mapping[str, VirtualFunctions]] = {"igb": VirtualFunctions(8, 0x80, 2)}
"""Of models that always have them."""
COUNTED_BY: Final[Mapping[str, tuple[str, int, int]]] = {"nvme": (COUNT, 1, 1)}
"""Of models that have as many as a property says: its name, offset and stride."""

MOST_VIRTUAL: Final = 255
"""Routing ids of a bus, but for the device's own."""

PHYSICAL: Final = "sriov-pf"
"""Property of a virtual function that the request lists by itself: the id of its physical function."""
MAY_BE_LISTED: Final = frozenset({"virtio-net"})
"""Models that may be such a virtual function, of any virtio device (QEMU 11.1: "user cannot create SR-IOV VF with this
device type", "attaching user-created SR-IOV VF unsupported")."""


def virtual_functions(model: str, properties: Mapping[str, Scalar]) -> VirtualFunctions | None:
    """Those that QEMU creates along with a device, if any; `properties` have canonical values."""
    if model not in COUNTED_BY:
        return ALWAYS_THERE.get(model)
    name, offset, stride = COUNTED_BY[model]
    number = integer(properties, name) or 0
    return VirtualFunctions(number, offset, stride) if number > 0 else None


def asked_for(model: str, number: int, properties: Mapping[str, Scalar]) -> Properties:
    """The canonical properties of a device that is to have so many, with what QEMU takes to create them."""
    return with_queues(number, properties) if model in COUNTED_BY else dict(properties)


def physical_function(properties: Mapping[str, Scalar]) -> str | None:
    """Id of the physical function of a virtual one that is listed by itself; None for all other devices."""
    named = properties.get(PHYSICAL)
    return None if named is None else str(named)
