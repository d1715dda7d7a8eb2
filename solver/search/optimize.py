"""Tries one formulation after the other and turns every answer of CP-SAT into an Outcome; verifies what it returns.

A layout without errors is called optimal only where its own cost meets every proved bound. So a mistake in the model
can cost an answer, never a wrong optimum.
"""

import logging
from dataclasses import replace
from fractions import Fraction
from math import floor
from random import Random
from typing import NamedTuple

from ...schema.explanation.conflict import CAPACITY_RULES
from ...schema.finding import Finding
from ...schema.layout.layout import Layout
from ...schema.layout.outcome import Infeasible, Outcome, Solved, Undecided
from ...schema.request.fields import Term
from ...schema.request.guest import Guest
from ...schema.verify import verify_context
from ...schema.verify.context import Context
from ...schema.verify.objective import objective_of, unmet_preferences
from ..aggregate.items import Items, items_of
from ..aggregate.pins import PinConflict
from ..decode.assemble import assemble
from ..decode.decoder import decode
from ..decode.seats import NoDecode
from ..formulation import Formulation
from ..model.build import Model, build
from ..model.linear import Capacity, LinearExpr
from .bounds import bounds as lower_bounds
from .cpsat import CpSatModel, Limits, Status, TimeIsUp
from .formulations import proved_by, proves_infeasible, restricted_to_least_weights, series
from .lexicographic import Optimum, at_bounds, lexicographic_optimum, objective_terms

LOG = logging.getLogger(__name__)

RETRIES = (Fraction(0), Fraction(1, 2), Fraction(1))
"""Where the firmware runs out of something, how much less of it the next layouts use: see `_less_used`."""
DRAWS, EFFORT_OF_DRAWS = 8, 0.3
"""Of counts that cost as little as the best, where these cannot be laid out; and OR-Tools' seconds for each."""


class Attempt(NamedTuple):
    """What one formulation comes to."""

    outcome: Outcome
    proves: bool = True
    """Whether the model leaves nothing out, so that no solution is a proof."""
    model: Model | None = None
    """If it was written in time."""
    optimum: Optimum | None = None
    """What is proved of the model's solutions, if no layout is missing from them."""

    @property
    def incomplete(self) -> bool:
        """See Model."""
        return self.model is not None and self.model.incomplete


def optimize(guest: Guest, limits: Limits) -> Outcome:
    """What the best count vectors come to; an infeasible guest's findings are only what breaks a rule by itself."""
    best: Undecided | None = None
    attempt: Attempt | None = None
    try:
        items = items_of(guest)
    except PinConflict as conflict:
        return _infeasible(conflict)
    for formulations in series(guest, items):
        coarser: Optimum | None = None
        for formulation in formulations:
            LOG.debug("trying %s", formulation)
            attempt = _attempt(guest, items, formulation, limits, coarser)
            outcome, coarser = attempt.outcome, attempt.optimum
            if isinstance(outcome, Solved):
                return outcome
            if isinstance(outcome, Infeasible):
                if attempt.proves:
                    return outcome
                break  # finer ones of this series have no solution either
            if best is None or best.layout is None or outcome.layout is not None:
                best = outcome
            if limits.left() == 0 or (attempt.incomplete and best.layout is not None):
                return best  # what leaves layouts out proves nothing, nor does a finer model of the same
    return (attempt and _as_cheap(guest, items, attempt, limits)) or best or Undecided()


def _as_cheap(guest: Guest, items: Items, attempt: Attempt, limits: Limits) -> Solved | None:
    """A layout of other counts that cost as little as the best: drawn by weights, the same ones on every machine."""
    model, optimum = attempt.model, attempt.optimum
    if model is None or optimum is None or not optimum.proved:
        return None
    rows = at_bounds(model, optimum.conditional_bounds, model.terms)
    for seed in range(DRAWS):
        rng = Random(seed)
        weights = LinearExpr({variable: rng.randint(0, 3) for variable in range(len(rows.ranges))})
        try:
            drawn = CpSatModel(rows, replace(limits.steady, effort=EFFORT_OF_DRAWS)).minimize(weights)
        except TimeIsUp:
            return None
        if drawn.values:
            outcome, _ = _lay_out(guest, items, model, replace(optimum, values=drawn.values), limits)
            if isinstance(outcome, Solved):
                return outcome
    return None


def _attempt(guest: Guest, items: Items, formulation: Formulation, limits: Limits, coarser: Optimum | None) -> Attempt:
    """What the model of one formulation answers, laid out; `coarser` is the optimum of that before in its series."""
    try:
        model = build(guest, items, formulation, check=limits.check)
        least = lower_bounds(model)
        model = restricted_to_least_weights(model, least["preferences"])
        if limits.model_file is not None:
            from ..model.describe import append_to

            append_to(limits.model_file, model)
    except TimeIsUp:
        return Attempt(Undecided())
    except PinConflict as conflict:
        return Attempt(_infeasible(conflict), proves=not formulation.is_restriction)
    infeasible = model.variables.linear.infeasible
    optimum = Infeasible() if infeasible else lexicographic_optimum(guest, model, least, limits, coarser)
    if isinstance(optimum, Infeasible):
        return Attempt(optimum, proves_infeasible(model), model)
    proved = proved_by(model, optimum)
    if not proved.values:
        outcome: Outcome = Undecided(bound=proved.unconditional(guest))
    else:
        outcome = _lay_out_with_retries(guest, items, model, proved, limits)
    known = None if model.incomplete else optimum
    return Attempt(outcome, model=model, optimum=known)


def _infeasible(conflict: PinConflict) -> Infeasible:
    return Infeasible(findings=(Finding(rule=conflict.rule, subjects=conflict.subjects),))


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
            model = model.limited(fullest.used, _less_used(fullest, saving, model, optimum, limits))
        except TimeIsUp:
            break
        if model.variables.linear.infeasible:
            break
        again = lexicographic_optimum(guest, model, lower_bounds(model), limits)
        if isinstance(again, Infeasible) or not again.values:
            break
        optimum = replace(optimum, values=again.values)
        outcome, short = _lay_out(guest, items, model, optimum, limits)
    return outcome


def _less_used(capacity: Capacity, saving: Fraction, model: Model, optimum: Optimum, limits: Limits) -> int:
    """How much the next layouts may use: less than the last by that part of what can be saved; one unit less for 0."""
    used = capacity.used.value(optimum.values)
    if not saving:
        return used - 1
    result = CpSatModel(model.variables.linear, limits).minimize(capacity.used, optimum.values)
    least = result.bound if result.answer is Status.UNKNOWN else capacity.used.value(result.values)
    return floor(used - saving * (used - least))


def _lay_out(guest: Guest, items: Items, model: Model, optimum: Optimum, limits: Limits) -> tuple[Outcome, str | None]:
    """The first order of slots that keeps all rules; where none does, what is said of the first."""
    answers = []
    try:
        for backwards in (False, True):
            assignment = decode(model, optimum.values, limits.check_late, backwards=backwards)
            known = assemble(guest, items, assignment)
            answers.append(verified(known, optimum))
            if isinstance(answers[-1][0], Solved) or answers[-1][0].layout is not None:
                if limits.confirmed is not None:
                    limits.confirmed(known)
                return answers[-1]
    except (NoDecode, TimeIsUp):
        pass
    return answers[0] if answers else (Undecided(bound=optimum.unconditional(guest)), None)


def verified(known: Context, optimum: Optimum) -> tuple[Solved | Undecided, str | None]:
    """Only a layout that verifies is returned, and it is optimal only where its own costs meet the bounds. Else, the
    rule of what ran out, if that is why."""
    layout = with_costs(known, optimum)
    findings = verify_context(known.with_statements(layout))
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
    unmet, values = unmet_preferences(known), objective_of(known)
    terms = objective_terms(known.guest, values, _bounds(known.guest, values, optimum))
    proved = optimum.proved and all(term.value == term.bound for term in terms)
    update: dict[str, object] = {"status": "optimal" if proved else "feasible", "objective": terms, "unmet": unmet}
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
