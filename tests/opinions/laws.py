"""The opinion of the solver itself about changed requests: where their cost breaks a law, one answer is wrong."""

from random import Random

from qslot.schema import Guest, Infeasible, Layout, Solved
from qslot.schema.layout.outcome import Outcome, Undecided
from qslot.schema.layout.placement import OtherPlace, PlacementReport
from qslot.schema.pci.address import Pin
from qslot.schema.request.device import Device
from qslot.solver import Options, placement, solve

from ..laws.changes import LAWS, Change, Costs, Law, costs_of

SECONDS = 10.0
"""For each changed request; what is not decided by then says nothing."""


def opinion(guest: Guest, outcome: Outcome, *, seconds: float = SECONDS) -> str:
    """Whether what `solve` answered keeps every law: "agree", "n/a: why" or "DISAGREE: what".

    All choices are seeded by the request.
    """
    if not isinstance(outcome, Solved):
        return f"n/a: {type(outcome).__name__.lower()}"
    rng = Random(guest.sha256)
    verdicts = {name: asked(law, guest, outcome.layout, rng, seconds) for name, law in LAWS.items()}
    verdicts["elsewhere"] = elsewhere(guest, rng, seconds)
    broken = [f"{name}: {verdict}" for name, verdict in verdicts.items() if verdict not in ("kept", "n/a")]
    if broken:
        return f"DISAGREE: {'; '.join(broken)}"
    return "agree" if "kept" in verdicts.values() else "n/a: no law has an answer"


def asked(law: Law, guest: Guest, layout: Layout, rng: Random, seconds: float = SECONDS) -> str:
    """How the law is broken; else "kept", or "n/a" where it has nothing to change or that is not decided in time."""
    change = law(guest, layout, rng)
    if change is None:
        return "n/a"
    outcome = solve(change.guest, Options(time_limit=seconds))
    if isinstance(outcome, Infeasible):
        return f"infeasible once changed to {_text(change.guest)}"
    if not isinstance(outcome, Solved):
        return "n/a"
    costs = costs_of(outcome.layout)
    if _keeps(guest, costs, change):
        return "kept"
    return f"{_differing(change.limit, costs)} once changed to {_text(change.guest)}"


def elsewhere(guest: Guest, rng: Random, seconds: float = SECONDS) -> str:
    """Of a device whose slot is open, what `placement` shows elsewhere is no cheaper, except where only a pin puts it.

    Elsewhere is a layout of the request, too, if no rule forbids the seat without the pin.
    """
    again = solve(guest, Options(time_limit=seconds))  # as `placement` does: with a limit other models come first
    if not isinstance(again, Solved):
        return "n/a"
    waiting = [one.id for one in guest.devices if all(pin is None or pin.bus is None for pin in _pins(guest, one))]
    if not waiting:
        return "n/a"
    device = rng.choice(waiting)
    at = rng.choice((None, *sorted(_slots(guest, again.layout))))
    answer = placement(guest, device, at, Options(time_limit=seconds))
    if not isinstance(answer, PlacementReport):
        return "n/a" if isinstance(answer, Undecided) else "infeasible once asked why"
    allowed = [one for one in answer.elsewhere if one.possible and not one.only_by_pin]
    cheaper = [f"{device} at {one.address}: {one.term} {one.before} -> {one.after}" for one in allowed if _cheaper(one)]
    return "; ".join(cheaper) or ("kept" if allowed else "n/a")


def _slots(guest: Guest, layout: Layout) -> set[str]:
    """Where others are or the chipset is, and one on each bus."""
    there = {(one.bus, one.slot) for one in (*layout.controllers, *layout.devices)}
    there |= {(guest.machine_model.root, guest.machine_model.chipset_slot)}
    return {str(Pin(bus, slot, None)) for bus, slot in (*there, *((one.id, 1) for one in layout.controllers))}


def _cheaper(one: OtherPlace) -> bool:
    """By the first term that differs."""
    return one.term is not None and one.after < one.before


def _pins(guest: Guest, device: Device) -> list[Pin | None]:
    """Its own, and those of its group."""
    members = (device,) if device.group is None else guest.groups[device.group]
    return [member.address for member in members]


def _keeps(guest: Guest, costs: Costs, change: Change) -> bool:
    limit, cost = ([one[term] for term in guest.policy.order] for one in (change.limit, costs))
    return cost == limit if change.exact else cost <= limit


def _differing(limit: Costs, costs: Costs) -> str:
    return ", ".join(f"{term} {value} -> {costs[term]}" for term, value in limit.items() if costs[term] != value)


def _text(guest: Guest) -> str:
    return guest.model_dump_json(exclude_defaults=True)
