"""`qslot batch`: many guests in, one line of JSON out for each."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ..options import LAST_SEED, MOST_WORKERS
from .batch_lines import Lines, Progress, digest, line
from .common import stoppable
from .exits import CliError, Exit, leave, warn
from .request import FILE, RequestOptions, request_options
from .seconds import SECONDS

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from ..fleet.cache import AnswerCache
    from ..fleet.solve_many import Answered, KnownGuest, UnreadableGuest
    from ..options import Options, Stop

WORST_FIRST: Final = {"refused": Exit.INPUT, "undecided": Exit.UNPROVED, "infeasible": Exit.INFEASIBLE}
"""The exit code is that of the first of these that any guest has for an answer."""
SCHEDULER_ANSWERS: Final = 30
"""Seconds that a Dask scheduler has to answer."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The files, how they are read, and who solves them."""

    files: tuple[str, ...]
    request: RequestOptions
    time_limit: float | None
    seed: int
    workers: int
    dask: str | None

    def answers(self, cache: "AnswerCache", lines: Lines, progress: Progress, stop: "Stop") -> Iterator["Answered"]:
        """Those that the lines do not have yet, in order."""
        from ..fleet.solve_many import KnownGuest, answers
        from ..options import Options

        options = Options(time_limit=self.time_limit, seed=self.seed, stop=stop)

        def new(guests: Iterator["KnownGuest | UnreadableGuest"]) -> Iterator["KnownGuest | UnreadableGuest"]:
            for one in guests:
                if isinstance(one, KnownGuest) and lines.has(one.name, digest(one.form)):
                    progress.count("answered before")
                else:
                    yield one

        with ExitStack() as stack:
            executor = self._executor(stack)
            yield from answers(new(self._read(executor, options)), executor, options, cache)

    def _executor(self, stack: ExitStack) -> "Executor | None":
        if self.dask is not None:
            return _cluster(self.dask, stack)
        if self.workers == 1:
            return None
        from ..fleet.processes import Processes

        return stack.enter_context(Processes(self.workers))

    def _read(self, executor: "Executor | None", options: "Options") -> Iterator["KnownGuest | UnreadableGuest"]:
        """By the processes, if there are any; not by a cluster, which has neither these files nor this host's
        devices."""
        from .batch_files import read_ahead, read_guests

        limited = options.time_limit is not None
        if executor is not None and self.dask is None:
            yield from read_ahead(self.files, self.request, executor, limited=limited)
            return
        for file in self.files:
            yield from read_guests([file], self.request, limited)


def _cluster(address: str, stack: ExitStack) -> "Executor":
    """Of the Dask scheduler at that address."""
    try:
        distributed = import_module("distributed")
    except ImportError:
        raise CliError("dask is not installed: pip install distributed", Exit.INPUT) from None
    try:
        client = stack.enter_context(distributed.Client(address, timeout=SCHEDULER_ANSWERS, set_as_default=False))
    except (OSError, ValueError) as error:
        raise CliError(f"--dask {address}: no scheduler answers: {error}", Exit.INPUT) from None
    executor: Executor = client.get_executor()
    return executor


@click.command()
@click.argument("files", type=FILE, nargs=-1, required=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the lines there, each when it is known.")
@click.option("--resume", is_flag=True, help="Keep what an earlier run has proved in --output, and do the rest.")
@click.option("--cache", type=click.Path(path_type=Path), metavar="FILE", help="Keep answers in this SQLite file, too.")
@click.option(
    "--workers", type=click.IntRange(1, MOST_WORKERS), default=1, show_default=True, help="Processes that solve."
)
@click.option("--dask", metavar="ADDRESS", help="Solve on the cluster of this scheduler: tcp://host:8786.")
@click.option("--time-limit", type=SECONDS, metavar="S", help="Seconds for each guest; default: none.")
@click.option("--seed", type=click.IntRange(0, LAST_SEED), default=0, show_default=True, help="The solver's seed.")
@request_options
def batch(
    files: tuple[str, ...],
    output: Path | None,
    resume: bool,
    cache: Path | None,
    workers: int,
    dask: str | None,
    time_limit: float | None,
    seed: int,
    request: RequestOptions,
) -> None:
    """Find the best layouts of many guests: one line of JSON for each of FILES, in their order.

    Guests that differ in nothing but names are solved once. A guest that can't be read is told in its line, and the
    others go on. An interrupt keeps what is finished.

    \b
    Examples:
      qslot batch guests/*.yaml --workers 4 -o answers.jsonl
      qslot batch guests/*.yaml --workers 4 -o answers.jsonl --resume
      qslot batch domains/*.xml --dask tcp://scheduler:8786 --cache answers.sqlite
    """
    if resume and output is None:
        raise click.UsageError("--resume goes with --output: it goes on with that file")
    if dask is not None and workers != 1:
        raise click.UsageError("--workers are processes of this machine: not with --dask")
    if files.count("-") > 1:
        raise click.UsageError("- is standard input, and can be read once")
    fleet = Fleet(files, request, time_limit, seed, workers, dask)
    lines, progress = Lines(output, resume=resume), Progress(len(files))
    with closing(lines):
        told = "interrupted: keeping what is finished"
        stopped = stoppable(lambda stop: _run(fleet, cache, lines, progress, stop), told)
    if stopped:
        left = len(files) - progress.answers.total()
        raise CliError(f"interrupted: {left} of {len(files)} guests are not answered", Exit.INTERRUPTED)
    leave(next((code for word, code in WORST_FIRST.items() if progress.answers[word]), Exit.DONE))


def _run(fleet: Fleet, cache: Path | None, lines: Lines, progress: Progress, stop: "Stop") -> bool:
    """Writes all lines; whether it was stopped."""
    from ..fleet.cache import AnswerCache

    with AnswerCache(cache) as kept:
        for answered in fleet.answers(kept, lines, progress, stop):
            lines.write(line(answered))
            progress.count(answered.word)
        progress.end()
        if kept.trouble is not None:
            warn([f"answers are no longer kept: {kept.trouble}"])
    return stop.asked
