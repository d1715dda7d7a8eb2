"""What the commands that plan have in common: how to read GUEST, how long to search, and how to be interrupted."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from ..options import LAST_SEED, MOST_WORKERS
from .environment import ENVIRONMENT_OPTIONS as ENVIRONMENT
from .environment import Option, environment_of
from .exits import CliError, Exit, message

if TYPE_CHECKING:
    from qslot.schema import Guest, Outcome, Solved
    from qslot.schema.environment.advice import Excluded
    from qslot.schema.environment.target import Environment

    from .. import Options

Answer = TypeVar("Answer")


class LoadedRequest(NamedTuple):
    """A request and the text that it was read from. `solved` is its proved plan where the search for a machine had to
    find it."""

    guest: "Guest"
    text: str
    solved: "Solved | None" = None


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """The options of `search_options`."""

    firmware: str | None
    preset: str | None
    time_limit: float | None
    workers: int
    seed: int
    environment: "Environment | None" = None
    model_file: Path | None = None

    def read(self, guest: str) -> "LoadedRequest":
        """The request as these options have it. With an environment, the one for the machine chosen; its warnings go
        to standard error. Raises NoMachineError where none will do."""
        from qslot.schema import Solved
        from qslot.schema.formats.files import read_request

        if self.environment is None:
            return LoadedRequest(*read_request(guest, self._overrides()))
        from qslot.schema.environment.words import because

        data, text = self.data(guest)
        environment = self.environment
        from .. import choose_machine  # after reading: bad input need not wait for ortools to load

        chosen, excluded = self.run(lambda options: choose_machine(data, environment, options))
        if chosen.candidate.guest is None:
            refuse_bad_input(guest, excluded)
            raise NoMachineError(excluded)
        message("\n".join(f"warning: {because(finding)}" for finding in chosen.warnings))
        return LoadedRequest(
            chosen.candidate.guest, text, chosen.outcome if isinstance(chosen.outcome, Solved) else None
        )

    def data(self, guest: str) -> tuple[dict[str, Any], str]:
        """The request as these options have it, not yet checked, and its text."""
        from qslot.schema.formats.files import read_data

        return read_data(guest, self._overrides())

    def _overrides(self) -> dict[str, object]:
        overrides: dict[str, object] = {}
        if self.firmware is not None:
            name, colon, version = self.firmware.partition(":")
            overrides["firmware"] = {"name": name, "version": version} if colon else {"name": name}
        if self.preset is not None:
            overrides["policy"] = {"preset": self.preset}
        return overrides

    def run(self, work: "Callable[[Options], Answer]") -> Answer:
        """What the work answers. An interrupt lets it answer with what it knows by then, a second one ends it."""
        from .. import Options, Stop  # after reading: bad input need not wait for ortools to load

        stop = Stop()
        answer: Future[Answer] = Future()
        options = Options(self.time_limit, self.workers, self.seed, stop, self.model_file)

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


class NoMachineError(CliError):
    """None will do for this OS, these hosts and what else the request says; proved, as there is nothing to search."""

    def __init__(self, excluded: "Sequence[Excluded]") -> None:
        lines = (reason for one in excluded for reason in one.reasons)
        super().__init__("\n".join(["infeasible (proved): no machine will do", *lines]), Exit.INFEASIBLE)
        self.excluded = excluded


def refuse_bad_input(guest: str, excluded: "Sequence[Excluded]") -> None:
    """Raises InputError where the request contradicts every machine, whoever it is for."""
    from qslot.schema.errors import InputError
    from qslot.schema.formats.files import called

    if excluded and all(one.problems for one in excluded):
        raise InputError(called(guest), list(excluded[0].problems))


def exit_code_and_message(outcome: "Outcome") -> tuple[Exit, str]:
    """The exit code, and why the answer is not a proved layout, where it is not."""
    from qslot.schema import Infeasible, Undecided

    if isinstance(outcome, Infeasible):
        return Exit.INFEASIBLE, str(outcome)
    return (Exit.UNPROVED, str(outcome)) if isinstance(outcome, Undecided) else (Exit.DONE, "")


PRESETS = ("default", "libvirt", "prefer-q35", "legacy-on-i440fx", "strict-modern")
OPTIONS: tuple[Option, ...] = (
    click.option("--firmware", metavar="F", help="seabios or ovmf, or with a version: ovmf:2025.02. Default: GUEST's."),
    click.option("--preset", type=click.Choice(PRESETS), help="Where devices go by themselves, which machine: README."),
    click.option(
        "--time-limit", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Seconds; default: none."
    ),
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

    @wraps(command)
    def collected(
        firmware: str | None,
        preset: str | None,
        time_limit: float | None,
        workers: int,
        seed: int,
        model_file: Path | None,
        os: str | None,
        hosts: tuple[str, ...],
        drivers: str,
        osinfo_dir: Path | None,
        **rest: Any,
    ) -> None:
        environment = environment_of(os, hosts, drivers, osinfo_dir)
        command(search=SearchOptions(firmware, preset, time_limit, workers, seed, environment, model_file), **rest)

    decorated: Callable[..., None] = collected
    for option in reversed((*OPTIONS, *ENVIRONMENT)):
        decorated = option(decorated)
    return decorated
