"""Which of two checkouts is faster: `python -m benchmarks.paired OLD NEW [--rounds N] [--sizes 30,100]`.

OLD and NEW are folders of checkouts, each with its own `.venv`. Each solve of the one is followed at once by the same
solve of the other, who goes first changes from round to round, and only processor time counts: so a machine that others
share, too, shows differences of a few per cent. What is told is the median of the ratios of the pairs, new over old;
the quartiles beside it say how sure that is. Exit code 1 if the median over all rows is above the margin.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from typing import Final, NamedTuple, Protocol

from qslot.solver import solve

from .families import FAMILIES

ROOT: Final = Path(__file__).parents[1]
EXAMPLE: Final = ROOT / "examples" / "rhel6-q35.yaml"


class Timed(Protocol):
    """Something that a checkout does, again and again."""

    def __call__(self) -> float:
        """Does it once more; milliseconds of processor time."""


class Pairs(NamedTuple):
    """What two checkouts took for the same, pair by pair."""

    name: str
    old: list[float]
    new: list[float]

    @property
    def ratios(self) -> list[float]:
        return [new / old for old, new in zip(self.old, self.new, strict=True)]

    def __str__(self) -> str:
        low, middle, high = quantiles(self.ratios, n=4)
        return (
            f"{self.name:14} {median(self.old):9.2f} {median(self.new):9.2f}  {middle:6.3f}  ({low:.3f} to {high:.3f})"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("benchmarks.paired", description=__doc__.partition("\n")[0])
    parser.add_argument("checkouts", nargs=2, type=Path, metavar="CHECKOUT")
    parser.add_argument("--rounds", type=int, default=15, help="pairs of each (default: %(default)s)")
    parser.add_argument("--sizes", default="30,100", help="devices, with commas (default: %(default)s)")
    parser.add_argument("--families", default=",".join(FAMILIES), help="with commas (default: all)")
    parser.add_argument("--margin", type=float, default=1.03, help="growth of the median let pass (%(default)s)")
    given = parser.parse_args(arguments)
    print(f"{'':14} {'old ms':>9} {'new ms':>9}  new/old  (quartiles)")
    found = []
    for pairs in measured(given.checkouts, given.families.split(","), map(int, given.sizes.split(",")), given.rounds):
        print(pairs, flush=True)
        found.append(median(pairs.ratios))
    print(f"median of {len(found)}: {median(found):.3f}")
    return int(median(found) > given.margin)


def measured(checkouts: Sequence[Path], families: Sequence[str], sizes: Iterator[int], rounds: int) -> Iterator[Pairs]:
    """The start of commands first, then each family at each size."""
    pythons = [folder.resolve() / ".venv" / "bin" / "python" for folder in checkouts]
    layout = solve(FAMILIES["cloud"].build(10)).require().model_dump_json()
    for name, words in {"--help": ["--help"], "show": ["show", "-"], "plan": ["plan", str(EXAMPLE)]}.items():
        old, new = (command([str(python), "-m", "qslot", *words], layout, python.parents[2]) for python in pythons)
        yield in_turn(name, old, new, rounds)
    with ExitStack() as stack:
        workers = [stack.enter_context(_worker(python)) for python in pythons]
        for size in sizes:
            for family in families:
                line = json.dumps(FAMILIES[family].build(size).model_dump(mode="json"))
                old, new = (_solve(worker, line) for worker in workers)
                yield in_turn(f"{family} {size}", old, new, rounds)


def in_turn(name: str, old: Timed, new: Timed, rounds: int) -> Pairs:
    """The first of each is not counted: it loads what stays loaded."""
    old(), new()
    pairs = Pairs(name, [], [])
    for number in range(rounds):
        for times, one in ((pairs.old, old), (pairs.new, new))[:: -1 if number % 2 else 1]:
            times.append(one())
    return pairs


def command(words: list[str], text: str, folder: Path) -> Timed:
    """A command as a whole process, its start included."""

    def once() -> float:
        run = subprocess.Popen(words, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        assert run.stdin is not None
        run.stdin.write(text.encode())
        run.stdin.close()
        _, status, used = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)
        assert run.returncode == 0, words
        return 1000 * (used.ru_utime + used.ru_stime)

    return once


def _worker(python: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [python, ROOT / "benchmarks" / "timed.py"],
        cwd=python.parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _solve(worker: "subprocess.Popen[str]", line: str) -> Timed:
    def once() -> float:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(line + "\n")
        worker.stdin.flush()
        return float(worker.stdout.readline())

    return once


if __name__ == "__main__":
    sys.exit(main())
