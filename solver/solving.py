"""The whole question: the best layout, the proof that there is none, or what is known at the limit."""

import logging
from dataclasses import replace
from typing import Final

from ..schema.layout.layout import Layout
from ..schema.layout.outcome import Infeasible, Outcome, Undecided
from ..schema.request.guest import Guest, valid
from .address_model import address_level, is_the_smaller, within_reach
from .options import Options
from .ordering import unordered
from .search.cpsat import Limits
from .search.lexicographic import Optimum
from .search.optimize import optimize, with_costs

LOG = logging.getLogger(__name__)

EFFORT_BESIDE: Final = 1.0
"""In OR-Tools' deterministic seconds, of each solve where the address-level model comes first, and of those that find
what runs out: see cpsat.EFFORT."""
CUTS: Final = 2
"""Answers that the prediction may refuse there: of memory the counting model knows more."""


def solve(guest: Guest, options: Options | None = None, previous: Layout | None = None) -> Outcome:
    """An optimal, verified layout; or the proof that there is none; or, past a limit, the best known.

    Beside a `previous` layout as few of its devices move as can be: see docs/semantics.md, The previous layout.

    The answer is the same for any number of workers, any seed and any machine. Findings of an infeasible guest say what
    runs out, or who breaks a rule alone; `explain` says why. Raises InputError for a guest that was changed into one
    that is not valid, and ArgumentError for what is no guest.
    """
    guest, limits = valid(guest), Limits.of(options)
    if previous is not None:
        from .replanning import replanned  # what few ask for is loaded when they do

        return replanned(guest, previous, limits, best_known, _with_shortages)
    return _with_shortages(guest, limits)


def _with_shortages(guest: Guest, limits: Limits) -> Outcome:
    outcome = best_known(guest, limits)
    if isinstance(outcome, Infeasible) and not outcome.findings:
        from .search.shortage import shortages

        return Infeasible(findings=shortages(unordered(guest), replace(limits.steady, effort=EFFORT_BESIDE)))
    return outcome


def best_known(guest: Guest, limits: Limits) -> Outcome:
    """As `solve`, but that an infeasible guest's findings are only what breaks a rule by itself."""
    outcome = _best_known(guest, limits)
    LOG.info("%d devices on %s: %s", len(guest.devices), guest.machine, type(outcome).__name__)
    return outcome


def _best_known(guest: Guest, limits: Limits) -> Outcome:
    if guest.order:
        from .ordering.ordered import ordered  # what few ask for is loaded when they do

        return ordered(guest, limits, best_known)
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
    from .search.feasibility import any_layout

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
