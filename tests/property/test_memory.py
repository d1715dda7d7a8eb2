"""Sums of memory refuse nothing that fits, and what does not fit is never returned."""

from importlib import import_module
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError
from qslot.schema import Guest, Infeasible, Layout, Outcome, Solved
from qslot.schema.firmware import predict
from qslot.schema.guest import Term
from qslot.schema.verify import verify
from qslot.solver import Options, kinds, solve
from qslot.solver.assemble import assemble
from qslot.solver.cpsat import Answer, Limits, Program
from qslot.solver.decode import decode
from qslot.solver.encode import encode
from qslot.solver.grow import Scope, scopes
from qslot.solver.items import items_of
from qslot.solver.pinned import Impossible
from qslot.solver.rows import Sum, total
from qslot.solver.search import Optimum, completed
from qslot.solver.seating import NoDecode

from ..laws.changes import costs_of, pinned_back
from .memory_guests import memory_guest

MIB = 1 << 20
LIMITS = Limits(effort=0.1)
SOLVING = import_module("qslot.solver.solve")

SIZES = st.integers(min_value=0, max_value=15).map(lambda exponent: MIB << exponent)
"""1 MiB to 32 GiB."""
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
        "firmware": draw(st.sampled_from(["seabios", "ovmf", "ovmf:2025.02"])),
        "memory": draw(st.sampled_from([1 << 30, 3 << 30, 8 << 30])),
        "phys_bits": draw(st.sampled_from([None, 36, 43])),
        "devices": devices,
    }
    name, _, version = data["firmware"].partition(":")
    data["firmware"] = {"name": name, "version": version}
    if machine == "q35" and draw(st.booleans()):
        data["spare"] = [
            {"kind": "pcie", "count": draw(st.integers(1, 3)), "memory": draw(st.sampled_from([0, MIB << 8]))}
        ]
    return Guest.model_validate(data)


def answer(guest: Guest, *, sums: bool) -> Outcome:
    """With the sums of memory, or with the exact prediction alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "may_be_short", lambda _: sums)
        patch.setattr(SOLVING, "within_reach", lambda _: False)  # which knows without sums, and slowly
        return solve(guest, Options(time_limit=2))


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
        if finding.rule == "memory-space" and finding.numbers:
            assert int(finding.numbers["used"]) > int(finding.numbers["available"])
            assert finding.subjects


class _All(Random):
    """Chooses to pin everything."""

    def random(self) -> float:
        return 0.0

    def choice(self, seq: Any) -> Any:
        return seq[-1]


def any_that_fits(guest: Guest, rng: Random) -> Layout | None:
    """A layout that verifies, of counts found without sums of memory for weights drawn at random."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "may_be_short", lambda _: False)
        try:
            items = items_of(guest)
            encoding = encode(guest, items, Scope(exact_io=rng.random() < 0.5), cheapest_only=False)
        except Impossible:
            return None
        rows = encoding.variables.rows
        if rows.infeasible:
            return None
        drawn = total(Sum({index: rng.randint(-2, 3)}) for index in range(len(rows.ranges)))
        result = Program(rows, LIMITS).minimize(drawn + encoding.terms["controllers"] * 3)
        try:
            known = assemble(guest, items, decode(encoding, result.values, bool)) if result.values else None
        except NoDecode:
            return None
    layout = None if known is None else completed(known, Optimum((), {}, {}, proved=False))
    return layout if layout is not None and all(f.severity != "error" for f in verify(guest, layout)) else None


def refused_by_rows(guest: Guest, terms: dict[Term, int], models: int) -> list[Scope]:
    """Models with sums of memory that have no answer with these costs."""
    refused = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "may_be_short", lambda _: True)
        items = items_of(guest)
        for scope in scopes(guest, items)[-2:][:models]:
            encoding = encode(guest, items, scope, cheapest_only=False)
            program = Program(encoding.variables.rows, LIMITS)
            for term, what in encoding.terms.items():
                if term in terms:
                    program.fix(what, terms[term])
            if encoding.variables.rows.infeasible or program.minimize(encoding.nothing).answer is Answer.INFEASIBLE:
                refused.append(scope)
    return refused


def judged(seed: int) -> bool:
    """Whether a layout of that request fits; rows hold of it, wherever it may be and where it is."""
    try:
        guest = Guest.model_validate(memory_guest(seed))
    except ValidationError:
        return False
    layout = any_that_fits(guest, Random(seed))
    if layout is None:
        return False
    assert refused_by_rows(guest, costs_of(layout), 1) == [], seed
    pinned = pinned_back(guest, layout, _All())
    assert pinned is None or refused_by_rows(pinned.guest, {}, 2) == [], seed
    return True


@pytest.mark.parametrize("first", range(0, 120, 30))
def test_rows_hold_of_any_layout_that_fits(first: int) -> None:
    assert sum(judged(seed) for seed in range(first, first + 30)) > 5
