"""What planning beside a previous layout costs, in plans without one: `python -m benchmarks.again`.

The guest of each family and size is planned, then again beside that layout: as it is, and with one device more, listed
first. A ratio is of processor time, the median of pairs that run right after each other; the previous layout is read
anew each time, so that nothing is remembered of it. Exit code 1 if the median over the families is above the limit at
any size.
"""

import argparse
import gc
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Final

from qslot.schema import Guest, Layout
from qslot.solver import solve

from .families import FAMILIES
from .growing import grown

LIMIT: Final = 3.0
SIZES: Final = "30,100"
ASKED: Final[dict[str, Callable[[Guest], Guest]]] = {
    "the same": lambda guest: guest,
    "one more": lambda guest: grown(guest, 1),
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("benchmarks.again", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=11, help="pairs of each (default: %(default)s)")
    parser.add_argument("--sizes", default=SIZES, help="devices, with commas (default: %(default)s)")
    parser.add_argument("--families", default=",".join(FAMILIES), help="with commas (default: all)")
    parser.add_argument("--limit", type=float, default=LIMIT, help="plans that it may take (default: %(default)s)")
    given = parser.parse_args(arguments)
    met = True
    for size in map(int, given.sizes.split(",")):
        for asked, changed in ASKED.items():
            found = [ratio(name, size, asked, changed, given.rounds) for name in given.families.split(",")]
            middle = median(found)
            met &= middle <= given.limit
            print(f"{size} devices, {asked}: {middle:.2f} plans in the median, {max(found):.2f} at most", flush=True)
    return int(not met)


def ratio(name: str, size: int, asked: str, changed: Callable[[Guest], Guest], rounds: int) -> float:
    """How many plans it takes to plan that guest again."""
    build = FAMILIES[name].build
    before = solve(build(size)).require().model_dump_json()
    pairs = []
    for _ in range(rounds + 1):
        first, guest, previous = build(size), changed(build(size)), Layout.model_validate_json(before)
        pairs.append((spent(partial(solve, first)), spent(partial(solve, guest, previous=previous))))
    counted = pairs[1:]  # the first loads what stays loaded
    found = median(again / plan for plan, again in counted)
    plan, again = (median(times) for times in zip(*counted, strict=True))
    print(f"  {name:8} {size:4} {asked}: planned in {plan:6.2f} ms, again in {again:6.2f} ms, {found:.2f} x")
    return found


def spent(work: Callable[[], object]) -> float:
    """Milliseconds of processor time."""
    gc.collect()
    start = time.process_time()
    work()
    return 1000 * (time.process_time() - start)


if __name__ == "__main__":
    sys.exit(main())
