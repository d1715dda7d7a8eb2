"""The smallest set of facts that clash: what a request cannot have together.

Shrunk from all facts by leaving out what is not needed, large pieces first, in a fixed order; then proved: these facts
alone are infeasible, and with one less of any they are not. Each step is a request of its own, encoded anew, so nothing
depends on how a model is guarded; what could not be decided counts as neither.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..schema.facts import LIMITS, Fact, Kept
from ..schema.guest import Guest
from ..schema.restricted import restricted
from .cpsat import Limits
from .settle import feasible, infeasible


@dataclass(frozen=True, slots=True)
class Clash:
    """How many of each fact clash. `minimal`: proved that with one less of any they do not."""

    kept: Kept
    minimal: bool


def clash_of(guest: Guest, facts: Iterable[Fact], limits: Limits, suspects: Sequence[str] = ()) -> Clash:
    """Of all facts of a guest that is known to be infeasible; `suspects` are ids that may well be all that it takes."""
    search = _Search(guest, limits, {fact: fact.count for fact in facts})
    search.suspect(suspects)
    search.leave_out_pieces()
    search.weaken()
    search.count_down()
    return Clash(search.kept, search.is_minimal())


def without(kept: Kept) -> frozenset[str]:
    """The limits that are none of these facts."""
    return frozenset(LIMITS) - {fact.rule for fact in kept}


@dataclass(slots=True)
class _Search:
    """`kept` always clashes, and that is proved."""

    guest: Guest
    limits: Limits
    kept: dict[Fact, int]
    all: tuple[Fact, ...] = field(init=False)
    known: dict[frozenset[tuple[Fact, int]], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.all = tuple(self.kept)

    def clash(self, kept: Mapping[Fact, int]) -> bool:
        key = frozenset(kept.items())
        if key not in self.known:
            self.known[key] = infeasible(restricted(self.guest, kept), self.limits, without(kept))
        return self.known[key]

    def takes(self, fewer: dict[Fact, int]) -> bool:
        """Goes on with these if they clash, too."""
        if self.clash(fewer):
            self.kept = fewer
            return True
        return False

    def with_count(self, fact: Fact, count: int) -> dict[Fact, int]:
        return {one: count if one is fact else number for one, number in self.kept.items() if one is not fact or count}

    def suspect(self, names: Sequence[str]) -> None:
        """Leaves out, if that may be, what says nothing of these."""
        if names:
            self.takes({fact: number for fact, number in self.kept.items() if not {*names}.isdisjoint(fact.subjects)})

    def leave_out_pieces(self) -> None:
        size = len(self.kept) // 2
        while size:
            rest = list(self.kept)
            for start in range(0, len(rest), size):
                piece = set(rest[start : start + size])
                self.takes({fact: number for fact, number in self.kept.items() if fact not in piece})
            size //= 2

    def weaken(self) -> None:
        """Of a wish only that its devices are there, where that is enough."""
        listed = [fact for fact in self.all if fact.rule == "complete"]
        there = {name: (fact, place) for fact in listed for place, name in enumerate(fact.subjects, 1)}
        for fact in [one for one in self.kept if one.rule != "complete" and there.keys() >= {*one.subjects}]:
            weaker = self.with_count(fact, 0)
            for name in fact.subjects[: self.kept[fact] if fact.count > 1 else None]:
                present, place = there[name]
                weaker[present] = max(weaker.get(present, 0), place)
            if fact.subjects:
                self.takes(weaker)

    def count_down(self) -> None:
        """The least number of each counted fact, the others as they are."""
        for fact in list(self.kept):
            least, most = 1, self.kept[fact]
            while least < most:
                middle = (least + most) // 2
                if self.takes(self.with_count(fact, middle)):
                    most = middle
                else:
                    least = middle + 1

    def is_minimal(self) -> bool:
        """Whether each set with one less has a layout. What clashes still is gone on with: facts can hold each other
        up, where one fills function 0 for another, say."""
        proved, facts = True, list(self.kept)
        while facts:
            fact = facts.pop(0)
            fewer = self.with_count(fact, self.kept[fact] - 1)
            if self.has_layout(fewer, fact):
                continue
            if infeasible(restricted(self.guest, fewer), self.limits, without(fewer), thorough=True):
                self.kept, proved, facts = fewer, True, list(fewer)
            else:
                proved = False
        return proved

    def has_layout(self, kept: Kept, dropped: Fact) -> bool:
        """One that keeps all limits but a dropped one is sought first; of slots there are never more than there are,
        unless it is those that are dropped: else there would be no layout to verify."""
        guest, own = restricted(self.guest, kept), frozenset({dropped.rule}) & frozenset(LIMITS)
        return any(feasible(guest, self.limits, left) for left in (own, (without(kept) - {"address-unique"}) | own))
