"""Sums of memory refuse nothing that fits, and what does not fit is never returned."""

from collections.abc import Callable
from importlib import import_module
from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qslot.schema import Chipset, Cpu, Firmware, Guest, Infeasible, Layout, Outcome, Solved
from qslot.schema.firmware import exceeds_memory, fails_in_any_order, predict
from qslot.schema.layout.layout import Platform
from qslot.schema.pci.address import BUS_NUMBERS
from qslot.schema.pci.size import power_of_two
from qslot.solver import Options, solve
from qslot.solver.aggregate import item_kinds
from qslot.solver.aggregate.items import items_of
from qslot.solver.formulation import Formulation
from qslot.solver.model.build import build
from qslot.solver.model.linear import LinearModel, sum_of
from qslot.solver.model.powers_of_two import ADDRESSES, rounded_up
from qslot.solver.model.spare_memory import share
from qslot.testing.generator import request

from ..profile import sample
from ..schema.test_firmware import bridge, layout
from ..schema.test_firmware_memory import card
from .held import Rows
from .memory_guests import high_guest, memory_guest, ports_guest, ragged_guest, two_lists_guest
from .test_ovmf_gaps import others

MIB = 1 << 20
SOLVING = import_module("qslot.solver.solving")

SIZES = st.integers(min_value=0, max_value=15).map(lambda exponent: MIB << exponent)
"""1 MiB to 32 GiB."""
FIRMWARE = (
    "seabios:1.16.2",
    "seabios:1.16.3",
    "seabios:1.17.0",
    "ovmf:2022.11",
    "ovmf:2023.05",
    "ovmf:2025.02",
    "ovmf:2026.08",
)
VENDORS = ("amd", "intel", "other")
KINDS = st.sampled_from([("mem32", False), ("mem32", True), ("mem64", False), ("mem64", True)])


@st.composite
def bars(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to three BARs; those of 32 bits are 512 MiB at most."""
    result: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 3))):
        kind, prefetchable = draw(KINDS)
        size = min(draw(SIZES), 512 * MIB) if kind == "mem32" else draw(SIZES)
        result.append({"bar": 2 * number, "kind": kind, "size": size, "prefetchable": prefetchable})
    return result


@st.composite
def large_guests(draw: st.DrawFn) -> Guest:
    """Up to four sorts of host devices with BARs that may or may not fit, and what takes memory beside them."""
    machine = draw(st.sampled_from(["q35", "pc"]))
    connect = ["express", "hybrid", "conventional"] if machine == "q35" else ["conventional"]
    devices: list[dict[str, Any]] = []
    for sort in range(draw(st.integers(1, 4))):
        like = {
            "model": "vfio-pci",
            "bars": draw(bars()),
            "connect": draw(st.sampled_from(connect)),
            "hotplug": draw(st.sampled_from(["never", "preferred", "required"])),
        }
        devices += [{"id": f"d{sort}-{n}", **like} for n in range(draw(st.integers(1, 6)))]
    data: dict[str, Any] = {
        "machine": machine,
        "firmware": draw(st.sampled_from(FIRMWARE)),
        "memory": draw(st.sampled_from([1 << 30, 5 << 29, 3 << 30, 8 << 30, 20 << 30])),
        "cpu": {"vendor": draw(st.sampled_from(VENDORS)), "phys_bits": draw(st.sampled_from([None, 36, 39, 43]))},
        "devices": devices,
    }
    if machine == "q35" and draw(st.booleans()):
        data["spare"] = [
            {"kind": "pcie", "count": draw(st.integers(1, 3)), "memory": draw(st.sampled_from([0, MIB << 8]))}
        ]
    return Guest.model_validate(data)


def answer(guest: Guest, *, sums: bool) -> Outcome:
    """With the sums of memory, or with the exact prediction alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(item_kinds, "may_be_short", lambda _: sums)
        patch.setattr(SOLVING, "within_reach", lambda _: False)  # which knows without sums, and slowly
        return solve(guest, Options(time_limit=2))


@settings(max_examples=settings().max_examples // 2)  # without sums it takes its time
@given(large_guests())
def test_sums_refuse_nothing_that_fits(guest: Guest) -> None:
    exact = answer(guest, sums=False)
    assume(isinstance(exact, Solved))
    assert isinstance(exact, Solved)
    summed = answer(guest, sums=True)
    assert isinstance(summed, Solved)
    assert summed.layout.objective == exact.layout.objective


@given(large_guests())
def test_what_is_returned_fits(guest: Guest) -> None:
    outcome = solve(guest, Options(time_limit=2))
    if not isinstance(outcome, Infeasible) and outcome.layout is not None:
        assert predict(outcome.layout).failure is None


@given(large_guests())
def test_no_layout_uses_less_than_said(guest: Guest) -> None:
    """Findings about memory say more than there is."""
    outcome = solve(guest, Options(time_limit=2))
    assume(isinstance(outcome, Infeasible))
    assert isinstance(outcome, Infeasible)
    for finding in outcome.findings:
        if finding.rule == "memory-space" and finding.details:
            assert int(finding.details["used"]) > int(finding.details["available"])
            assert finding.subjects


def never_short(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(item_kinds, "may_be_short", lambda _: False)


def always_short(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(item_kinds, "may_be_short", lambda _: True)


@pytest.mark.parametrize("draw", [memory_guest, ragged_guest, two_lists_guest, high_guest, ports_guest])
@pytest.mark.parametrize("first", range(0, sample(30, ci=120), 30))
def test_rows_hold_of_any_layout_that_fits(first: int, draw: Callable[[int], dict[str, Any]]) -> None:
    rows = Rows(without=never_short, whole=always_short)
    assert sum(rows.hold(draw(seed), seed) for seed in range(first, first + 30)) > 3


@st.composite
def nested_cards(draw: st.DrawFn) -> tuple[Layout, Layout]:
    """A layout of pci-bridges inside each other with cards on them, and one with some of those and their bridges."""
    count = draw(st.integers(1, 4))
    buses = ["pci.0", *(f"b{n}" for n in range(count))]
    controllers = [
        bridge(f"b{n}", "pci-bridge", draw(st.sampled_from(buses[: n + 1])), n + 2, shpc=draw(st.booleans()))
        for n in range(count)
    ]
    cards = [
        card(f"d{n}", draw(st.sampled_from(buses)), *draw(st.lists(SIZED, min_size=1, max_size=2)), slot=n + 10)
        for n in range(draw(st.integers(1, 5)))
    ]
    kept = [one for one in cards if draw(st.booleans())]
    above = {one.id: one.bus for one in controllers}
    needed = {one.bus for one in kept}
    for name in reversed(buses[1:]):
        needed |= {above[name]} if name in needed else set()
    fewer = [one for one in controllers if one.id in needed or draw(st.booleans())]
    fewer = [one for one in fewer if one.bus in needed | {"pci.0"}]
    platform = Platform(memory=8 << 30, numa_nodes=0, chipset=Chipset(), cpu=draw(st.sampled_from(CPUS)))
    update = {
        "firmware": Firmware(name="seabios", version=draw(st.sampled_from(["1.16.2", "1.16.3", "1.17.0"]))),
        "platform": platform.model_copy(update={"phys_bits": draw(st.sampled_from([None, 36, 39]))}),
    }
    more, less = layout("pc", controllers, cards), layout("pc", fewer, kept)
    return more.model_copy(update=update), less.model_copy(update=update)


CPUS = [Cpu(), Cpu(vendor="intel")]
SIZED = st.tuples(
    st.sampled_from(["mem32", "mem32p", "mem64", "mem64p"]), st.integers(20, 30).map(lambda bit: 1 << bit)
)


@given(nested_cards())
def test_memory_that_runs_out_runs_out_whatever_is_added(both: tuple[Layout, Layout]) -> None:
    more, less = both
    assume(exceeds_memory(less))
    failure = predict(more).failure
    assert failure is not None
    assert failure.rule == "memory-space"
    assert not predict(more).misplaced
    assert exceeds_memory(more)


@given(nested_cards(), st.sampled_from(["2022.11", "2025.02"]), st.randoms(use_true_random=False))
def test_ovmf_fails_in_any_order(both: tuple[Layout, Layout], version: str, rng: Random) -> None:
    """And with one more bridge, which is empty."""
    given = both[0].model_copy(update={"firmware": Firmware(name="ovmf", version=version)})
    assume(predict(given).failure is not None and fails_in_any_order(given))
    assert all(predict(one).failure is not None for one in others(given, rng))


def test_ovmf_gives_up_a_device_behind_a_bridge_in_any_order() -> None:
    cards = [card("a", "b0", ("mem32", 1 << 30), slot=1), card("b", "pci.0", ("mem32", 1 << 30), slot=3)]
    given = layout("pc", [bridge("b0", "pci-bridge", "pci.0", 2)], cards)
    given = given.model_copy(update={"firmware": Firmware(name="ovmf", version="2025.02")})
    assert predict(given).lost == ("a",)
    assert fails_in_any_order(given)


def test_what_spare_slots_add_to_reserves_at_least() -> None:
    """Held against all ways to fill one reserve: so many of them, and so much of the others."""
    for size, number, most in product(range(1, 9), range(1, 5), range(17)):
        ways = product(range(1, number + 1), range(most + 1))
        least = min((power_of_two(together * size + beside) - beside) // together for together, beside in ways)
        assert share(size, number, most) == least, (size, number, most)


def test_windows_that_may_be_inside_each_other_are_within_what_can_be_counted() -> None:
    """Each class of bridges that may be inside others doubled what those could hold, beyond 64 bits (seed 500176)."""
    guest = Guest.model_validate(request(500176))
    assert_countable(build(guest, items_of(guest), Formulation(exact_io=True)).variables.linear)


def test_the_power_of_two_of_as_many_windows_as_there_may_be_is_within_what_can_be_counted() -> None:
    """Its row had all that they could hold for a factor thirty times over (seed 926)."""
    linear = LinearModel()
    windows = sum_of(linear.variable(0, ADDRESSES, number) for number in range(BUS_NUMBERS))
    rounded_up(linear, windows, name="above")
    assert_countable(linear)


def assert_countable(linear: LinearModel) -> None:
    """CP-SAT refuses rows whose sums may pass 2^62."""
    assert max(high for _, high in linear.ranges) < 1 << 62
    for variables, factors, *_ in linear.rows:
        assert sum(abs(f) * linear.ranges[v][1] for v, f in zip(variables, factors, strict=True)) < 1 << 62
