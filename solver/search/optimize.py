"""Runs the stages and turns every answer of CP-SAT into an Outcome; verifies what it returns.

The model with each kind's cheapest places only comes first. It is asked only for layouts that pay the least for every
part by itself: those are all the layouts of least preferences, so its optimum is the full model's (as long as
preferences are the first term that counts).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor

from ...schema.explanation.conflict import CAPACITY_RULES
from ...schema.finding import Finding
from ...schema.layout.layout import Layout, ObjectiveTerm
from ...schema.layout.outcome import Infeasible, Outcome, Solved, Undecided
from ...schema.request.fields import Term
from ...schema.request.guest import Guest
from ...schema.verify import verify_surveyed
from ...schema.verify.context import Context
from ...schema.verify.objective import objective_of
from ..aggregate.bus_class_builder import Formulation, formulations
from ..aggregate.items import Items, items_of
from ..aggregate.pins import PinConflict
from ..decode.assemble import assemble
from ..decode.decoder import decode
from ..decode.seats import NoDecode
from ..model.build import Model, build
from ..model.linear import Capacity
from .bounds import bounds as lower_bounds
from .cpsat import CpSatModel, Limits, Status, TimeIsUp

QUICK, PATIENT = 0.02, 0.1
"""Effort for the attempt to meet all bounds at once (small models need a hundredth of it), and for the canonical answer
before it is sought piece by piece. In OR-Tools' deterministic seconds: about as long, and the same on every machine."""


RETRIES = (Fraction(0), Fraction(1, 2), Fraction(1))
"""Where the firmware runs out of something, how much less of it the next layouts use: see `_use_less`."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A model to try. What a stage that is not `full` finds infeasible says nothing."""

    scope: Formulation
    cheapest_only: bool

    @property
    def full(self) -> bool:
        """Whether the model has every option, not the cheapest ones only."""
        return not self.cheapest_only


@dataclass(frozen=True, slots=True)
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
        return _terms(guest, bounds, bounds)


def optimize(guest: Guest, limits: Limits) -> Outcome:
    """What the best count vectors come to; an infeasible guest's findings are only what breaks a rule by itself."""
    best = Undecided()
    infeasible_restricted: set[bool] = set()
    try:
        items = items_of(guest)
    except PinConflict as impossible:
        return Infeasible(findings=(Finding(rule=impossible.rule, subjects=impossible.subjects),))
    for stage in _stages(guest, items):
        if stage.cheapest_only in infeasible_restricted:
            continue
        answer, capped = _solve(guest, items, stage, limits)
        if isinstance(answer, Solved):
            return answer
        if isinstance(answer, Infeasible):
            if stage.full and not capped:
                return answer
            infeasible_restricted.add(stage.cheapest_only)
            continue
        best = answer if answer.layout is not None or best.layout is None else best
        if limits.left() == 0 or (capped and best.layout is not None):
            break  # what leaves layouts out proves nothing, nor does a finer model of the same
    return best


def _stages(guest: Guest, items: Items) -> Iterator[Stage]:
    """Small models first."""
    finer = formulations(guest, items)
    switches = any(kind.near_switch is not None for kind in items.free)
    order = [term for term in guest.policy.order if term not in ("moved", "guest_visible")]
    if order[0] == "preferences" and not switches:
        for scope in finer:
            yield Stage(replace(scope, switches=False), cheapest_only=True)
    for scope in finer:
        yield Stage(scope, cheapest_only=False)


def _solve(guest: Guest, items: Items, stage: Stage, limits: Limits) -> tuple[Outcome, bool]:
    """What a model answers, and whether it left out layouts: then nothing is proved."""
    try:
        model = build(guest, items, stage.scope, cheapest_only=stage.cheapest_only, check=limits.check)
        least = lower_bounds(model)
        if stage.cheapest_only:
            _nobody_pays_more(model, least)
    except TimeIsUp:
        return Undecided(), False
    except PinConflict as impossible:
        return Infeasible(findings=(Finding(rule=impossible.rule, subjects=impossible.subjects),)), False
    linear = model.variables.linear
    optimum = Infeasible() if linear.infeasible else _optimize(guest, model, least, limits)
    if isinstance(optimum, Infeasible):
        return optimum, model.capped
    if model.capped or not stage.full:
        # what leaves layouts out says only what all have in common; of those alike in preferences, it may say more
        common = {term: linear.lower_bound(what) for term, what in model.terms.items()}
        optimum = replace(optimum, unconditional_bounds=common)
        if model.capped:
            optimum = replace(optimum, conditional_bounds=common, proved=False)
    if not optimum.values:
        return Undecided(bound=optimum.unconditional(guest)), model.capped
    return _lay_out_with_retries(guest, items, model, optimum, limits), model.capped


def _nobody_pays_more(model: Model, least: dict[Term, int]) -> None:
    """Who joins a pinned neighbour makes that one pay, too: the sum of least weights is then not what is paid."""
    model.variables.linear.add_le(model.terms["preferences"], least["preferences"])


def _lay_out_with_retries(guest: Guest, items: Items, model: Model, optimum: Optimum, limits: Limits) -> Outcome:
    """The answer laid out. Where the firmware runs out of what the sums found enough, layouts that use less are tried.

    Those are measured by the bounds of the whole model: one that costs no more than they say is optimal all the same.
    """
    outcome, short = _lay_out(guest, items, model, optimum, limits)
    for saving in RETRIES:
        capacities = [capacity for capacity in model.capacities if capacity.rule == short]
        if not capacities or limits.left() == 0:
            break
        fullest = max(capacities, key=lambda one: Fraction(one.used.value(optimum.values), max(1, one.available)))
        try:
            _use_less(fullest, saving, model, optimum, limits)
        except TimeIsUp:
            break
        again = _optimize(guest, model, lower_bounds(model), limits)
        if isinstance(again, Infeasible) or not again.values:
            break
        optimum = replace(optimum, values=again.values)
        outcome, short = _lay_out(guest, items, model, optimum, limits)
    return outcome


def _use_less(capacity: Capacity, saving: Fraction, model: Model, optimum: Optimum, limits: Limits) -> None:
    """From now on so much less is used, as a part of what can be saved; a single unit for none."""
    used = capacity.used.value(optimum.values)
    target = used - 1
    if saving:
        result = CpSatModel(model.variables.linear, limits).minimize(capacity.used, optimum.values)
        least = result.bound if result.answer is Status.UNKNOWN else capacity.used.value(result.values)
        target = floor(used - saving * (used - least))
    model.variables.linear.add_le(capacity.used, target)


def _lay_out(guest: Guest, items: Items, model: Model, optimum: Optimum, limits: Limits) -> tuple[Outcome, str | None]:
    """The first order of slots that keeps all rules; where none does, what is said of the first."""
    answers = []
    try:
        for backwards in (False, True):
            assignment = decode(model, optimum.values, limits.check_late, backwards=backwards)
            answers.append(_verify(assemble(guest, items, assignment), optimum))
            if isinstance(answers[-1][0], Solved) or answers[-1][0].layout is not None:
                return answers[-1]
    except (NoDecode, TimeIsUp):
        pass
    return answers[0] if answers else (Undecided(bound=optimum.unconditional(guest)), None)


def _verify(known: Context, optimum: Optimum) -> tuple[Solved | Undecided, str | None]:
    """Only a layout that verifies is returned, and it is optimal only where its own costs meet the bounds. Else, the
    rule of what ran out, if that is why."""
    layout = with_costs(known, optimum)
    findings = verify_surveyed(known.with_statements(layout))
    errors = [finding.rule for finding in findings if finding.severity == "error"]
    if errors:
        return Undecided(bound=optimum.unconditional(known.guest)), next(
            (rule for rule in errors if rule in CAPACITY_RULES), None
        )
    warnings = tuple(finding for finding in findings if finding.severity == "warning")
    layout = layout.model_copy(update={"warnings": warnings})
    if layout.status == "optimal":
        return Solved(layout=layout), None
    return Undecided(layout=layout, bound=layout.objective), None


def with_costs(known: Context, optimum: Optimum) -> Layout:
    """With what it costs, and what the firmware makes of it."""
    values = objective_of(known)
    terms = _terms(known.guest, values, _bounds(known.guest, values, optimum))
    proved = optimum.proved and all(term.value == term.bound for term in terms)
    update: dict[str, object] = {"status": "optimal" if proved else "feasible", "objective": terms}
    if known.prediction is not None:
        update["guest_addresses"] = known.prediction.guest_addresses
        update["guest_names"] = known.names
        update["io_windows"] = known.prediction.io_windows
    return known.layout.model_copy(update=update)


def _bounds(guest: Guest, values: dict[Term, int], optimum: Optimum) -> dict[Term, int]:
    """The sharper ones as far as all terms before are met."""
    result: dict[Term, int] = {}
    met = True
    for term in guest.policy.order:
        result[term] = (optimum.conditional_bounds if met else optimum.unconditional_bounds).get(term, 0)
        met = met and values[term] == result[term]
    return result


def _terms(guest: Guest, values: dict[Term, int], bounds: dict[Term, int]) -> tuple[ObjectiveTerm, ...]:
    return tuple(
        ObjectiveTerm(term=term, value=values.get(term, 0), bound=bounds.get(term, 0)) for term in guest.policy.order
    )


def _optimize(guest: Guest, model: Model, least: dict[Term, int], limits: Limits) -> Optimum | Infeasible:
    """The least of each term, given those before it; then the canonical one of the optimal answers."""
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
    program = CpSatModel(model.variables.linear, limits)
    for term, what in model.terms.items():
        program.fix(what, least[term])
    result = program.lexicographic_minimum(effort=QUICK)
    return Optimum(result.values, least, least, proved=True) if result.answer is Status.OPTIMAL else None


def _all_but_last(guest: Guest, model: Model, least: dict[Term, int], limits: Limits) -> Optimum | None:
    """The same where only the last term misses its bound: depth does where bridges nest."""
    program = CpSatModel(model.variables.linear, limits)
    *others, last = (term for term in guest.policy.order if term in model.terms)
    for term in others:
        program.fix(model.terms[term], least[term])
    result = program.minimize(model.terms[last])
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
    bounds: dict[Term, int] = dict(least)
    proved = True
    for term in guest.policy.order:
        what = model.terms.get(term)
        if what is None or not proved:
            continue
        reached = what.value(values) if values else model.variables.linear.upper_bound(what)
        if reached > least[term]:
            result = program.minimize(what, values)
            if result.answer is Status.INFEASIBLE:
                return Infeasible()
            values = result.values or values
            bounds[term] = max(result.bound, least[term])
            proved = result.answer is Status.OPTIMAL
        if proved:
            program.fix(what, bounds[term])
    if proved:
        result = program.lexicographic_minimum(values, effort=PATIENT if values else None)
        if result.answer is Status.INFEASIBLE:
            return Infeasible()
        values, proved = result.values or values, result.answer is Status.OPTIMAL
    return Optimum(values, bounds, least, proved)
