"""Two result files side by side: `python -m benchmarks.compare OLD NEW`.

Time is compared as the ratio to the trivial solve of its own run, so that files from machines of different load can be
held against each other. Exit code 1 if a status got worse, a cost or bound changed, a guest is missing or the median
time over all guests grew by more than the margin; 2 for bad usage.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from .record import Record, one_a_key, read

RANK = {"optimal": 0, "infeasible": 0, "undecided": 1}
Key = tuple[str, int]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("benchmarks.compare", description="Holds two result files against each other.")
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--margin", type=float, default=1.25, help="growth of the median time let pass (%(default)s)")
    options = parser.parse_args(arguments)
    old, new = one_a_key(read(options.old)), one_a_key(read(options.new))
    for line in table(old, new):
        print(line)
    faults = [*differences(old, new), *slower(old, new, options.margin)]
    for fault in faults:
        print(f"worse: {fault}")
    return 1 if faults else 0


def table(old: dict[Key, Record], new: dict[Key, Record]) -> Iterator[str]:
    yield f"{'guest':14} {'time x trivial':>24}  {'status':23}  cost (bound where it is less)"
    for key in [*old, *(key for key in new if key not in old)]:
        before, after = old.get(key), new.get(key)
        times = f"{_time(before):>8} -> {_time(after):>8}"
        if before is not None and after is not None:
            times += f" {after.ratio['total'] / before.ratio['total']:5.2f}"
        status = _change(_status(before), _status(after))
        yield f"{key[0]:8} {key[1]:5} {times}  {status:23}  {_change(_cost(before), _cost(after))}".rstrip()


def _status(record: Record | None) -> str | None:
    return None if record is None else record.status


def _time(record: Record | None) -> str:
    return "-" if record is None else f"{record.ratio['total']:.1f}"


def _cost(record: Record | None) -> str | None:
    if record is None:
        return None
    terms = [*record.cost] or [*record.bound]
    return "/".join(
        f"{record.cost.get(term, '?')}" + ("" if record.cost.get(term) == bound else f"(>={bound})")
        for term in terms
        for bound in [record.bound[term]]
    )


def _change(old: str | None, new: str | None) -> str:
    return f"{old or '-'}" if old == new else f"{old or '-'} -> {new or '-'}"


def differences(old: dict[Key, Record], new: dict[Key, Record]) -> Iterator[str]:
    """Answers that got worse, and proved answers that are not the same."""
    for key, before in old.items():
        name, after = f"{key[0]} {key[1]}", new.get(key)
        if after is None:
            yield f"{name} is missing"
        elif RANK[after.status] > RANK[before.status]:
            yield f"{name} was {before.status}, is {after.status}"
        elif RANK[before.status] == 0 and (before.status, before.cost) != (after.status, after.cost):
            # one of the two proofs is wrong, or the guest is another
            yield f"{name} was {before.status} {_cost(before)}, is {after.status} {_cost(after)}"


def slower(old: dict[Key, Record], new: dict[Key, Record], margin: float) -> Iterator[str]:
    growth = [new[key].ratio["total"] / record.ratio["total"] for key, record in old.items() if key in new]
    if growth and median(growth) > margin:
        yield f"median time is {median(growth):.2f} of what it was, above the margin of {margin:g}"


if __name__ == "__main__":
    sys.exit(main())
