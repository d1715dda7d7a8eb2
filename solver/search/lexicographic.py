"""Lexicographic optimisation: the objective's terms in the policy's order, and of all optimal counts the canonical.

Three ways, the quicker first. If one assignment meets every term's lower bound, one solve finds it and proves it, in
whichever order the terms count. If all but the last term meet theirs, that one is minimised alone. Else each term is
minimised and fixed before the next: weighted sums of terms stall proofs (measured). Of a coarser model's bounds all but
the last few may be met: as many of the first as can be.
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


def lexicographic_optimum(
    guest: Guest, model: Model, least: dict[Term, int], limits: Limits, coarser: Optimum | None = None
) -> Optimum | Infeasible:
    """The least of each term, given those before it; then the canonical one of the optimal answers.

    `least` are lower bounds of all terms that hold whatever the others are. `coarser` is what is proved of a model that
    no layout is missing from, either.
    """
    order = [term for term in guest.policy.order if term in model.terms]
    known = least if coarser is None else {term: max(least[term], coarser.conditional_bounds[term]) for term in least}
    numbers = range(len(order) - 1, 0, -1)
    try:
        at_once = _at_once(model, known, least, limits)
        if at_once is not None:
            return at_once
        for number in numbers if coarser is not None else numbers[:1]:
            if contradictory(at_bounds(model, known, order[:number])):
                continue
            found = _one_by_one(model, order, number, known, least, limits)
            if isinstance(found, Infeasible):
                beyond = order[number - 1]
                known = {**known, beyond: known[beyond] + 1}
            elif found.values:
                return found
        return _one_by_one(model, order, 0, known, least, limits)
    except TimeIsUp:
        return Optimum((), least, least, proved=False)


def _at_once(model: Model, known: dict[Term, int], least: dict[Term, int], limits: Limits) -> Optimum | None:
    """The canonical answer that meets every known bound, if there is one and it is found without effort."""
    rows = at_bounds(model, known, model.terms)
    result = dive(rows)
    if result.answer is Status.UNKNOWN:
        result = CpSatModel(rows, limits).lexicographic_minimum(effort=QUICK)
    return Optimum(result.values, known, least, proved=True) if result.answer is Status.OPTIMAL else None


def at_bounds(model: Model, bounds: Mapping[Term, int], terms: Iterable[Term]) -> LinearModel:
    """The rows, with these terms at their bounds."""
    rows = model.variables.linear
    for term in terms:
        rows = rows.fixed(model.terms[term], bounds[term])
    return rows


def _one_by_one(
    model: Model, order: Sequence[Term], number: int, known: dict[Term, int], least: dict[Term, int], limits: Limits
) -> Optimum | Infeasible:
    """Minimises term after term, each fixed before the next, with the first `number` of them at their known bounds.
    These hold of each term as long as those before are at theirs.
    """
    program = CpSatModel(at_bounds(model, known, order[:number]), limits)
    values: tuple[int, ...] = ()
    bounds = {**least, **{term: known[term] for term in order[:number]}}
    for term in order[number:]:
        what, bound = model.terms[term], known[term]
        if bound > least[term]:
            program.at_least(what, bound)
        result = _minimum(program, term, what, values, bound)
        if result.answer is Status.INFEASIBLE:
            return Infeasible()
        values = result.values or values
        bounds[term] = max(result.bound, bound)
        if result.answer is not Status.OPTIMAL:
            return Optimum(values, bounds, least, proved=False)
        program.fix(what, bounds[term])
        if bounds[term] > bound:
            known = least
    result = dive(program.rows)
    if result.answer is not Status.OPTIMAL:
        values = values or program.minimize(model.no_objective).values
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
