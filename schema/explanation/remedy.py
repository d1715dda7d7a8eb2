"""What would help a guest that cannot be laid out: changes to the request, each set proved to suffice by a layout."""

from collections.abc import Iterable, Sequence
from typing import Final

from pydantic import field_validator

from ..base import Frozen
from ..pci.qemu_properties import Scalar
from ..words import FEW, listed, named
from .conflict import Fact
from .wishes import WISHES, wish_of

CHANGES: Final = {
    **{wish.what: wish.remedy for wish in WISHES},
    "machine": "machine {after} instead of {before}",
    "firmware": "firmware {after} instead of {before}",
    "phys_bits": "phys_bits {after} instead of {before} (maxphysaddr in domain XML; a CPU with 1 GiB pages: pdpe1gb)",
    "sriov-pf": "leave out sriov-pf of {who}",
    "bus_nr": "bus_nr {after} instead of {before} for {who} (busNr in domain XML)",
}
"""What of the request can be otherwise, and how a change of it is told."""
UNITS: Final = {"io-space": "bytes of IO space", "bus-numbers": "bus numbers", "max-controllers": "controllers"}


class Change(Frozen):
    """One thing that the request would say otherwise.

    `what` is one of CHANGES; `leave-out` are devices, or demanded controllers, that would not be in it. `subjects` are
    ids, reserved addresses, or entries as "spare[0]"; `before` and `after` what the request says and what it would say.
    Of `leave-out` those are how many like devices there are and how many would stay.
    """

    what: str
    """What of the request would be otherwise."""
    subjects: tuple[str, ...] = ()
    """Ids of devices or controllers, reserved addresses, or entries as `spare[0]`; none where it is the guest's own."""
    before: Scalar | None = None
    """What the request says; null where that has no short words."""
    after: Scalar | None = None
    """What it would say; null where it would say nothing."""
    model: str = ""
    """Of spare slots their kind."""
    one_of_several: bool = False
    """Of spare slots: there are other entries of them, see Fact."""

    @field_validator("what")
    @classmethod
    def _listed(cls, what: str) -> str:
        if what not in CHANGES:
            raise ValueError(f"{what!r} is not one of {', '.join(sorted(CHANGES))}")
        return what

    @classmethod
    def of(cls, fact: Fact, number: int = 0) -> "Change":
        """That a request keeps only the first so many of a fact, or raises a limit to that."""
        wish, spare, subjects = wish_of(fact), fact.whose == "spare", fact.subjects
        if wish.form == "others":
            subjects = subjects[:1]
        elif fact.count > 1 and not spare:
            subjects = subjects[number:]
        return cls(
            what=wish.what,
            subjects=subjects,
            before=fact.count if wish.is_number and subjects else fact.value,
            after=number if wish.is_number else wish.instead,
            model=fact.model if spare else "",
            one_of_several=fact.one_of_several,
        )

    @property
    def sort(self) -> tuple[object, ...]:
        """Equal for changes that differ in nothing but whom they are about, and where those are pinned."""
        return self.what, None if self.what == "pin" else self.before, self.after, self.model

    def __str__(self) -> str:
        count, names = len(self.subjects), listed(self.subjects)
        whole = self.what == "leave-out" or count <= FEW
        return CHANGES[self.what].format(
            who=names if whole else f"the {count} {names}",
            count_of=f"{count} of the {self.before}: " if self.after else "",
            before=self.before,
            after="no" if self.after == 0 else self.after,
            model=self.model,
            entry=f" ({names})" if self.one_of_several else "",
        )


class Remedy(Frozen):
    """With these changes together there is a layout. `places` is where the changed devices sit in it, `used` and
    `available` how much that takes of what ran out, in bytes, bus numbers or controllers."""

    changes: tuple[Change, ...]
    """What would be otherwise in the request, all of it together."""
    places: dict[str, str] = {}
    """Where the changed devices sit in that layout: address by id."""
    limit: str = ""
    """Code of the rule whose limit `used` and `available` are about."""
    used: int = 0
    """How much that layout takes of what ran out, in bytes, bus numbers or controllers."""
    available: int = 0
    """How much there is of it, in the same unit."""

    def __str__(self) -> str:
        text = ", and ".join(map(str, _alike_as_one(self.changes)))
        if self.places:
            text += ": then " + ", ".join(f"{name} at {place}" for name, place in self.places.items())
        if self.limit:
            text += f" ({self.used} of {self.available} {UNITS[self.limit]} used)"
        return text


def _alike_as_one(changes: Iterable[Change]) -> list[Change]:
    """Changes of single parts that differ in nothing else as one to be told."""
    groups: dict[object, list[Change]] = {}
    for number, change in enumerate(changes):
        groups.setdefault(change.sort if len(change.subjects) == 1 else number, []).append(change)
    return [group[0] if len(group) == 1 else _of_all(group) for group in groups.values()]


def _of_all(group: Sequence[Change]) -> Change:
    who = named([change.subjects[0] for change in group])
    before = "that each is pinned to" if group[0].what == "pin" else group[0].before
    return group[0].model_copy(update={"subjects": (who,), "before": before})


def alternatives_as_one(remedies: Iterable[Remedy]) -> list[Remedy]:
    """Those that change one of several in the same way, to the same effect, as one to be told."""
    groups: dict[object, list[Remedy]] = {}
    for number, remedy in enumerate(remedies):
        change = remedy.changes[0]
        same = (*change.sort, remedy.limit, remedy.used)
        groups.setdefault(same if len(change.subjects) == len(remedy.changes) == 1 else number, []).append(remedy)
    return [group[0] if len(group) == 1 else _any_of(group) for group in groups.values()]


def _any_of(group: list[Remedy]) -> Remedy:
    change = group[0].changes[0]
    who = f"one of {named([remedy.changes[0].subjects[0] for remedy in group])}"
    before = "that it is pinned to" if change.what == "pin" else change.before
    told = change.model_copy(update={"subjects": (who,), "before": before})
    return group[0].model_copy(update={"changes": (told,), "places": {}})
