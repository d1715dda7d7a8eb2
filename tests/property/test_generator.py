"""The generator is worth something: asserted shares of what it draws; of small guests, judged by the oracle."""

import hashlib
import json
from collections import Counter

import pytest
from hypothesis import HealthCheck, find, settings

from qslot.testing import guests
from qslot.testing.generator import SeededDraw, draw_request, request, small_guest, valid

from .. import features
from ..profile import sample
from ..reference import NoAnswer, Search, best
from ..reference import search as reference_search
from ..spread import RELAXATIONS, families, relaxed

SHARES = {
    "a device pinned to a function alone beside pinned ones": 0.1,
    "a device pinned inside an open controller": 0.2,
    "the same, two levels or more": 0.08,
    "a wish for a node of one pinned inside an open controller": 0.02,
    "hot-plug required by one pinned inside an open controller": 0.04,
    "a wished neighbour of one pinned inside an open controller": 0.015,
    "spare slots": 0.2,
    "machine pc": 0.25,
    "firmware ovmf": 0.4,
    "a machine type before 2.7": 0.03,
    "a machine type before 6.0": 0.2,
    "a machine type from 6.0 on": 0.25,
    "a machine type without a version": 0.25,
    "numa_node spelled as text": 0.01,
    "an amd-iommu": 0.01,
    "up to 5 devices": 0.45,
    "6 to 8 devices": 0.2,
    "9 to 40 devices": 0.1,
}
"""At least; of each other feature `LEAST`."""
LEAST = 0.02
REQUESTS = "e8d32571a2aadebda415140dd50149cdeeabf283b155e111638e94cff8b71920"
"""Of the first hundred requests."""


def test_every_feature_has_its_share() -> None:
    seeds = range(2_000)
    counts = Counter(feature for seed in seeds for feature in features.of(request(seed)))
    shares = {feature: counts[feature] / len(seeds) for feature in features.FEATURES}
    assert set(SHARES) <= set(shares)
    assert {feature: share for feature, share in shares.items() if share < SHARES.get(feature, LEAST)} == {}


def test_few_drafts_are_refused() -> None:
    refused = sum(valid(draw_request(SeededDraw(seed))) is None for seed in range(1_000))
    assert refused <= 20


def test_a_seed_names_a_guest() -> None:
    """The same for every Python and every machine: as it was when the generator was last changed."""
    text = json.dumps([request(seed) for seed in range(100)])
    assert hashlib.sha256(text.encode()).hexdigest() == REQUESTS


def test_hypothesis_shrinks_to_a_handful_of_devices() -> None:
    """Of all guests with a controller and a spare slot the plainest is nearly empty."""
    quick = settings(max_examples=200, database=None, suppress_health_check=list(HealthCheck))
    smallest = find(guests(most=40), lambda drawn: bool(drawn.controllers and drawn.spare), settings=quick)
    assert (len(smallest.devices), len(smallest.controllers), len(smallest.spare)) == (1, 1, 1)


@pytest.fixture
def _few_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference_search, "NODES", 1_500)


@pytest.mark.usefixtures("_few_nodes")
def test_some_cannot_be_planned() -> None:
    """Between a fifth and a half."""
    verdicts: Counter[bool] = Counter()
    for seed in range(20_000, 20_000 + sample(100, ci=200)):
        try:
            verdicts[Search(small_guest(seed)).run() is None] += 1
        except NoAnswer:
            continue
    assert 0.2 * verdicts.total() <= verdicts[True] <= 0.5 * verdicts.total()


@pytest.mark.usefixtures("_few_nodes")
def test_limits_bind() -> None:
    """At least 30 % of the guests that can be planned would be cheaper without some rule, and every family of rules
    decides in some of them what it costs or whether it can be."""
    feasible = bound = 0
    seldom = {*RELAXATIONS, "io-space"}
    for seed in range(20_000, 20_200):
        try:
            costs, binding = families(small_guest(seed))
        except NoAnswer:
            continue
        feasible += costs is not None
        bound += costs is not None and bool(binding)
        seldom -= binding
        if feasible >= 40 and not seldom:
            break
    assert bound >= 0.3 * feasible
    assert seldom == set()


@pytest.mark.usefixtures("_few_nodes")
def test_iommu_groups_bind() -> None:
    """In a fifth of the guests in which devices share one."""
    binding = judged = 0
    for seed in range(20_400, 20_900 + sample(0, ci=500)):
        guest = small_guest(seed)
        if not any(one.shares_iommu_group for one in guest.resolved.values()):
            continue
        try:
            ungrouped = relaxed(guest, RELAXATIONS["iommu-group"])
            assert ungrouped is not None
            easier = best(ungrouped)
            binding += best(guest) != easier
            judged += 1
        except NoAnswer:
            continue
    assert judged >= 10
    assert binding >= 0.2 * judged
