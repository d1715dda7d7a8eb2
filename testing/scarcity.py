"""Guests that have a layout by a hair, or none: what the planner proves of one says how to make the others of it."""

from functools import lru_cache
from typing import Final

from ..schema import Guest, Infeasible, Solved, Undecided
from ..solver import Options, solve
from .generator import valid

_PATIENCE: Final = Options(time_limit=10.0)
"""Seconds for one guest while it is drawn; nearly all take some hundredths. Who takes longer is not drawn."""


def solved(guest: Guest) -> Solved | Infeasible | None:
    """What is proved of a guest; None where nothing is in time."""
    return _solved(guest.model_dump_json())


@lru_cache(maxsize=1024)
def _solved(text: str) -> Solved | Infeasible | None:
    """Kept, as what is shrunk is drawn many times with the same guest in it."""
    outcome = solve(Guest.model_validate_json(text), _PATIENCE)
    return None if isinstance(outcome, Undecided) else outcome


def tight(guest: Guest) -> Guest | None:
    """The guest with as few controllers allowed as it can do with, so that it has a layout and with one fewer none.

    None where it has no layout, or one without controllers: then there is none fewer.
    """
    least = least_controllers(guest)
    return limited(guest, least) if least else None


def infeasible(guest: Guest) -> Guest | None:
    """The guest itself where it has no layout, else with one controller fewer allowed than it needs; None as above."""
    if isinstance(solved(guest), Infeasible):
        return guest
    least = least_controllers(guest)
    return limited(guest, least - 1) if least else None


def least_controllers(guest: Guest) -> int | None:
    """How many controllers any layout of the guest has at least; None where it has no layout, or nothing is proved."""
    order = ("controllers", *(term for term in guest.policy.order if term != "controllers"))
    asked = _with_policy(guest, order=order)
    outcome = None if asked is None else solved(asked)
    return len(outcome.layout.controllers) if isinstance(outcome, Solved) else None


def limited(guest: Guest, most: int) -> Guest | None:
    """The guest with at most that many controllers."""
    return _with_policy(guest, max_controllers=most)


def _with_policy(guest: Guest, **fields: object) -> Guest | None:
    data = guest.model_dump(mode="json", exclude_defaults=True)
    return valid(data | {"policy": data.get("policy", {}) | fields})
