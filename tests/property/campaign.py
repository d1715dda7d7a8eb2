"""Oracle against solver over many tiny guests: `python -m tests.property.campaign --seeds 0..2000 --dump DIR`.

Prints the counts as JSON; every guest on which the two disagree is dumped with both answers. Exit code 1 if any does.
"""

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qslot.schema import Guest, Infeasible, Outcome, Solved
from qslot.solver import Options, solve

from tests.generate import tiny_guest
from tests.reference import Costs, TooMany, best

Verdict = Literal["same", "infeasible", "undecided", "not-tiny", "crash", "different"]


@dataclass(frozen=True, slots=True)
class Comparison:
    verdict: Verdict
    oracle: Costs | None = None
    solver: Costs | None = None
    detail: str = ""


def costs_of(outcome: Outcome) -> Costs | None:
    """The terms of a solved layout, None for a proof that there is none."""
    if isinstance(outcome, Solved):
        return {term.term: term.value for term in outcome.layout.objective}
    assert isinstance(outcome, Infeasible)
    return None


def compare(guest: Guest, options: Options | None = None) -> Comparison:
    try:
        expected = best(guest)
    except TooMany as why:
        return Comparison("not-tiny", detail=str(why))
    try:
        outcome = solve(guest, options)
    except Exception as error:
        return Comparison("crash", expected, detail=repr(error))
    if not isinstance(outcome, Solved | Infeasible):
        return Comparison("undecided", expected)
    found = costs_of(outcome)
    if agree(expected, found):
        return Comparison("infeasible" if expected is None else "same", expected, found)
    return Comparison("different", expected, found)


def agree(expected: Costs | None, found: Costs | None) -> bool:
    """A solved layout may leave out the two terms that only a predecessor gives a meaning."""
    if expected is None or found is None:
        return expected is found
    return found.keys() <= expected.keys() and all(found.get(term, 0) == value for term, value in expected.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0..2000", help="FIRST..LAST, the last one left out")
    parser.add_argument("--dump", type=Path, help="a folder for guests on which the two disagree")
    parser.add_argument("--time-limit", type=float, default=30, help="seconds of the solver for one guest")
    arguments = parser.parse_args()
    first, last = (int(text) for text in arguments.seeds.split(".."))
    verdicts = Counter[str]()
    began = time.monotonic()
    for seed in range(first, last):
        guest = tiny_guest(seed)
        result = compare(guest, Options(time_limit=arguments.time_limit))
        verdicts[result.verdict] += 1
        if result.verdict not in ("same", "infeasible"):
            told = {"seed": seed, "verdict": result.verdict, "oracle": result.oracle, "solver": result.solver}
            told |= {"detail": result.detail}
            sys.stderr.write(json.dumps(told) + "\n")
            if arguments.dump is not None:
                dump(arguments.dump, told, guest)
    sys.stdout.write(json.dumps({**verdicts, "seconds": round(time.monotonic() - began, 1)}) + "\n")
    return int(bool(verdicts["different"] or verdicts["crash"]))


def dump(folder: Path, told: dict[str, object], guest: Guest) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    told = told | {"guest": guest.model_dump(mode="json", exclude_defaults=True)}
    (folder / f"{told['seed']}.json").write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
