"""How to search: limits that may cut a proof short, never change a proved answer."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..schema.errors import ArgumentError
from .progress import Tell

MOST_WORKERS: Final = 1024
LAST_SEED: Final = 2**31 - 1
"""Of CP-SAT's seeds, which are 32-bit integers."""


class OptionError(ArgumentError):
    """An option that no search can be asked with."""

    def __init__(self, field: str, value: object, mend: str) -> None:
        super().__init__(field, value, f"{value!r} {mend}")


class Stop:
    """Ends a search from another thread: what it knows by then is its answer, as if its time were up."""

    def __init__(self) -> None:
        self.asked_at: float | None = None
        """On the clock of time.monotonic()."""
        self._ends: list[Callable[[], object]] = []
        """Of the work in hand, which may be in several threads."""

    def __call__(self) -> None:
        self.asked_at = self.asked_at or time.monotonic()
        for end in tuple(self._ends):
            end()

    @property
    def asked(self) -> bool:
        """Whether somebody asked to stop."""
        return self.asked_at is not None

    def will_call(self, end: Callable[[], object]) -> None:
        """What ends the work in hand; at once if it has been asked already."""
        self._ends.append(end)
        if self.asked:
            end()

    def forget(self, end: Callable[[], object]) -> None:
        """That work is over."""
        self._ends.remove(end)


@contextmanager
def ending(stop: Stop | None, end: Callable[[], object]) -> Iterator[None]:
    """Meanwhile `stop`, if there is one, calls `end`."""
    if stop is None:
        yield
        return
    stop.will_call(end)
    try:
        yield
    finally:
        stop.forget(end)


@dataclass(frozen=True, slots=True)
class Options:
    """`time_limit` in seconds of wall clock for one guest (None: no limit); workers and seed of CP-SAT.

    Neither workers nor seed change the answer; one worker is fastest on these small models. `stop` may be called from
    another thread. To `model_file` each counting model of the search is appended as text before it is solved, for
    whoever wants to read what CP-SAT is given: see docs/model.md. `progress` is called with a SearchProgress for every
    model that CP-SAT is asked (of ordinary guests none), better solution and better bound; what it raises ends the
    search.
    """

    time_limit: float | None = None
    workers: int = 1
    seed: int = 0
    stop: Stop | None = None
    model_file: Path | None = None
    progress: Tell | None = None

    def __post_init__(self) -> None:
        """Raises OptionError for what the command refuses, too."""
        seconds = self.time_limit
        if seconds is not None and not (isinstance(seconds, int | float) and seconds > 0):
            raise OptionError("time_limit", seconds, "must be a number above 0, in seconds, or None for no limit")
        if not isinstance(self.workers, int) or not 1 <= self.workers <= MOST_WORKERS:
            raise OptionError("workers", self.workers, f"must be a whole number from 1 to {MOST_WORKERS}")
        if not isinstance(self.seed, int) or not 0 <= self.seed <= LAST_SEED:
            raise OptionError("seed", self.seed, f"must be a whole number from 0 to {LAST_SEED}")
        if self.stop is not None and not isinstance(self.stop, Stop):
            raise OptionError("stop", self.stop, "must be a Stop, or None")
        if self.model_file is not None and not isinstance(self.model_file, Path):
            raise OptionError("model_file", self.model_file, "must be a pathlib.Path, or None")
        if self.progress is not None and not callable(self.progress):
            raise OptionError("progress", self.progress, "must be a function that takes a SearchProgress, or None")
