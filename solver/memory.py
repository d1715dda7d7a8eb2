"""Rule memory-space as sums: what items and ports need at least, and what there is.

Only necessary: alignment may still say no, which the exact prediction finds. A guest that cannot be short of memory has
no such sums, and its kinds no needs, so that devices with other BARs stay interchangeable.
"""

from collections.abc import Iterator
from typing import Final

from ..schema.firmware.need import available_to, port_memory
from .buses import Offer
from .rows import Capacity, Sum, total
from .variables import Variables

BELOW: Final = "below 4 GiB"


def memory_space(v: Variables) -> Iterator[Capacity]:
    """Memory below 4 GiB, and above where that has an end. Each root's 64-bit memory lies on one side as a whole."""
    if not v.items.memory:
        return
    below, above = available_to(v.guest)
    low, high = _empty_ports(v) * port_memory(v.guest.firmware.name), Sum()
    for option, count in zip(v.options, v.counts, strict=True):
        low.add(count, option.memory.low)
        high.add(count, option.memory.high)
    for bus in v.classes:
        low.add(v.buses(bus), bus.base_memory.low)
        high.add(v.buses(bus), bus.base_memory.high)
    yield Capacity("memory-space", low, below, BELOW)
    if above is not None and any(bus.where.expander for bus in v.classes):
        yield Capacity("memory-space", high + low, below + above, "all")
    elif above is not None:
        yield Capacity("memory-space", high, max(below, above), "64-bit")


def _empty_ports(v: Variables) -> Sum:
    """Ports that no bridge hangs on: of the others, the window is what is below."""
    ports = total(v.buses(bus) for bus in v.classes if bus.offer is Offer.PORT)
    hanging = (bus for bus in v.classes if any(host.offer is Offer.PORT for host in bus.above))
    return ports - total(map(v.buses, hanging))
