"""Strategies for what becomes of guests: each draws what it says, and shrinks."""

import re

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

import qslot
from qslot.schema.environment.host import Host
from qslot.schema.environment.target import Environment
from qslot.schema.libvirt import read
from qslot.testing import (
    GuestChange,
    HotplugSequence,
    changes,
    domains,
    fleets,
    guests,
    hosts,
    hotplug_sequences,
    layouts,
)

PLAIN = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
FEW = guests(most=2, small=True)


@given(changes(FEW))
@PLAIN
def test_a_change_is_planned_beside_what_was_there(change: GuestChange) -> None:
    assert change.after != change.before
    outcome = qslot.solve(change.after, previous=change.layout)
    if isinstance(outcome, qslot.Solved):
        found = qslot.verify(change.after, outcome.layout, change.layout)
        assert [str(one) for one in found if one.severity == "error"] == []


@given(hotplug_sequences(layouts(FEW), most=4))
@PLAIN
def test_steps_follow_each_other(sequence: HotplugSequence) -> None:
    there = {one.id for one in sequence.layout.devices}
    assert 1 <= len(sequence.steps) <= 4
    for step in sequence.steps:
        assert step.commands
        there ^= {*step.devices}
        assert {one.id for one in step.layout.devices} == there


@given(fleets(FEW, most=5))
@PLAIN
def test_a_fleet_is_solved_as_its_guests_are(fleet: tuple[qslot.Guest, ...]) -> None:
    assert 1 <= len(fleet) <= 5
    outcomes = [one for _, one in sorted(enumerate(qslot.solve_many(fleet)))]
    assert [type(one) for one in outcomes] == [type(qslot.solve(guest)) for guest in fleet]


@given(st.lists(hosts(), min_size=1, max_size=3))
@PLAIN
def test_hosts_are_advised_about(several: list[Host]) -> None:
    advised = qslot.advise({"machine": "auto", "devices": []}, Environment(hosts=tuple(several)))
    assert isinstance(advised, qslot.Advice)


@given(domains(layouts(FEW), addressed=True))
@PLAIN
def test_addressed_domains_say_where_all_is(text: str) -> None:
    guest = read(text.encode())
    assert all(one.address is not None for one in guest.devices)


@given(domains(layouts(FEW), addressed=False))
@PLAIN
def test_other_domains_are_planned(text: str) -> None:
    assert not re.search("<address type='pci'", text)
    assert not isinstance(qslot.solve(read(text.encode())), qslot.Undecided)


@pytest.mark.parametrize("strategy", [fleets, hotplug_sequences])
def test_less_than_one_is_refused(strategy: object) -> None:
    with pytest.raises(qslot.ArgumentError, match="at least one"):
        find(strategy(most=0), lambda _: True)  # type: ignore[operator]


def test_they_shrink_to_next_to_nothing() -> None:
    quick = settings(max_examples=30, database=None, suppress_health_check=list(HealthCheck))
    fleet = find(fleets(FEW), lambda drawn: len(drawn) > 1, settings=quick)
    assert (len(fleet), len(fleet[0].devices)) == (2, 1)
    sequence = find(hotplug_sequences(layouts(FEW)), lambda drawn: len(drawn.steps) > 1, settings=quick)
    assert len(sequence.steps) == 2
    assert len(sequence.layout.devices) <= 2
    change = find(changes(FEW), lambda drawn: len(drawn.after.devices) > 1, settings=quick)
    assert len(change.after.devices) == 2


def test_hypothesis_knows_hosts() -> None:
    assert isinstance(find(st.from_type(Host), lambda one: one.managed), Host)
