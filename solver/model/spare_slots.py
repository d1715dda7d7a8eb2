"""Rule spare: IO ports and memory that spare slots ask for are kept by the bridge above, or there anyway.

A bridge's own properties keep as much as is asked (`Room` without a number). Where the request has stated those, where
the firmware heeds none, and behind ports that have none, there is only what the bridge forwards by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ...schema.firmware.budget import PAGE
from ...schema.request.device import Spare
from ..aggregate.bus_classes import BusClass, Offer
from ..aggregate.controller_reserves import shpc_opens_page
from .io_windows import Windows
from .linear import Sum, total
from .powers_of_two import PowerOfTwo, rounded_up
from .variables import Variables


def spares_have_room(v: Variables, windows: Windows) -> None:
    """For each class of conventional bridges: no more is kept than can be. Exact for a single bridge."""
    for bus in v.classes:
        if bus.offer is Offer.CONVENTIONAL and bus.model is not None:
            room = bus.spare_room
            if room.low is not None:
                memory = total(v.counts[i] * spare.memory for i, spare in spares_on(v, bus))
                v.rows.at_most(memory, v.buses(bus) * room.low)
            if room.io is not None and not v.items.open.more_io and any(spare.io for _, spare in spares_on(v, bus)):
                own = bus.model == "pcie-pci-bridge" and shpc_opens_page(v.guest)
                _ports_fit(v, windows, bus, max(room.io, int(own)))


@dataclass(frozen=True, slots=True)
class Reserve:
    """Pages that a single bridge reserves for spare slots: OVMF rounds them up to a power of two, and aligns them."""

    bus: BusClass
    beyond: Sum
    """More than what is in its window, spare slots included."""
    size: PowerOfTwo


def reserves_of(v: Variables, windows: Windows) -> Iterator[Reserve]:
    """Of OVMF; none where what the request states is open (`Open`)."""
    if v.guest.firmware.name != "ovmf" or v.items.open.more_io or v.items.open.readings:
        return
    found: dict[int, Reserve] = {}
    for bus in sorted(v.classes, key=lambda one: -one.where.depth):
        kept = bus.offer is Offer.CONVENTIONAL and bus.model is not None and bus.spare_room.io is None
        if kept and bus.most == 1 and any(spare.io for _, spare in spares_on(v, bus)):
            inside = total(found[id(one)].beyond for one in v.below(bus) if id(one) in found)
            found[id(bus)] = _reserve(v, windows, bus, inside)
    yield from found.values()


def _reserve(v: Variables, windows: Windows, bus: BusClass, inside: Sum) -> Reserve:
    """What those inside have beyond their windows may be all there is to round up, wherever they are."""
    rows, spare = v.rows, total(v.counts[i] * one.io for i, one in spares_on(v, bus))
    held = windows.direct[id(bus)] + windows.pages_below(bus)
    reserve = rounded_up(rows, held)
    beyond = rows.variable(0, reserve.most)
    rows.at_most(spare, (reserve.used + _beside(v, windows, bus)) * rows.most(spare))
    rows.at_most(reserve.value - held - inside, beyond)
    return Reserve(bus, beyond, reserve)


def _ports_fit(v: Variables, windows: Windows, bus: BusClass, own: int) -> None:
    """Spare slots take what the bridge opens by itself, `own` pages, or what devices leave of their last page."""
    spare = total(v.counts[i] * one.io for i, one in spares_on(v, bus))
    if bus.most > 1:
        v.rows.at_most(spare, v.buses(bus) * (max(own, 1) * PAGE))
        return
    held = windows.direct[id(bus)] + windows.pages_below(bus)
    v.rows.at_most(held, _beside(v, windows, bus) * v.rows.most(held) + own)


def _beside(v: Variables, windows: Windows, bus: BusClass) -> Sum:
    """Whether devices have IO ports on the last page, so that spare slots add none."""
    devices = total(v.counts[i] * v.options[i].io for i in v.options_on(bus) if v.options[i].kind.spare is None)
    devices.add(v.buses(bus), bus.base_io)
    direct, beside = windows.direct[id(bus)], v.rows.variable(0, 1)
    v.rows.at_most(direct * PAGE - (PAGE - 1) - devices, (beside * -1 + 1) * v.rows.most(direct) * PAGE)
    return beside


def spares_on(v: Variables, bus: BusClass) -> Iterator[tuple[int, Spare]]:
    """Options of spare slots there, and what one of them asks for."""
    for i in v.options_on(bus):
        spare = v.options[i].kind.spare
        if spare is not None:
            yield i, spare
