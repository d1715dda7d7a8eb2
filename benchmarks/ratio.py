"""What the project promises of speed, shown or refuted: `python -m benchmarks.ratio`.

Model, solve with proof, decode and verify a 30-device guest within 40 times the time of a trivial CP-SAT solve: the
median over the families, all in one run. And 100 devices of six kinds are proved optimal. Exit code 1 if not.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from statistics import median

from qslot.solver import Options
from qslot.solver.items import items_of

from .families import FAMILIES, six_kinds
from .measure import Run, measured
from .run import judged

LIMIT = 40.0
SIZE = 30


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("benchmarks.ratio", description=__doc__)
    parser.add_argument("--repeat", type=int, default=15, help="solves of each guest; times are medians (%(default)s)")
    parser.add_argument("--limit", type=float, default=LIMIT, help="times the trivial solve (%(default)s)")
    options = parser.parse_args(arguments)
    wall, cpu, best = [], [], []
    for family in FAMILIES.values():
        run = measured(family.build, SIZE, Options(), options.repeat)
        judged(f"{family.name} {SIZE}", family.build(SIZE), run.outcome, family.answer(SIZE))
        wall.append(run.ratio("total"))
        cpu.append(run.cpu / median(run.trivial_cpu))
        best.append(run.best)
        others = f"in processor time {cpu[-1]:5.1f} x, at best {best[-1]:5.1f} x"
        print(f"{family.name:8} {_figures(run)}  {wall[-1]:5.1f} x trivial; {others}")
    _six_kinds(options.repeat)
    figure = median(wall)
    met = figure <= options.limit
    print(f"{SIZE} devices, median over {len(wall)} families: {figure:.1f} x a trivial solve in wall clock")
    print(
        f"(in processor time {median(cpu):.1f} x, best solves {median(best):.1f} x; load {os.getloadavg()[0]:.1f} on",
        end=" ",
    )
    print(f"{os.cpu_count()} processors); the limit is {options.limit:g} x wall clock: {'met' if met else 'MISSED'}")
    return 0 if met else 1


def _figures(run: Run) -> str:
    phases = " ".join(f"{phase} {run.wall(phase):5.1f}" for phase in ("model", "solve", "decode", "verify"))
    return f"{phases} total {run.wall('total'):5.1f} ms, trivial {median(run.trivial):.2f} ms"


def _six_kinds(repeat: int) -> None:
    guest = six_kinds(100)
    kinds = len(items_of(guest).free)
    assert kinds == 6, kinds
    run = measured(six_kinds, 100, Options(), repeat)
    judged("six kinds", guest, run.outcome, "optimal")
    print(f"100 devices of {kinds} kinds: proved optimal, {_figures(run)}")


if __name__ == "__main__":
    sys.exit(main())
