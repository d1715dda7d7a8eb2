"""Times the phases of a solve from outside: the functions that the search calls are wrapped with clocks for a while."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from qslot.schema import Guest, Outcome, Undecided
from qslot.solver import Options, solve
from qslot.solver.search import optimize
from qslot.solver.search.engines import Asked, engine

if TYPE_CHECKING:
    from qslot.solver.model.linear import LinearModel

PHASES: Final = {
    "items_of": "model",
    "build": "model",
    "lexicographic_optimum": "solve",
    "decode": "decode",
    "assemble": "decode",
    "verified": "verify",
}
"""Names in solver/search/optimize.py, none of which calls another, and the phase that each belongs to."""

WARM_UP: Final = 10
"""Size of a guest that is solved before the clock starts."""

NAMES: Final = ("model", "solve", "decode", "verify", "total")


@dataclass(slots=True)
class Clock:
    """Milliseconds of wall clock by phase, and of processor time for the whole."""

    wall: dict[str, float] = field(default_factory=lambda: dict.fromkeys(NAMES, 0.0))
    cpu: float = 0.0
    stages: int = 0
    """Models that were made: the search narrows first."""
    variables: int = 0
    """Of the last model."""
    rows: int = 0


@contextmanager
def clocked() -> Iterator[Clock]:
    """While this is open, every solve adds to the clock. Raises AttributeError if the search has other names now."""
    clock = Clock()
    originals: dict[str, Callable[..., Any]] = {name: getattr(optimize, name) for name in PHASES}
    try:
        for name, original in originals.items():
            setattr(optimize, name, _timed(original, PHASES[name], clock))
        yield clock
    finally:
        for name, original in originals.items():
            setattr(optimize, name, original)


def _timed(function: Callable[..., Any], phase: str, clock: Clock) -> Callable[..., Any]:
    @wraps(function)
    def timed(*arguments: Any, **options: Any) -> Any:
        start = time.perf_counter()
        try:
            result = function(*arguments, **options)
        finally:
            clock.wall[phase] += 1000 * (time.perf_counter() - start)
        if function.__name__ == "build":
            linear: LinearModel = result.variables.linear
            clock.stages, clock.variables, clock.rows = clock.stages + 1, len(linear.ranges), len(linear.rows)
        return result

    return timed


@dataclass(frozen=True, slots=True)
class Run:
    """Several solves of the same guest, each beside a trivial one."""

    outcome: Outcome
    clocks: list[Clock]
    trivial: list[float]
    """Wall milliseconds."""
    trivial_cpu: list[float]
    built: list[float]
    """Milliseconds of making and checking the Guest; not part of the total."""

    def wall(self, phase: str) -> float:
        return median(clock.wall[phase] for clock in self.clocks)

    def ratio(self, phase: str) -> float:
        """Over the trivial solves just before, solve by solve: a processor that changes its pace changes both."""
        each = len(self.trivial) // len(self.clocks)
        own = [median(self.trivial[start : start + each]) for start in range(0, len(self.trivial), each)]
        return median(clock.wall[phase] / unit for clock, unit in zip(self.clocks, own, strict=True))

    @property
    def best(self) -> float:
        """The least total over the least trivial time; above the medians' ratio, as trivial solves warm up more."""
        return min(clock.wall["total"] for clock in self.clocks) / min(self.trivial)

    @property
    def cpu(self) -> float:
        return median(clock.cpu for clock in self.clocks)


def measured(build: Callable[[int], Guest], size: int, options: Options, repeat: int, patience: float = 10.0) -> Run:
    """Solves a new guest each time, so that nothing kept from the last helps; until `patience` seconds are over."""
    solve(build(WARM_UP), options)  # loads what is loaded once: catalogue, OR-Tools
    run: Run | None = None
    started = time.perf_counter()
    while run is None or (len(run.clocks) < repeat and time.perf_counter() - started < patience):
        before = time.perf_counter()
        guest = build(size)
        built = 1000 * (time.perf_counter() - before)
        gc.collect()
        trivial = [trivial_solve() for _ in range(5)]
        with clocked() as clock:
            cpu, wall = time.process_time(), time.perf_counter()
            outcome = solve(guest, options)
            clock.wall["total"] = 1000 * (time.perf_counter() - wall)
            clock.cpu = 1000 * (time.process_time() - cpu)
        if run is None:
            run = Run(outcome, [], [], [], [])
        elif outcome != run.outcome and not isinstance(outcome, Undecided):  # a clock may cut that short anywhere
            raise AssertionError("the same guest got another answer")
        run.clocks.append(clock)
        run.trivial.extend(wall for wall, _ in trivial)
        run.trivial_cpu.extend(cpu for _, cpu in trivial)
        run.built.append(built)
    return run


def trivial_solve() -> tuple[float, float]:
    """The unit of all ratios: a model of one variable, built and solved through the solver's own door to OR-Tools.

    With OR-Tools' own settings and one worker, so that tuning the solver never changes the unit. Wall and processor
    time, in milliseconds.
    """
    cpu, wall = time.process_time(), time.perf_counter()
    door = engine()
    model = door.new_model()
    model.variables.add().domain.extend((0, 10))
    model.objective.vars.extend([0])
    model.objective.coeffs.extend([1])
    response = door.solve(model, Asked({"num_workers": 1}))
    times = 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)
    assert list(response.solution) == [0], response
    return times
