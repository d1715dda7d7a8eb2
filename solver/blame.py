"""Which wish or limit stands in the way: each one that, dropped alone, lets the guest be laid out.

A first answer for whoever reads "infeasible"; a minimal set of clashing facts is the work of `explain`.
"""

from collections.abc import Callable, Iterator

from ..schema.device import Device
from ..schema.finding import Finding
from ..schema.guest import Guest
from .chains import long_chains
from .cpsat import Answer, Limits, Program
from .encode import LIMITS, encode
from .grow import Scope
from .items import Items, items_of
from .pinned import Impossible
from .shortage import short_of


def blame(guest: Guest, limits: Limits) -> tuple[Finding, ...]:
    """Findings of rules that alone prevent every layout, each proved by solving without; else that not all fits."""
    found = [finding for rule in LIMITS for finding in short_of(guest, rule, limits)]
    for rule, subjects, relaxed in _relaxations(guest):
        if _feasible(relaxed, limits):
            found.append(Finding(rule=rule, subjects=subjects))
    return tuple(found) or (Finding(rule="complete", numbers={"devices": len(guest.devices)}),)


def _relaxations(guest: Guest) -> Iterator[tuple[str, tuple[str, ...], Guest]]:
    """Rule, who wishes it, the guest without the wish."""
    policy = guest.policy
    if policy.max_controllers is not None:
        yield "max-controllers", (), _changed(guest, policy=policy.model_copy(update={"max_controllers": None}))
    if policy.max_depth is not None:
        yield "max-depth", (), _changed(guest, policy=policy.model_copy(update={"max_depth": None}))
    if policy.preset != "default":
        yield "preset", (), _changed(guest, policy=policy.model_copy(update={"preset": "default"}))
    if guest.spare:
        yield "spare", (), _changed(guest, spare=())
    if guest.reserve:
        yield "reserve", (), _changed(guest, reserve=())
    yield from _device_wishes(guest, "hotplug", lambda d: d.hotplug == "required", {"hotplug": "preferred"})
    yield from _device_wishes(guest, "numa", lambda d: d.numa is not None, {"numa": None})
    yield from _device_wishes(guest, "near", lambda d: bool(d.near), {"near": ()})
    yield from _device_wishes(guest, "near-switch", lambda d: bool(d.near_switch), {"near_switch": ()})
    yield from _device_wishes(guest, "group", lambda d: d.group is not None, {"group": None})
    yield from _device_wishes(guest, "pin", lambda d: d.address is not None, {"address": None})


def _device_wishes(
    guest: Guest, rule: str, has: Callable[[Device], bool], dropped: dict[str, object]
) -> Iterator[tuple[str, tuple[str, ...], Guest]]:
    subjects = tuple(device.id for device in guest.devices if has(device))
    if subjects:
        devices = tuple(d.model_copy(update=dropped) if has(d) else d for d in guest.devices)
        yield rule, subjects, _changed(guest, devices=devices)


def _changed(guest: Guest, **changes: object) -> Guest:
    return guest.model_copy(update=changes)


def _feasible(guest: Guest, limits: Limits) -> bool:
    """Proved so; the coarse model goes first, for what it finds infeasible is."""
    try:
        items = items_of(guest)
        if long_chains(guest, items) and _answer(guest, items, Scope(chains=False), limits) in NEVER:
            return False
        return _answer(guest, items, Scope(), limits) in (Answer.OPTIMAL, Answer.FEASIBLE)
    except Impossible:
        return False


NEVER = (Answer.INFEASIBLE, Answer.UNKNOWN)


def _answer(guest: Guest, items: Items, scope: Scope, limits: Limits) -> Answer:
    encoding = encode(guest, items, scope, cheapest_only=False)
    if encoding.variables.rows.infeasible:
        return Answer.INFEASIBLE
    return Program(encoding.variables.rows, limits).minimize(encoding.nothing).answer
