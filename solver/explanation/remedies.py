"""What would help an infeasible guest: changes found by relaxing what clashes, each proved by a layout.

Each fact of the clash by itself, else all wishes of its kind; machine and firmware; fewer devices. Where none of that
is enough, one change after the other.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from ...schema.explanation.conflict import CAPACITY_RULES, Conflict, Fact, Facts, with_least
from ...schema.explanation.facts import facts_of
from ...schema.explanation.remedy import Change, Remedy
from ...schema.explanation.restrict import Relaxation, left_out, modern, restricted
from ...schema.explanation.wishes import wish_of
from ...schema.layout.layout import Layout
from ...schema.layout.outcome import known_layout
from ...schema.pci.ovmf_addresses import most_bits
from ...schema.request.guest import Guest
from ...schema.verify.context import context_of
from ...schema.verify.usage import usage
from ..ordering import unordered
from ..search.cpsat import Limits
from ..search.feasibility import feasible, prove_infeasible
from ..solving import best_known
from .changed_requests import no_longer_virtual, revalidated, with_bus_nr, with_policy
from .conflict import few_that_clash

COUNTED: Final = ("io-space", "bus-numbers", "max-controllers")
"""Limits whose use is told of a remedy."""
DEEPER: Final = 4
"""Levels that a limit of depth is raised by at most."""
ALTERNATIVES: Final = 32
"""Facts of one kind that are tried each by itself."""
STEPS: Final = 4
"""Clashes that are told a way out of together."""
SOON: Final = 0.3
"""Effort for the plan whose numbers a remedy tells: enough for the best one but where guests are large."""
SHOWN: Final = 8
"""Changed devices whose new places are told."""


def remedies_of(guest: Guest, conflict: Conflict, limits: Limits) -> tuple[Remedy, ...]:
    """The smallest first; another machine or firmware behind those, fewer devices last."""
    search = _Remedies(guest, facts_of(guest), conflict.facts, limits)
    return tuple(sorted(search.run(), key=_size))


def _size(remedy: Remedy) -> tuple[int, int]:
    whats = {change.what for change in remedy.changes}
    rank = 2 if "leave-out" in whats else 1 if whats & {"machine", "firmware"} else 0
    return rank, sum(_steps(change) for change in remedy.changes)


def _steps(change: Change) -> int:
    counted = change.what not in ("bus_nr", "phys_bits")  # of those any number is as good
    if counted and isinstance(change.before, int) and isinstance(change.after, int):
        return abs(change.after - change.before)
    return max(1, len(change.subjects))


@dataclass(slots=True)
class _Remedies:
    guest: Guest
    facts: Facts
    """All of the guest."""
    clash: Facts
    limits: Limits

    def run(self) -> Iterator[Remedy]:
        found = list(self.single())
        yield from found
        # what has no layout without any wish has none without a few of them
        if all(len(remedy.changes) > STEPS for remedy in found) and self.has_layout(
            self.all_but({*_wishes(self.facts)})
        ):
            yield from self.step_by_step()

    def single(self) -> Iterator[Remedy]:
        """Machine or firmware, which are soon tried, should time run out; wishes of one kind; fewer devices."""
        yield from self.platform()
        wishes = _wishes(self.clash)
        for rule in dict.fromkeys(fact.rule for fact in wishes):
            mine = [fact for fact in wishes if fact.rule == rule]
            found = [remedy for fact in mine[:ALTERNATIVES] for remedy in self.alone(fact)]
            yield from found or self.together([fact for fact in self.facts if fact.rule == rule])
        yield from self.fewer()

    def step_by_step(self) -> Iterator[Remedy]:
        """Where several things clash, a wish of each; of the last one many, where there are many of its kind."""
        dropped: list[Fact] = []
        clash, left = self.clash, self.facts
        for _ in range(STEPS):
            # a number has no one change that does away with it
            wish = next((fact for fact in _wishes(clash) if not wish_of(fact).is_number), None)
            if wish is None:
                return
            dropped.append(wish)
            left = with_least(left, wish, 0)
            guest = restricted(self.guest, left)
            if self.has_layout(guest):
                yield from self.proved(guest, *map(Change.of, dropped))
                return
            if not prove_infeasible(Relaxation(guest, guest), self.limits, thorough=True):
                return
            clash = few_that_clash(unordered(self.guest), left, self.limits)
            same = [fact for fact in _wishes(clash) if fact.rule != dropped[0].rule]
            if len(same) > STEPS and len({fact.rule for fact in same}) == 1:
                yield from self.together([fact for fact in left if fact.rule == same[0].rule], dropped)
                return

    # ---- wishes

    def alone(self, fact: Fact) -> Iterator[Remedy]:
        """The fact by itself, as far as it must be."""
        if fact.whose == "policy" and wish_of(fact).is_number:
            yield from self.raised(fact)
            return
        found = list(self.renumbered(fact))
        found = found or list(self.lessened(fact.count, partial(self.less, fact), partial(Change.of, fact)))
        yield from found or self.modern(fact)

    def renumbered(self, fact: Fact) -> Iterator[Remedy]:
        """An expander that says its first bus number with another one."""
        expander = next((one for one in self.guest.controllers if (one.id,) == fact.subjects), None)
        if fact.rule != "as-requested" or expander is None or "bus_nr" not in expander.properties:
            return
        free = with_bus_nr(self.guest, expander, None)
        layout = self.layout(free) if self.has_layout(free) else None
        if layout is not None:
            after = next(one for one in layout.controllers if one.id == expander.id).properties["bus_nr"]
            change = Change(what="bus_nr", subjects=fact.subjects, before=expander.properties["bus_nr"], after=after)
            yield from self.proved(with_bus_nr(self.guest, expander, after), change)

    def modern(self, fact: Fact) -> Iterator[Remedy]:
        """Another virtio mode than QEMU's own choice, which has IO outside ports."""
        if fact.rule == "as-requested" and fact.value in ("legacy", "transitional"):

            def changed(count: int) -> Guest:
                return modern(self.less(fact, count), fact.subjects[count:])

            def change(count: int) -> Change:
                return Change.of(fact, count).model_copy(update={"after": "modern"})

            yield from self.lessened(fact.count, changed, change)

    def less(self, fact: Fact, count: int) -> Guest:
        return restricted(self.guest, with_least(self.facts, fact, count))

    def lessened(self, count: int, left: Callable[[int], Guest], change: Callable[[int], Change]) -> Iterator[Remedy]:
        """As many as can stay of so many, if it works with none, or one less."""
        if self.has_layout(left(0)):
            most = bisect_left(range(1, count), True, key=lambda number: not self.has_layout(left(number)))
            yield from self.proved(left(most), change(most))
        elif count > 1 and self.has_layout(left(count - 1)):
            yield from self.proved(left(count - 1), change(count - 1))

    def together(self, facts: Sequence[Fact], before: Sequence[Fact] = ()) -> Iterator[Remedy]:
        """All wishes of a kind, where one by one they do not help: as few of them as will do. `before` are others that
        go, too."""
        if len(facts) < 2:
            return
        dropped = {*facts, *before}
        if not self.has_layout(self.all_but(dropped)):
            return
        for fact in facts:
            if self.has_layout(self.all_but(dropped - {fact})):
                dropped.remove(fact)
        told = (*before, *(fact for fact in facts if fact in dropped))
        yield from self.proved(self.all_but(dropped), *map(Change.of, told))

    def all_but(self, dropped: Set[Fact]) -> Guest:
        return restricted(self.guest, (fact for fact in self.facts if fact not in dropped))

    def raised(self, fact: Fact) -> Iterator[Remedy]:
        """A higher limit, the lowest that will do."""
        wish, before = wish_of(fact), int(fact.value or 0)
        if wish.rule == "max-controllers":
            order = ("controllers", *(term for term in self.guest.policy.order if term != "controllers"))
            layout = self.layout(with_policy(self.guest, max_controllers=None, order=order))
            candidates = [] if layout is None else [len(layout.controllers)]
        else:
            candidates = [before + more for more in range(1, DEEPER + 1)]
        for after in candidates:
            changed = with_policy(self.guest, **{wish.field: after})
            if self.has_layout(changed):
                yield from self.proved(changed, Change.of(fact, after))
                return

    # ---- the rest

    def platform(self) -> Iterator[Remedy]:
        other = "q35" if self.guest.machine_model.family == "pc" else "pc"
        firmware = "ovmf" if self.guest.firmware.name == "seabios" else "seabios"
        for change in (
            Change(what="firmware", before=self.guest.firmware.name, after=firmware),
            Change(what="machine", before=self.guest.machine, after=other),
        ):
            changed = revalidated(self.guest, change)
            if changed is not None and self.has_layout(changed):
                yield from self.proved(changed, change)
        if any(fact.rule == "memory-space" for fact in self.clash) and self.guest.firmware.name == "ovmf":
            yield from self.more_bits()

    def more_bits(self) -> Iterator[Remedy]:
        """More address bits, which move OVMF's 64-bit memory to where there is more: the fewest that will do."""
        before = self.guest.address_bits

        def changed(after: int) -> tuple[Change, Guest | None]:
            change = Change(what="phys_bits", before=before, after=after)
            return change, revalidated(self.guest, change)

        limit = most_bits(self.guest.firmware.number)
        most = changed(limit)[1] if before < limit else None
        if most is None or not self.has_layout(most):
            return
        for after in range(before + 1, limit + 1):
            change, guest = changed(after)
            if guest is not None and self.has_layout(guest):
                yield from self.proved(guest, change)
                return

    def fewer(self) -> Iterator[Remedy]:
        """Devices or demanded controllers of one sort left out, as few as will do."""
        named = {subject for fact in self.clash for subject in fact.subjects}
        pins = [*self.guest.reserve, *(one.address for one in self.guest.parts)]
        buses = {pin.bus for pin in pins if pin is not None}
        for fact in self.facts:
            if fact.rule == "complete" and not named.isdisjoint(fact.subjects) and buses.isdisjoint(fact.subjects):
                yield from self.without(fact)

    def without(self, fact: Fact) -> Iterator[Remedy]:
        """The last of them."""

        def left(most: int) -> Guest:
            return left_out(self.guest, fact.subjects[most:])

        yield from self.lessened(fact.count, left, partial(Change.of, fact))

    # ---- proofs

    def has_layout(self, guest: Guest) -> bool:
        return feasible(guest, self.limits) if not guest.order else self.layout(guest) is not None

    def layout(self, guest: Guest) -> Layout | None:
        """A good one, soon: remedies are of requests that are no longer asked when they are told."""
        return known_layout(best_known(guest, replace(self.limits, effort=SOON)))

    def proved(self, changed: Guest, *changes: Change) -> Iterator[Remedy]:
        """With the numbers of the best layout that there is then."""
        layout = self.layout(changed)
        if layout is None:
            return
        changes += tuple(no_longer_virtual(self.guest, changed))
        subjects = [one for change in changes for one in change.subjects]
        seats = {seat.id: str(seat.address) for seat in (*layout.controllers, *layout.devices)}
        places = {one: seats[one] for one in subjects if one in seats}
        known = context_of(changed, layout)
        limit = next((fact.rule for fact in self.clash if fact.rule in COUNTED and usage(known, fact.rule)), "")
        used, available = usage(known, limit) or (0, 0)
        yield Remedy(
            changes=changes,
            places=places if len(places) <= SHOWN else {},
            limit=limit,
            used=used,
            available=available,
        )


def _wishes(clash: Facts) -> list[Fact]:
    return [fact for fact in clash if fact.rule not in CAPACITY_RULES and fact.rule != "complete"]
