"""What the project promises of speed, shown or refuted: `python -m benchmarks.ratio`.

Encoding, solve with proof, decode and verify a 30-device guest within 40 times the time of a trivial CP-SAT solve: the
median over the families, all in one run. And 100 devices of six kinds are proved optimal; and domain XML of 300 devices
is read, planned with proof and written within 200 times. Exit code 1 if not.
"""

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from statistics import median
from string import ascii_lowercase
from time import perf_counter

from qslot.schema import Solved
from qslot.schema.libvirt import read
from qslot.solver import Options, solve
from qslot.solver.aggregate.items import items_of

from .families import FAMILIES, six_kinds
from .measure import Run, measured, trivial_solve
from .run import judged

LIMIT = 40.0
SIZE = 30
DOMAIN_LIMIT = 200.0


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
    domain_met, met = _domain(options.repeat), figure <= options.limit
    print(f"{SIZE} devices, median over {len(wall)} families: {figure:.1f} x a trivial solve in wall clock")
    print(
        f"(in processor time {median(cpu):.1f} x, best solves {median(best):.1f} x; load {os.getloadavg()[0]:.1f} on",
        end=" ",
    )
    print(f"{os.cpu_count()} processors); the limit is {options.limit:g} x wall clock: {'met' if met else 'MISSED'}")
    return 0 if met and domain_met else 1


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


def domain(number: int) -> str:
    """150 interfaces of one sort, 100 disks, 50 entropy sources; another one each time, as the last is remembered."""
    parts = (
        "<interface type='user'><model type='virtio-transitional'/></interface>\n" * 150,
        "".join(f"<disk type='file'><target dev='vd{a}{b}'/></disk>\n" for a in "abcd" for b in ascii_lowercase[:25]),
        "<rng model='virtio'/>\n" * 50,
    )
    system = "<memory unit='GiB'>4</memory><os><type machine='q35'>hvm</type></os><features><acpi/></features>"
    return f"<domain type='kvm'><name>d{number}</name>{system}<devices>\n{''.join(parts)}</devices></domain>"


def _domain(repeat: int) -> bool:
    """Text in, text out."""
    ratios = []
    for number in range(repeat):
        text = domain(number)
        gc.collect()
        unit = median(trivial_solve()[0] for _ in range(5))
        start = perf_counter()
        outcome = solve(read(text.encode()))
        assert isinstance(outcome, Solved)
        written = outcome.layout.to_libvirt(text)
        ratios.append((perf_counter() - start) * 1000 / unit)
        assert written.count("<address") > 300
    figure = median(ratios)
    met = figure <= DOMAIN_LIMIT
    verdict = "met" if met else "MISSED"
    print(f"domain XML of 300 devices, in and out: {figure:.0f} x trivial; the limit is {DOMAIN_LIMIT:g} x: {verdict}")
    return met


if __name__ == "__main__":
    sys.exit(main())
