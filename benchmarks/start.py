"""What commands take to start: `python -m benchmarks.start --python VENV/bin/python > START.md`.

Processor time of whole processes, over that of `python -c pass` of the same virtual environment, in which qslot is
installed as users have it: from a wheel, compiled. Beside it the same for the libraries that the command uses, imported
by the names that it takes of them, and nothing else.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from qslot.solver import solve

from .families import FAMILIES
from .paired import EXAMPLE, ROOT, Timed, command

AS_QSLOT_DOES: Final = "import gc, os, sys; gc.disable(); sys.setdlopenflags(os.RTLD_LAZY); {}; os._exit(0)"
CLICK: Final = "import click"
PYDANTIC: Final = f"{CLICK}; from pydantic import BaseModel, Field"
ORTOOLS: Final = f"{PYDANTIC}; import yaml; from ortools.sat.python import cp_model_helper"


class Start(NamedTuple):
    """A command, what its libraries are, and how many bare starts it may take."""

    words: tuple[str, ...]
    libraries: str
    goal: int


STARTS: Final = {
    "qslot --help": Start(("--help",), CLICK, 3),
    "qslot show --help": Start(("show", "--help"), CLICK, 3),
    "qslot show LAYOUT": Start(("show", "-"), PYDANTIC, 9),
    "qslot plan GUEST": Start(("plan", str(EXAMPLE)), ORTOOLS, 10),
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("benchmarks.start", description=__doc__.partition("\n")[0])
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="where qslot is installed")
    parser.add_argument("--rounds", type=int, default=25, help="starts of each, in turn (default: %(default)s)")
    given = parser.parse_args(arguments)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    print(f"# Start of commands\n\n{__doc__.partition(chr(10) * 2)[2].strip()}")
    print(f"Made by `python -m benchmarks.start`: medians of {given.rounds} starts of each, in turn.\n")
    print("| | ms | x bare Python | its libraries alone | goal |\n|---|---|---|---|---|")
    print("\n".join(rows(given.python.absolute(), given.rounds)))
    return 0


def rows(python: Path, rounds: int) -> list[str]:
    """The lines of the table."""
    layout = solve(FAMILIES["cloud"].build(10)).require().model_dump_json()
    script = str(python.parent / "qslot")
    bare = command([str(python), "-c", "pass"], "", ROOT)
    timed = {"bare": bare}
    for name, start in STARTS.items():
        timed[name] = command([script, *start.words], layout, python.parent)
        timed[f"libraries of {name}"] = command(
            [str(python), "-c", AS_QSLOT_DOES.format(start.libraries)], "", python.parent
        )
    found = medians(timed, rounds)
    return [f"| `python -c pass` | {found['bare']:.0f} | 1 | | |"] + [
        f"| `{name}` | {found[name]:.0f} | {found[name] / found['bare']:.1f} "
        f"| {found[f'libraries of {name}'] / found['bare']:.1f} | {start.goal} |"
        for name, start in STARTS.items()
    ]


def medians(timed: dict[str, Timed], rounds: int) -> dict[str, float]:
    """Of each, run in turn. The first of each is not counted: it may compile."""
    times: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(rounds + 1):
        for name, one in timed.items():
            times[name].append(one())
    return {name: median(found[1:]) for name, found in times.items()}


if __name__ == "__main__":
    sys.exit(main())
