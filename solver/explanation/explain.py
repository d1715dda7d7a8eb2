"""Why there is no layout: the facts that clash, and what would help.

Most guests that are planned have a layout: what explains is loaded where there is none.
"""

from collections.abc import Iterator

from ...schema.explanation.conflict import CAPACITY_RULES, ENOUGH_SLOTS, Conflict
from ...schema.finding import Finding
from ...schema.layout.layout import Layout
from ...schema.layout.outcome import Infeasible, Outcome
from ...schema.request.guest import Guest, valid
from ..options import Options
from ..ordering import unordered
from ..search.cpsat import Limits
from ..solving import best_known


def explain(guest: Guest, options: Options | None = None, previous: Layout | None = None) -> Outcome:
    """As `solve`; an infeasible guest's outcome has a smallest set of facts that clash, and remedies.

    Both are proved by solving: only these facts are infeasible, without one of any they are not, and with a remedy the
    whole guest has a layout. `time_limit` holds for all of that together: past it, what is not proved is not claimed.
    Raises InputError as `solve`; the same answer on any machine.
    """
    guest, limits = valid(guest), Limits.of(options)
    if previous is not None:
        from ..replanning import replanned

        return replanned(guest, previous, limits, best_known, explained)
    return explained(guest, limits)


def explained(guest: Guest, limits: Limits) -> Outcome:
    """The same within limits that may run already."""
    outcome = with_conflict(guest, limits)
    if not isinstance(outcome, Infeasible) or outcome.conflict is None or _is_of_order(outcome):
        return outcome
    from .remedies import remedies_of

    return outcome.model_copy(update={"remedies": remedies_of(guest, outcome.conflict, limits.steady)})


def with_conflict(guest: Guest, limits: Limits) -> Outcome:
    """The same without remedies."""
    outcome = best_known(guest, limits)
    if not isinstance(outcome, Infeasible):
        return outcome
    from ...schema.explanation.facts import facts_of
    from .conflict import minimal_conflict

    if _is_of_order(outcome):
        from .out_of_order import out_of_order

        return out_of_order(guest, limits.steady)
    guest = unordered(guest)
    conflict = minimal_conflict(guest, facts_of(guest), limits.steady, outcome.findings)
    used = tuple(_used(guest, conflict, limits.steady))
    return Infeasible(findings=used or outcome.findings, conflict=conflict)


def _is_of_order(outcome: Infeasible) -> bool:
    """Whether there is a layout without the order: then what helps is sought with it, and whatever clashes beside."""
    return any(finding.rule == "order" for finding in outcome.findings)


def _used(guest: Guest, conflict: Conflict, limits: Limits) -> Iterator[Finding]:
    """Of each limit in the conflict, what every layout of its facts would use."""
    from ...schema.explanation.restrict import Relaxation
    from ..search.shortage import free_slots, shortage_of

    relaxation = Relaxation.of(guest, conflict.facts)
    for fact in conflict.facts:
        if fact.rule == ENOUGH_SLOTS:
            yield free_slots(relaxation)
        elif fact.rule in CAPACITY_RULES:
            yield from shortage_of(relaxation, fact.rule, limits) or (Finding(rule=fact.rule),)
