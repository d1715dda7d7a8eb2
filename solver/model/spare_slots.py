"""Rule spare: IO ports and memory that spare slots ask for are kept by the bridge above, or there anyway.

A bridge's own properties keep as much as is asked (`Room` without a number). Where the request has stated those, where
the firmware heeds none, and behind ports that have none, there is only what the bridge forwards by itself.
"""

from collections.abc import Iterator

from ...schema.firmware.budget import PAGE
from ...schema.records import record
from ...schema.request.device import Spare
from ..aggregate.bus_classes import BusClass, BusKind
from ..aggregate.controller_reserves import shpc_opens_page
from .io_windows import Windows
from .linear import LinearExpr, sum_of
from .powers_of_two import PowerOfTwo, rounded_up
from .variables import Variables


def spares_have_room(v: Variables, windows: Windows) -> None:
    """For each class of conventional bridges: no more is kept than can be. Exact for a single bridge."""
    for bus in v.classes:
        if bus.kind is BusKind.CONVENTIONAL and bus.model is not None:
            room = bus.spare_room
            if room.low is not None:
                memory = sum_of(v.counts[i] * spare.memory for i, spare in spares_on(v, bus))
                v.linear.add_le(memory, v.controller_count(bus) * room.low)
            if room.io is not None and not v.items.open.more_io and any(spare.io for _, spare in spares_on(v, bus)):
                own = bus.model == "pcie-pci-bridge" and shpc_opens_page(v.guest)
                _ports_fit(v, windows, bus, max(room.io, int(own)))


@record(frozen=True)
class Reserve:
    """Pages that a single bridge reserves for spare slots: OVMF rounds them up to a power of two, and aligns them."""

    bus: BusClass
    beyond: LinearExpr
    """More than what is in its window, spare slots included."""
    size: PowerOfTwo


def reserves_of(v: Variables, windows: Windows) -> Iterator[Reserve]:
    """Of OVMF; none where what the request states is open (`Open`)."""
    if v.guest.firmware.name != "ovmf" or v.items.open.more_io or v.items.open.readings:
        return
    found: dict[BusClass, Reserve] = {}
    for bus in sorted(v.classes, key=lambda one: -one.level.depth):
        kept = bus.kind is BusKind.CONVENTIONAL and bus.model is not None and bus.spare_room.io is None
        if kept and bus.max_count == 1 and any(spare.io for _, spare in spares_on(v, bus)):
            below = v.below(bus)
            inside = sum_of(reserve.beyond for one, reserve in found.items() if one in below)
            found[bus] = _reserve(v, windows, bus, inside)
    yield from found.values()


def _reserve(v: Variables, windows: Windows, bus: BusClass, inside: LinearExpr) -> Reserve:
    """What those inside have beyond their windows may be all there is to round up, wherever they are."""
    linear, spare = v.linear, sum_of(v.counts[i] * one.io for i, one in spares_on(v, bus))
    held = windows.pages_for_bars[bus] + windows.pages_below(bus)
    reserve = rounded_up(linear, held, name=bus)
    beyond = linear.variable(0, reserve.most, "reserved_pages_beyond", bus)
    linear.add_le(spare, (reserve.used + _beside(v, windows, bus)) * linear.upper_bound(spare))
    linear.add_le(reserve.value - held - inside, beyond)
    return Reserve(bus, beyond, reserve)


def _ports_fit(v: Variables, windows: Windows, bus: BusClass, own: int) -> None:
    """Spare slots take what the bridge opens by itself, `own` pages, or what devices leave of their last page."""
    for i, one in spares_on(v, bus):
        if one.io > max(own * PAGE, PAGE - 1):
            v.linear.add_le(v.counts[i], 0)
    spare = sum_of(v.counts[i] * one.io for i, one in spares_on(v, bus))
    if bus.max_count > 1:
        v.linear.add_le(spare, v.controller_count(bus) * (max(own, 1) * PAGE))
        return
    held = windows.pages_for_bars[bus] + windows.pages_below(bus)
    v.linear.add_le(held, _beside(v, windows, bus) * v.linear.upper_bound(held) + own)


def _beside(v: Variables, windows: Windows, bus: BusClass) -> LinearExpr:
    """Whether devices have IO ports on the last page, so that spare slots add none."""
    devices = sum_of(v.counts[i] * v.options[i].io for i in v.options_on(bus) if v.options[i].kind.spare is None)
    devices.add(v.controller_count(bus), bus.base_io)
    direct, beside = windows.pages_for_bars[bus], v.linear.variable(0, 1, "last_page_has_room", bus)
    v.linear.add_le(direct * PAGE - (PAGE - 1) - devices, (beside * -1 + 1) * v.linear.upper_bound(direct) * PAGE)
    return beside


def spares_on(v: Variables, bus: BusClass) -> Iterator[tuple[int, Spare]]:
    """Options of spare slots there, and what one of them asks for."""
    for i in v.options_on(bus):
        spare = v.options[i].kind.spare
        if spare is not None:
            yield i, spare
