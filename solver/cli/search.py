"""What the commands that plan have in common: how to read GUEST, how long to search, and how to be interrupted."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import wraps
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .exits import Exit, message

if TYPE_CHECKING:
    from qslot.schema import Guest, Outcome

    from .. import Options

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Search:
    """The options of `search_options`."""

    firmware: str | None
    preset: str | None
    time_limit: float | None
    workers: int
    seed: int

    def read(self, guest: str) -> "tuple[Guest, str]":
        """The request as these options have it, and its text."""
        from qslot.schema.files import read_request

        overrides: dict[str, object] = {}
        if self.firmware is not None:
            name, colon, version = self.firmware.partition(":")
            overrides["firmware"] = {"name": name, "version": version} if colon else {"name": name}
        if self.preset is not None:
            overrides["policy"] = {"preset": self.preset}
        return read_request(guest, overrides)

    def run(self, work: "Callable[[Options], Answer]") -> Answer:
        """What the work answers. An interrupt lets it answer with what it knows by then, a second one ends it."""
        from .. import Options, Stop  # after reading: bad input need not wait for ortools to load

        stop = Stop()
        answer: Future[Answer] = Future()
        options = Options(self.time_limit, self.workers, self.seed, stop)

        def worker() -> None:
            try:
                answer.set_result(work(options))
            except BaseException as error:
                answer.set_exception(error)

        try:
            # no thread of a pool: that would be waited for even by a second interrupt
            Thread(target=worker, daemon=True).start()
            return answer.result()
        except KeyboardInterrupt:
            message("interrupted: finishing with the best so far")
            stop()
            return answer.result()


def told(request: "Guest", outcome: "Outcome") -> tuple[Exit, str]:
    """The exit code, and why the answer is not a proved layout, where it is not."""
    from qslot.schema import Infeasible, Undecided
    from qslot.schema.reasons import explanation
    from qslot.schema.render import undecided

    if isinstance(outcome, Infeasible):
        return Exit.INFEASIBLE, explanation(request, outcome)
    return (Exit.UNPROVED, undecided(outcome)) if isinstance(outcome, Undecided) else (Exit.DONE, "")


OPTIONS = (
    click.option("--firmware", metavar="F", help="seabios or ovmf, or with a version: ovmf:2025.02. Default: GUEST's."),
    click.option("--preset", type=click.Choice(["default", "libvirt"]), help="Where devices go by themselves: README."),
    click.option(
        "--time-limit", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Seconds; default: none."
    ),
    click.option(
        "--workers", type=click.IntRange(min=1, max=1024), default=1, show_default=True, help="Solver threads."
    ),
    click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="The solver's seed."),
)


def search_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every command that searches, handed on as `search`."""

    @wraps(command)
    def collected(
        firmware: str | None, preset: str | None, time_limit: float | None, workers: int, seed: int, **rest: Any
    ) -> None:
        command(search=Search(firmware, preset, time_limit, workers, seed), **rest)

    for option in reversed(OPTIONS):
        collected = option(collected)
    return collected
