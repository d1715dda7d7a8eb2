"""A second opinion on every proof: a Boolean for each thing and each slot, written from docs/semantics.md alone.

It shares nothing with the counting model but how a layout is written down. Slow, for small guests only.
"""

from ...schema.guest import Guest
from ...schema.outcome import Outcome
from ..cpsat import Limits
from .solve import Considered as Considered
from .solve import consider as consider

MOST = 10
"""Items, spare slots and controllers without address that it looks at."""


def address_level(guest: Guest, limits: Limits) -> Outcome:
    """A verified optimal layout, the proof that there is none, or Undecided: at a limit, or where it cannot say."""
    return consider(guest, limits, pooled=True).outcome


def within_reach(guest: Guest) -> bool:
    """Whether there are few enough things: each adds candidates for controllers, and each of these a bus."""
    return len(guest.devices) + sum(one.count for one in guest.spare) + len(guest.controllers) <= 2 * MOST
