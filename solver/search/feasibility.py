"""Whether a guest can be laid out at all: no objective, and neither answer without its proof.

`without` are rules of CAPACITY_RULES that need not be kept. Guests need not be valid, see `restricted`.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

from ...schema.explanation.conflict import ENOUGH_SLOTS
from ...schema.explanation.restrict import Relaxation
from ...schema.layout.outcome import Infeasible
from ...schema.pci.address import BUS_NUMBERS
from ...schema.records import record
from ...schema.request.guest import Guest
from ...schema.verify import verify_context
from ...schema.verify.context import Context
from ..aggregate.items import Items, items_of
from ..aggregate.pins import PinConflict
from ..aggregate.relaxed_items import relaxed_items
from ..decode.assemble import assemble
from ..decode.decoder import decode
from ..decode.seats import Assignment, NoDecode
from ..model.build import build
from .cpsat import CpSatModel, Limits, Status, TimeIsUp
from .formulations import formulations, proves_infeasible
from .optimize import optimize

NO_RULE: frozenset[str] = frozenset()

SEEDS = 3
"""How many seatings of each model are held against the rules, where the first does not verify."""


class InfeasibilityProof(NamedTuple):
    """That no layout exists. `rule` is what a part of the request breaks wherever the others go, if that is why."""

    rule: str = ""


def prove_infeasible(
    relaxation: Relaxation, limits: Limits, without: frozenset[str] = NO_RULE, *, thorough: bool = False
) -> InfeasibilityProof | None:
    """The proof that no request between the two has a layout, with a model that leaves nothing out, if there is one.

    Gives up where the first model has a solution, unless `thorough`.
    """
    try:
        items = relaxed_items(relaxation)
        for formulation in formulations(relaxation.stated, items):
            model = build(relaxation.stated, items, replace(formulation, without=without), check=limits.check)
            linear = model.variables.linear
            answer = Status.INFEASIBLE
            if not linear.infeasible:
                answer = CpSatModel(linear, limits).minimize(model.no_objective).answer
            if answer is Status.INFEASIBLE and proves_infeasible(model):
                return InfeasibilityProof()
            if not thorough and answer is not Status.UNKNOWN:
                return None
    except TimeIsUp:
        return None
    except PinConflict as impossible:
        return InfeasibilityProof(impossible.rule)
    return None


def feasible(guest: Guest, limits: Limits, without: frozenset[str] = NO_RULE) -> bool:
    """Whether a layout is found that verifies."""
    found = seated(guest, limits, without)
    return _is_planned(guest, limits) if found is None else found


def seated(guest: Guest, limits: Limits, without: frozenset[str] = NO_RULE, seeds: int = SEEDS) -> bool | None:
    """Whether one of the first seatings verifies; None where none does and nothing is proved."""
    try:
        for look in _attempts_by_seed(guest, limits, without, seeds):
            if look.proof:
                return False
            if look.verifies(without):
                return True
    except (PinConflict, TimeIsUp):
        return False
    return None


def any_layout(guest: Guest, limits: Limits) -> Context | None:
    """The first layout found that verifies."""
    try:
        looks = _attempts_by_seed(guest, limits.steady, NO_RULE)
        return next((look.known for look in looks if look.assignment is not None and look.verifies(NO_RULE)), None)
    except (PinConflict, TimeIsUp):
        return None


def _attempts_by_seed(
    guest: Guest, limits: Limits, without: frozenset[str], seeds: int = SEEDS
) -> Iterator["_Attempt"]:
    """Looks from several seeds: where alignment decides, one seating may do and another not."""
    for seed in range(seeds):
        yield from _attempts(guest, replace(limits, seed=limits.seed + seed), without)


def _is_planned(guest: Guest, limits: Limits) -> bool:
    """The whole search also finds what no first seating is: what keeps the limits is a layout without them, too."""
    outcome = optimize(guest, limits)
    return not isinstance(outcome, Infeasible) and outcome.layout is not None


@record(frozen=True)
class _Attempt:
    """What one model says: a proof that there is nothing, a seating, neither; or seats enough, were there no limit
    without which there is no layout to write down."""

    guest: Guest
    items: Items
    proof: bool = False
    assignment: Assignment | None = None
    unwritten: bool = False

    @cached_property
    def known(self) -> Context:
        assert self.assignment is not None
        return assemble(self.guest, self.items, self.assignment)

    def verifies(self, without: frozenset[str]) -> bool:
        if self.assignment is None:
            return self.unwritten
        # without the limit to IO space nothing is reserved of it
        lax = without | {"spare"} if "io-space" in without else without
        findings = verify_context(self.known)
        return all(one.severity == "warning" or one.rule in lax for one in findings)


def _attempts(guest: Guest, limits: Limits, without: frozenset[str]) -> Iterator[_Attempt]:
    items = items_of(guest)
    for formulation in formulations(guest, items):
        model = build(guest, items, replace(formulation, without=without), check=limits.check)
        linear = model.variables.linear
        if linear.infeasible:
            yield _Attempt(guest, items, proof=proves_infeasible(model))
            continue
        result = CpSatModel(linear, limits).minimize(model.no_objective)
        if result.values and ENOUGH_SLOTS in without:
            yield _Attempt(guest, items, unwritten=True)
        elif result.values:
            try:
                assignment = decode(model, result.values, limits.check_late)
            except NoDecode:
                continue
            many = len(assignment.buses) > BUS_NUMBERS
            yield _Attempt(guest, items, unwritten=True) if many else _Attempt(guest, items, assignment=assignment)
        else:
            yield _Attempt(guest, items, proof=result.answer is Status.INFEASIBLE and proves_infeasible(model))
