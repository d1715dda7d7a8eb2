"""A layout as the answer to a request beside a previous layout: what it costs, and what of that is proved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ...schema.layout.layout import HISTORY, Layout
from ...schema.layout.outcome import Outcome, Solved, Undecided
from ...schema.previous import Standing
from ...schema.request.fields import Term
from ...schema.request.guest import Guest
from ...schema.verify import verify_context
from ...schema.verify.context import Context, context_of
from ...schema.verify.objective import objective_of, unmet_preferences
from ..search.lexicographic import objective_terms


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is proved: how many devices move at least, and what layouts in which no more move cost at least."""

    moved: int
    seen: int
    """How many the guest sees otherwise at least."""
    others: Mapping[Term, int]
    """Of each term, given that those before it are at theirs; empty where nothing is proved of such layouts."""


def judged(
    guest: Guest, standing: Standing, layout: Layout, bounds: Bounds, confirmed: Iterable[Context] = ()
) -> Outcome:
    """Solved where every term meets its bound, else Undecided; without the layout where that breaks a rule. `confirmed`
    are contexts of layouts that the search has found: what follows from seats is not worked out twice."""
    stated = layout.model_copy(update={"input_sha256": guest.sha256, "warnings": ()})
    known = context_of(guest, stated, standing, confirmed)
    stated = _with_costs(known, bounds)
    findings = verify_context(known.with_statements(stated))
    if any(finding.severity == "error" for finding in findings):
        return Undecided(reason="unconfirmed")
    warned = stated.model_copy(update={"warnings": tuple(findings)})
    return Solved(layout=warned) if warned.status == "optimal" else Undecided(layout=warned, bound=warned.objective)


def why_unproved(outcome: Outcome, reason: Literal["limit", "unconfirmed"]) -> Outcome:
    """The same; where it is not proved, with the reason."""
    if not isinstance(outcome, Undecided):
        return outcome
    known = outcome.layout is not None and reason == "unconfirmed"
    return outcome.model_copy(update={"reason": "replanned" if known else reason})


def _with_costs(known: Context, bounds: Bounds) -> Layout:
    values = objective_of(known)
    terms = objective_terms(known.guest, values, _proved(known.guest, values, bounds))
    if known.standing is not None and known.standing.is_conversion:  # nothing stays, and so nothing moves
        terms = tuple(term for term in terms if term.term != "moved")
    optimal = all(term.value == term.bound for term in terms)
    return known.layout.model_copy(
        update={
            "status": "optimal" if optimal else "feasible",
            "objective": terms,
            "unmet": unmet_preferences(known),
            "replanned": known.replanned,
        }
    )


def _proved(guest: Guest, values: Mapping[Term, int], bounds: Bounds) -> dict[Term, int]:
    """Bounds of the terms that do not compare hold where no more devices move than must, and where the terms before
    are at theirs. What the guest sees otherwise decides nothing of them: they hold for all such layouts."""
    proved: dict[Term, int] = {"moved": bounds.moved, "guest_visible": bounds.seen}
    met = values["moved"] == bounds.moved
    for term in guest.policy.order:
        if term not in HISTORY:
            proved[term] = bounds.others.get(term, 0) if met else 0
            met = met and values[term] == proved[term]
    return proved
