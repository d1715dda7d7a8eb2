"""Why a device sits where it does: what the other places would cost, or who forbids them."""

from ..base import Frozen
from ..finding import Finding
from ..request.fields import Term
from .layout import ObjectiveTerm


class UnmetPreference(Frozen):
    """A preference that is not met."""

    who: str
    """Id of the device, or of the switch."""
    reason: str
    """Which preference, by the names of `schema.weights.WEIGHTS`; docs/semantics.md says when each applies."""
    weight: int
    """What it adds to the objective's term `preferences`."""


class OtherPlace(Frozen):
    """One other place, asked for as a pin, and everything else planned anew around it."""

    address: str
    """The pin, as in `pcie.0:05.0`."""
    bus_model: str
    """Model of the controller that offers the bus; empty for the root bus."""
    new: bool = False
    """Whether it is a bus that the plan does not have."""
    term: Term | None = None
    """The first term of the objective that differs from the plan's; null where none does, and where there is no
    layout."""
    before: int = 0
    """That term's value in the plan, in the term's unit."""
    after: int = 0
    """That term's value with the device there."""
    paid: tuple[UnmetPreference, ...] = ()
    """Preferences that are met in the plan, and would not be then."""
    objective: tuple[ObjectiveTerm, ...] = ()
    """The whole objective with the device there; empty where there is no layout."""
    only_by_pin: bool = False
    """Whether automatic placement never puts the device there, see docs/semantics.md: so it may even be cheaper."""
    proved: bool = True
    """Whether that is the best there is with the device there; past a limit it is only the best known."""
    findings: tuple[Finding, ...] = ()
    """The facts that forbid it, where there is no layout."""
    breaks: str = ""
    """Code of the rule that these facts break, as in `Infeasible.broken_rule`."""
    refused: str = ""
    """Why nothing can be asked for there, or nothing was decided; else empty."""

    @property
    def possible(self) -> bool:
        """Whether there is a layout with the device there."""
        return bool(self.objective)


class PlacementReport(Frozen):
    """Where a device sits in the plan, what it pays there, and what is elsewhere."""

    device: str
    """Id of the device."""
    model: str
    """Its catalogue model."""
    virtio: str | None
    """Its virtio mode in the plan; null for what is not virtio."""
    address: str
    """Its address in the plan, as in `rp1:00.0`."""
    bus_model: str
    """Model of the controller that offers its bus; empty for the root bus."""
    guest_address: str | None
    """The address that the guest sees, as in `02:01.0`; null where it is not predicted."""
    pinned: bool
    """Whether the request itself pins it to a bus."""
    paid: tuple[UnmetPreference, ...]
    """Its preferences that are not met in the plan."""
    objective: tuple[ObjectiveTerm, ...]
    """What the whole plan costs."""
    elsewhere: tuple[OtherPlace, ...]
    """The place asked about, or one of each other sort: root bus, port, conventional bus."""
