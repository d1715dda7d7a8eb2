"""How to search: limits that may cut a proof short, never change a proved answer."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """`time_limit` in seconds of wall clock for one guest (None: no limit); workers and seed of CP-SAT.

    Neither workers nor seed change the answer; one worker is fastest on these small models.
    """

    time_limit: float | None = None
    workers: int = 1
    seed: int = 0
