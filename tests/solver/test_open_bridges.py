"""Guests with many bridges that may be inside each other: decided, and soon, without a limit of time."""

from typing import Any

import pytest

from qslot.schema import Guest, Infeasible, Solved
from qslot.solver import solve
from qslot.solver.address_model import is_the_smaller

NICS = [{"id": f"nic{number}", "model": "e1000", "hotplug": "required"} for number in range(4)]


def bridges(*properties: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"id": f"br{number}", "model": "pci-bridge", "properties": one} for number, one in enumerate(properties)]


def test_reserves_inside_the_largest_one() -> None:
    """Pages: 4 hold 4, 2, 2, 1 and 1, each inside the next larger one."""
    sizes = ("16K", "8K", "8K", "4K", "4K")
    guest = Guest.model_validate(
        {"machine": "pc", "controllers": bridges(*({"io-reserve": size} for size in sizes)), "devices": NICS}
    )
    outcome = solve(guest)
    assert isinstance(outcome, Solved)
    assert {term.term: term.value for term in outcome.layout.objective}["io_windows"] == 4 * 4096


@pytest.mark.parametrize(
    ("numbers", "first"),
    [
        pytest.param(247, 128, id="no range is so large"),
        pytest.param(252, None, id="expanders need numbers, too"),
    ],
)
def test_a_bus_reserve_that_no_range_holds(numbers: int, first: int | None) -> None:
    expanders: list[dict[str, Any]] = [{"id": f"pxb{number}", "model": "pxb"} for number in range(2)]
    if first is not None:
        expanders[0]["properties"] = {"bus_nr": first}
    controllers = [*expanders, *bridges({"bus-reserve": numbers}, {"bus-reserve": 3}, {})]
    guest = Guest.model_validate({"machine": "pc", "controllers": controllers, "devices": NICS})
    outcome = solve(guest)
    assert isinstance(outcome, Infeasible)
    assert {finding.rule for finding in outcome.findings} == {"bus-numbers"}


def test_which_guests_are_asked_address_by_address_first() -> None:
    few, many = bridges({}, {}), bridges({}, {}, {})
    assert not is_the_smaller(Guest.model_validate({"machine": "pc", "controllers": few}))
    assert is_the_smaller(Guest.model_validate({"machine": "pc", "controllers": many}))
    pinned = [one | {"address": f"pci.0:{number + 5:02x}.0"} for number, one in enumerate(many)]
    assert not is_the_smaller(Guest.model_validate({"machine": "pc", "controllers": pinned}))
