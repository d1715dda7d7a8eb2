"""Why a device sits where it does: what the other places would cost, or who forbids them."""

from collections.abc import Iterator, Sequence

from ..base import Frozen
from ..explanation.clauses import clauses
from ..explanation.conflict import Conflict
from ..finding import Finding
from ..request.fields import Term
from ..rules import RULES
from ..words import FEW
from .layout import TERM_WORDS, ObjectiveTerm
from .preference import UnmetPreference


class OtherPlace(Frozen):
    """One other place, asked for as a pin, and everything else planned anew around it.

    `term` is the first term of the objective that differs, None where none does; `objective` is the whole. Where there
    is no layout at all, `findings` and `conflict` are those of the Infeasible outcome, or `refused` says why nothing
    can be asked for there.
    """

    address: str
    """The pin, as in `pcie.0:05.0`."""
    bus_model: str
    """Of the controller that offers the bus; empty for the root bus."""
    new: bool = False
    """A bus that the plan does not have."""
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
    """Automatic placement never puts the device there, see docs/semantics.md: so it may even be cheaper."""
    proved: bool = True
    """Whether that is the best there is with the device there; past a limit it is only the best known."""
    findings: tuple[Finding, ...] = ()
    """What runs out, where there is no layout."""
    conflict: Conflict | None = None
    """What the request cannot have together with the device there, where there is no layout."""
    refused: str = ""
    """Why nothing can be asked for there, or nothing was decided; else empty."""

    @property
    def possible(self) -> bool:
        """Whether there is a layout with the device there."""
        return bool(self.objective)

    def words(self, device: str) -> str:
        """What is there for that device, in one line."""
        where = f"behind a new {self.bus_model}" if self.new else f"at {self.address}, {_place(self)}"
        if self.refused:
            return f"{where}: {self.refused.removeprefix(f'devices.{device}.address: ')}"
        if not self.possible:
            return f"{where}: impossible, because " + ", and because ".join(self._reasons(device))
        pinned = "; only by pin" if self.only_by_pin else ""
        if self.term is None:
            return f"{where}: no worse{pinned or '; of equal plans the first in a fixed order is taken'}"
        why = f" ({_first_few(self.paid)})" if self.term == "preferences" and self.paid else ""
        best = "" if self.proved else " at most, not proved the least"
        return f"{where}: {TERM_WORDS[self.term]} {self.before} -> {self.after}{why}{best}{pinned}"

    def _reasons(self, device: str) -> Iterator[str]:
        """What clashes there, but for the pin that was asked about."""
        facts = self.conflict.facts if self.conflict else ()
        others = list(clauses((fact for fact in facts if fact.key != ("pin", (device,))), self.findings))
        yield from others
        broken_rule = self.conflict.broken_rule if self.conflict else ""
        if broken_rule or not others:
            rule = RULES[broken_rule or "connect"]
            yield f"rule {rule.code} holds: {rule.sentence}"


class PlacementReport(Frozen):
    """Where a device sits in the plan, what it pays there, and what is elsewhere. `str` is what `qslot explain` prints
    of it."""

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

    def __str__(self) -> str:
        mode = f", {self.virtio}" if self.virtio else ""
        seen = f"; the guest sees it at {self.guest_address}" if self.guest_address else ""
        lines = [f"{self.device} ({self.model}{mode}) sits at {self.address}, {_place(self)}{seen}"]
        if self.pinned:
            lines.append("It is pinned there.")
        lines.append(f"Preferences that are not met for it: {_first_few(self.paid) or 'none'}")
        return "\n".join([*lines, "Elsewhere:", *(f"  {one.words(self.device)}" for one in self.elsewhere)])


def _place(where: PlacementReport | OtherPlace) -> str:
    bus = where.address.rpartition(":")[0]
    return f"on {where.bus_model} {bus}" if where.bus_model else "on the root bus"


def _first_few(paid: Sequence[UnmetPreference]) -> str:
    told = [str(one) for one in paid[:FEW]]
    return "; ".join([*told, f"{len(paid) - FEW} more"] if len(paid) > FEW else told)
