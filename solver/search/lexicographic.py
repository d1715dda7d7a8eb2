"""Lexicographic optimisation: the objective's terms in the policy's order, and of all optimal counts the canonical.

Three ways, the quicker first. If one assignment meets every term's lower bound, one solve finds it and proves it, in
whichever order the terms count. If all but the last term meet theirs, that one is minimised alone. Else each term is
minimised and fixed before the next: weighted sums of terms stall proofs (measured).
"""

from collections.abc import Iterable, Mapping, Sequence

from ...schema.layout.layout import ObjectiveTerm
from ...schema.layout.outcome import Infeasible
from ...schema.records import record
from ...schema.request.fields import Term
from ...schema.request.guest import Guest
from ..model.build import Model
from ..model.linear import LinearExpr, LinearModel
from .cpsat import CpSatModel, Limits, SolveResult, Status, TimeIsUp
from .dive import contradictory, dive

QUICK, PATIENT = 0.02, 0.1
"""Effort for the attempt to meet all bounds at once (small models need a hundredth of it), and for the canonical answer
before it is sought piece by piece. In OR-Tools' deterministic seconds: about as long, and the same on every machine."""


@record(frozen=True)
class Optimum:
    """Counts, if any were found, and what is proved of each term; `proved` if the counts reach all of that."""

    values: tuple[int, ...]
    """Empty where none were found in time."""
    conditional_bounds: dict[Term, int]
    """Given that all terms before are at theirs: whoever misses one may be below those after it."""
    unconditional_bounds: dict[Term, int]
    """Whatever the terms before are."""
    proved: bool

    def unconditional(self, guest: Guest) -> tuple[ObjectiveTerm, ...]:
        """What is proved of any layout: the sharper bound is that of the first term that counts."""
        first = next(term for term in guest.policy.order if term in self.conditional_bounds)
        bounds = {**self.unconditional_bounds, first: self.conditional_bounds[first]}
        return objective_terms(guest, bounds, bounds)


def objective_terms(guest: Guest, values: Mapping[Term, int], bounds: Mapping[Term, int]) -> tuple[ObjectiveTerm, ...]:
    """In the policy's order."""
    return tuple(
        ObjectiveTerm(term=term, value=values.get(term, 0), bound=bounds.get(term, 0)) for term in guest.policy.order
    )


def lexicographic_optimum(guest: Guest, model: Model, least: dict[Term, int], limits: Limits) -> Optimum | Infeasible:
    """The least of each term, given those before it; then the canonical one of the optimal answers.

    `least` are lower bounds of all terms that hold whatever the others are.
    """
    try:
        return (
            _at_once(model, least, limits)
            or _all_but_last(guest, model, least, limits)
            or _one_by_one(guest, model, least, limits)
        )
    except TimeIsUp:
        return Optimum((), least, least, proved=False)


def _at_once(model: Model, least: dict[Term, int], limits: Limits) -> Optimum | None:
    """The canonical answer that meets every bound, if there is one and it is found without effort."""
    rows = _at_bounds(model, least, model.terms)
    result = dive(rows)
    if result.answer is Status.UNKNOWN:
        result = CpSatModel(rows, limits).lexicographic_minimum(effort=QUICK)
    return Optimum(result.values, least, least, proved=True) if result.answer is Status.OPTIMAL else None


def _at_bounds(model: Model, least: dict[Term, int], terms: Iterable[Term]) -> LinearModel:
    """The rows, with these terms at their lower bounds."""
    rows = model.variables.linear
    for term in terms:
        rows = rows.fixed(model.terms[term], least[term])
    return rows


def _all_but_last(guest: Guest, model: Model, least: dict[Term, int], limits: Limits) -> Optimum | None:
    """The same where only the last term misses its bound: depth does where bridges nest."""
    *others, last = _order(guest, model)
    rows = _at_bounds(model, least, others)
    if contradictory(rows):
        return None
    program = CpSatModel(rows, limits)
    result = program.minimize(model.terms[last], term=last)
    if result.answer is not Status.OPTIMAL:
        return None
    bounds = {**least, last: result.bound}
    program.fix(model.terms[last], result.bound)
    smallest = program.lexicographic_minimum(result.values, effort=PATIENT)
    return Optimum(smallest.values or result.values, bounds, least, smallest.answer is Status.OPTIMAL)


def _one_by_one(guest: Guest, model: Model, least: dict[Term, int], limits: Limits) -> Optimum | Infeasible:
    """Minimises term after term, each fixed before the next."""
    program = CpSatModel(model.variables.linear, limits)
    values: tuple[int, ...] = ()
    bounds = dict(least)
    for term in _order(guest, model):
        what = model.terms[term]
        result = _minimum(program, term, what, values, least[term])
        if result.answer is Status.INFEASIBLE:
            return Infeasible()
        values = result.values or values
        bounds[term] = max(result.bound, least[term])
        if result.answer is not Status.OPTIMAL:
            return Optimum(values, bounds, least, proved=False)
        program.fix(what, bounds[term])
    result = dive(program.rows)
    if result.answer is not Status.OPTIMAL:
        result = program.lexicographic_minimum(values, effort=PATIENT if values else None)
    if result.answer is Status.INFEASIBLE:
        return Infeasible()
    return Optimum(result.values or values, bounds, least, result.answer is Status.OPTIMAL)


def _minimum(program: CpSatModel, term: Term, what: LinearExpr, known: Sequence[int], least: int) -> SolveResult:
    """The least of a term; where the known assignment has its lower bound already, or any has, nothing to ask."""
    reached = what.value(known) if known else program.rows.upper_bound(what)
    if reached <= least:
        return SolveResult(Status.OPTIMAL, tuple(known), least)
    return program.minimize(what, known, term)


def _order(guest: Guest, model: Model) -> list[Term]:
    """The model's terms as the policy orders them."""
    return [term for term in guest.policy.order if term in model.terms]
