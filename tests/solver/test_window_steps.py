"""OVMF: cards whose windows end inside a block, near all there is of blocks; each case by its own sum, in MiB.

Below 4 GiB there are 1536, or 960 of which the last 192 are less than a block of 256 (edk2 2022.11)."""

from typing import Any, Final

import pytest

from qslot.schema import Guest, Infeasible, Solved
from qslot.schema.pci.size import MIB
from qslot.solver import solve

from .ask import Data, costs, device
from .ask import plain_card as card


def cards(number: int, *sizes: int, **more: Any) -> list[Data]:
    return [card(f"d{n}", *sizes, **more) for n in range(number)]


def switch(name: str, slot: int) -> list[Data]:
    """With two ports."""
    places = {"p": f"pcie.0:{slot:02x}.0", "u": f"p{name}:00.0", "a": f"u{name}:00.0", "b": f"u{name}:01.0"}
    models = {"p": "pcie-root-port", "u": "x3130-upstream", "a": "xio3130-downstream", "b": "xio3130-downstream"}
    return [device(f"{one}{name}", models[one], address=places[one]) for one in places]


def gpus(number: int) -> list[Data]:
    sizes = {0: 16 << 30, 2: 32 * MIB}
    bars = [{"bar": bar, "kind": "mem64", "size": size, "prefetchable": True} for bar, size in sizes.items()]
    return [{**card(f"g{n}"), "bars": bars} for n in range(number)]


def answer(version: str, devices: list[Data], controllers: list[Data] | None = None) -> Any:
    firmware = {"name": "ovmf", "version": version}
    data = {"machine": "q35", "memory": "8GiB", "firmware": firmware, "devices": devices}
    return solve(Guest.model_validate({**data, "controllers": controllers or []}))


FIT: Final[dict[str, tuple[str, list[Data], list[Data]]]] = {
    "three in six blocks": ("2025.02", cards(3, 256, 16), []),
    "the last in less than a block": ("2022.11", cards(2, 256, 16), []),
    "smaller ones behind the last": ("2025.02", [*cards(3, 256, 16), card("s0", 64), card("s1", 64)], []),
    "smaller ones in switches, in what is left of blocks": (
        "2025.02",
        [
            *(card(f"d{n}", 256, 16, address=f"a{n}:00.0") for n in range(2)),
            *(card(f"s{n}", 128, address=f"b{n}:00.0") for n in range(2)),
            *(card("d2", 256, 16), card("s2", 64)),
        ],
        [*switch("0", 8), *switch("1", 9)],
    ),
    "a reserve around one": (
        "2025.02",
        [card("d0", 256, 16, address="kept:00.0"), card("d1", 512), card("d2", 256, 16)],
        [{"id": "kept", "model": "pcie-root-port", "properties": {"mem-reserve": "512M"}}],
    ),
    "an exact multiple, two BARs each": ("2025.02", cards(2, 256, 256), []),
    "four of 16 GiB and more, above 4 GiB": ("2025.02", gpus(4), []),
}


@pytest.mark.parametrize("name", FIT)
def test_what_fits(name: str) -> None:
    assert isinstance(answer(*FIT[name]), Solved)


SHORT: Final[dict[str, tuple[str, list[Data]]]] = {
    "four of two blocks each, of six": ("2025.02", cards(4, 256, 16)),
    "five of two blocks each, of seven and a half": ("2022.11", cards(5, 128, 32)),
    "five of two blocks of 16 GiB each, of eight": ("2025.02", gpus(5)),
}


@pytest.mark.parametrize("name", SHORT)
def test_what_does_not_fit(name: str) -> None:
    """By sums of blocks, without a layout looked at: the finding has figures."""
    outcome = answer(*SHORT[name])
    assert isinstance(outcome, Infeasible)
    assert [one.rule for one in outcome.findings] == ["memory-space"]
    assert int(outcome.findings[0].details["used"]) > int(outcome.findings[0].details["available"])


@pytest.mark.parametrize(("number", "sizes", "unmet"), [(4, (256, 16), 24), (5, (256, 16), 48), (14, (64, 16), 52)])
def test_some_go_where_nothing_is_left(number: int, sizes: tuple[int, ...], unmet: int) -> None:
    """On the root bus itself at 12 each, or in slots that they share at 10. These guests were undecided without a
    limit."""
    outcome = answer("2025.02", cards(number, *sizes, hotplug="preferred"))
    assert isinstance(outcome, Solved)
    assert costs(outcome.layout)["preferences"] == unmet


def test_behind_a_bridge_a_card_takes_no_less() -> None:
    """Three ports take six of the blocks of 128 MiB, of which the eighth is half there; so both others are on the root
    bus, at 12 each. It was undecided: behind a bridge, and one more in it, the hybrid one would cost less."""
    hybrid = {**card("hybrid", 128, 1, hotplug="preferred"), "connect": "hybrid"}
    outcome = answer("2022.11", [hybrid, *cards(3, 128, 1), card("last", 128, 1, hotplug="preferred")])
    assert isinstance(outcome, Solved)
    assert costs(outcome.layout)["preferences"] == 24


@pytest.mark.parametrize(("hotplug", "large", "small"), [("required", 64, 64), ("preferred", 16, 32)])
def test_a_switch_takes_less_memory(hotplug: str, large: int, small: int) -> None:
    """What is left behind 256 MiB and some is for smaller ones only if these are behind the same switch, which costs a
    preference. Such guests were infeasible (proved), or optimal without a switch at 12 (proved)."""
    number = 2 if large == 64 else 5
    devices = [*cards(2, 256, large, hotplug=hotplug), *(card(f"s{n}", small, hotplug=hotplug) for n in range(number))]
    outcome = answer("2022.11", devices)
    assert isinstance(outcome, Solved)
    assert costs(outcome.layout)["preferences"] == 1
    assert any(one.model == "x3130-upstream" for one in outcome.layout.controllers)
