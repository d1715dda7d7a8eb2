"""Preferences that a layout does not meet."""

from collections.abc import Iterable, Iterator

from pydantic import Field

from ..base import Frozen
from ..words import named


class UnmetPreference(Frozen):
    """A preference that is not met, of a device or for a switch: a reason and its weight, see docs/semantics.md."""

    who: str = Field(examples=["video0"])
    """Id of the device, or of the switch."""
    reason: str = Field(examples=["chipset-place"])
    """Which preference, by the names of `schema.weights.WEIGHTS`; docs/semantics.md says when each applies."""
    weight: int = Field(examples=[1])
    """What it adds to the objective's term `preferences`."""

    def __str__(self) -> str:
        return f"{self.reason} of {self.who}, {self.weight}"


def together(unmet: Iterable[UnmetPreference]) -> Iterator[str]:
    """A line a reason: `hotplug-unmet of net0 to net7, 8 each`."""
    reasons: dict[tuple[str, int], list[str]] = {}
    for one in unmet:
        reasons.setdefault((one.reason, one.weight), []).append(one.who)
    for (reason, weight), who in reasons.items():
        yield f"{reason} of {named(who)}, {weight}{' each' if len(who) > 1 else ''}"
