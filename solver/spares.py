"""Rule spare: IO ports and memory that spare slots ask for are kept by the bridge above, or there anyway.

A bridge's own properties keep as much as is asked (`Room` without a number). Where the request has stated those, where
the firmware heeds none, and behind ports that have none, there is only what the bridge forwards by itself.
"""

from collections.abc import Iterator

from ..schema.device import Spare
from ..schema.firmware.budget import PAGE
from .buses import BusClass, Offer
from .reserves import shpc_opens_page
from .rows import total
from .variables import Variables
from .windows import Windows


def spares_have_room(v: Variables, windows: Windows) -> None:
    """For each class of conventional bridges: no more is kept than can be. Exact for a single bridge."""
    for bus in v.classes:
        if bus.offer is Offer.CONVENTIONAL and bus.model is not None:
            room = bus.spare_room
            if room.low is not None:
                memory = total(v.counts[i] * spare.memory for i, spare in _spares(v, bus))
                v.rows.at_most(memory, v.buses(bus) * room.low)
            if room.io is not None and not v.items.open.more_io and any(spare.io for _, spare in _spares(v, bus)):
                own = bus.model == "pcie-pci-bridge" and shpc_opens_page(v.guest)
                _ports_fit(v, windows, bus, max(room.io, int(own)))


def _ports_fit(v: Variables, windows: Windows, bus: BusClass, own: int) -> None:
    """Spare slots take what the bridge opens by itself, `own` pages, or what devices leave of their last page."""
    spare = total(v.counts[i] * one.io for i, one in _spares(v, bus))
    if bus.most > 1:
        v.rows.at_most(spare, v.buses(bus) * (max(own, 1) * PAGE))
        return
    devices = total(v.counts[i] * v.options[i].io for i in v.options_on(bus) if v.options[i].kind.spare is None)
    devices.add(v.buses(bus), bus.base_io)
    direct, below = windows.direct[id(bus)], windows.pages_below(bus)
    beside = v.rows.variable(0, 1)  # whether devices have IO ports on the last page
    v.rows.at_most(direct + below, beside * v.rows.most(direct + below) + own)
    v.rows.at_most(direct * PAGE - (PAGE - 1) - devices, (beside * -1 + 1) * v.rows.most(direct) * PAGE)


def _spares(v: Variables, bus: BusClass) -> Iterator[tuple[int, Spare]]:
    for i in v.options_on(bus):
        spare = v.options[i].kind.spare
        if spare is not None:
            yield i, spare
