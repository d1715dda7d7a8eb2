"""How to search: limits that may cut a proof short, never change a proved answer."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..schema.errors import Problem, QslotError

MOST_WORKERS: Final = 1024
LAST_SEED: Final = 2**31 - 1
"""Of CP-SAT's seeds, which are 32-bit integers."""


class OptionError(QslotError, ValueError):
    """An option that no search can be asked with."""

    def __init__(self, field: str, value: object, mend: str) -> None:
        super().__init__(f"{field}: {value!r} {mend}")
        self.problems = (Problem(field, value, mend, str(self)),)


class Stop:
    """Ends a search from another thread: what it knows by then is its answer, as if its time were up."""

    def __init__(self) -> None:
        self.asked_at: float | None = None
        """On the clock of time.monotonic()."""
        self._end: Callable[[], object] = bool

    def __call__(self) -> None:
        self.asked_at = self.asked_at or time.monotonic()
        self._end()

    @property
    def asked(self) -> bool:
        """Whether somebody asked to stop."""
        return self.asked_at is not None

    def will_call(self, end: Callable[[], object]) -> None:
        """What ends the work in hand; at once if it has been asked already."""
        self._end = end
        if self.asked:
            end()


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
        stop.will_call(bool)


@dataclass(frozen=True, slots=True)
class Options:
    """`time_limit` in seconds of wall clock for one guest (None: no limit); workers and seed of CP-SAT.

    Neither workers nor seed change the answer; one worker is fastest on these small models. `stop` may be called from
    another thread. To `model_file` each counting model of the search is appended as text before it is solved, for
    whoever wants to read what CP-SAT is given: see docs/model.md.
    """

    time_limit: float | None = None
    workers: int = 1
    seed: int = 0
    stop: Stop | None = None
    model_file: Path | None = None

    def __post_init__(self) -> None:
        """Raises OptionError for what the command refuses, too."""
        if self.time_limit is not None and not self.time_limit > 0:
            raise OptionError("time_limit", self.time_limit, "must be above 0 seconds, or None for no limit")
        if not 1 <= self.workers <= MOST_WORKERS:
            raise OptionError("workers", self.workers, f"must be 1 to {MOST_WORKERS}")
        if not 0 <= self.seed <= LAST_SEED:
            raise OptionError("seed", self.seed, f"must be 0 to {LAST_SEED}")
