"""Solver against oracle over numbered tiny guests: `python -m tests.property.campaign FIRST LAST`.

Prints each disagreement with its request, and the counts. A guest that the oracle cannot search within its node limit
is counted as such, not as agreement.
"""

import sys
from collections import Counter
from typing import Literal

from qslot.schema import Guest, Infeasible, Solved
from qslot.solver import Options, solve

from ..generate import tiny_guest
from ..reference import Search, TooMany
from ..reference import search as reference_search

Verdict = Literal["agree", "both infeasible", "undecided", "too large for the oracle", "DISAGREE"]


def compare(guest: Guest, nodes: int = 8_000) -> Verdict:
    """Holds the solver's answer against the oracle's: feasibility, and every term of the objective."""
    limit, reference_search.NODES = reference_search.NODES, nodes
    try:
        costs = Search(guest).run()
    except TooMany:
        return "too large for the oracle"
    finally:
        reference_search.NODES = limit
    outcome = solve(guest, Options(time_limit=60))
    if isinstance(outcome, Infeasible):
        return "both infeasible" if costs is None else "DISAGREE"
    if not isinstance(outcome, Solved):
        return "undecided"
    found = {term.term: term.value for term in outcome.layout.objective}
    return "agree" if found == costs else "DISAGREE"


def campaign(first: int, last: int) -> Counter[Verdict]:
    counts: Counter[Verdict] = Counter()
    for seed in range(first, last):
        guest = tiny_guest(seed)
        verdict = compare(guest)
        counts[verdict] += 1
        if verdict in ("DISAGREE", "undecided"):
            print(seed, verdict, guest.model_dump_json(exclude_defaults=True), flush=True)  # noqa: T201
    return counts


if __name__ == "__main__":
    print(dict(campaign(int(sys.argv[1]), int(sys.argv[2]))))  # noqa: T201
