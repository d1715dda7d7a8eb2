"""Answers requests as the qslot that is installed does: one JSON request a line in, one JSON answer a line out.

    python benchmarks/answers.py [--seconds CPU] < requests.jsonl > answers.jsonl

Imports nothing of this folder and only what every release exports, so that any checkout's interpreter can run it; see
`benchmarks.same_answers`.
"""

import argparse
import json
import sys
import time
from threading import Event, Thread
from typing import Any

from qslot.schema import Guest, Infeasible
from qslot.solver import Options, Stop, explain, solve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="of processor time for each; beyond, no answer")
    given = parser.parse_args()
    for line in sys.stdin:
        print(json.dumps(answered(json.loads(line), given.seconds), sort_keys=True), flush=True)


def answered(asked: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The outcome as JSON with its kind; that of `explain` where the request says so; null where time ran out."""
    guest = Guest.model_validate(asked["request"])
    stop, done = Stop(), Event()
    watcher = Thread(target=_watch, args=(stop, done, time.process_time() + seconds), daemon=True)
    watcher.start()
    try:
        outcome = (explain if asked.get("explain") else solve)(guest, Options(stop=stop))
    except Exception as error:  # a fault of that checkout, which the others need not wait for
        return {"name": asked["name"], "kind": "crash", "answer": f"{type(error).__name__}: {error}"}
    finally:
        done.set()
        watcher.join()
    if stop.asked:  # an explanation, too, is less than it would be then
        return {"name": asked["name"], "kind": None, "answer": None}
    kind = "infeasible" if isinstance(outcome, Infeasible) else type(outcome).__name__.lower()
    return {"name": asked["name"], "kind": kind, "answer": outcome.model_dump(mode="json")}


def _watch(stop: Stop, done: Event, end: float) -> None:
    while not done.wait(0.1):
        if time.process_time() > end:
            stop()
            return


if __name__ == "__main__":
    main()
