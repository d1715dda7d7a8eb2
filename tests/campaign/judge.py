"""One seed: draws its guest, solves it, verifies the answer and asks the opinions."""

import importlib
import importlib.util
import multiprocessing
import resource
import signal
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from threading import Event, Thread
from typing import Any, Final, Literal

from qslot.schema import Guest, Infeasible, Outcome, Solved, Undecided
from qslot.schema.verify import verify
from qslot.solver import Options
from qslot.solver import solve as solve
from qslot.solver.options import Stop
from qslot.testing.generator import Data, request

from .. import features

Record = dict[str, Any]
Tell = Callable[[Record], object]
Status = Literal["solved", "infeasible", "undecided", "invalid", "crash", "killed"]


def judge(seed: int, opinions: Iterable[str], seconds: int, tell: Tell) -> None:
    """Tells the record of a seed each time that more is known, so that a killed process leaves what it knew."""
    data = request(seed)
    guest = Guest.model_validate(data)
    record: Record = {"seed": seed, "guest": guest.sha256[:12], "devices": len(guest.devices)}
    record |= {"features": features.of(data), "status": "killed", "seconds": seconds, "opinions": {}}
    tell(record | {"request": data})
    started = time.process_time()
    try:
        with stopped_after(seconds) as stop:
            outcome = solve(guest, Options(stop=stop))
        record |= {"status": status(guest, outcome), "seconds": round(time.process_time() - started, 3)}
        record |= {"invalid": broken} if (broken := errors(guest, outcome)) else {}
        for name in opinions:
            tell(record | {"opinions": {**record["opinions"], name: "killed"}, "request": data})
            record["opinions"][name] = ask(name, guest, outcome)
    except Exception:
        record |= {"status": "crash", "error": traceback.format_exc()[-2000:]}
    tell(record | ({"request": data} if is_bad(record) else {}))


def complaints(request: Data, opinions: Iterable[str], seconds: int) -> frozenset[str]:
    """What is wrong with the answer to a request, in kind, so that others are seen to be like it; in this process."""
    guest = Guest.model_validate(request)
    try:
        with stopped_after(seconds) as stop:
            outcome = solve(guest, Options(stop=stop))
        verdicts = {name: ask(name, guest, outcome).split(": ")[0] for name in opinions}
        found = {f"{name} {verdict}" for name, verdict in verdicts.items() if verdict not in ("agree", "n/a")}
        return frozenset(found | ({kind} if (kind := status(guest, outcome)) in ("invalid", "undecided") else set()))
    except Exception as error:
        return frozenset({type(error).__name__})


def is_bad(record: Record) -> bool:
    """Whether the guest's answer is wrong, or missing."""
    return record["status"] not in ("solved", "infeasible") or any(
        verdict.startswith(("DISAGREE", "crash", "killed")) for verdict in record["opinions"].values()
    )


def status(guest: Guest, outcome: Outcome) -> Status:
    if errors(guest, outcome):
        return "invalid"
    match outcome:
        case Solved():
            return "solved"
        case Infeasible():
            return "infeasible"
        case Undecided():
            return "undecided"


def errors(guest: Guest, outcome: Outcome) -> list[str]:
    """What the checker says of the layout, and an objective that its bounds contradict."""
    layout = None if isinstance(outcome, Infeasible) else outcome.layout
    if layout is None:
        return []
    found = [str(finding) for finding in verify(guest, layout) if finding.severity == "error"]
    above = [
        f"{term.term}: bound {term.bound} above {term.value}" for term in layout.objective if term.bound > term.value
    ]
    return found + above


PATIENCE: Final = 3
"""CPU seconds for each opinion; a guest that takes more is not judged by it."""


def ask(name: str, guest: Guest, outcome: Outcome) -> str:
    """In a process of its own, which ends with its share of time."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(name, guest, outcome, sender))
    process.start()
    sender.close()
    try:
        verdict = str(receiver.recv())
    except EOFError:
        process.join()
        ended = -(process.exitcode or 0)
        verdict = "n/a: takes too long" if ended in (signal.SIGXCPU, signal.SIGKILL) else f"crash: exit code {-ended}"
    process.join()
    return verdict


def _answer(name: str, guest: Guest, outcome: Outcome, sender: Connection) -> None:
    used = int(time.process_time()) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (used + PATIENCE, used + PATIENCE + 1))
    try:
        sender.send(importlib.import_module(f"tests.opinions.{name}").opinion(guest, outcome))
    except Exception as error:
        sender.send(f"crash: {type(error).__name__}: {error}")


def missing(opinions: Iterable[str]) -> list[str]:
    """Those that have no module; the others are loaded."""
    there = {name for name in opinions if importlib.util.find_spec(f"tests.opinions.{name}") is not None}
    for name in sorted(there):
        importlib.import_module(f"tests.opinions.{name}")
    return [name for name in opinions if name not in there]


@contextmanager
def stopped_after(seconds: int) -> Iterator[Stop]:
    """Asks to stop when this process has used so many CPU seconds more."""
    stop, done = Stop(), Event()
    end = time.process_time() + seconds

    def watch() -> None:
        while not done.wait(0.1):
            if time.process_time() > end:
                stop()
                return

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield stop
    finally:
        done.set()
        watcher.join()
