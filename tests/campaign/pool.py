"""A process for each seed, some at a time: whatever happens to one, the campaign goes on."""

import multiprocessing
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess

from .judge import Record, judge

Job = tuple[int, tuple[str, ...], int]
"""Seed, opinions, CPU seconds."""


def records(jobs: Iterable[Job], workers: int) -> Iterator[Record]:
    """What each process told of last, in the order in which they end."""
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
    judge(seed, opinions, seconds, sender.send)
