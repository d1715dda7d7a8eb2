"""Whether time limits are kept: `python -m tests.campaign.limits FIRST LAST`.

Plans the seeds' guests of 10 to 40 devices under limits of 0.5, 1 and 3 seconds, and prints each answer that took more
than the limit, a fifth of it and 0.2 s. Wants a machine that does nothing else.
"""

import sys
import time
from collections.abc import Iterator

from qslot.schema import Guest
from qslot.solver import Options, solve
from qslot.testing.generator import any_guest

LIMITS = (0.5, 1.0, 3.0)


def guests(first: int, last: int) -> Iterator[tuple[int, Guest]]:
    for seed in range(first, last):
        guest = any_guest(seed)
        if len(guest.devices) >= 10:
            yield seed, guest


def overdue(guest: Guest, limit: float) -> float | None:
    """Seconds that the answer took, if they are too many."""
    started = time.monotonic()
    solve(guest, Options(time_limit=limit))
    taken = time.monotonic() - started
    return taken if taken > 1.2 * limit + 0.2 else None


def main(first: int, last: int) -> int:
    solve(Guest.model_validate({"machine": "q35"}))  # what is loaded once is no part of it
    planned = late = 0
    for seed, guest in guests(first, last):
        planned += 1
        for limit in LIMITS:
            taken = overdue(guest, limit)
            if taken is not None:
                late += 1
                print(f"seed {seed}: {taken:.2f} s with a limit of {limit} s", flush=True)  # noqa: T201
    print(f"{planned} guests, {len(LIMITS)} limits each: {late} over")  # noqa: T201
    return int(late > 0)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
