"""Ports that are full: nothing is planned below them, and nothing that is answered depends on it."""

from typing import Any

import pytest

from benchmarks.families import FAMILIES
from qslot.schema import Guest, Infeasible, Solved
from qslot.solver import solve
from qslot.solver.aggregate.bus_class_builder import BusClassBuilder
from qslot.solver.aggregate.items import items_of
from qslot.solver.aggregate.listed_controllers import ListedControllers
from qslot.solver.aggregate.pins import Occupancy
from qslot.solver.formulation import Formulation

MORE = [{"id": "more0", "model": "virtio-net"}, {"id": "more1", "model": "e1000"}]


def full_ports(number: int, **rest: Any) -> Guest:
    """Ports that reserve no IO, so that each is told from the others; a network card in each, which others may join."""
    ports = [
        {"id": f"rp{one}", "model": "pcie-root-port", "address": f"pcie.0:{one + 1:02x}.0", "properties": NO_IO}
        for one in range(number)
    ]
    cards = [{"id": f"net{one}", "model": "virtio-net", "address": f"rp{one}:00.0"} for one in range(number)]
    data = {"machine": "pc-q35-7.2", "firmware": "ovmf", "controllers": ports, "devices": [*cards, *MORE]}
    return Guest.model_validate({**data, **rest})


NO_IO = {"io-reserve": 0}


def number_of_classes(guest: Guest) -> int:
    items = items_of(guest)
    return len(BusClassBuilder(ListedControllers(guest, items, Occupancy(guest, items)), Formulation()).build())


def test_a_full_port_adds_no_class_but_its_own() -> None:
    assert number_of_classes(full_ports(20)) - number_of_classes(full_ports(10)) == 10


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_planned_below_full_ports_changes_no_answer(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = Guest.from_layout(solve(FAMILIES[family].build(20)).require()).model_dump(mode="json")
    asked = Guest.model_validate({**data, "devices": [*data["devices"], *MORE]})
    answer = solve(asked)
    monkeypatch.setattr(BusClassBuilder, "_is_known_in_vain", lambda *_: False)
    assert isinstance(answer, Solved)
    assert solve(asked) == answer


@pytest.mark.parametrize("policy", [{}, {"max_controllers": 8}])
def test_what_finds_every_slot_taken_is_told_so(policy: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    reserved = [f"pcie.0:{slot:02x}" for slot in range(9, 31)]
    asked = full_ports(8, reserve=reserved, policy=policy)
    answer = solve(asked)
    monkeypatch.setattr(BusClassBuilder, "_is_known_in_vain", lambda *_: False)
    assert solve(asked) == answer
    assert isinstance(answer, Infeasible) or answer.layout is not None
