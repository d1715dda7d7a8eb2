"""The one door to OR-Tools: rows in, an optimum or a proof out.

Imports only the solver's own module where this release has it (cp_model, the documented interface, also pulls in
pandas: 0.3 s more); both ways are tested to answer alike.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from ..model.linear import LinearExpr, LinearModel
from ..options import Options, Stop, ending

EFFORT = 3.0
"""Enough for nearly every guest (most take a thousandth); the others are told as undecided."""
SMALL_MODEL = 80
"""Models with fewer variables are solved before presolve would have paid (measured: two to three times faster)."""


GRACE, SHARE = 0.1, 0.1
"""How much longer than the limit an answer may take to be laid out: seconds, and a part of the limit."""


class TimeIsUp(Exception):  # noqa: N818 - an answer, not an error
    """A limit is hit while something is still being written or read."""


class Status(Enum):
    """What CP-SAT found out of a model, in its own words."""

    OPTIMAL = auto()
    FEASIBLE = auto()
    INFEASIBLE = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class SolveResult:
    """`bound` is proved: no assignment has a smaller objective."""

    answer: Status
    values: tuple[int, ...] = ()
    bound: int = 0


@dataclass(slots=True)
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
    started: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, options: Options) -> "Limits":
        """The limits that options state, running from now on."""
        return cls(options.time_limit, options.workers, options.seed, options.stop, model_file=options.model_file)

    @property
    def steady(self) -> "Limits":
        """With one worker, seed 0 and an effort: where any solution will do, it is always the same one."""
        return replace(self, workers=1, seed=0, effort=EFFORT)

    def check(self) -> None:
        """Raises TimeIsUp where no time is left."""
        if self.left() == 0:
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


class Engine(Protocol):
    """Either interface of OR-Tools."""

    def new_model(self) -> Any:
        """An empty model, to be filled in as a protocol buffer."""

    def solve(self, model: Any, parameters: dict[str, Any], stop: Stop | None = None) -> Any:
        """CP-SAT's response to a model; `parameters` are its own by name."""


class _Direct:
    """ortools.sat.python.cp_model_helper: undocumented, without pandas."""

    def __init__(self) -> None:
        from ortools.sat.python import cp_model_helper

        self.module: Any = cp_model_helper

    def new_model(self) -> Any:
        return self.module.CpModelProto()

    def solve(self, model: Any, parameters: dict[str, Any], stop: Stop | None = None) -> Any:
        settings = self.module.SatParameters()
        settings.catch_sigint_signal = False  # it would take SIGINT from Python, and not give it back (measured)
        for name, value in parameters.items():
            if isinstance(value, list):
                getattr(settings, name).extend(value)
            else:
                enum = isinstance(value, str)
                setattr(settings, name, getattr(type(getattr(settings, name)), value) if enum else value)
        wrapper = self.module.SolveWrapper()
        wrapper.set_parameters(settings)
        with ending(stop, wrapper.stop_search):
            return wrapper.solve(model)


class _Documented:
    """ortools.sat.python.cp_model."""

    def __init__(self) -> None:
        from ortools.sat.python import cp_model

        self.module: Any = cp_model

    def new_model(self) -> Any:
        return self.module.CpModel().proto

    def solve(self, model: Any, parameters: dict[str, Any], stop: Stop | None = None) -> Any:
        solver = self.module.CpSolver()
        text = " ".join(_text(name, value) for name, value in parameters.items())
        solver.parameters.catch_sigint_signal = False
        solver.parameters.parse_text_format(text)
        holder = self.module.CpModel()
        holder.proto.copy_from(model)
        with ending(stop, solver.stop_search):
            solver.solve(holder)
        return solver.response_proto


def _text(name: str, value: object) -> str:
    if isinstance(value, list):
        return " ".join(f'{name}: "{one}"' for one in value)
    return f"{name}: {str(value).lower() if isinstance(value, bool) else value}"


@cache
def engine(documented: bool = False) -> Engine:
    """The faster entry where it works, else the documented one."""
    if not documented:
        try:
            direct = _Direct()
            direct.solve(direct.new_model(), {"num_workers": 1, "search_branching": "FIXED_SEARCH"})
        except (ImportError, AttributeError, TypeError):
            pass
        else:
            return direct
    return _Documented()


class CpSatModel:
    """Rows as a CP-SAT model; objectives are minimised one after the other."""

    def __init__(self, rows: LinearModel, limits: Limits, *, documented: bool = False) -> None:
        self.engine = engine(documented)
        self.limits = limits
        self.rows = rows
        self.model = self.engine.new_model()
        for low, high in rows.ranges:
            self.model.variables.add().domain.extend((low, high))
        for variables, factors, low, high in rows.rows:
            limits.check()
            self._row(variables, factors, low, high)

    def _row(self, variables: Iterable[int], factors: Iterable[int], low: int, high: int) -> None:
        linear = self.model.constraints.add().linear
        linear.vars.extend(list(variables))
        linear.coeffs.extend(list(factors))
        linear.domain.extend((low, high))

    def fix(self, what: LinearExpr, value: int) -> None:
        """From now on `what` has that value."""
        if what.terms:
            self._row(what.terms, what.terms.values(), value - what.constant, value - what.constant)

    def minimize(self, what: LinearExpr, hint: Sequence[int] = ()) -> SolveResult:
        """The least value of `what`."""
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
        response = self._solve(parameters)
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
        """Each variable at its least value, in order; where the known assignment has that already, nothing to ask."""
        for variable, (low, _) in enumerate(self.rows.ranges):
            one = LinearExpr({variable: 1})
            if known[variable] > low:
                result = self.minimize(one, known)
                if result.answer is not Status.OPTIMAL:
                    return SolveResult(Status.FEASIBLE, tuple(known))
                known = result.values
            self.fix(one, known[variable])
        return SolveResult(Status.OPTIMAL, tuple(known))

    def _solve(self, parameters: dict[str, Any]) -> Any:
        left = self.limits.left()
        if left is not None:
            parameters["max_time_in_seconds"] = left
        if self.limits.effort is not None:
            parameters.setdefault("max_deterministic_time", self.limits.effort)
        return self.engine.solve(self.model, parameters, self.limits.stop)

    def _result(self, response: Any) -> SolveResult:
        status = str(getattr(response.status, "name", response.status)).rpartition(".")[2]
        if status in ("OPTIMAL", "FEASIBLE"):
            return SolveResult(Status[status], tuple(response.solution))
        if status == "INFEASIBLE":
            return SolveResult(Status.INFEASIBLE)
        if status == "UNKNOWN":
            return SolveResult(Status.UNKNOWN)
        raise RuntimeError(f"CP-SAT answers {status}: the encoding is wrong")
