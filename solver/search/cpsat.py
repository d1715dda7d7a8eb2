"""Rows in, an optimum or a proof out: all that the counting model asks of CP-SAT."""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from enum import Enum, auto
from pathlib import Path
from typing import Any

from ...schema.errors import expect
from ...schema.records import record
from ...schema.request.fields import Term
from ...schema.verify.context import Context
from ..model.linear import LinearExpr, LinearModel, Row
from ..options import Options, Stop
from ..progress import Watch
from .engines import Asked, engine

LOG = logging.getLogger(__name__)

EFFORT = 3.0
"""Enough for nearly every guest (most take a thousandth); the others are told as undecided."""
SMALL_MODEL = 80
"""Models with fewer variables are solved before presolve would have paid (measured: two to three times faster)."""

COUNTABLE = 1 << 62
"""A model is invalid to CP-SAT where the widths of its ranges add up to more than 2^63 (measured: test_cpsat.py)."""

ORDERED = 1 << 30
"""Variables are compared at once as long as they have no more values together."""

GRACE, SHARE = 0.1, 0.1
"""How much longer than the limit an answer may take to be laid out: seconds, and a part of the limit."""


class TimeIsUp(Exception):  # noqa: N818 - an answer, not an error
    """A limit is hit while something is still being written or read."""


class TooMuchToCount(TimeIsUp):
    """The ranges of all variables together are more than CP-SAT counts: no time would be enough."""


class Status(Enum):
    """What CP-SAT found out of a model, in its own words."""

    OPTIMAL = auto()
    FEASIBLE = auto()
    INFEASIBLE = auto()
    UNKNOWN = auto()


@record(frozen=True)
class SolveResult:
    """`bound` is proved: no assignment has a smaller objective."""

    answer: Status
    values: tuple[int, ...] = ()
    bound: int = 0


@record
class Limits:
    """Wall-clock `seconds` for everything together; `None` is no limit. One worker is fastest on these models."""

    seconds: float | None = None
    workers: int = 1
    seed: int = 0
    stop: Stop | None = None
    effort: float | None = None
    """For each solve, in OR-Tools' deterministic seconds: about as long, and the same on every machine."""
    model_file: Path | None = None
    """See Options."""
    watch: Watch | None = None
    """Who is told how the search stands."""
    confirmed: Callable[[Context], object] | None = None
    """Who is told of each layout that verifies, in its context."""
    started: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, options: Options | None) -> "Limits":
        """The limits that options state, running from now on. Raises ArgumentError for what are no Options."""
        options = Options() if options is None else options
        expect("options", options, Options, "Options, as qslot.Options(time_limit=60)")
        watch = None if options.progress is None else Watch(options.progress)
        return cls(
            options.time_limit, options.workers, options.seed, options.stop, model_file=options.model_file, watch=watch
        )

    @property
    def steady(self) -> "Limits":
        """With one worker, seed 0 and an effort: where any solution will do, it is always the same one."""
        return replace(self, workers=1, seed=0, effort=EFFORT)

    def check(self) -> None:
        """Raises TimeIsUp where no time is left."""
        if (self.seconds is not None or self.stop is not None) and self.left() == 0:
            raise TimeIsUp

    def check_late(self) -> None:
        """The same a little later, so that what has been found in time can be laid out."""
        now = time.monotonic()
        asked = None if self.stop is None else self.stop.asked_at
        late = asked is not None and now > asked + GRACE
        if late or (self.seconds is not None and now > self.started + self.seconds * (1 + SHARE) + GRACE):
            raise TimeIsUp

    def left(self) -> float | None:
        """Seconds that are left, 0 where somebody asked to stop; None without a limit."""
        if self.stop is not None and self.stop.asked:
            return 0.0
        return None if self.seconds is None else max(0.0, self.seconds - (time.monotonic() - self.started))


class CpSatModel:
    """Rows as a CP-SAT model; objectives are minimised one after the other. Raises TimeIsUp where that stops short."""

    def __init__(self, rows: LinearModel, limits: Limits, *, documented: bool = False) -> None:
        self.engine = engine(documented)
        self.limits = limits
        self.rows = rows
        """Those of the start, and what has been fixed since."""
        self.model = self.engine.new_model()
        if sum(high - low for low, high in rows.ranges) > COUNTABLE:
            raise TooMuchToCount
        for low, high in rows.ranges:
            self.model.variables.add().domain.extend((low, high))
        for row in rows.rows:
            limits.check()
            self._add(row)

    def _add(self, row: Row) -> None:
        variables, factors, low, high = row
        linear = self.model.constraints.add().linear
        linear.vars.extend(list(variables))
        linear.coeffs.extend(list(factors))
        linear.domain.extend((low, high))

    def fix(self, what: LinearExpr, value: int) -> None:
        """From now on `what` has that value."""
        if what.terms:
            self.rows = self.rows.fixed(what, value)
            self._add(self.rows.rows[-1])

    def at_least(self, what: LinearExpr, value: int) -> None:
        """From now on `what` has at least that value. One row is written whether there is time left or not."""
        rows = replace(self.rows, check=bool).limited(what * -1, -value)
        for row in rows.rows[len(self.rows.rows) :]:
            self._add(row)
        self.rows = rows

    def minimize(self, what: LinearExpr, hint: Sequence[int] = (), term: Term | None = None) -> SolveResult:
        """The least value of `what`, which is that term of the objective, if it is one."""
        self.model.clear_objective()
        if what.terms:
            self.model.objective.vars.extend(list(what.terms))
            self.model.objective.coeffs.extend(list(what.terms.values()))
        self.model.clear_solution_hint()
        if hint:
            self.model.solution_hint.vars.extend(list(range(len(hint))))
            self.model.solution_hint.values.extend(list(hint))
        parameters: dict[str, Any] = {"num_workers": self.limits.workers, "random_seed": self.limits.seed}
        parameters["cp_model_probing_level"] = 0  # a tenth of the time on large models
        if len(self.rows.ranges) < SMALL_MODEL:
            parameters |= {"cp_model_presolve": False, "symmetry_level": 0}
        else:
            parameters["linearization_level"] = 2  # proofs that nothing fits: a tenth of the time, and less
            if self.limits.workers > 1:
                parameters["extra_subsolvers"] = ["max_lp"]  # none of a few workers has that level by itself
        response = self._solve(parameters, term, what.constant)
        result = self._result(response)
        if result.answer is Status.FEASIBLE or result.answer is Status.UNKNOWN:
            bound = int(response.best_objective_bound) if what.terms else 0
            return SolveResult(result.answer, result.values, bound + what.constant)
        if result.answer is Status.OPTIMAL:
            return SolveResult(result.answer, result.values, what.value(result.values))
        return result

    def core(self, guards: Iterable[LinearExpr], effort: float) -> tuple[int, ...] | None:
        """Variables of guards that cannot all be 1, by index: a hint, neither the least set nor sure to be right."""
        self.model.clear_objective()
        self.model.assumptions.extend([variable for guard in guards for variable in guard.terms])
        response = self._solve({"num_workers": 1, "cp_model_presolve": False, "max_deterministic_time": effort})
        self.model.assumptions.clear()
        core = tuple(response.sufficient_assumptions_for_infeasibility)
        return core if self._result(response).answer is Status.INFEASIBLE else None

    def lexicographic_minimum(self, known: Sequence[int] = (), *, effort: float | None = None) -> SolveResult:
        """The lexicographically smallest assignment in order of creation.

        Every decision takes the first open variable at its least value and learned clauses are implied, so the first
        solution found is the smallest, whatever seed and machine. Where that takes more than `effort` (deterministic
        seconds), one variable after the other finds the same from any `known` assignment; without one: UNKNOWN.
        """
        self.model.clear_objective()
        self.model.clear_solution_hint()
        strategy = self.model.search_strategy.add()
        for variable in range(len(self.rows.ranges)):
            expression = strategy.exprs.add()
            expression.vars.append(variable)
            expression.coeffs.append(1)
        parameters: dict[str, Any] = {
            "num_workers": 1,
            "search_branching": "FIXED_SEARCH",
            "cp_model_presolve": False,
            "symmetry_level": 0,
        }
        if effort is not None:
            parameters["max_deterministic_time"] = effort
        result = self._result(self._solve(parameters))
        self.model.search_strategy.clear()
        return self._one_by_one(known) if known and result.answer is Status.UNKNOWN else result

    def _one_by_one(self, known: Sequence[int]) -> SolveResult:
        """Each variable at its least value, in order; where the known assignment has that already, nothing to ask.

        Of several in a row it is asked at once whether they can be less, of more and more as long as they cannot.
        """
        start, number = 0, 1
        while together := self._above_least(known, start, number):
            self._settle(known, start, together[0])
            what = self._in_order(together)
            result = self.minimize(what, known)
            if result.answer is not Status.OPTIMAL:
                return SolveResult(Status.FEASIBLE, tuple(known))
            start, number = together[0], 2 * len(together)
            if len(together) == 1:
                known = result.values
            elif result.bound < what.value(known):
                number = 1  # others before may be more there
                continue
            self._settle(known, start, together[-1] + 1)
            start = together[-1] + 1
        return SolveResult(Status.OPTIMAL, tuple(known))

    def _above_least(self, known: Sequence[int], start: int, number: int) -> list[int]:
        """The first so many variables from there on that are above their least value: fewer, where their ranges are
        large."""
        found: list[int] = []
        size = 1
        for variable in range(start, len(known)):
            low, high = self.rows.ranges[variable]
            if known[variable] > low:
                size *= high - low + 1
                if found and (len(found) == number or size > ORDERED):
                    break
                found.append(variable)
        return found

    def _in_order(self, variables: Sequence[int]) -> LinearExpr:
        """Less, where the first of them that differs is less."""
        factors: dict[int, int] = {}
        weight = 1
        for variable in reversed(variables):
            low, high = self.rows.ranges[variable]
            factors[variable] = weight
            weight *= high - low + 1
        return LinearExpr(factors)

    def _settle(self, known: Sequence[int], start: int, end: int) -> None:
        """From now on the variables from `start` to before `end` have their known values."""
        for variable in range(start, end):
            domain = self.model.variables[variable].domain
            domain.clear()
            domain.extend((known[variable], known[variable]))

    def _solve(self, parameters: dict[str, Any], term: Term | None = None, offset: int = 0) -> Any:
        """`offset` is what of the objective CP-SAT is not told."""
        left = self.limits.left()
        if left is not None:
            parameters["max_time_in_seconds"] = left
        if self.limits.effort is not None:
            parameters.setdefault("max_deterministic_time", self.limits.effort)
        started = time.monotonic()
        asked = Asked(parameters, self.limits.stop, self.limits.watch, term, offset)
        response = self.engine.solve(self.model, asked)
        size = len(self.rows.ranges), len(self.rows.rows)
        seconds = time.monotonic() - started
        LOG.debug("%s of %d variables, %d rows: %s, %.3f s", term or "model", *size, status_of(response), seconds)
        return response

    def _result(self, response: Any) -> SolveResult:
        status = status_of(response)
        if status in ("OPTIMAL", "FEASIBLE"):
            return SolveResult(Status[status], tuple(response.solution))
        if status == "INFEASIBLE":
            return SolveResult(Status.INFEASIBLE)
        if status == "UNKNOWN":
            return SolveResult(Status.UNKNOWN)
        raise RuntimeError(f"CP-SAT answers {status}: the encoding is wrong")


def status_of(response: Any) -> str:
    """CP-SAT's own word for what it found."""
    return str(getattr(response.status, "name", response.status)).rpartition(".")[2]
