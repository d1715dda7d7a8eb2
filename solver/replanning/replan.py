"""The request beside a previous layout, as requests that say who stays."""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from ...schema.errors import ArgumentError, expect
from ...schema.explanation.conflict import Conflict, Fact
from ...schema.explanation.remedy import Change, Remedy
from ...schema.finding import Finding
from ...schema.formats.placed import require_sound
from ...schema.layout.layout import Layout, ObjectiveTerm
from ...schema.layout.outcome import MOVED, Infeasible, Outcome, Undecided, known_layout
from ...schema.pci.qemu_properties import Scalar
from ...schema.previous import Standing, comparable, standing_of
from ...schema.request.guest import Guest
from ...schema.verify.context import Context
from ..search.cpsat import Limits
from .conversion import Conversion
from .judged import Bounds, judged, why_unproved
from .least_moved import least_moved
from .least_seen import least_seen
from .undisturbed import ROUNDS, undisturbed, without_new_controllers
from .who_stays import Plan, StayingChoice, WhoStays, bounds_of

PREVIOUS: Final = "previous layout"
"""As messages name it, where no file does."""
MOST_CONFIRMED: Final = 4
"""Layouts whose contexts are kept: the one that is taken is mostly among the last."""


def replanned(guest: Guest, previous: Layout, limits: Limits, plan: Plan, why: Plan) -> Outcome:
    """The best layout beside the previous one, whose controllers the request then lists: rule kept-controllers.

    `why` says of a request that is known to have no layout why that is. Raises InputError for what cannot have been
    there before; ArgumentError for what is no layout, and where the policy's order has another term before the devices
    that move.
    """
    expect("previous", previous, Layout, "the layout before, as qslot.read_layout(file) gives one")
    require_sound(previous, PREVIOUS)
    standing = standing_of(guest, comparable(previous, guest, PREVIOUS))
    if standing.is_conversion:
        return Conversion(standing, limits, plan, why).run()
    if guest.policy.order[0] != "moved":
        mend = "must begin with moved beside a previous layout: what moves is proved least before all else"
        raise ArgumentError("policy.order", guest.policy.order, mend)
    outcome = Replanning(guest, standing, limits, plan, why).run()
    return _without_a_move_for(guest, outcome, previous, limits, plan, why) if guest.order else outcome


def _without_a_move_for(
    guest: Guest, outcome: Outcome, previous: Layout, limits: Limits, plan: Plan, why: Plan
) -> Outcome:
    """Rule order never costs moves: an outcome in which more move than the request without its order needs is none.

    Where all of those are in another order there is no layout, with a finding that says how many would have to move.
    """
    moved = _moved(outcome)
    if moved is not None and not moved.value:
        return outcome
    free = replanned(guest.model_copy(update={"order": ()}), previous, limits, plan, why)
    needed = _moved(free)
    if needed is None:
        return free
    if moved is not None and moved.value <= needed.value:
        return outcome
    if isinstance(outcome, Infeasible) or (moved is not None and moved.bound > needed.value):
        return _would_move(tuple(guest.order), needed.value, None if moved is None else moved.bound)
    return Undecided(reason="limit" if limits.left() == 0 else "unconfirmed")


def _would_move(order: tuple[str, ...], moved: int, in_order: int | None) -> Infeasible:
    """So many move without the order, and at least so many with it; None where there is no layout with it."""
    details: dict[str, Scalar] = {MOVED: moved, "in-order": "never" if in_order is None else in_order}
    return Infeasible(
        findings=(Finding(rule="order", subjects=order, details=details),),
        conflict=Conflict(facts=(Fact(rule="order", whose="guest", subjects=order),), minimal=len(order) == 2),
        remedies=(Remedy(changes=(Change(what="order", subjects=order),)),),
    )


def _moved(outcome: Outcome) -> ObjectiveTerm | None:
    """How many devices move, if a layout is known."""
    layout = known_layout(outcome)
    return None if layout is None else next(one for one in layout.objective if one.term == "moved")


@dataclass(frozen=True, slots=True)
class Replanning:
    """A request beside a previous layout, and how it is planned."""

    guest: Guest
    standing: Standing
    limits: Limits
    plan: Plan
    why: Plan
    confirmed: deque[Context] = field(default_factory=lambda: deque(maxlen=MOST_CONFIRMED))
    """Of the last layouts that the search found."""

    def run(self) -> Outcome:
        """Everybody stays, if there is such a layout: nothing moves then, which is its own proof. Else as few move as
        there can be."""
        frozen, moving = self.guest.policy.frozen, self.standing.moving
        if frozen and moving:
            return Infeasible(findings=(Finding(rule="frozen", subjects=moving),))
        all_stay = self.with_all_pinned()
        if all_stay.layout is not None:
            proved = bounds_of(all_stay.layout)
            return self.answer(all_stay, Bounds(len(moving), self.least_seen([frozenset()]), proved))
        if frozen and isinstance(all_stay.outcome, Infeasible):
            return self.told(self.why(self.standing.keeping(all_stay.stay), self.limits))
        if frozen:
            return all_stay.outcome
        return self.some_move(proved=isinstance(all_stay.outcome, Infeasible))

    def with_all_pinned(self) -> StayingChoice:
        """Rule frozen: where nothing may move, all that was there is pinned."""
        return self.choose(self.standing.seats)

    def choose(self, stay: Collection[str]) -> StayingChoice:
        """The layout in which these stay."""
        return StayingChoice(frozenset(stay), self.planned(self.standing.keeping(stay)))

    def some_move(self, *, proved: bool) -> Outcome:
        """As few as counting and trying tell. `proved` says that not everybody can stay."""
        guess = least_moved(self.standing, self.limits)
        who = WhoStays(
            names=tuple(self.standing.seats),
            choose=self.choose,
            cost=self.cost,
            least=max(guess.least, int(proved)),
        )
        best = who.best(guess.stay)
        if best is not None:
            least = len(self.standing.moving) + who.least
            return self.answer(best, Bounds(least, self.least_seen(who.movers), who.proved))
        if guess.infeasible or who.is_infeasible:
            return self.told(self.why(self.standing.keeping(()), self.limits))
        return Undecided(reason=self.reason)

    def told(self, outcome: Outcome) -> Outcome:
        """With the rules that the request keeps only beside the previous layout, and whom they are about of those who
        stand in the way, where that is known."""
        if not isinstance(outcome, Infeasible):
            return outcome
        facts = () if outcome.conflict is None else outcome.conflict.facts
        clashing = dict.fromkeys(name for fact in facts for name in fact.subjects)
        listed = {one.id for one in self.guest.controllers}
        there = {
            "kept-controllers": {one.id for one in self.standing.guest.controllers} - listed,
            "frozen": set(self.standing.seats) if self.guest.policy.frozen else set(),
        }
        rules = [rule for rule, names in there.items() if names and (not facts or names & clashing.keys())]
        found = (Finding(rule=one, subjects=tuple(name for name in clashing if name in there[one])) for one in rules)
        return outcome.model_copy(update={"findings": (*outcome.findings, *found)})

    def least_seen(self, movers: Collection[frozenset[str]]) -> int:
        """How many the guest sees otherwise at least, where one of these sets of devices moves; 0 for no sets."""
        return min((least_seen(self.standing, one) for one in movers), default=0)

    def cost(self, layout: Layout) -> tuple[int, ...]:
        """Of layouts in which as many move the better one has less: term by term in the policy's order."""
        costs = {one.term: one.value for one in layout.objective}
        costs["guest_visible"] = self.disturbed(layout)
        return tuple(costs[term] for term in self.guest.policy.order if term != "moved")

    def answer(self, choice: StayingChoice, bounds: Bounds) -> Outcome:
        """The layout, or one with the same who stay that disturbs others less, judged; where that is not proved, with
        the reason."""
        best = self.least_disturbing(choice, bounds.seen)
        return why_unproved(judged(self.guest, self.standing, best, bounds, self.confirmed), self.reason)

    def least_disturbing(self, choice: StayingChoice, least: int) -> Layout:
        """The best layout of the request and of those that ask for more."""
        assert choice.layout is not None
        request = asked = self.standing.keeping(choice.stay)
        best = last = choice.layout
        for _ in range(ROUNDS):
            if self.disturbed(best) <= least:
                return best
            asked, before = undisturbed(asked, last, self.standing.before), asked
            more = None if asked == before else self.layout_of(asked)
            if more is None:
                break
            best, last = min(best, more, key=self.cost), more
        alone = self.layout_of(without_new_controllers(request)) if self.disturbed(best) > least else None
        return best if alone is None else min(best, alone, key=self.cost)

    def disturbed(self, layout: Layout) -> int:
        """How many devices the guest sees otherwise in it."""
        return len(self.standing.before.otherwise_in(layout))

    def layout_of(self, request: Guest) -> Layout | None:
        """The best layout of a request, if one is known."""
        return known_layout(self.planned(request))

    def planned(self, request: Guest) -> Outcome:
        """The request's answer, as if there were no previous layout."""
        return self.plan(request, replace(self.limits, confirmed=self.confirmed.append))

    @property
    def reason(self) -> Literal["limit", "unconfirmed"]:
        """Why there is no proof, where there is none."""
        return "limit" if self.limits.left() == 0 else "unconfirmed"
