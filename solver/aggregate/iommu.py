"""Address spaces of a guest with a vIOMMU: where they matter, and how many conventional bridges of their own they take.

VFIO takes one address space an IOMMU group. All below one topmost conventional bridge share one; a bridge is of use for
that only if devices of the host sit behind it, so as many as there are groups are enough.
"""

from collections.abc import Iterable
from typing import Final

from ...schema.pci.qemu_properties import is_on
from ...schema.request.device import Controller
from ...schema.request.guest import Guest
from .bus_classes import BYPASSED
from .item_kinds import ItemKind
from .items import Items
from .places import Place

MOST_SPACES: Final = 16
"""Bridges with an address space that are looked at; where there are more groups, nothing is proved."""
OPEN_SPACE: Final = "address space"
"""One of a bridge that is created or has no address of its own: at most one has each. No id is spelled like that."""


def tracks_spaces(guest: Guest, items: Items) -> bool:
    """Whether a device of the host may come to share an address space, or must."""
    pinned = any(occupant.item.kind.is_assigned for occupant in items.pinned)
    free = [kind for kind in items.free if kind.is_assigned]
    bypassing = any(_bypasses(controller) for controller in guest.controllers)
    homes = any(home.kind is not None and home.kind.is_assigned for home in items.open.homes)
    return pinned or homes or any(Place.CONVENTIONAL in kind.allowed or bypassing for kind in free)


def space_of_expander(controller: Controller) -> str | None:
    """What all below share. A pxb is a conventional bridge, and QEMU does not heed its bypass_iommu (measured)."""
    if controller.model == "pxb":
        return controller.id
    return BYPASSED if _bypasses(controller) else None


def _bypasses(controller: Controller) -> bool:
    return controller.model == "pxb-pcie" and is_on(controller.properties, "bypass_iommu", default=False)


def useful_spaces(items: Items, *, cheapest: bool) -> int:
    """Bridges that may be of use for their address space: one a group. What is pinned counts, too: the bridge that it
    is pinned to may hang on one that is created.

    `cheapest`: of those only that ask for a bridge where a port costs less, too, as each item has its cheapest places.
    """
    free = (kind for kind, waiting in items.free.items() for _ in waiting)
    wanting = [kind for kind in free if may_want_bridge(kind, cheapest=cheapest)]
    wanting += [occupant.item.kind for occupant in items.pinned]
    wanting += [home.kind for home in items.open.homes if home.kind is not None]
    shared = frozenset[int]().union(*(kind.iommu_groups for kind in wanting))
    return len(shared) + sum(kind.lone_iommu_groups for kind in wanting)


def may_want_bridge(kind: ItemKind, *, cheapest: bool) -> bool:
    """Whether items of the kind may sit behind a conventional bridge; if `cheapest`, at no more than behind a port."""
    if not kind.is_assigned or Place.CONVENTIONAL not in kind.allowed:
        return False
    beside = kind.iommu_groups or Place.PORT not in kind.allowed
    return bool(beside) or not cheapest or kind.fit(Place.CONVENTIONAL).weight <= kind.fit(Place.PORT).weight


def outbid(kinds: Iterable[ItemKind], weights: dict[ItemKind, int]) -> bool:
    """Whether some kind that was not thought to want a bridge has nothing that costs as little."""
    return any(
        may_want_bridge(kind, cheapest=False)
        and not may_want_bridge(kind, cheapest=True)
        and weights.get(kind, 1 << 30) > kind.fit(Place.CONVENTIONAL).weight
        for kind in kinds
    )
