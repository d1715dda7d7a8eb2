"""Whether OVMF finds room for large BARs depends on the gaps between them, and so on slots and on empty bridges: what
is said of all layouts with the same things on the same buses."""

from collections.abc import Iterator
from random import Random
from typing import Any, Final

import pytest

from qslot.schema import Chipset, Cpu, Firmware, Guest, Infeasible, Layout, Solved
from qslot.schema.firmware import fails_in_any_order, predict
from qslot.schema.layout.layout import PlacedController, PlacedDevice, Platform
from qslot.solver import Options, solve

from ..laws.changes import costs_of
from ..profile import sample
from ..schema.test_firmware import bridge, layout
from ..schema.test_firmware_memory import card


def gaps(rng: Random) -> Layout:
    """Nearly as much as OVMF has below 4 GiB, in few large pieces: whether it fits depends on the gaps between them."""
    inner = [bridge("b1", "pci-bridge", rng.choice(["pci.0", "b0"]), 3, shpc=rng.random() < 0.3)] * rng.randint(0, 1)
    buses, cards, left = ["pci.0", "b0", "b0", *(one.id for one in inner)], list[PlacedDevice](), 900
    for number in range(rng.randint(3, 6)):
        mib = 1 << rng.randint(2, 9)
        if mib <= left:
            left -= mib
            bar = rng.choice(["mem32", "mem32p"]), mib << 20
            cards.append(card(f"d{number}", rng.choice(buses), bar, slot=number + 10))
    return with_ovmf([bridge("b0", "pci-bridge", "pci.0", 2, shpc=False), *inner], cards)


def with_ovmf(controllers: list[PlacedController], cards: list[PlacedDevice]) -> Layout:
    """With so many address bits that 64-bit memory is reserved for each bridge with hot-plug."""
    platform = Platform(memory=8 << 30, numa_nodes=0, chipset=Chipset(), cpu=Cpu(), phys_bits=46)
    update = {"firmware": Firmware(name="ovmf", version="2025.02"), "platform": platform}
    return layout("pc", controllers, cards).model_copy(update=update)


def others(given: Layout, rng: Random) -> Iterator[Layout]:
    """With the same things on the same buses: in other slots, and with an empty bridge besides."""
    for _ in range(3):
        slots = rng.sample(range(1, 32), 31)
        yield given.model_copy(
            update={
                name: tuple(one.model_copy(update={"slot": slots[one.slot - 1]}) for one in getattr(given, name))
                for name in ("controllers", "devices")
            }
        )
    for bus in ("pci.0", *(one.id for one in given.controllers)):
        beside = bridge("empty", "pci-bridge", bus, 31)
        yield given.model_copy(update={"controllers": (*given.controllers, beside)})


def test_ovmf_fails_whatever_closes_gaps() -> None:
    """What happened before: a guest was infeasible (proved) that fits in other slots, or with one more bridge."""
    claimed = unclaimed = 0
    for seed in range(2000):
        rng = Random(seed)
        given = gaps(rng)
        if predict(given).failure is None:
            continue
        fit = [one for one in others(given, rng) if predict(one).failure is None]
        assert not (fit and fails_in_any_order(given)), seed
        claimed, unclaimed = claimed + fails_in_any_order(given), unclaimed + bool(fit)
    assert claimed > 15
    assert unclaimed > 15


def test_an_empty_bridge_may_make_two_windows_one() -> None:
    """With OVMF: 272 MiB and 128 prefetchable behind a bridge take 512, and 400 where 64-bit memory is reserved inside.
    The guest has an answer, or is undecided."""
    sizes = (("b0", "mem32", 256), ("b0", "mem32", 16), ("b0", "mem32p", 128), ("pci.0", "mem32", 512))
    cards = [card(f"d{n}", bus, (kind, mib << 20), slot=n + 1) for n, (bus, kind, mib) in enumerate(sizes)]
    outer, inner = bridge("b0", "pci-bridge", "pci.0", 5, shpc=False), bridge("b1", "pci-bridge", "b0", 8)
    given = with_ovmf([outer], cards)
    assert predict(given).failure is not None
    assert not fails_in_any_order(given)
    assert predict(with_ovmf([outer, inner], cards)).failure is None


def test_64_bit_memory_of_one_root_may_go_below_4_gib() -> None:
    """Above, that of the other takes all there is."""
    expander = bridge("x", "pxb", "pci.0", 5, bus_nr=128)
    cards = [card("large", "pci.0", ("mem64p", 1 << 43), slot=3), card("small", "x", ("mem64p", 128 << 20))]
    given = with_ovmf([expander], cards)
    told = predict(given)
    assert (told.failure, told.memory_bars["large", 0]) == (None, 7 << 43)
    assert told.memory_bars["small", 0] < 4 << 30
    assert not fails_in_any_order(given)


def test_a_guest_that_an_empty_bridge_may_mend() -> None:
    """It was infeasible (proved): nobody may say so."""
    cards = [(256, False, "b0:01.0"), (16, False, "b0:02.0"), (128, True, "b0:03.0"), (512, False, "pci.0:06.0")]
    guest = Guest.model_validate({
        "machine": "pc",
        "firmware": {"name": "ovmf", "version": "2025.02"},
        "memory": "8GiB",
        "phys_bits": 46,
        "controllers": [{"id": "b0", "model": "pci-bridge", "address": "pci.0:05.0", "properties": {"shpc": False}}],
        "devices": [
            {"id": f"d{n}", "model": "vfio-pci", "connect": "conventional", "address": address}
            | {"bars": [{"bar": 0, "kind": "mem32", "size": mib << 20, "prefetchable": prefetchable}]}
            for n, (mib, prefetchable, address) in enumerate(cards)
        ],
    })  # fmt: skip
    assert not isinstance(solve(guest), Infeasible)


CARDS: Final = [(256, 16), (256, 64), (128, 8), (128, 64), (256, 128)]
"""BARs in MiB."""


def switched(seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Cards that fill what OVMF has of memory below 4 GiB: as some of them are behind a switch that is listed, and with
    no address and no controller."""
    rng = Random(seed)
    large, small, number = rng.choice(CARDS), rng.choice([16, 32, 64, 128]), rng.randint(1, 2)
    most = min(5, (960 - number * sum(large)) // small)
    sizes = [large] * number + [(small,)] * rng.randint(max(0, most - 2), most)
    devices = [
        {"id": f"d{n}", "model": "vfio-pci", "connect": "express", "hotplug": rng.choice(["required", "preferred"])}
        | {"bars": [{"bar": bar, "kind": "mem32", "size": mib << 20} for bar, mib in enumerate(each)]}
        for n, each in enumerate(sizes)
    ]
    places = {"p": "pcie.0:08.0", "u": "p:00.0", **{f"t{n}": f"u:{n:02x}.0" for n in range(len(sizes))}}
    models = {"p": "pcie-root-port", "u": "x3130-upstream", "t": "xio3130-downstream"}
    controllers = [{"id": name, "model": models[name[0]], "address": place} for name, place in places.items()]
    inside = set(rng.sample(range(len(sizes)), rng.randint(1, len(sizes))))
    pinned = [one | ({"address": f"t{n}:00.0"} if n in inside else {}) for n, one in enumerate(devices)]
    base = {"machine": "q35", "memory": "8GiB", "firmware": {"name": "ovmf", "version": "2022.11"}}
    return {**base, "devices": pinned, "controllers": controllers}, {**base, "devices": devices}


@pytest.mark.parametrize("first", range(0, sample(4, ci=40), 4))
def test_a_switch_that_helps_is_found_or_not_ruled_out(first: int) -> None:
    """What happened before: a guest was infeasible (proved), or optimal at twelve times as much, without the switch."""
    limit, both = Options(time_limit=20), [switched(seed) for seed in range(first, first + 4)]
    decided = 0
    for listed, free in both:
        known, outcome = (solve(Guest.model_validate(one), limit) for one in (listed, free))
        if not isinstance(known, Solved):
            continue
        assert not isinstance(outcome, Infeasible), free
        if isinstance(outcome, Solved):
            decided += 1
            paid, known_paid = (costs_of(one.layout)["preferences"] for one in (outcome, known))
            assert paid <= known_paid + 1, free  # a switch that nobody asks for
    assert decided > 1
