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
    """One device of the plan. `virtio_by` is what tells QEMU its mode; both are null for what is not virtio."""

    id: str
    model: str
    driver: str
    virtio: str | None
    virtio_by: ModeSource | None
    address: str
    reason: str


class Excluded(Frozen):
    """A machine that is out of the question: by rules of its OS, hosts and needs, or by what else the request says."""

    machine: str
    findings: tuple[Finding, ...] = ()
    problems: tuple[str, ...] = ()


class Alternative(Frozen):
    """What was not chosen. `objective` are its costs where it is possible, else `findings` say why it is not.
    `cold` are devices that would no longer be hot-pluggable, though they can be in the plan chosen."""

    variant: Variant
    machine: str
    possible: bool
    objective: tuple[ObjectiveTerm, ...] = ()
    cold: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


class Advice(Frozen):
    """`variant` and `machine` are those of the outcome's layout; null where there is none. `guest` is the request for
    the machine chosen, every mode decided; null where no machine is possible."""

    os: str | None
    hosts: tuple[str, ...]
    variant: Variant | None
    machine: str | None
    devices: tuple[DeviceAdvice, ...] = ()
    warnings: tuple[Finding, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    guest: Guest | None = None
    outcome: Outcome
