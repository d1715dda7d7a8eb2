"""What machine and virtio modes to choose for a guest, why, and what the other choices would cost."""

from typing import Literal

from ..base import Frozen
from ..finding import Finding
from ..layout.layout import ObjectiveTerm
from ..layout.outcome import Outcome
from ..request.device import ModeSource
from ..request.guest import Guest

Variant = Literal["i440fx", "q35", "q35-bridge", "q35-root-complex"]
"""`q35-bridge`: most of what must offer virtio 0.9 sits behind a conventional bridge; `q35-root-complex`: on pcie.0."""


class DeviceAdvice(Frozen):
    """One device of the plan."""

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
    """A machine that is out of the question."""

    machine: str
    """Machine type, or its family where no version was found."""
    findings: tuple[Finding, ...] = ()
    """Which rules of OS, hosts and needs exclude it."""
    problems: tuple[str, ...] = ()
    """What else the request says that the machine cannot be: one line a problem."""


class Alternative(Frozen):
    """A decision that was not taken."""

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


class Advice(Frozen):
    """What to choose for a guest, why, and what else there would be."""

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
