"""The strategies reach every rule: there are guests whose best layout keeps it and can break it alone, and guests that
would be answered otherwise without it. Seeds name them: SeededDraw and Hypothesis drive the same code."""

from typing import Final

import pytest

from ..disabled.encoder import FORGOTTEN
from .reached import is_broken, is_tight

TIGHT: Final = {
    **dict.fromkeys(("kept-controllers", "address-unique", "connect", "address-range", "reserve"), 3),
    **dict.fromkeys(("tree", "objective", "prediction"), 3),
    **dict.fromkeys(("max-controllers", "preset", "slot-sharing"), 4),
    **dict.fromkeys(("complete", "multifunction", "hash", "controller-properties", "chassis", "as-requested"), 7),
    "io-space": 1,
    "frozen": 6,
    "numa": 16,
    "machine-model": 16,
    "function-zero": 17,
    "chipset": 17,
    "integrated": 27,
    "pin": 33,
    "reserves": 33,
    "near": 36,
    "order": 36,
    "group": 43,
    "max-depth": 70,
    "hotplug": 72,
    "companion": 75,
    "memory-space": 80,
    "eject": 126,
    "virtual-functions": 261,
    "virtio-slot": 96,
    "iommu-group": 125,
    "bus-numbers": 140,
    "spare": 157,
    "shpc": 165,
    "near-switch": 257,
    "sriov-pf": 615,
}
BROKEN: Final = {
    **dict.fromkeys(("prediction", "function-zero", "address-range", "complete", "multifunction", "pin"), 0),
    **dict.fromkeys(("chipset", "io-space", "machine-model", "hotplug", "tree", "hash", "objective", "order"), 0),
    **dict.fromkeys(("as-requested", "controller-properties", "slot-sharing", "reserves"), 0),
    "connect": 3,
    "frozen": 3,
    "kept-controllers": 3,
    "memory-space": 6,
    "address-unique": 6,
    "reserve": 6,
    "max-controllers": 12,
    "single-balloon": 14,
    "numa": 16,
    "spare": 16,
    "integrated": 17,
    "single-model": 17,
    "chassis": 29,
    "preset": 31,
    "chassis-nr": 36,
    "near": 36,
    "bus-numbers": 40,
    "group": 43,
    "virtio-slot": 44,
    "eject": 61,
    "companion": 75,
    "virtual-functions": 75,
    "iommu-group": 155,
    "sriov-pf": 306,
    "max-depth": 363,
    "near-switch": 572,
}
"""By rule the first seed that was found. What moved with the generator: `python -m tests.testing.reached RULE`."""
NEVER_TIGHT: Final = {
    "single-balloon": "a second one is refused before it is planned",
    "single-model": "a second one is refused before it is planned",
    "chassis-nr": "the planner's own numbers are free of it; two that are stated and equal are drawn too seldom",
}
NEVER_BROKEN: Final = {"shpc": "the planner's own pci-bridges come with more than 31 devices: see test_mutations.py"}


def test_each_rule_is_here() -> None:
    assert {*TIGHT, *NEVER_TIGHT} == {*BROKEN, *NEVER_BROKEN} == {*FORGOTTEN}


@pytest.mark.parametrize(("rule", "seed"), TIGHT.items())
def test_a_guest_is_answered_otherwise_without_the_rule(rule: str, seed: int) -> None:
    assert is_tight(rule, seed)


@pytest.mark.parametrize(("rule", "seed"), BROKEN.items())
def test_a_layout_keeps_the_rule_and_can_break_it(rule: str, seed: int) -> None:
    assert is_broken(rule, seed)
