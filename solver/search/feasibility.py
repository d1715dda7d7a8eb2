"""Whether a guest can be laid out at all: no objective, and neither answer without its proof.

`without` are rules of LIMITS that need not be kept. Guests need not be valid, see `restricted`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from ...schema.explanation.facts import SLOTS
from ...schema.explanation.restrict import Relaxation
from ...schema.layout.outcome import Infeasible
from ...schema.request.guest import Guest
from ...schema.verify import verify_surveyed
from ...schema.verify.context import Survey
from ..aggregate.bus_class_builder import scopes
from ..aggregate.bus_classes import BUS_NUMBERS
from ..aggregate.items import Items, items_of
from ..aggregate.pins import Impossible
from ..aggregate.relaxed_items import relaxed_items
from ..decode.assemble import assemble
from ..decode.decoder import decode
from ..decode.seats import NoDecode, Seating
from ..model.build import encode
from .cpsat import Answer, Limits, Program, TimeIsUp
from .optimize import decide

NONE: frozenset[str] = frozenset()

SEEDS = 3
"""How many seatings of each model are held against the rules, where the first does not verify."""


class Proof(NamedTuple):
    """That no layout exists. `rule` is what a part of the request breaks wherever the others go, if that is why."""

    rule: str = ""


def infeasible(
    relaxation: Relaxation, limits: Limits, without: frozenset[str] = NONE, *, thorough: bool = False
) -> Proof | None:
    """The proof that no request between the two has a layout, with a model that leaves nothing out, if there is one.

    Gives up where the first model has a solution, unless `thorough`.
    """
    try:
        items = relaxed_items(relaxation)
        for scope in scopes(relaxation.stated, items):
            encoding = encode(relaxation.stated, items, scope, cheapest_only=False, without=without, check=limits.check)
            rows = encoding.variables.rows
            answer = Answer.INFEASIBLE
            if not rows.infeasible:
                answer = Program(rows, limits).minimize(encoding.nothing).answer
            if answer is Answer.INFEASIBLE and not encoding.capped:
                return Proof()
            if not thorough and answer is not Answer.UNKNOWN:
                return None
    except TimeIsUp:
        return None
    except Impossible as impossible:
        return Proof(impossible.rule)
    return None


def feasible(guest: Guest, limits: Limits, without: frozenset[str] = NONE) -> bool:
    """Whether a layout is found that verifies."""
    try:
        for look in _several(guest, limits, without):
            if look.proof:
                return False
            if look.verifies(without):
                return True
    except (Impossible, TimeIsUp):
        return False
    return _is_planned(guest, limits)


def any_layout(guest: Guest, limits: Limits) -> Survey | None:
    """The first layout found that verifies."""
    try:
        looks = _several(guest, limits.steady, NONE)
        return next((look.known for look in looks if look.seating is not None and look.verifies(NONE)), None)
    except (Impossible, TimeIsUp):
        return None


def _several(guest: Guest, limits: Limits, without: frozenset[str]) -> Iterator["_Look"]:
    """Looks from several seeds: where alignment decides, one seating may do and another not."""
    for seed in range(SEEDS):
        yield from _looks(guest, replace(limits, seed=limits.seed + seed), without)


def _is_planned(guest: Guest, limits: Limits) -> bool:
    """The whole search also finds what no first seating is: what keeps the limits is a layout without them, too."""
    outcome = decide(guest, limits)
    return not isinstance(outcome, Infeasible) and outcome.layout is not None


@dataclass(frozen=True)
class _Look:
    """What one model says: a proof that there is nothing, a seating, neither; or seats enough, were there no limit
    without which there is no layout to write down."""

    guest: Guest
    items: Items
    proof: bool = False
    seating: Seating | None = None
    unwritten: bool = False

    @cached_property
    def known(self) -> Survey:
        assert self.seating is not None
        return assemble(self.guest, self.items, self.seating)

    def verifies(self, without: frozenset[str]) -> bool:
        if self.seating is None:
            return self.unwritten
        # without the limit to IO space nothing is reserved of it
        lax = without | {"spare"} if "io-space" in without else without
        findings = verify_surveyed(self.known)
        return all(one.severity == "warning" or one.rule in lax for one in findings)


def _looks(guest: Guest, limits: Limits, without: frozenset[str]) -> Iterator[_Look]:
    items = items_of(guest)
    for scope in scopes(guest, items):
        encoding = encode(guest, items, scope, cheapest_only=False, without=without, check=limits.check)
        rows = encoding.variables.rows
        if rows.infeasible:
            yield _Look(guest, items, proof=not encoding.capped)
            continue
        result = Program(rows, limits).minimize(encoding.nothing)
        if result.values and SLOTS in without:
            yield _Look(guest, items, unwritten=True)
        elif result.values:
            try:
                seating = decode(encoding, result.values, limits.check_late)
            except NoDecode:
                continue
            many = len(seating.buses) > BUS_NUMBERS
            yield _Look(guest, items, unwritten=True) if many else _Look(guest, items, seating=seating)
        else:
            yield _Look(guest, items, proof=result.answer is Answer.INFEASIBLE and not encoding.capped)
