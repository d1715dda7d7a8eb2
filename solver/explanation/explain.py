"""Why there is no layout: the facts that clash, and what would help."""

from collections.abc import Iterator

from ...schema.explanation.facts import CAPACITY_RULES, ENOUGH_SLOTS, Fact, FactCounts, facts_of
from ...schema.explanation.restrict import Relaxation, any_function
from ...schema.finding import Finding
from ...schema.layout.outcome import Infeasible, Outcome
from ...schema.pci.qemu_properties import Properties
from ...schema.request.guest import Guest
from ..options import Options
from ..search.cpsat import Limits
from ..search.feasibility import feasible
from ..search.shortage import free_slots, shortage_of
from ..solving import best_known
from .conflict import Conflict, minimal_conflict, without
from .remedies import remedies_of


def explain(guest: Guest, options: Options | None = None) -> Outcome:
    """As `solve`; an infeasible guest's findings are a smallest set of facts that clash, with remedies.

    Both are proved by solving: only these facts are infeasible, without one of any they are not, and with a remedy the
    whole guest has a layout. `time_limit` holds for all of that together: past it, what is not proved is not claimed.
    Raises InputError as `solve`; the same answer on any machine.
    """
    return explained(guest.validated(), Limits.of(options or Options()))


def explained(guest: Guest, limits: Limits) -> Outcome:
    """The same within limits that may run already."""
    outcome, clash = clashing(guest, limits)
    if clash is None:
        return outcome
    return outcome.model_copy(update={"remedies": remedies_of(guest, clash, limits.steady)})


def clashing(guest: Guest, limits: Limits) -> tuple[Outcome, Conflict | None]:
    """The answer, without remedies, and of an infeasible guest its clash."""
    outcome = best_known(guest, limits)
    if not isinstance(outcome, Infeasible):
        return outcome, None
    clash = minimal_conflict(guest, facts_of(guest), limits.steady, outcome.findings)
    left = Relaxation.of(guest, clash.kept)
    findings, breaks = _findings(left, clash.kept, limits.steady), _breaks(left.stated, clash, limits.steady)
    return Infeasible(findings=tuple(findings), minimal=clash.minimal, broken_rule=breaks), clash


def _findings(left: Relaxation, kept: FactCounts, limits: Limits) -> Iterator[Finding]:
    """Limits with what every layout of these facts would use."""
    for fact, count in kept.items():
        if fact.rule == ENOUGH_SLOTS:
            yield free_slots(left)
        elif fact.rule in CAPACITY_RULES:
            yield from shortage_of(left, fact.rule, limits) or (Finding(rule=fact.rule),)
        else:
            yield Finding(rule=fact.rule, subjects=fact.subjects, details=_numbers(fact, count))


def _numbers(fact: Fact, count: int) -> Properties:
    numbers: Properties = {"least": count, "of": fact.count} if fact.count > 1 else {}
    return numbers if fact.value is None else {**numbers, "value": fact.value}


def _breaks(left: Guest, clash: Conflict, limits: Limits) -> str:
    """Only what none of the facts says already. Function 0 it is where other functions of the same slots would do."""
    rule = clash.rule
    if not rule and any(one.address is not None and one.address.function for one in left.parts):
        rule = "function-zero" if feasible(any_function(left), limits, without(clash.kept)) else ""
    return "" if rule in {fact.rule for fact in clash.kept} else rule
