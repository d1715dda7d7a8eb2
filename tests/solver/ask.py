"""Requests that leave little room, and what to ask of their answers."""

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from pydantic import ValidationError

from qslot.schema import Guest, Infeasible, Layout, Solved
from qslot.schema.verify import verify
from qslot.schema.verify.objective import objective
from qslot.solver import Options, explain, solve
from qslot.solver.explanation.explain import with_conflict
from qslot.solver.search.cpsat import Limits

if TYPE_CHECKING:
    from qslot.schema.layout.layout import Seat

Data = dict[str, Any]

ROOT = {"q35": "pcie.0", "pc": "pci.0"}
SLOTS = {"q35": range(1, 31), "pc": range(2, 32)}
CHIPSET = {"q35": "1f", "pc": "01"}


def only(*places: str, machine: str = "q35") -> list[str]:
    """What to reserve so that the root bus keeps just these: `01` is a whole slot, `01.0` one function."""
    root, reserve = ROOT[machine], []
    for slot in [*(f"{number:02x}" for number in SLOTS[machine]), CHIPSET[machine]]:
        if slot not in places:
            reserve += [f"{root}:{slot}.{function}" for function in range(8) if f"{slot}.{function}" not in places]
    return reserve


def device(name: str, model: str, **rest: Any) -> Data:
    return {"id": name, "model": model, **rest}


def devices(count: int, model: str, **rest: Any) -> list[Data]:
    """`count` equal devices, d0 first."""
    return [device(f"d{number}", model, **rest) for number in range(count)]


def host(name: str, connect: str = "express", io: int = 0, **rest: Any) -> Data:
    """A host device; `io` is the size of its IO BAR in bytes."""
    bars = [{"bar": 0, "kind": "mem32", "size": 4096}]
    if io:
        bars.append({"bar": 1, "kind": "io", "size": io})
    return device(name, "vfio-pci", connect=connect, bars=bars, **rest)


def plain_card(name: str, *sizes: int, hotplug: str = "required", **rest: Any) -> Data:
    """A host device for a port; `sizes`: MiB of its BARs, which are not prefetchable."""
    bars = [{"bar": n, "kind": "mem32", "size": size << 20} for n, size in enumerate(sizes)]
    return device(name, "vfio-pci", connect="express", bars=bars, hotplug=hotplug, **rest)


class Case(NamedTuple):
    """A request, a Guest's fields; `previous` among them is the request whose plan was there before.

    `seats`: where things must sit, `BUS:SLOT.FUNCTION` by id (a prefix will do). `has`: fields that the layout must
    give them; of `properties` just those that are named."""

    guest: Data
    seats: dict[str, str] = {}
    has: dict[str, Data] = {}


class BadInput(NamedTuple):
    """A request that is refused before it is planned, in words that `says` matches."""

    guest: Data
    says: str


class NoCase(NamedTuple):
    """A leg of a trio that cannot exist, and why."""

    why: str


class Trio(NamedTuple):
    """A rule where nothing presses, where it leaves no way, and where there is just another way."""

    easy: Case
    refused: Data | BadInput | NoCase
    other: Case | NoCase


Trios = dict[tuple[str, str], Trio]
"""By the rule's code and the case."""


def q35(*things: Data, **rest: Any) -> Data:
    return {"machine": "q35", "devices": things, **rest}


def pc(*things: Data, **rest: Any) -> Data:
    return {"machine": "pc", "devices": things, **rest}


def policy(**limits: Any) -> Data:
    return limits


def asked(data: Data | Guest) -> tuple[Guest, Layout | None]:
    """The request, and the layout before, if there is one."""
    if isinstance(data, Guest):
        return data, None
    before = planned(data["previous"]) if "previous" in data else None
    return Guest.model_validate({name: value for name, value in data.items() if name != "previous"}), before


def planned(data: Data | Guest, options: Options | None = None) -> Layout:
    """The layout, which must be proved optimal and verified."""
    request, before = asked(data)
    outcome = solve(request, options, before)
    assert isinstance(outcome, Solved), outcome
    assert [str(finding) for finding in verify(request, outcome.layout, before) if finding.severity == "error"] == []
    assert outcome.layout.status == "optimal"
    assert all(term.value == term.bound for term in outcome.layout.objective)
    return outcome.layout


def refused(data: Data | Guest) -> Infeasible:
    request, before = asked(data)
    outcome = solve(request, previous=before)
    if isinstance(outcome, Solved):
        raise AssertionError(f"planned: {picture(outcome.layout)}")
    assert isinstance(outcome, Infeasible), outcome
    return outcome


def explained(data: Data | Guest) -> Infeasible:
    """Why there is no layout."""
    request = data if isinstance(data, Guest) else Guest.model_validate(data)
    outcome = explain(request)
    assert isinstance(outcome, Infeasible), outcome
    return outcome


def seats(layout: Layout) -> dict[str, str]:
    """Where everything sits, `BUS:SLOT.FUNCTION` by id."""
    placed: tuple[Seat, ...] = (*layout.controllers, *layout.devices)
    return {seat.id: str(seat.address) for seat in placed}


def picture(layout: Layout) -> str:
    return ", ".join(f"{name} {place}" for name, place in seats(layout).items())


def models(layout: Layout) -> list[str]:
    return sorted(controller.model for controller in layout.controllers)


def above(layout: Layout, name: str) -> list[str]:
    """Models of the controllers above, nearest first."""
    controllers = {controller.id: controller for controller in layout.controllers}
    bus = next(seat.bus for seat in (*layout.controllers, *layout.devices) if seat.id == name)
    result = []
    while bus in controllers:
        result.append(controllers[bus].model)
        bus = controllers[bus].bus
    return result


def costs(layout: Layout) -> dict[str, int]:
    """The terms that are not zero."""
    return {term.term: term.value for term in layout.objective if term.value}


def recount(request: Guest, layout: Layout) -> dict[str, int]:
    """The same, counted again by the schema."""
    return {term: value for term, value in objective(request, layout).items() if value}


def check(case: Case) -> None:
    layout = planned(case.guest)
    there = seats(layout)
    assert {name: there[name][: len(place)] for name, place in case.seats.items()} == case.seats, picture(layout)
    placed: dict[str, Data] = {seat.id: seat.model_dump() for seat in (*layout.controllers, *layout.devices)}
    for name, fields in case.has.items():
        assert _part(placed[name], fields) == fields, placed[name]


def _part(whole: Data, named: Data) -> Data:
    """Of `whole` what `named` names, inside its dicts, too."""
    return {
        key: _part(whole[key], value) if isinstance(value, dict) else whole.get(key) for key, value in named.items()
    }


UNNAMED = frozenset(
    {
        "complete",
        "address-range",
        "chipset",
        "slot-sharing",
        "companion",
        "virtual-functions",
        "sriov-pf",
        "connect",
        "virtio-slot",
        "shpc",
        "reserves",
    }
)
"""Rules that no single wish of a request sets going: an explanation names the wishes that clash because of them."""


def refused_for(rule: str, data: Data) -> None:
    """No layout, and that rule is named: with what runs out, or with the facts that clash."""
    findings = refused(data).findings
    if rule not in {*UNNAMED, *(finding.rule for finding in findings)}:
        outcome = with_conflict(asked(data)[0], Limits.of(Options()))
        assert isinstance(outcome, Infeasible)
        assert rule in rules_named(outcome), outcome


def rules_named(outcome: Infeasible) -> set[str]:
    """Of what runs out, of what the request states, and the one that is broken whatever else is done."""
    named = {finding.rule for finding in outcome.findings}
    if outcome.conflict is not None:
        named |= {outcome.conflict.broken_rule, *(fact.rule for fact in outcome.conflict.facts)}
    return named


def check_trio(rule: str, trio: Trio) -> None:
    check(trio.easy)
    if isinstance(trio.refused, BadInput):
        with pytest.raises(ValidationError, match=trio.refused.says):
            Guest.model_validate(trio.refused.guest)
    elif not isinstance(trio.refused, NoCase):
        refused_for(rule, trio.refused)
    if isinstance(trio.other, Case):
        check(trio.other)
