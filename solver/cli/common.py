"""What the commands that plan have in common: how to read GUEST, how long to search, and how to be interrupted."""

import gc
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import nullcontext
from functools import wraps
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from qslot.schema.records import record

from ..options import LAST_SEED, MOST_WORKERS
from .environment import EnvironmentOptions, environment_options
from .exits import CliError, Exit, message, warn
from .progress import ProgressLine
from .request import Option, RequestOptions, request_options, taken_out
from .seconds import SECONDS
from .streams import interruptible

if TYPE_CHECKING:
    from qslot.schema import Guest, Layout, Outcome, Solved
    from qslot.schema.environment.advice import Excluded
    from qslot.schema.environment.target import Environment
    from qslot.schema.formats.sources import Source

    from .. import Options, Stop

Answer = TypeVar("Answer")


class LoadedRequest(NamedTuple):
    """A request and the text that it was read from. `solved` is its proved plan where the search for a machine had to
    find it, `environment` for whom it is planned."""

    guest: "Guest"
    text: str
    solved: "Solved | None" = None
    environment: "Environment | None" = None


@record(frozen=True)
class SearchOptions:
    """The options of `search_options`."""

    request: RequestOptions
    time_limit: float | None
    workers: int
    seed: int
    environment: EnvironmentOptions
    model_file: Path | None

    def read(self, guest: "Source") -> "LoadedRequest":
        """The request as these options have it. With an environment, the one for the machine chosen; its warnings go
        to standard error. Raises NoMachineError where none will do."""
        from qslot.schema import Solved

        if not self.environment.given:
            return LoadedRequest(*self.request.read(guest))
        from qslot.schema.environment.words import because
        from qslot.schema.verify.environment import HOST_FIRMWARE

        data, text = self.request.data(guest)
        environment = self.environment.of(text, data.get("machine"))
        from .. import choose_machine  # after reading: bad input need not wait for ortools to load

        chosen, excluded = self.run(lambda options: choose_machine(data, environment, options))
        if chosen.candidate.guest is None:
            refuse_bad_input(guest, excluded)
            raise NoMachineError(excluded)
        warn(because(one) for one in chosen.warnings if one.rule != HOST_FIRMWARE)
        solved = chosen.outcome if isinstance(chosen.outcome, Solved) else None
        return LoadedRequest(chosen.candidate.guest, text, solved, environment)

    def run(self, work: "Callable[[Options], Answer]") -> Answer:
        """What the work answers; see `stoppable`."""
        from .. import Options  # after reading: bad input need not wait for ortools to load

        line = ProgressLine("searching")
        return stoppable(
            lambda stop: work(Options(self.time_limit, self.workers, self.seed, stop, self.model_file, line.listener)),
            "interrupted: finishing with the best so far",
            line,
        )


def stoppable(work: "Callable[[Stop], Answer]", told: str, line: ProgressLine | None = None) -> Answer:
    """What the work answers. An interrupt is told, and lets it answer with what it knows by then; a second one ends
    it. Meanwhile `line` says how it stands."""
    from .. import Stop

    gc.freeze()
    gc.enable()
    stop = Stop()
    answer: Future[Answer] = Future()

    def worker() -> None:
        try:
            answer.set_result(work(stop))
        except BaseException as error:
            answer.set_exception(error)

    def interrupted(*_: object) -> None:
        if line is not None:
            line.clear()
        message(told)
        stop()

    with line or nullcontext(), interruptible(interrupted):
        # no thread of a pool: that would be waited for even by a second interrupt
        Thread(target=worker, daemon=True).start()
        return answer.result()


class NoMachineError(CliError):
    """None will do for this OS, these hosts and what else the request says; proved, as there is nothing to search."""

    def __init__(self, excluded: "Sequence[Excluded]") -> None:
        lines = (reason for one in excluded for reason in one.reasons)
        super().__init__("\n".join(["infeasible (proved): no machine will do", *lines]), Exit.INFEASIBLE)
        self.excluded = excluded


def refuse_bad_input(guest: "Source", excluded: "Sequence[Excluded]") -> None:
    """Raises InputError where the request contradicts every machine, whoever it is for."""
    from qslot.schema.errors import InputError
    from qslot.schema.formats.sources import called

    if excluded and all(one.problems for one in excluded):
        raise InputError(called(guest), list(excluded[0].problems))


def tell_unread(guest: "Guest") -> None:
    """What of the input nobody understood, on standard error: where no layout is printed that would say it."""
    warn(f"not understood: {words}" for words in guest.unread)


def tell_hosts(environment: "Environment | None", layout: "Layout") -> bool:
    """Says what the firmware of each host makes otherwise, on standard error; whether all boot the layout whole."""
    if environment is None:
        return True
    from qslot.schema.environment.words import because
    from qslot.schema.verify.environment import host_firmware

    found = list(host_firmware(environment, layout))
    message("\n".join(f"{one.severity}: {because(one)}" for one in found))
    return all(one.severity != "error" for one in found)


def exit_code_and_message(outcome: "Outcome") -> tuple[Exit, str]:
    """The exit code, and why the answer is not a proved layout, where it is not."""
    from qslot.schema import Infeasible, Undecided

    if isinstance(outcome, Infeasible):
        return Exit.INFEASIBLE, str(outcome)
    return (Exit.UNPROVED, str(outcome)) if isinstance(outcome, Undecided) else (Exit.DONE, "")


SEARCH_OPTIONS: tuple[Option, ...] = (
    click.option("--time-limit", type=SECONDS, metavar="S", help="Seconds; default: none."),
    click.option(
        "--workers", type=click.IntRange(1, MOST_WORKERS), default=1, show_default=True, help="Solver threads."
    ),
    click.option("--seed", type=click.IntRange(0, LAST_SEED), default=0, show_default=True, help="The solver's seed."),
    click.option(
        "--model-file",
        type=click.Path(dir_okay=False, writable=True, path_type=Path),
        hidden=True,
        help="Append each model that is solved to this file, as text: docs/model.md.",
    ),
)


def search_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every command that searches, handed on as `search`."""

    @request_options
    @environment_options
    @wraps(command)
    def collected(**given: Any) -> None:
        search = SearchOptions(**taken_out(given, SearchOptions))
        command(search=search, **given)

    decorated: Callable[..., None] = collected
    for option in reversed(SEARCH_OPTIONS):
        decorated = option(decorated)
    return decorated
