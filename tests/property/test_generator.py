"""The generator of tiny guests is worth something: asserted shares, judged by the oracle."""

from collections import Counter

import pytest

from ..generator import small_guest
from ..reference import Search, TooMany
from ..reference import search as reference_search
from ..spread import RELAXATIONS, families


@pytest.fixture(autouse=True)
def _few_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference_search, "NODES", 4_000)


def test_a_fifth_cannot_be_planned() -> None:
    verdicts: Counter[bool] = Counter()
    for seed in range(20_000, 20_400):
        try:
            verdicts[Search(small_guest(seed)).run() is None] += 1
        except TooMany:
            continue
    assert verdicts[True] >= 0.2 * verdicts.total()


def test_limits_bind() -> None:
    """At least 30 % of the guests that can be planned would be cheaper without some rule, and every family of rules
    decides in at least one guest of a hundred what it costs or whether it can be."""
    tight: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    feasible = bound = judged = 0
    for seed in range(20_000, 20_200):
        try:
            costs, binding = families(small_guest(seed))
        except TooMany:
            continue
        judged += 1
        feasible += costs is not None
        bound += costs is not None and bool(binding)
        (broken if costs is None else tight).update(binding)
    assert bound >= 0.3 * feasible
    seldom = {name for name in (*RELAXATIONS, "io-space") if tight[name] + broken[name] < 0.01 * judged}
    assert seldom == set()
