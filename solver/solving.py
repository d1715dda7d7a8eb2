"""The whole question: the best layout, the proof that there is none, or what is known at the limit."""

from dataclasses import replace
from typing import Final

from ..schema.layout.outcome import Infeasible, Outcome, Undecided
from ..schema.request.guest import Guest
from .address_model import address_level, is_the_smaller, within_reach
from .options import Options
from .search.cpsat import Limits
from .search.feasibility import any_layout
from .search.lexicographic import Optimum
from .search.optimize import optimize, with_costs
from .search.shortage import shortages

EFFORT_BESIDE: Final = 1.0
"""In OR-Tools' deterministic seconds, of each solve where the address-level model comes first, and of those that find
what runs out: see cpsat.EFFORT."""
CUTS: Final = 2
"""Answers that the prediction may refuse there: of memory the counting model knows more."""


def solve(guest: Guest, options: Options | None = None) -> Outcome:
    """An optimal, verified layout; or the proof that there is none; or, past a limit, the best known.

    Raises InputError for a guest that was changed into one that is not valid. The answer is the same for any number of
    workers, any seed and any machine.
    Findings of an infeasible guest say what runs out, or who breaks a rule alone; `explain` says why.
    """
    guest, limits = guest.validated(), Limits.of(options or Options())
    outcome = best_known(guest, limits)
    if isinstance(outcome, Infeasible) and not outcome.findings:
        return Infeasible(findings=shortages(guest, replace(limits.steady, effort=EFFORT_BESIDE)))
    return outcome


def best_known(guest: Guest, limits: Limits) -> Outcome:
    """As `solve`, but that an infeasible guest's findings are only what breaks a rule by itself."""
    # not under a limit of time, which would decide whose layout it is, on slow machines another than on fast ones
    if limits.seconds is None and within_reach(guest) and is_the_smaller(guest):
        first = address_level(guest, replace(limits.steady, effort=EFFORT_BESIDE), cuts=CUTS)
        if not isinstance(first, Undecided):
            return first
    outcome = optimize(guest, limits)
    if isinstance(outcome, Undecided) and limits.left() != 0:
        outcome = _otherwise(guest, outcome, limits)
    if isinstance(outcome, Undecided):
        return outcome.model_copy(update={"reason": "limit" if limits.left() == 0 else "unconfirmed"})
    return outcome


def _otherwise(guest: Guest, outcome: Undecided, limits: Limits) -> Outcome:
    """Where the best ones that were counted could not be laid out: any other layout first, should time run out; then
    the best one, address by address, of guests that are small enough."""
    known = any_layout(guest, limits) if outcome.layout is None else None
    if known is not None:
        bounds = {term.term: term.bound for term in outcome.bound}
        layout = with_costs(known, Optimum((), bounds, bounds, proved=False))
        outcome = Undecided(layout=layout, bound=layout.objective)
    if within_reach(guest):
        second = address_level(guest, limits)
        if not isinstance(second, Undecided):
            return second
        if outcome.layout is None:
            return second
    return outcome
