"""Every order in which a firmware may come upon the things of a layout: what no order of slots mends, is so."""

from collections.abc import Iterator
from itertools import permutations, product
from math import factorial, prod

from qslot.schema import Guest, Layout
from qslot.schema.layout.layout import PlacedController, PlacedDevice

MOST = 24
Seat = PlacedController | PlacedDevice
Unit = tuple[Seat, ...]
"""What changes place together: a controller, a device, a group."""


def orders(guest: Guest, layout: Layout) -> Iterator[Layout] | None:
    """The layout with the units of each bus in every order, each in a slot of its own; None where there are too many.

    A firmware sees no more of slots and functions than their order. So whatever seats the tree's things may have
    instead, one of these layouts is the same to it, though some of these break other rules. Not so for what shares the
    only slot of a port, nor for several expanders, whose bus numbers may change places too.
    """
    buses = units(guest, layout)
    expanders = [one for one in layout.controllers if one.model in ("pxb", "pxb-pcie")]
    ports = {one.id for one in layout.controllers if one.model in ("pcie-root-port", "ioh3420", "xio3130-downstream")}
    crowded = any(len(there) > 1 for bus, there in buses.items() if bus in ports)
    many = prod(factorial(len(there)) for there in buses.values()) > MOST
    if len(expanders) > 1 or crowded or many or guest.chipset.usb:
        return None
    first = {guest.machine_model.root: guest.machine_model.first_slot} | dict.fromkeys(ports, 0)
    choices = [[placed(choice, first.get(bus, 1)) for choice in permutations(there)] for bus, there in buses.items()]
    return (reseated(layout, [seat for part in parts for seat in part]) for parts in product(*choices))


def units(guest: Guest, layout: Layout) -> dict[str, list[Unit]]:
    """By bus, without what sits beside the chipset and stays there."""
    group = {device.id: device.group for device in guest.devices}
    found: dict[tuple[str, str], list[Seat]] = {}
    seats: tuple[Seat, ...] = (*layout.controllers, *layout.devices)
    for seat in seats:
        if (seat.bus, seat.slot) != (guest.machine_model.root, guest.machine_model.chipset_slot):
            name = group.get(seat.id)
            found.setdefault((seat.bus, f"device {seat.id}" if name is None else f"group {name}"), []).append(seat)
    buses: dict[str, list[Unit]] = {}
    for (bus, _), unit in found.items():
        buses.setdefault(bus, []).append(tuple(unit))
    return buses


def placed(order: tuple[Unit, ...], first: int) -> list[Seat]:
    return [
        seat.model_copy(update={"slot": slot} | ({"function": 0, "multifunction": False} if len(unit) == 1 else {}))
        for slot, unit in enumerate(order, first)
        for seat in unit
    ]


def reseated(layout: Layout, seats: list[Seat]) -> Layout:
    new = {seat.id: seat for seat in seats}
    controllers = tuple(new.get(one.id, one) for one in layout.controllers)
    return layout.model_copy(
        update={"controllers": controllers, "devices": tuple(new.get(one.id, one) for one in layout.devices)}
    )
