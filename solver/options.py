"""How to search: limits that may cut a proof short, never change a proved answer."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


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
    another thread.
    """

    time_limit: float | None = None
    workers: int = 1
    seed: int = 0
    stop: Stop | None = None
