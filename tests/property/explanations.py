"""Explanations of random infeasible guests, each proved again: `python -m tests.property.explanations tiny FIRST LAST`,
or `any`.

Held against each: only what it names is infeasible, with one less of any there is a layout; its remedies, applied to
the request, give a layout; where it has none, no change of the kinds that it looks for would help. Prints what is
wrong, how often each kind of fact takes part, and how long it took as a multiple of the proof alone.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

from pydantic import ValidationError

from qslot.schema import Controller, Device, Guest, Infeasible
from qslot.schema.errors import InputError
from qslot.schema.explanation.conflict import CAPACITY_RULES, ENOUGH_SLOTS, Fact, Facts, with_least
from qslot.schema.explanation.facts import facts_of, spare_id
from qslot.schema.explanation.remedy import Change, Remedy
from qslot.schema.explanation.restrict import Relaxation, left_out, restricted
from qslot.schema.explanation.wishes import BINDING
from qslot.schema.verify import verify
from qslot.solver import Options, explain, solve
from qslot.solver.explanation.explain import with_conflict
from qslot.solver.explanation.witness import wider
from qslot.solver.search.cpsat import Limits
from qslot.solver.search.feasibility import feasible, prove_infeasible
from qslot.solver.search.optimize import optimize
from qslot.testing.generator import any_guest, small_guest

GUESTS = {"tiny": small_guest, "any": any_guest}

SECONDS = 10.0
"""For each question to the solver."""


def has_layout(guest: Guest) -> bool:
    try:
        outcome = solve(guest, Options(time_limit=SECONDS))
    except InputError:  # without its pin behind a port, what asks for virtual functions on pc is bad input
        return False
    layout = None if isinstance(outcome, Infeasible) else outcome.layout
    return layout is not None and all(one.severity == "warning" for one in verify(guest, layout))


def problems(guest: Guest, outcome: Infeasible) -> Iterator[str]:
    """What is wrong with an explanation, a line each."""
    assert outcome.conflict is not None
    kept = outcome.conflict.facts
    dropped = frozenset(CAPACITY_RULES) - {fact.rule for fact in kept}
    if not prove_infeasible(Relaxation.of(guest, kept), Limits(SECONDS).steady, dropped, thorough=True):
        yield "what it names is not infeasible alone"
    if outcome.conflict.minimal:
        yield from (f"not minimal: {fact.rule}" for fact in kept if not _fits_with_less(guest, kept, fact))
    elif not any(_cannot_float(guest, fact) for fact in kept):
        yield "not proved minimal"
    for remedy in outcome.remedies:
        if not has_layout(applied(guest, remedy)):
            yield f"no remedy: {remedy}"
    if not outcome.remedies and any(has_layout(other) for other in alternatives(guest)):
        yield "no remedy, though there is one"
    yield from untold(guest, outcome)


def _cannot_float(guest: Guest, fact: Fact) -> bool:
    """Whether it is the pin of a device that no request lists without one: behind a port of pc, of one that asks for
    virtual functions."""
    pinned = [one for one in fact.subjects if one in guest.resolved] if fact.rule == "pin" else []
    return guest.machine_model.family == "pc" and any(guest.resolved[one].asks_for_virtual for one in pinned)


def untold(guest: Guest, outcome: Infeasible) -> Iterator[str]:
    """Single wishes whose change helps, and that no remedy names."""
    changes = [change for remedy in outcome.remedies for change in remedy.changes]
    told = {(change.what, one) for change in changes for one in change.subjects or ("",)}
    every = facts_of(guest)
    for fact in every:
        if fact.rule not in (*CAPACITY_RULES, "complete", "max-controllers", "max-depth"):
            names = {what for what, one in told if one in (fact.subjects or ("",))}
            helps = (has_layout(restricted(guest, with_least(every, fact, left))) for left in {0, fact.count - 1})
            if not names & SAID_AS.get(fact.rule, {fact.rule}) and any(helps):
                yield f"not told: {fact.rule} of {fact.subjects} {fact.value}"


SAID_AS = {"as-requested": {"virtio", "properties", "bus_nr"}, "iommu-group": {"viommu", "iommu-group"}}
"""What changes call a fact's rule, where that is another word."""


def with_less(guest: Guest, kept: Facts, fact: Fact) -> Iterator[Guest]:
    """Requests that state one less of a fact, and all others that are kept: just those first."""
    fewer = with_least(kept, fact, fact.least - 1)
    yield restricted(guest, fewer)
    dropped = frozenset(CAPACITY_RULES) - {one.rule for one in fewer}
    yield from wider(guest, facts_of(guest), fewer, fact, Limits().steady, dropped)


def _fits_with_less(guest: Guest, kept: Facts, fact: Fact) -> bool:
    """A limit can only be left out in a model; of all else one less is a request like any other."""
    dropped = frozenset(CAPACITY_RULES) - {one.rule for one in kept if one != fact}
    # slots are as many as there are, unless that is the fact in question
    dropped = dropped if fact.rule == ENOUGH_SLOTS else dropped - {ENOUGH_SLOTS}
    for left in with_less(guest, kept, fact):
        if fact.rule not in CAPACITY_RULES and has_layout(left):
            return True
        if any(feasible(left, Limits().steady, limits) for limits in (dropped & {fact.rule}, dropped)):
            return True
    return False


def applied(guest: Guest, remedy: Remedy) -> Guest:
    """The request with the changes made in it, read anew."""
    for change in remedy.changes:
        guest = _changed(guest, change)
    return Guest.model_validate(guest.model_dump(mode="json", exclude_none=True))


FIELDS: dict[str, dict[str, object]] = {
    "hotplug": {"hotplug": "preferred"},
    "pin": {"address": None},
    "numa": {"numa": None},
    "near": {"near": ()},
    "near-switch": {"near_switch": ()},
    "virtio": {"virtio": "auto"},
    "group": {"group": None},
    "iommu-group": {"iommu_group": None},
}


def _changed(guest: Guest, change: Change) -> Guest:
    if change.what in ("machine", "firmware", "phys_bits"):
        return Guest.model_validate({**guest.model_dump(mode="json", exclude_none=True), change.what: change.after})
    if change.what in ("max-controllers", "max-depth", "preset", "eject"):
        policy = guest.policy.model_copy(update={change.what.replace("-", "_"): change.after})
        return guest.model_copy(update={"policy": policy})
    if change.what == "viommu":
        return guest.model_copy(update={"needs": tuple(need for need in guest.needs if need != "viommu")})
    if change.what == "reserve":
        left = tuple(pin for pin in guest.reserve if f"{pin.bus}:{pin.slot:02x}" not in change.subjects)
        return guest.model_copy(update={"reserve": left})
    if change.what == "spare":
        less = {"count": change.after}
        spare = (
            one.model_copy(update=less) if spare_id(n) in change.subjects else one for n, one in enumerate(guest.spare)
        )
        return guest.model_copy(update={"spare": tuple(spare)})
    return _parts_changed(guest, change)


OF_CONTROLLERS: dict[str, dict[str, object]] = {**FIELDS, "hotplug": {"hotplug": True}}


def _parts_changed(guest: Guest, change: Change) -> Guest:
    if change.what == "leave-out":
        return left_out(guest, change.subjects)

    def device(one: Device) -> Device:
        return one.model_copy(update=FIELDS.get(change.what)) if one.id in change.subjects else one

    def controller(one: Controller) -> Controller:
        update = OF_CONTROLLERS.get(change.what)
        if change.what == "properties":
            update = {"properties": {name: value for name, value in one.properties.items() if name not in BINDING}}
        if change.what == "bus_nr":
            update = {"properties": one.properties | {"bus_nr": change.after}}
        return one.model_copy(update=update) if one.id in change.subjects else one

    changed = {"devices": tuple(map(device, guest.devices)), "controllers": tuple(map(controller, guest.controllers))}
    return guest.model_copy(update=changed)


def alternatives(guest: Guest) -> Iterator[Guest]:
    """The request with a single change of each kind that is looked for, where it has such a thing."""
    for device in guest.devices:
        for change in ("hotplug", "pin"):
            if device.hotplug == "required" if change == "hotplug" else device.address is not None:
                yield _changed(guest, Change(what=change, subjects=(device.id,)))
    yield _changed(guest, Change(what="hotplug", subjects=tuple(device.id for device in guest.devices)))
    if guest.spare:
        yield guest.model_copy(update={"spare": ()})
    for field_name, values in (("machine", ("q35", "pc")), ("firmware", ("seabios", "ovmf"))):
        for value in values:
            try:
                yield Guest.model_validate({**guest.model_dump(mode="json", exclude_none=True), field_name: value})
            except ValidationError:
                continue


EVERY = 5
"""Explanations of which one is asked for again, otherwise."""


@dataclass
class Campaign:
    """Sums over many guests."""

    explained: int = 0
    wrong: int = 0
    without_remedy: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    """In how many explanations each kind of fact takes part."""
    ratios: list[float] = field(default_factory=list)
    """Time for the clash, proof included, by time for the proof alone."""

    def take(self, name: str, guest: Guest) -> None:
        start = time.perf_counter()
        if not isinstance(optimize(guest, Limits(SECONDS)), Infeasible):
            return
        middle = time.perf_counter()
        with_conflict(guest, Limits(SECONDS))
        self.ratios.append((time.perf_counter() - middle) / (middle - start))
        outcome = explain(guest, Options(time_limit=SECONDS))
        assert isinstance(outcome, Infeasible)
        assert outcome.conflict is not None
        self.explained += 1
        self.without_remedy += not outcome.remedies
        self.kinds.update({fact.rule for fact in outcome.conflict.facts})
        wrong = list(problems(guest, outcome))
        if self.explained % EVERY == 0 and explain(guest, Options(time_limit=SECONDS, seed=7, workers=2)) != outcome:
            wrong.append("another seed and two workers say otherwise")
        self.wrong += bool(wrong)
        for line in wrong:
            print(name, line, guest.model_dump_json(exclude_defaults=True), sep=": ", flush=True)  # noqa: T201

    def __str__(self) -> str:
        kinds = ", ".join(f"{rule} {count}" for rule, count in self.kinds.most_common())
        return (
            f"{self.explained} explained, {self.wrong} wrong, {self.without_remedy} without a remedy; "
            f"{median(self.ratios):.1f} times the proof (median)\n{kinds}"
        )


def main(sizes: str, first: int, last: int) -> None:
    campaign = Campaign()
    for seed in range(first, last):
        campaign.take(f"{sizes} {seed}", GUESTS[sizes](seed))
    print(campaign)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
