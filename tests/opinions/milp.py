"""Rows handed to SCIP, which shares no line with CP-SAT; its answers rechecked in integers.

A solver of mixed-integer programs calculates with floating-point numbers. So amounts are made small: each row is
divided by the greatest common divisor of its factors, its limits rounded to whole numbers, which loses no solution. A
solution counts only if it keeps every row exactly, an optimum only if no whole number lies between its value and the
solver's bound.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, gcd
from typing import Any

from ortools.linear_solver import pywraplp  # type: ignore[import-untyped]

from qslot.solver.model.linear import LinearExpr, LinearModel

EPSILON = 1e-4
"""What a bound may be off: far above the solvers' tolerance of 1e-6, far below the distance of whole numbers."""
LARGE = 1 << 24
"""Factors above that are no longer told apart from their neighbours with six digits of tolerance."""


class UnsureError(Exception):
    """The solver gave no answer that holds in integers; the message says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """`low <= sum(factor * variable) <= high`, in integers."""

    variables: tuple[int, ...]
    factors: tuple[int, ...]
    low: int
    high: int

    @classmethod
    def small(cls, variables: Sequence[int], factors: Sequence[int], low: int, high: int) -> "Row":
        """The same row divided by the greatest common divisor of its factors."""
        divisor = gcd(*factors)
        return cls(tuple(variables), tuple(f // divisor for f in factors), -(-low // divisor), high // divisor)

    def holds(self, values: Sequence[int]) -> bool:
        activity = sum(f * values[variable] for variable, f in zip(self.variables, self.factors, strict=True))
        return self.low <= activity <= self.high


def lexicographic(rows: LinearModel, terms: Sequence[LinearExpr], seconds: float) -> list[int] | None:
    """The least value of each term, those before it at theirs; None where the rows have no solution.

    `seconds` are for all terms together. Raises UnsureError where the solver runs out of them, or of digits.
    """
    if rows.infeasible:
        return None
    program = _Program(rows, seconds)
    best = []
    for term in terms:
        least = program.minimize(term)
        if least is None:
            return None
        best.append(least)
    return best


class _Program:
    def __init__(self, rows: LinearModel, seconds: float) -> None:
        self.seconds = seconds
        self.ranges = rows.ranges
        self.rows: list[Row] = []
        self.solver: Any = pywraplp.Solver.CreateSolver("SCIP")
        self.variables = [self.solver.IntVar(low, high, "") for low, high in rows.ranges]
        for row in rows.rows:
            self._add(Row.small(*row))

    def _add(self, row: Row) -> None:
        if max(map(abs, row.factors)) > LARGE:
            raise UnsureError("amounts too large for floating-point numbers")
        self.rows.append(row)
        constraint = self.solver.Constraint(row.low, row.high)
        for variable, factor in zip(row.variables, row.factors, strict=True):
            constraint.SetCoefficient(self.variables[variable], factor)

    def minimize(self, what: LinearExpr) -> int | None:
        """The least value of `what`, which it has from then on; None without a solution."""
        terms = {variable: factor for variable, factor in what.terms.items() if factor}
        divisor = gcd(*terms.values()) or 1
        objective = self.solver.Objective()
        objective.Clear()
        objective.SetMinimization()
        for variable, factor in terms.items():
            objective.SetCoefficient(self.variables[variable], factor // divisor)
        values = self._solve()
        if values is None:
            return None
        reached = sum(factor // divisor * values[variable] for variable, factor in terms.items())
        if terms:
            if ceil(objective.BestBound() - EPSILON) < reached:
                raise UnsureError(f"a bound of {objective.BestBound()} for {reached}")
            self._add(Row(tuple(terms), tuple(f // divisor for f in terms.values()), reached, reached))
        return reached * divisor + what.constant

    def _solve(self) -> list[int] | None:
        if self.seconds <= 0:
            raise UnsureError("time")
        before = self.solver.WallTime()
        self.solver.SetTimeLimit(max(1, int(1000 * self.seconds)))
        parameters = pywraplp.MPSolverParameters()
        parameters.SetDoubleParam(pywraplp.MPSolverParameters.RELATIVE_MIP_GAP, 0.0)
        status = self.solver.Solve(parameters)
        self.seconds -= (self.solver.WallTime() - before) / 1000
        if status == pywraplp.Solver.INFEASIBLE:
            return None
        if status != pywraplp.Solver.OPTIMAL:
            raise UnsureError("time" if self.seconds <= 0 else f"status {status}")
        values = [floor(variable.solution_value() + 0.5) for variable in self.variables]
        if not all(self._kept(values)):
            raise UnsureError("a solution that does not hold in integers")
        return values

    def _kept(self, values: Sequence[int]) -> Iterator[bool]:
        yield from (low <= value <= high for value, (low, high) in zip(values, self.ranges, strict=True))
        yield from (row.holds(values) for row in self.rows)
