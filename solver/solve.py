"""The whole question: the best layout, the proof that there is none, or what is known at the limit."""

from ..schema.guest import Guest
from ..schema.outcome import Infeasible, Outcome, Undecided
from .cpsat import Limits
from .options import Options
from .search import Optimum, completed, decide
from .settle import any_layout
from .shortage import shortages


def solve(guest: Guest, options: Options | None = None) -> Outcome:
    """An optimal, verified layout; or the proof that there is none; or, past a limit, the best known.

    Raises nothing for a valid Guest. The answer is the same for any number of workers, any seed and any machine.
    Findings of an infeasible guest say what runs out, or who breaks a rule alone; `explain` says why.
    """
    limits = Limits.of(options or Options())
    outcome = best_known(guest, limits)
    if isinstance(outcome, Infeasible) and not outcome.findings:
        return Infeasible(findings=shortages(guest, limits))
    return outcome


def best_known(guest: Guest, limits: Limits) -> Outcome:
    """As `solve`, but that an infeasible guest's findings are only what breaks a rule by itself."""
    outcome = decide(guest, limits)
    if not isinstance(outcome, Undecided) or outcome.layout is not None:
        return outcome
    known = any_layout(guest, limits)  # where the best ones could not be laid out: another, if there is time
    if known is None:
        return outcome
    bounds = {term.term: term.bound for term in outcome.bound}
    layout = completed(known, Optimum((), bounds, bounds, proved=False))
    return Undecided(layout=layout, bound=layout.objective)
