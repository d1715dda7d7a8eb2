"""Planning beside a layout of the other family of machines: nothing stays, and what the guest sees of a device is kept
only where that costs none of the terms that come before.

The main root bus is number 0 in every guest, and no other bus is. So who was seen on bus 0 is seen as before only in
the same slot and function of the new root bus. Of each such device one request pins it there: where none of its layouts
costs as little as the best one without, the device is seen otherwise in all that cost so little. If one is found in
which only these are, it is the best of a request that pins all others there: of all in which no more are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ...schema.layout.layout import Layout, PlacedDevice
from ...schema.layout.outcome import Infeasible, Outcome, Solved, known_layout
from ...schema.pci.address import Address, Pin
from ...schema.pci.controllers import CONTROLLERS
from ...schema.previous import Standing
from ...schema.previous.listed import means
from ...schema.request.device import Device
from ...schema.request.guest import Guest
from ..search.cpsat import Limits
from .judged import Bounds, judged, why_unproved
from .who_stays import MOST_PLANNED, Plan, bounds_of


@dataclass(frozen=True)
class Conversion:
    """A request beside a layout of another family, and how it is planned."""

    standing: Standing
    limits: Limits
    plan: Plan
    why: Plan

    def run(self) -> Outcome:
        """The best layout, in which as few devices are seen otherwise as is found."""
        best = self.plan(self.request, self.limits)
        layout = known_layout(best)
        if layout is None:
            return self.why(self.request, self.limits) if isinstance(best, Infeasible) else best
        if not isinstance(best, Solved):
            return self.answer(layout, Bounds(0, 0, bounds_of(layout)))
        cheapest = self.first_costs(layout)
        may_keep, least = self.who_may_keep(cheapest)
        kept = self.keeping(may_keep, cheapest)
        bounds = bounds_of(layout)
        if kept is not None and self.costs(kept) < self.costs(layout):
            layout = kept
            bounds = bounds_of(kept) if self.seen_otherwise(kept) == least else bounds
        return self.answer(layout, Bounds(0, least, bounds))

    def answer(self, layout: Layout, bounds: Bounds) -> Outcome:
        """The layout, judged."""
        reason: Literal["limit", "unconfirmed"] = "limit" if self.limits.left() == 0 else "unconfirmed"
        return why_unproved(judged(self.standing.asked, self.standing, layout, bounds), reason)

    @cached_property
    def request(self) -> Guest:
        """With the terms in the order that counts here."""
        return self.standing.guest

    def costs(self, layout: Layout) -> tuple[int, ...]:
        """Term by term."""
        values = {one.term: one.value for one in layout.objective}
        values["guest_visible"] = self.seen_otherwise(layout)
        return tuple(values[term] for term in self.request.policy.order)

    def first_costs(self, layout: Layout) -> tuple[int, ...]:
        """The terms that come before what the guest sees."""
        order = [term for term in self.request.policy.order if term != "moved"]
        values = {one.term: one.value for one in layout.objective}
        return tuple(values[term] for term in order[: order.index("guest_visible")])

    def seen_otherwise(self, layout: Layout) -> int:
        """How many devices the guest sees otherwise in it."""
        return len(self.standing.before.otherwise_in(layout))

    @cached_property
    def both(self) -> dict[str, tuple[Device, PlacedDevice]]:
        """Devices of both that the guest saw, as they are asked for and as they were."""
        before, seen = self.standing.before, self.seen_at
        found = ((one, before.devices[one.id]) for one in self.request.devices if one.id in seen)
        return {one.id: (one, was) for one, was in found if one.model == was.model}

    @cached_property
    def seen_at(self) -> dict[str, str]:
        """Addresses at which the guest saw devices."""
        sights = self.standing.before.seen or {}
        return {name: address for name, (address, _) in sights.items() if address is not None}

    @cached_property
    def homes(self) -> dict[str, Address]:
        """The places in which the guest would see these as before, of those that it saw on bus 0."""
        root, seen = self.request.machine_model.root, self.seen_at
        there = {name: was for name, (_, was) in self.both.items() if seen[name].startswith("00:")}
        return {name: Address(root, was.slot, was.function) for name, was in there.items()}

    def who_may_keep(self, cheapest: tuple[int, ...]) -> tuple[list[str], int]:
        """Who may be seen as before, and how many others there are at least; that is proved."""
        before, certain = self.standing.before, {*self.certainly_otherwise()}
        asked = [name for name in self.homes if name not in certain]
        if len(asked) * len(self.request.devices) > MOST_PLANNED:
            return asked, len(certain)
        may_keep = []
        for name in asked:
            outcome = self.plan(self.pinned([name]), self.limits)
            layout = known_layout(outcome)
            costs_more = isinstance(outcome, Solved) and self.first_costs(outcome.layout) > cheapest
            if costs_more or isinstance(outcome, Infeasible):
                certain.add(name)
            elif layout is not None and self.serves(layout, cheapest) and before.seen_as_before(name, layout):
                may_keep.append(name)
        return may_keep, len(certain)

    def serves(self, layout: Layout, cheapest: tuple[int, ...]) -> bool:
        """Whether a layout of pins costs as little, and is one without them: pins may ask for what else is no place."""
        if self.first_costs(layout) != cheapest:
            return False
        return known_layout(judged(self.standing.asked, self.standing, layout, Bounds(0, 0, {}))) is not None

    def certainly_otherwise(self) -> Iterator[str]:
        """Whom the request itself puts elsewhere; on pc, who was in slot 00 of a port: no bus there has that."""
        on_pc, first = self.request.machine_model.family == "pc", self.first_slot
        for name, (device, was) in self.both.items():
            home, pin = self.homes.get(name), device.address
            if home is not None:
                if pin is not None and not means(pin, home):
                    yield name
            elif on_pc and pin is None and was.slot < first:
                yield name

    @property
    def first_slot(self) -> int:
        """The first slot of conventional buses that may be there; a pxb is where it is listed, or somebody wants its
        node."""
        request = self.request
        wishes = (one.numa for one in (*request.parts, *request.spare))
        models = {"pci-bridge", *(one.model for one in request.controllers)}
        models |= {"pxb"} if any(node is not None for node in wishes) else set()
        return min(CONTROLLERS[one].bus.first_slot for one in models)

    def pinned(self, names: Sequence[str]) -> Guest:
        """The request in which these are where the guest would see them as before; it is not validated."""
        devices = (
            one.model_copy(update={"address": Pin(*self.homes[one.id])}) if one.id in names else one
            for one in self.request.devices
        )
        return self.request.model_copy(update={"devices": tuple(devices)})

    def keeping(self, names: Sequence[str], cheapest: tuple[int, ...]) -> Layout | None:
        """A layout that costs as little, in which as many of these are kept as can be: all, else one half after the
        other."""
        found: Layout | None = None
        kept: list[str] = []
        waiting = [list(names)] if names else []
        while waiting:
            more = waiting.pop(0)
            layout = known_layout(self.plan(self.pinned([*kept, *more]), self.limits))
            if layout is not None and self.serves(layout, cheapest):
                found, kept = layout, [*kept, *more]
            elif len(more) > 1:
                waiting[:0] = [more[: len(more) // 2], more[len(more) // 2 :]]
        return found
