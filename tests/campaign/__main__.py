"""The command; see the package."""

import argparse
import json
import sys
from pathlib import Path

from qslot.testing.generator import request

from . import __doc__ as usage
from .judge import complaints, is_bad, missing
from .pool import records
from .shrink import shrunk
from .summary import read, table


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=usage, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--last", type=int, default=0, help="the seed after the last one")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--opinions", default="oracle,addresses,rows,laws")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--summary", type=Path)
    parser.add_argument("--shrink", type=int, metavar="SEED", help="the smallest request wrong as that of a seed is")
    given = parser.parse_args(arguments)
    if given.summary is not None:
        print(*table(read(given.summary).values()), sep="\n")  # noqa: T201
        return 0
    if given.shrink is not None:
        return shrink(given.shrink, opinions_of(given), given.seconds)
    if given.out is None:
        parser.error("--out FILE, --summary FILE or --shrink SEED")
    return run(given)


def run(given: argparse.Namespace) -> int:
    """Exit code 1 if any guest of this run was answered wrongly, or not at all."""
    opinions = opinions_of(given)
    done = read(given.out)
    jobs = ((seed, opinions, given.seconds) for seed in range(given.first, given.last) if seed not in done)
    bad = 0
    with given.out.open("a") as out:
        for record in records(jobs, given.workers):
            out.write(json.dumps(record) + "\n")
            out.flush()
            if is_bad(record):
                bad += 1
                print(json.dumps({k: v for k, v in record.items() if k != "features"}), flush=True)  # noqa: T201
    print(f"{bad} bad")  # noqa: T201
    return int(bad > 0)


def opinions_of(given: argparse.Namespace) -> tuple[str, ...]:
    """Those that are asked for and there; of the others it is told that they are missing."""
    asked = [name for name in given.opinions.split(",") if name]
    absent = missing(asked)
    for name in absent:
        print(f"no opinion of {name}: there is no tests/opinions/{name}.py", file=sys.stderr)  # noqa: T201
    return tuple(name for name in asked if name not in absent)


def shrink(seed: int, opinions: tuple[str, ...], seconds: int) -> int:
    data = request(seed)
    wrong = complaints(data, opinions, seconds)
    if not wrong:
        print(f"nothing is wrong with seed {seed}")  # noqa: T201
        return 1
    smallest = shrunk(data, lambda other: wrong <= complaints(other, opinions, seconds))
    print(", ".join(sorted(wrong)), json.dumps(smallest))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
