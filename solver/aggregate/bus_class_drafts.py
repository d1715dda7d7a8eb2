"""Bus classes in the making: what is known of each before all that it may hang on is."""

from collections.abc import Callable, Sequence
from dataclasses import field, fields
from operator import attrgetter
from typing import Any

from ...schema.records import changed, record
from .bus_classes import BusClass, BusKind, SharedBy
from .pins import Occupancy


@record(eq=False)
class BusClassDraft:
    """A bus class that still gathers what it may hang on. `finish` makes the class of it, once, and for good."""

    bus: BusClass
    """All else that is known of it."""
    parent: "BusClassDraft | None" = None
    """Of what is pinned; finished before this is."""
    possible_parents: list[BusClass] = field(default_factory=list)
    nesting: int = 0
    finished: BusClass | None = None

    def settle(self, **known: Any) -> None:
        """States fields of the class to be."""
        self.bus = changed(self.bus, **known)

    def may_hang_on(self, host: BusClass) -> None:
        """Adds a class that it may hang on."""
        assert self.finished is None, "a class is final before the last that it may hang on is known"
        self.possible_parents.append(host)

    def finish(self, bus_numbers_left: Callable[[BusClass, Sequence[BusClass]], int]) -> BusClass:
        """The class with its parents, and with the bus numbers that those leave it."""
        if self.finished is None:
            parent = None if self.parent is None else self.parent.finished
            above = self.possible_parents if parent is None else (parent,)
            self.finished = changed(
                self.bus,
                parent=parent,
                possible_parents=tuple(self.possible_parents),
                nesting=self.nesting,
                bus_numbers_left=bus_numbers_left(self.bus, above),
            )
        return self.finished


def merged(drafts: list[BusClassDraft], tree: Occupancy) -> list[BusClassDraft]:
    """The drafts, with empty ports that are pinned side by side as one: they differ in nothing but their ids."""
    alike: dict[object, BusClassDraft] = {}
    kept: list[BusClassDraft] = []
    for draft in drafts:
        if not _is_empty_port(draft, tree):
            kept.append(draft)
        elif (key := all_but_ids(draft)) in alike:
            one, other = alike[key], draft.bus
            one.settle(listed_ids=one.bus.listed_ids + other.listed_ids, max_count=one.bus.max_count + other.max_count)
        else:
            alike[key] = draft
            kept.append(draft)
    return kept


def all_but_ids(draft: BusClassDraft) -> object:
    """All that tells a pinned class from others, but for whose bus it is."""
    return _all_but_ids(draft.bus), draft.parent


_all_but_ids = attrgetter(*(one.name for one in fields(BusClass) if one.name not in ("listed_ids", "max_count")))


def _is_empty_port(draft: BusClassDraft, tree: Occupancy) -> bool:
    """Whether it is a pinned port with nothing inside, and of no matter to what is below: `Level.reserve_above`."""
    bus = draft.bus
    pinned = draft.parent is not None and bus.floating_group is None and bus.kind is BusKind.PORT
    plain = not bus.base_functions and not bus.is_tracked
    empty = all(slot.join is SharedBy.EMPTY for slot in bus.slots)
    return pinned and plain and empty and bus.listed_ids[0] not in tree.inside and bus.listed_ids[0] not in tree.homes
