"""Worker processes of this machine."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


class Processes(Executor):
    """A pool of processes that mends itself where one of them dies, and ends them all at once when it is left."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool = self._new()

    def submit(self, fn: Callable[Given, Answer], /, *args: Given.args, **kwargs: Given.kwargs) -> Future[Answer]:
        """As ProcessPoolExecutor, but that it begins anew where that is broken."""
        try:
            return self._pool.submit(fn, *args, **kwargs)
        except BrokenExecutor:
            self._pool = self._new()
            return self._pool.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the processes, whatever they are at: what they found until then has been handed in."""
        processes: dict[int, BaseProcess] = dict(self._pool._processes or {})
        for process in processes.values():
            process.terminate()
        # waits for the thread that hands tasks out, too: what it holds would be told as leaked on standard error
        self._pool.shutdown(wait, cancel_futures=True)
        del cancel_futures  # nothing is left to cancel

    def _new(self) -> ProcessPoolExecutor:
        # not forked: this process has threads
        return ProcessPoolExecutor(self._workers, get_context("spawn"), initializer=_begin)


def _begin() -> None:
    """An interrupt on the terminal reaches all processes; the first one says what is to be done. Where that one is
    killed, nobody waits for what this one is at."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
