"""The opinion of another solver about the rows: what the model says, without what the search makes of it.

The unrestricted rows go to SCIP as they are. So a fault of a restricted stage, of a bound in solver/search/bounds.py
or of CP-SAT shows; a fault of the rows themselves does not. Where the answer is not of the rows, as the prediction
refused what they allow, they are not asked.
"""

from qslot.schema import Guest, Infeasible, Solved, Undecided
from qslot.schema.layout.outcome import Outcome
from qslot.schema.request.fields import Term
from qslot.solver.aggregate.items import items_of
from qslot.solver.aggregate.pins import PinConflict
from qslot.solver.formulation import Formulation
from qslot.solver.model.build import Model, build
from qslot.solver.search.cpsat import Limits
from qslot.solver.search.optimize import optimize

from .milp import UnsureError, lexicographic

SECONDS = 20.0
"""For a guest; nearly every one takes less than a second."""
UNRESTRICTED = (Formulation(), Formulation(exact_io=True))
"""Every layout has an image in the rows of each. The second tells more packings of IO apart, so it may say more."""

EFFORT = 1.0
"""For each solve of the search without the address-level model, in OR-Tools' deterministic seconds."""

Costs = dict[Term, int]


def opinion(guest: Guest, outcome: Outcome, *, seconds: float = SECONDS) -> str:
    """Whether what `solve` answered is what the rows say: "agree", "n/a: why" or "DISAGREE: what"."""
    if not isinstance(outcome, Solved | Infeasible):
        return "n/a: undecided"
    claimed = _costs(outcome)
    told = []
    try:
        for formulation in UNRESTRICTED:
            model = _model(guest, formulation)
            if model is not None and model.incomplete:
                return "n/a: the rows leave out layouts"
            found = None if model is None else _optimum(model, guest, seconds)
            if found == claimed:
                return "agree"
            told.append(_text(found))
            if claimed is not None and (found is None or _vector(guest, found) > _vector(guest, claimed)):
                break  # the layout itself says that these rows forbid too much
        else:
            if isinstance(optimize(guest, Limits(effort=EFFORT)), Undecided):
                return "n/a: the rows allow what only the exact prediction refuses"
    except UnsureError as unsure:
        return f"n/a: SCIP is not sure ({unsure})"
    return f"DISAGREE: rows {', '.join(told)}, solver {_text(claimed)}"


def _model(guest: Guest, formulation: Formulation) -> Model | None:
    """None where a pinned part breaks a rule by itself."""
    try:
        return build(guest, items_of(guest), formulation)
    except PinConflict:
        return None


def _optimum(model: Model, guest: Guest, seconds: float) -> Costs | None:
    order = [term for term in guest.policy.order if term in model.terms]
    best = lexicographic(model.variables.linear, [model.terms[term] for term in order], seconds)
    return None if best is None else dict(zip(order, best, strict=True))


def _costs(outcome: Solved | Infeasible) -> Costs | None:
    """Of the terms that the rows have: without a previous layout the others are 0."""
    if isinstance(outcome, Infeasible):
        return None
    return {one.term: one.value for one in outcome.layout.objective if one.term not in ("moved", "guest_visible")}


def _vector(guest: Guest, costs: Costs) -> list[int]:
    return [costs[term] for term in guest.policy.order if term in costs]


def _text(costs: Costs | None) -> str:
    return "infeasible" if costs is None else " ".join(f"{term} {value}" for term, value in costs.items())
