"""The oracle itself: its shortcuts lose nothing, and the checker, another reading of the rules, agrees with it."""

from random import Random

import pytest

from qslot.schema import Firmware, Guest, Layout
from qslot.schema.firmware import predict
from qslot.schema.layout.layout import PlacedController, PlacedDevice
from qslot.schema.verify import verify
from qslot.schema.verify.objective import objective
from qslot.testing.generator import small_guest

from ..profile import sample
from ..real.random_layouts import Family, random_layout
from ..reference import NoAnswer, Search, best_layout
from ..reference import search as reference_search
from ..reference.orders import orders


def test_shortcuts_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without them the search looks at every tree of controllers that can be created on the way to a seat."""
    monkeypatch.setattr(reference_search, "NODES", 2_000)
    compared, number = 0, sample(60, ci=120)
    for seed in range(50_000, 50_000 + number):
        quick = Search(small_guest(seed))
        if len(quick.free) > 5:
            continue
        try:
            plain = Search(small_guest(seed), prune=False).run()
        except NoAnswer:
            continue
        try:
            assert quick.run() == plain, seed
        except NoAnswer:
            continue
        compared += 1
    assert compared > number * 2 // 3


def test_the_checker_finds_nothing_in_the_oracles_layouts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference_search, "NODES", 4_000)
    written, number = 0, sample(100, ci=200)
    for seed in range(60_000, 60_000 + number):
        guest = small_guest(seed)
        try:
            layout = best_layout(guest)
        except NoAnswer:
            continue
        if layout is not None:
            assert [str(finding) for finding in verify(guest, layout) if finding.severity == "error"] == [], seed
            assert objective(guest, layout) == {term.term: term.value for term in layout.objective}, seed
            written += 1
    assert written > 0.6 * number


def shuffled(layout: Layout, rng: Random) -> Layout:
    """With whole slots of each bus changing places; the chipset's slot stays."""
    machine = layout.machine_model
    slots: dict[str, set[int]] = {}
    seats: tuple[PlacedController | PlacedDevice, ...] = (*layout.controllers, *layout.devices)
    for seat in seats:
        if (seat.bus, seat.slot) != (machine.root, machine.chipset_slot):
            slots.setdefault(seat.bus, set()).add(seat.slot)
    new = {
        bus: dict(zip(sorted(used), rng.sample(sorted(used), len(used)), strict=True)) for bus, used in slots.items()
    }

    def slot(seat: PlacedController | PlacedDevice) -> dict[str, int]:
        return {"slot": new[seat.bus].get(seat.slot, seat.slot)}

    controllers = tuple(one.model_copy(update=slot(one)) for one in layout.controllers)
    devices = tuple(one.model_copy(update=slot(one)) for one in layout.devices)
    return layout.model_copy(update={"controllers": controllers, "devices": devices})


def test_no_order_of_slots_mends_what_seabios_refuses() -> None:
    """Why a refusal of SeaBIOS's is final for all that the oracle takes for one tree."""
    verdicts = []
    for seed in range(150):
        family: Family = ("q35", "pc")[seed % 2]
        layout = random_layout(seed, family, Firmware.model_validate("seabios"), heavy=True)
        refused = predict(layout).failure is not None
        others = [predict(shuffled(layout, Random(n))).failure is not None for n in range(4)]
        assert others == [refused] * 4, seed
        verdicts.append(refused)
    assert sum(verdicts) > 20
    assert not all(verdicts)


def test_every_order_of_a_small_layout() -> None:
    """Two devices beside a bridge that holds two more: 3! times 2! orders, the chipset's neighbour stays."""
    devices = [{"id": f"d{n}", "model": "e1000", "address": place} for n, place in enumerate(PLACES)]
    bridge = {"id": "k", "model": "pci-bridge", "address": "pci.0:05.0"}
    guest = Guest.model_validate({"machine": "pc", "controllers": [bridge], "devices": devices})
    layout = best_layout(guest)
    assert layout is not None
    every = orders(guest, layout)
    assert every is not None
    seen = {tuple((one.bus, one.slot) for one in (*each.controllers, *each.devices)) for each in every}
    assert len(seen) == 12
    assert {seats[-1] for seats in seen} == {("pci.0", 1)}


PLACES = ("pci.0:03.0", "pci.0:04.0", "k:01.0", "k:02.0", "pci.0:01.4")
