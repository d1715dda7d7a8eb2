"""The rules encoded a second time: a Boolean for each thing and each slot, written from docs/semantics.md alone.

It solves small guests: those whose bridges may nest in many ways, and those whose counts cannot be laid out. Of others
it is a second opinion. It shares nothing with the counting model but how a layout is written down, and it is slow.
"""

from ...schema.layout.outcome import Outcome, Undecided
from ...schema.pci.controllers import CONTROLLERS, Need
from ...schema.request.guest import Guest
from ..search.cpsat import Limits

MOST = 28
"""Devices, controllers and spare slots that it looks at: with so many of each kind of bridge one holds what two do."""
LOADING = 1.0
"""Seconds: loading OR-Tools' documented interface takes most of one, and nobody can stop it."""
MANY_NESTING = 3
"""Bridges that may be inside each other from which on the counting model is the larger one (measured: thousands of
variables against hundreds)."""
NESTING = Need.PCI_BRIDGE | Need.PCIE_TO_PCI_BRIDGE | Need.UPSTREAM_PORT


def address_level(guest: Guest, limits: Limits, *, cuts: int | None = None) -> Outcome:
    """A verified optimal layout, the proof that there is none, or Undecided: at a limit, or where it cannot say.

    After so many `cuts`, answers that the exact prediction refuses, it gives up; by default after `solve.MOST_CUTS`.
    """
    left = limits.left()
    if left is not None and left < LOADING:
        return Undecided()
    from .solve import MOST_CUTS, consider  # few guests need all that it loads

    return consider(guest, limits, pooled=True, cuts=MOST_CUTS if cuts is None else cuts).outcome


def within_reach(guest: Guest) -> bool:
    """Whether there are few enough things: each adds candidates for controllers, and each of these a bus."""
    return len(guest.devices) + sum(one.count for one in guest.spare) + len(guest.controllers) <= MOST


def knows_order(guest: Guest) -> bool:
    """Whether rule order is known whole: of expanders that may be created there is one a node, and two might be in
    order where one is not."""
    nodes = [one.numa for one in guest.parts] + [one.numa for one in guest.spare]
    return all(node is None for node in nodes)


def is_the_smaller(guest: Guest) -> bool:
    """Whether listed bridges and switches may be inside each other in so many ways that counting has far more classes
    of buses than there are buses."""
    open_ones = (one for one in guest.controllers if one.address is None or one.address.bus is None)
    return sum(bool(CONTROLLERS[one.model].needs & NESTING) for one in open_ones) >= MANY_NESTING
