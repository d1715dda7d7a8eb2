"""Solves requests and says what processor time each took: one JSON request a line in, milliseconds out.

    python benchmarks/timed.py < requests.jsonl

Imports nothing of this folder and only what every release exports, so that any checkout's interpreter can run it; see
`benchmarks.paired`.
"""

import gc
import json
import sys
import time

from qslot.schema import Guest
from qslot.solver import solve


def main() -> None:
    for line in sys.stdin:
        print(f"{1000 * spent(Guest.model_validate(json.loads(line))):.4f}", flush=True)


def spent(guest: Guest) -> float:
    """Seconds of processor time of one solve, with decoding and verification."""
    gc.collect()
    before = time.process_time()
    solve(guest)
    return time.process_time() - before


if __name__ == "__main__":
    main()
