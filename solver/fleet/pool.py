"""Who solves the guests of a fleet: an executor, or nobody but the caller; each form once at a time."""

import json
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from ...schema.layout.outcome import RefusedGuest
from ..options import Options
from .cache import AnswerCache
from .work import Task, solved

LOOK: Final = 0.2
"""Seconds between looks at whether somebody asked to stop, where somebody may."""


class Result(NamedTuple):
    """An answer as a worker gives it."""

    word: str
    text: str
    template: str | None
    """None where it is not kept."""


@dataclass(slots=True, eq=False)
class Solving:
    """A form that is being solved, by the first guest that had it."""

    key: str
    task: Task
    future: "Future[str]"
    result: Result | RefusedGuest | None = None

    @property
    def is_done(self) -> bool:
        """Whether its result is there."""
        return self.result is not None or self.future.done()


class Pool:
    """Hands out tasks; what is proved goes into the cache."""

    def __init__(self, executor: Executor | None, options: Options, cache: AnswerCache) -> None:
        self._executor, self._cache, self._stop = executor or _Here(), cache, options.stop
        in_this_process = executor is None or isinstance(executor, ThreadPoolExecutor)
        self._options = options if in_this_process else replace(options, stop=None)
        self._running: dict[str, Solving] = {}

    @property
    def stopped(self) -> bool:
        """Whether somebody asked to stop."""
        return self._stop is not None and self._stop.asked

    def solve(self, key: str, task: Task) -> Solving:
        """Has that form solved, if nobody does so already."""
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = self.solve_alone(key, task)
        return running

    def solve_alone(self, key: str, task: Task) -> Solving:
        """Has that guest solved, whoever else has its form."""
        try:
            return Solving(key, task, self._executor.submit(solved, task, self._options))
        except (BrokenExecutor, RuntimeError) as error:
            lost: Future[str] = Future()
            lost.set_exception(error)
            return Solving(key, task, lost)

    def wait(self, solving: Solving | None) -> bool:
        """Whether it is done: waits for it, until somebody asks to stop."""
        if solving is None:
            return True
        while not solving.is_done and not self.stopped:
            try:
                solving.future.exception(timeout=None if self._stop is None else LOOK)
            except NotYet:
                continue
            except CancelledError:
                break
        return solving.is_done

    def result(self, solving: Solving) -> Result | RefusedGuest:
        """What became of it; waits for it."""
        if solving.result is None:
            solving.result = self._result(solving)
            if isinstance(solving.result, Result) and solving.result.template is not None:
                self._cache.put(solving.key, solving.result.template)
            self._running.pop(solving.key, None)
        return solving.result

    def close(self) -> None:
        """Keeps what is finished; the rest is not begun."""
        for solving in list(self._running.values()):
            if not solving.future.cancel() and solving.future.done():
                self.result(solving)

    def _result(self, solving: Solving) -> Result | RefusedGuest:
        try:
            try:
                text = solving.future.result()
            except BrokenExecutor:  # perhaps by another guest: once more, for executors that mend themselves
                solving.future = self.solve_alone(solving.key, solving.task).future
                text = solving.future.result()
            answer = json.loads(text)
        except (BrokenExecutor, CancelledError) as error:
            return RefusedGuest(message=f"its worker was lost: {_told(error)}")
        except Exception as error:
            return RefusedGuest(message=f"internal error: {_told(error)}")
        if answer["form"] != solving.key:
            return RefusedGuest(message="its worker has another qslot or OR-Tools, or other tables: install the same")
        return Result(answer["word"], answer["text"], answer["template"])


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


class _Here(Executor):
    """Does the work when it is handed in; what interrupts it interrupts the caller."""

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
        """A future that is done."""
        future: Future[str] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future
