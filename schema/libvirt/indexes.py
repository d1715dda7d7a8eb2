"""Indexes of PCI controllers: libvirt starts them in that order, so none may come before the one that it sits on."""

from ..layout.layout import Layout
from .domain import Domain
from .splice import SourceError


def indexes_of(domain: Domain, layout: Layout) -> dict[str, int]:
    """By controller. Listed ones keep theirs unless they sit on a later one; new ones follow, without gaps, as libvirt
    fills gaps with controllers. Raises SourceError where a listed one that addresses name would have to change."""
    listed = {f"pci.{bridge.index}": bridge.index for bridge in domain.bridges}
    number = max(listed.values(), default=0)
    indexes: dict[str, int] = {}
    for controller in layout.controllers:
        if controller.id not in listed:
            number += 1
        indexes[controller.id] = listed.get(controller.id, number)
    if max(indexes.values(), default=0) > 255:
        raise SourceError("more than 255 PCI controllers have no indexes in domain XML")
    named = _named(domain)
    moved = True
    while moved:
        moved = False
        for controller in layout.controllers:
            parent = controller.bus
            if parent in indexes and indexes[parent] > indexes[controller.id]:
                for one in (parent, controller.id):
                    if indexes[one] in named:
                        raise SourceError(
                            f"controller pci {indexes[one]}: addresses name it, so it keeps its index, which does not "
                            f"go with where it sits; leave out the index, or those addresses"
                        )
                indexes[parent], indexes[controller.id] = indexes[controller.id], indexes[parent]
                moved = True
    return indexes


def _named(domain: Domain) -> set[int]:
    """Indexes that addresses name, and those of controllers with an address."""
    places = [part.address for part in domain.parts] + [bridge.address for bridge in domain.bridges]
    named = {place.bus for place in places if place is not None}
    return named | {bridge.index for bridge in domain.bridges if bridge.address is not None}
