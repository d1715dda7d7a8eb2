"""The generator of tiny guests is worth something: asserted shares, judged by the oracle."""

from collections import Counter

from ..generate import tiny_guest
from ..reference import TooMany
from ..reference import search as reference_search
from ..spread import RELAXATIONS, families


def test_spread() -> None:
    tight: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    feasible = infeasible = bound = 0
    limit, reference_search.NODES = reference_search.NODES, 4_000
    for seed in range(20_000, 20_150):
        try:
            costs, binding = families(tiny_guest(seed))
        except TooMany:
            continue
        if costs is None:
            infeasible += 1
            broken.update(binding)
        else:
            feasible += 1
            bound += bool(binding)
            tight.update(binding)
    reference_search.NODES = limit
    assert infeasible >= 0.2 * (feasible + infeasible)
    assert bound >= 0.3 * feasible
    assert {name for name in (*RELAXATIONS, "io-space") if tight[name] + broken[name] == 0} == set()
