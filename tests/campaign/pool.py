"""A process for each seed, some at a time: whatever happens to one, the campaign goes on."""

import importlib
import multiprocessing
import resource
import time
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Final

from qslot.testing.generator import request, valid

from .judge import Record, judge

Job = tuple[int, tuple[str, ...], int]
"""Seed, opinions, CPU seconds."""
LOADED: Final = ("ortools.sat.python.cp_model", "ortools.linear_solver.pywraplp", "qslot.solver")
GRACE: Final = 10
"""CPU seconds beyond those, for the solver to end after it was asked to, and as much for each opinion."""


def records(jobs: Iterable[Job], workers: int) -> Iterator[Record]:
    """What each process told of last, in the order in which they end."""
    # loaded once, before there are processes; nothing is solved yet, since threads do not survive a fork
    valid(request(0))
    for module in LOADED:
        importlib.import_module(module)
    waiting = iter(jobs)
    running: dict[Connection, tuple[ForkProcess, Record]] = {}
    while True:
        while len(running) < workers and (job := next(waiting, None)) is not None:
            process, receiver = _start(job)
            running[receiver] = process, {"seed": job[0], "status": "killed", "opinions": {}}
        if not running:
            return
        for ready in wait([*running]):
            assert isinstance(ready, Connection)
            process, known = running[ready]
            try:
                running[ready] = process, ready.recv()
            except EOFError:
                process.join()
                del running[ready]
                yield known if process.exitcode == 0 else {**known, "exit": process.exitcode}


def _start(job: Job) -> tuple[ForkProcess, Connection]:
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(*job, sender))
    process.start()
    sender.close()
    return process, receiver


def _work(seed: int, opinions: tuple[str, ...], seconds: int, sender: Connection) -> None:
    def tell(record: Record) -> None:
        sender.send(record)
        _allow(seconds + GRACE)

    judge(seed, opinions, seconds, tell)


def _allow(seconds: int) -> None:
    """This process is killed once it has used so much more CPU."""
    used = int(time.process_time()) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, resource.RLIM_INFINITY))
