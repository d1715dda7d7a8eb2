"""What machine and virtio modes to choose for a guest, why, and what the other choices would cost."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal

from ..base import Frozen
from ..finding import Finding
from ..layout.layout import Layout, ObjectiveTerm
from ..layout.outcome import Infeasible, Outcome, known_layout
from ..pci.qemu_versions import version_text
from ..request.device import ModeSource
from ..request.guest import Guest
from ..words import listed
from .words import because

Variant = Literal["i440fx", "q35", "q35-bridge", "q35-root-complex"]
"""`q35-bridge`: most of what must offer virtio 0.9 sits behind a conventional bridge; `q35-root-complex`: on pcie.0."""

VARIANTS: Final[dict[Variant, str]] = {
    "i440fx": "i440fx",
    "q35": "q35",
    "q35-bridge": "q35, virtio 0.9 behind a conventional bridge",
    "q35-root-complex": "q35, virtio 0.9 on the root complex",
}


class DeviceAdvice(Frozen):
    """One device of the plan. `virtio_by` is what tells QEMU its mode; both are null for what is not virtio."""

    id: str
    """Its id in the request."""
    model: str
    """Its catalogue model."""
    driver: str
    """QEMU's name of the device type."""
    virtio: str | None
    """Its virtio mode in the plan; null for what is not virtio."""
    virtio_by: ModeSource | None
    """What tells QEMU the mode; null for what is not virtio."""
    address: str
    """Where it sits, as in `rp1:00.0`."""
    reason: str
    """Why it has that mode and sits there, in words."""


class Excluded(Frozen):
    """A machine that is out of the question: by rules of its OS, hosts and needs, or by what else the request says."""

    machine: str
    """Machine type, or its family where no version was found."""
    findings: tuple[Finding, ...] = ()
    """Which rules of OS, hosts and needs exclude it."""
    problems: tuple[str, ...] = ()
    """What else the request says that the machine cannot be: one line a problem."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """A line each: why it is out of the question."""
        errors = (because(finding) for finding in self.findings if finding.severity == "error")
        return tuple(f"excluded: {self.machine}: {reason}" for reason in (*errors, *self.problems))


class Alternative(Frozen):
    """What was not chosen. `objective` are its costs where it is possible, else `findings` say why it is not.
    `cold` are devices that would no longer be hot-pluggable, though they can be in the plan chosen."""

    variant: Variant
    """Machine, and where devices that must offer virtio 0.9 would sit."""
    machine: str
    """Its machine type."""
    possible: bool
    """Whether there is a layout; False, too, where a limit was hit before one was found."""
    objective: tuple[ObjectiveTerm, ...] = ()
    """What it would cost; empty where it is not possible."""
    cold: tuple[str, ...] = ()
    """Ids of devices that would no longer be hot-pluggable, though they are in the plan chosen."""
    findings: tuple[Finding, ...] = ()
    """Why it is not possible, as far as the proof itself knows."""

    def __str__(self) -> str:
        start = f"{VARIANTS[self.variant]} (machine {self.machine}): "
        if not self.possible:
            return start + ("; ".join(map(str, self.findings)) or "no layout found")
        lost = f"; no longer hot-pluggable: {listed(self.cold)}" if self.cold else ""
        return start + _costs(self.objective) + lost


class Advice(Frozen):
    """`variant` and `machine` are those of the outcome's layout; null where there is none. `guest` is the request for
    the machine chosen, every mode decided; null where no machine is possible. `str` is what `qslot advise` prints: the
    answer, a line a device, what is excluded and why, what else it would cost."""

    os: str | None
    """osinfo-db's short id of the guest's OS; null where none was given."""
    hosts: tuple[str, ...]
    """What each host is known by, in words."""
    variant: Variant | None
    """The decision that the layout stands for; null where there is no layout."""
    machine: str | None
    """The layout's machine type; null where there is no layout."""
    devices: tuple[DeviceAdvice, ...] = ()
    """Every device of the layout, in the order of the request."""
    warnings: tuple[Finding, ...] = ()
    """Rules of OS and hosts that are not met, but keep nothing from being planned."""
    excluded: tuple[Excluded, ...] = ()
    """Machines that are out of the question."""
    alternatives: tuple[Alternative, ...] = ()
    """What was possible, or might have been, and was not chosen."""
    guest: Guest | None = None
    """The request for the machine chosen, every mode decided; null where no machine is possible."""
    outcome: Outcome
    """What planning that request came to."""

    def __str__(self) -> str:
        layout = known_layout(self.outcome)
        lines = [f"{self._whom()}: {self._answer(layout)}"]
        if layout is not None:
            lines += [f"cost: {_costs(layout.objective)}", *self._table()]
        lines += [f"{one.severity}: {because(one)}" for one in self.warnings]
        # of the layout's own warnings, the one about what was chosen here
        lines += [str(one) for one in (layout.warnings if layout else ()) if one.rule == "machine-version"]
        lines += [reason for one in self.excluded for reason in one.reasons]
        if self.guest is not None and isinstance(self.outcome, Infeasible):
            lines.append(str(self.outcome))
        if self.alternatives:
            lines += ["alternatives:", *(f"  {one}" for one in self.alternatives)]
        return "\n".join(lines)

    def _whom(self) -> str:
        hosts = f"{len(self.hosts)} host{'s' if len(self.hosts) > 1 else ''} ({', '.join(self.hosts)})"
        return " on ".join(filter(None, (self.os, hosts if self.hosts else ""))) or "any OS on any host"

    def _answer(self, layout: Layout | None) -> str:
        if layout is None or self.variant is None:
            if self.guest is None:
                return "no machine will do"
            found = "no layout" if isinstance(self.outcome, Infeasible) else "none found yet: a limit was hit"
            return f"machine {self.guest.machine} would do, but {found}"
        proved = "" if layout.status == "optimal" else "; not proved to be the best"
        runs = f"machine {layout.machine}, QEMU {version_text(layout.qemu_version)}, {layout.firmware.name}"
        return f"{VARIANTS[self.variant]} ({runs}){proved}"

    def _table(self) -> Iterator[str]:
        rows = [(one.id, one.driver, one.address, one.reason) for one in self.devices]
        widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
        return ("  " + "  ".join([*map(str.ljust, row, widths), row[3]]) for row in rows)


def _costs(objective: Sequence[ObjectiveTerm]) -> str:
    value = {term.term: term.value for term in objective}
    windows, count, unmet = value["io_windows"], value["controllers"], value["preferences"]
    parts = [
        f"{windows} bytes of IO windows" if windows else "no IO window",
        f"{count} controller{'s' if count != 1 else ''}",
        f"preferences not met, weighted: {unmet}" if unmet else "",
    ]
    return ", ".join(filter(None, parts))
