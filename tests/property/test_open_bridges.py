"""What the model leaves out of many open bridges loses nothing: by the model without it, and by the second opinions."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from random import Random

import pytest
from pydantic import ValidationError

from qslot.schema import Guest, Infeasible, Outcome, Solved
from qslot.solver.address_model import address_level
from qslot.solver.address_model.windows import WindowPages
from qslot.solver.aggregate.floating_controllers import floating_controllers
from qslot.solver.aggregate.items import items_of
from qslot.solver.aggregate.listed_controllers import ListedControllers
from qslot.solver.aggregate.nesting_order import NestingOrder
from qslot.solver.aggregate.pins import Occupancy, PinConflict
from qslot.solver.formulation import Formulation
from qslot.solver.model import io_windows
from qslot.solver.model.build import Model, build
from qslot.solver.model.linear import sum_of
from qslot.solver.model.pages_in_all import pages_of_each, pages_together
from qslot.solver.search import bounds
from qslot.solver.search.cpsat import CpSatModel, Limits, Status
from qslot.solver.search.least_needs import Needs
from qslot.solver.search.optimize import optimize
from qslot.testing.generator import guest as drawn_guest

from ..opinions import addresses, oracle
from ..profile import sample
from .bridge_guests import Data, bridge_guest
from .test_bounds import check

SEEDS = range(sample(16, ci=24))
EFFORT = Limits(effort=0.3)


@cache
def guests() -> dict[int, Guest]:
    """Those that are valid, by seed."""
    return valid(bridge_guest)


@cache
def on_nodes() -> dict[int, Guest]:
    """The same, each free device of one of two nodes."""

    def draw(seed: int) -> Data:
        data = {**bridge_guest(seed), "numa_nodes": 2}
        for number, one in enumerate(one for one in data["devices"] if "address" not in one):
            one["numa"] = number % 2
        return data

    return valid(draw)


def valid(draw: Callable[[int], Data]) -> dict[int, Guest]:
    """Those of the requests that are, by seed."""
    guests: dict[int, Guest] = {}
    for seed in SEEDS:
        with suppress(ValidationError):
            guests[seed] = Guest.model_validate(draw(seed))
    assert len(guests) > len(SEEDS) // 2
    return guests


@cache
def counted(seed: int) -> Outcome:
    """What the counting model says: the address-level model is not asked first."""
    return optimize(guests()[seed], EFFORT)


def said(outcome: Outcome) -> object:
    """Costs, or that there is no layout; None where nothing is proved."""
    if isinstance(outcome, Solved):
        return {term.term: term.value for term in outcome.layout.objective}
    return "infeasible" if isinstance(outcome, Infeasible) else None


def test_any_order_of_nesting_costs_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = {seed: said(counted(seed)) for seed in guests()}
    monkeypatch.setattr(NestingOrder, "of", lambda *_: NestingOrder())
    monkeypatch.setattr(io_windows, "pages_together", lambda _: ())
    monkeypatch.setattr(Needs, "reserved_pages", lambda _: {})
    slow = {seed: said(optimize(guest, EFFORT)) for seed, guest in guests().items()}
    both = {seed for seed in slow if slow[seed] is not None and quick[seed] is not None}
    assert {seed: quick[seed] for seed in both} == {seed: slow[seed] for seed in both}
    assert len(both) > len(slow) // 2


@pytest.mark.parametrize("opinion", [addresses.opinion, oracle.opinion])
def test_second_opinions_agree(opinion: Callable[[Guest, Outcome], str]) -> None:
    verdicts = {seed: opinion(guest, counted(seed)) for seed, guest in guests().items() if seed % 2}
    assert {seed: verdict for seed, verdict in verdicts.items() if verdict.startswith("DISAGREE")} == {}
    assert sum(verdict == "agree" for verdict in verdicts.values()) > len(verdicts) // 2


def test_what_is_said_of_the_outermost_bridge_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the address-level model, and where only bridges that stay where they are take others: forgotten there, guests
    were infeasible (never released)."""
    drawn = [Guest.model_validate(narrow(seed)) for seed in range(12)]
    quick = [said(address_level(guest, EFFORT)) for guest in drawn]
    monkeypatch.setattr(WindowPages, "_enclose", lambda _: None)
    slow = [said(address_level(guest, EFFORT)) for guest in drawn]
    both = [one for one in zip(quick, slow, strict=True) if None not in one]
    assert [one for one, _ in both] == [other for _, other in both]
    assert sum(isinstance(one, dict) for one, _ in both) > len(drawn) // 2


def narrow(seed: int) -> Data:
    """Bridges with io-reserve whose only way to the root bus is a bridge in a bridge; one more root slot, or none."""
    rng = Random(seed)
    sizes = [rng.choice(("4K", "8K", "12K")) for _ in range(rng.randint(2, 3))]
    still: list[Data] = [{"id": "x", "address": "pci.0:05.0"}, {"id": "y", "address": "x:01.0"}]
    waiting: list[Data] = [{"id": f"b{n}", "properties": {"io-reserve": size}} for n, size in enumerate(sizes)]
    taken = [*range(2, 5), *range(6, 31), *([31] if rng.random() < 0.6 else [])]
    reserve = [*(f"pci.0:{slot:02x}" for slot in taken), *(f"x:{slot:02x}" for slot in range(32) if slot != 1)]
    return {
        "machine": "pc",
        "controllers": [{"model": "pci-bridge", **one} for one in (*still, *waiting)],
        "devices": [{"id": f"nic{n}", "model": "e1000"} for n in range(rng.randint(0, 2))],
        "reserve": [*reserve, *(f"{slot}.{one}" for slot in ("pci.0:05", "x:01") for one in range(1, 8))],
    }


def test_only_pci_bridges_are_fewer_above() -> None:
    """Ports that are alike are never above each other, and take no level from the bridges below them."""
    reserve = {"properties": {"io-reserve": "8K"}}
    ports = [{"id": name, "model": "pcie-root-port", **reserve} for name in "pqr"]
    bridges = [{"id": name, "model": "pci-bridge", **reserve} for name in "abc"]
    guest = Guest.model_validate({"machine": "q35", "controllers": [*ports, *bridges]})
    items = items_of(guest)
    listed = ListedControllers(guest, items, Occupancy(guest, items))
    order = NestingOrder.of(listed, floating_controllers(listed))
    later = {name: order.later(name) for name in ("p", "q", "r", "a", "b", "c", None)}
    assert later == {"p": 0, "q": 0, "r": 0, "a": 2, "b": 1, "c": 0, None: 3}


def test_pages_together_follow_from_those_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the rows no assignment has fewer pages than they say, and some have no more: of all buses, and of those
    below some root buses."""
    monkeypatch.setattr(io_windows, "pages_together", lambda _: ())
    drawn = [*guests().values(), *on_nodes().values(), *map(drawn_guest, range(12))]
    beyond = [least for guest in drawn for least in _least_beyond(guest)]
    assert {min(least for whole, least in beyond if whole is of_all) for of_all in (True, False)} == {0}
    assert min(sum(whole is of_all for whole, _ in beyond) for of_all in (True, False)) > len(SEEDS) // 3


def test_a_reserve_is_no_more_than_the_pages_of_all_that_may_be_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the rows no assignment has fewer, and some have no more."""
    monkeypatch.setattr(io_windows, "pages_of_each", lambda *_: ())
    beyond = [least for guest in guests().values() for least in _least_beyond_each(guest)]
    assert min(beyond) == 0
    assert len(beyond) > len(SEEDS) * 15 // 24


def _least_beyond_each(guest: Guest) -> Iterator[int]:
    try:
        model = build(guest, items_of(guest), Formulation())
    except PinConflict:
        return
    for pages in pages_of_each(model.variables, model.windows.own_pages):
        result = CpSatModel(model.variables.linear, EFFORT).minimize(pages)
        if result.answer is Status.OPTIMAL:
            yield pages.value(result.values)


def _least_beyond(guest: Guest) -> Iterator[tuple[bool, int]]:
    """Whether it is of all buses, and pages; nothing where pages are no question."""
    try:
        model = build(guest, items_of(guest), Formulation())
    except PinConflict:
        return
    for number, (least, buses) in enumerate(pages_together(model.variables)):
        pages = sum_of(model.windows.pages_for_bars[bus] for bus in buses) - least
        result = CpSatModel(model.variables.linear, EFFORT).minimize(pages)
        if result.answer is Status.OPTIMAL and least.constant:
            yield number == 0, pages.value(result.values)


def test_bounds_are_none_above_the_least() -> None:
    for guest in list(guests().values())[:6]:
        check(guest)


def test_each_reserve_bounds_the_windows() -> None:
    """The largest of those that may be inside each other, beside what is pinned on the root bus."""
    reserves = {"a": "8K", "b": "12K", "c": "4K", "d": "16K", "e": "20K"}
    pins = {"c": "pci.0:05.0", "d": "pci.0:06.0", "e": "d:01.0"}
    controllers = [
        {"id": name, "model": "pci-bridge", "properties": {"io-reserve": size}, "address": pins.get(name)}
        for name, size in reserves.items()
    ]
    guest = Guest.model_validate({"machine": "pc", "controllers": controllers})
    (bound,) = (one for one in _arguments(guest) if one.argument == "reserves")
    assert (bound.value, bound.amounts) == (6 * 4096, {"fixed": 1 + 5, "largest": 3})


FIRST = {"id": "p", "model": "pcie-pci-bridge"}


@pytest.mark.parametrize(("above", "address", "most"), [([], None, 4), ([FIRST], None, 4), ([], "pcie.0:05.0", 2)])
def test_the_first_pci_bridge_of_q35_hangs_on_something(
    above: list[dict[str, str]], address: str | None, most: int
) -> None:
    """On a pcie-pci-bridge behind a port, listed or not; but a pin may put it on the root bus."""
    bridges = [{"id": "a", "model": "pci-bridge", "address": address}, {"id": "b", "model": "pci-bridge"}]
    guest = Guest.model_validate({"machine": "q35", "controllers": [*above, *bridges]})
    assert bounds.bounds(_model(guest))["controllers"] == most - len(above)
    outcome = optimize(guest, EFFORT)
    assert isinstance(outcome, Solved)
    assert len(outcome.layout.controllers) == most


def _model(guest: Guest) -> Model:
    return build(guest, items_of(guest), Formulation())


def _arguments(guest: Guest) -> list[bounds.Bound]:
    return list(bounds.arguments(_model(guest)))
