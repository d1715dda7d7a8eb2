"""Why a device sits where it does: what the other places would cost, or who forbids them."""

from ..base import Frozen
from ..finding import Finding
from ..request.fields import Term
from .layout import ObjectiveTerm


class UnmetPreference(Frozen):
    """A preference that is not met, of a device or for a switch: a reason and its weight, see docs/semantics.md."""

    who: str
    reason: str
    weight: int


class OtherPlace(Frozen):
    """One other place, asked for as a pin, and everything else planned anew around it.

    `term` is the first term of the objective that differs, None where none does; `objective` is the whole. Where there
    is no layout at all, `findings` are the facts that forbid it, `breaks` the rule that they break (see Infeasible), or
    `refused` says why nothing can be asked for there.
    """

    address: str
    bus_model: str
    """Of the controller that offers the bus; empty for the root bus."""
    new: bool = False
    """A bus that the plan does not have."""
    term: Term | None = None
    before: int = 0
    after: int = 0
    paid: tuple[UnmetPreference, ...] = ()
    """Preferences that are met in the plan, and would not be then."""
    objective: tuple[ObjectiveTerm, ...] = ()
    only_by_pin: bool = False
    """Automatic placement never puts the device there, see docs/semantics.md: so it may even be cheaper."""
    proved: bool = True
    """Whether that is the best there is with the device there; past a limit it is only the best known."""
    findings: tuple[Finding, ...] = ()
    breaks: str = ""
    refused: str = ""

    @property
    def possible(self) -> bool:
        return bool(self.objective)


class PlacementReport(Frozen):
    """Where a device sits in the plan, what it pays there, and what is elsewhere."""

    device: str
    model: str
    virtio: str | None
    address: str
    bus_model: str
    guest_address: str | None
    pinned: bool
    paid: tuple[UnmetPreference, ...]
    objective: tuple[ObjectiveTerm, ...]
    elsewhere: tuple[OtherPlace, ...]
