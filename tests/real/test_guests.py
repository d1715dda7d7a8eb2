"""Random guests, planned and booted: what a real QEMU and SeaBIOS make of the plans, and hot-plug into spare slots."""

from collections.abc import Iterator
from itertools import count, islice

import pytest
from qslot.schema import Guest, Layout, Solved
from qslot.schema.probe import boot, differences, running
from qslot.schema.standin import imitated
from qslot.solver import Options, solve

from ..generate import any_guest
from .hotplug import hotplug_into_spares

pytestmark = pytest.mark.real

GUESTS = 40
CHUNK = 20
MOVABLE = 2


def plans(first: int, *, spare: bool = False) -> Iterator[tuple[int, Layout]]:
    """Layouts of random guests, both machines, by seed. SeaBIOS boots in half a second; OVMF has tests of its own."""
    for seed in count(first):
        guest = any_guest(seed)
        # many demanded controllers without a place make large models: they are the property tests' work
        if sum(one.address is None for one in guest.controllers) > MOVABLE or (spare and not guest.spare):
            continue
        seabios = guest.model_copy(update={"firmware": Guest(machine="q35").firmware})
        outcome = solve(seabios, Options(time_limit=2))
        if isinstance(outcome, Solved):
            yield seed, outcome.layout


def predictable(layout: Layout) -> Layout:
    """Where a stand-in takes the place of host hardware its IO BARs are others, and so are the windows' bases."""
    unpredicted: dict[str, object] = {"io_windows": (), "guest_addresses": {}}
    return layout.model_copy(update=unpredicted) if imitated(layout) else layout


@pytest.mark.parametrize("chunk", range(GUESTS // CHUNK))
def test_random_guests_are_as_planned(chunk: int) -> None:
    found = {
        seed: differences(predictable(layout), boot(layout).tree) for seed, layout in islice(plans(55 * chunk), CHUNK)
    }
    assert len(found) == CHUNK
    assert {seed: what for seed, what in found.items() if what} == {}


def test_spare_slots_take_devices() -> None:
    """A real device_add into every spare slot of twenty random guests."""
    for _, layout in islice(plans(50_000, spare=True), 20):
        with running(layout) as machine:
            assert hotplug_into_spares(machine, layout) == []


@pytest.mark.parametrize("machine", ["pc", "q35"])
@pytest.mark.parametrize("number", [5, 35, 65])
def test_many_nics(machine: str, number: int) -> None:
    """n identical transitional NICs: every size is planned (tests/solver), some are booted here."""
    devices = [{"id": f"n{n}", "model": "virtio-net", "virtio": "transitional"} for n in range(number)]
    outcome = solve(Guest.model_validate({"machine": machine, "devices": devices}))
    assert isinstance(outcome, Solved)
    assert differences(outcome.layout, boot(outcome.layout, limit=300).tree) == []
