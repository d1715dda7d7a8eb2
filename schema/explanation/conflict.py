"""What a request cannot have together, as data: a conflict and the facts that it is made of."""

from collections.abc import Iterable
from typing import Final, Literal

from ..base import Frozen
from ..pci.qemu_properties import Scalar

ENOUGH_SLOTS: Final = "address-unique"
"""As a fact: that a bus has no more slots than it has."""
CAPACITY_RULES: Final = (ENOUGH_SLOTS, "io-space", "memory-space", "bus-numbers")
"""Rules that are nobody's wish. No request can be without them; a solver can look what would be if there were none."""

Whose = Literal["device", "controller", "spare", "guest", "policy", "platform"]
"""The part of the request that states a fact: one of its lists, itself, or its policy. `platform`: machine and firmware
do, and nothing that the request says changes it but another machine or firmware."""


class Fact(Frozen):
    """One thing that a request states: at least `least` of `count` that are alike.

    A request states all of them, so that `least` equals `count`. Of a conflict, any `least` of them suffice to clash,
    and `least` is the smallest such number. Facts that cannot be counted have 1 of 1, whoever they name.
    """

    rule: str
    """Code of the rule that the fact sets going, see docs/rules.md."""
    whose: Whose
    """The part of the request that states it."""
    subjects: tuple[str, ...] = ()
    """Ids of devices or controllers, reserved slots as "pcie.0:1e", or entries as "spare[0]", as listed. Of near and
    near-switch the device that wants it, then the others. Empty: the fact is a limit of policy or platform."""
    model: str = ""
    """Of devices and controllers that are alike, of spare slots their kind; else empty."""
    value: Scalar | None = None
    """What is asked for, as the request says it: a node, an address, a virtio mode, a limit, a group's name, the
    firmware that shares out IO space or memory. None where the rule says it all."""
    least: int = 1
    """How many of those that are alike suffice to clash."""
    count: int = 1
    """How many there are that are alike."""
    one_of_several: bool = False
    """Of spare slots: the request has other entries of them, so it must be told which one is meant."""

    @property
    def key(self) -> tuple[str, tuple[str, ...]]:
        """Two facts of one request with the same key are one fact, perhaps with different numbers."""
        return self.rule, self.subjects

    @property
    def first_subjects(self) -> tuple[str, ...]:
        """Those whom the first `least` are about."""
        return self.subjects[: self.least] if self.count > 1 else self.subjects

    def with_least(self, least: int) -> "Fact":
        """The fact with another number that suffices."""
        return self.model_copy(update={"least": least})


Facts = tuple[Fact, ...]


def with_least(facts: Iterable[Fact], changed: Fact, least: int) -> Facts:
    """The facts with another number of one of them; without it where that is 0."""
    others = (one.with_least(least) if one.key == changed.key else one for one in facts)
    return tuple(one for one in others if one.least)


class Conflict(Frozen):
    """Facts of a request that have no layout together, whatever becomes of the rest of the request: proved.

    `findings` of the outcome say how much of a limit among them any layout would use.
    """

    facts: Facts
    """What clashes; with `minimal`, all of it is needed."""
    broken_rule: str = ""
    """Code of the rule that they break whatever else is done, where it is a single one that none of the facts says."""
    minimal: bool = False
    """Proved that there is a layout with one less of any of them. Not so where a limit was hit, or no layout was found
    though nothing forbids one."""
