"""Places of bridges without an address whose index cannot change, as addresses name it.

libvirt starts controllers by index, so each sits on an earlier one. A plan that is free to choose might put such a
bridge on a later one, or on a new one, and then nobody could write it down.
"""

from collections.abc import Sequence

from ..pci.controllers import CONTROLLERS, BusModel, Need
from ..pci.machine import Chipset, machine_of
from ..pci.machine_types import Family
from .addresses import PciAddress
from .controllers import DomainController

PLACED = Need.PCIE_TO_PCI_BRIDGE | Need.UPSTREAM_PORT | Need.PCI_BRIDGE
"""Needs of those that may sit on other bridges."""


def place_bridges(bridges: Sequence[DomainController], family: Family, used: Sequence[PciAddress]) -> None:
    """Gives an address to each that could come to sit on a later one, where there is room: on the earliest bus that
    takes it, in the last slot that no address names. `bridges` are ordered by index."""
    places = [*used, *(one.address for one in bridges if one.address is not None)]
    taken = {place[:2] for place in places}
    named = {bus for bus, _ in taken} | {one.index for one in bridges if one.address is not None}
    for bridge in bridges:
        if bridge.address is None and _might_sit_later(bridge, bridges, named):
            bridge.address = _early_place(bridge, bridges, family, taken)
            taken |= {bridge.address[:2]} if bridge.address is not None else set()


def _might_sit_later(bridge: DomainController, bridges: Sequence[DomainController], named: set[int]) -> bool:
    """Whether it might sit on one that comes later, and the two could not change their indexes."""
    needs = CONTROLLERS[bridge.model].needs & PLACED
    if not needs:
        return False
    later = [one.index for one in bridges if one.index > bridge.index and _bus(one).provides & needs]
    if bridge.index not in named:
        return not named.isdisjoint(later)
    # a new port may be worth as much as a listed one, a new pci-bridge never
    return bool(later) or needs != Need.PCI_BRIDGE


def _early_place(
    bridge: DomainController, bridges: Sequence[DomainController], family: Family, taken: set[tuple[int, int]]
) -> PciAddress | None:
    needs = CONTROLLERS[bridge.model].needs
    earlier = {one.index: _bus(one) for one in bridges if one.index < bridge.index}
    free = (
        PciAddress(index, slot, 0)
        for index, bus in ({0: machine_of(family, Chipset()).bus} | earlier).items()
        if bus.provides & needs
        for slot in range(bus.last_slot, bus.first_slot - 1, -1)
        if (index, slot) not in taken
    )
    return next(free, None)


def _bus(bridge: DomainController) -> BusModel:
    return CONTROLLERS[bridge.model].bus
