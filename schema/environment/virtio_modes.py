"""Which virtio mode a device can have for an OS and its hosts, and by what means it is told.

Allowed are modes that the OS drives, its model has, and every host takes. Of these modern comes first, as it needs no
IO ports, then transitional; said by the device type, else by properties, else by the slot alone. A device that the OS
has no driver for is as QEMU itself would have it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..catalog import VirtioModel
from ..finding import Finding
from ..pci.controllers import VirtioMode
from ..request.device import Device, ModeSource
from ..request.guest import Guest
from ..request.resolved import model_of, plain_is_legacy
from .target import Environment

SAY_A_MODE: Final[tuple[ModeSource, ...]] = ("type", "property")
"""Means that say a mode whatever the slot."""
OPEN: Final = (None, "auto-by-os")
"""Virtio modes of a request for an OS that are left to it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How a virtio device is told its mode; `mode` None is QEMU's own by the slot. `by_os`: it was left to the OS."""

    mode: VirtioMode | None
    means: ModeSource
    by_os: bool


@dataclass(frozen=True, slots=True)
class ModeChooser:
    """One device: which modes it can have, and how it can be told."""

    guest: Guest
    device: Device
    stated: Mapping[str, Any]
    environment: Environment

    @property
    def virtio(self) -> VirtioModel | None:
        """None for what needs not be told its mode."""
        virtio = model_of(self.device).virtio
        return virtio if virtio is not None and virtio.plain_varies else None

    @property
    def by_os(self) -> bool:
        """Whether the request leaves the mode to an OS that is known; QEMU's name of the device may say it."""
        left = self.stated.get("virtio") in OPEN and self.device.fixed_mode is None
        return left and self.environment.os is not None

    @property
    def by_machine(self) -> bool:
        """Whether nobody says the mode, so that an old machine type makes it legacy in every slot."""
        left = self.undriven if self.by_os else self.device.fixed_mode is None
        return left and plain_is_legacy(self.guest.machine_model)

    @property
    def strict(self) -> bool:
        """Whether only virtio 1.0 will do where the OS decides."""
        return self.guest.policy.preset == "strict-modern"

    def apply(self, choice: Choice) -> Device:
        """The device with the mode chosen, and what tells QEMU of it."""
        return self.device.model_copy(update={"virtio": choice.mode or "auto", "virtio_by": choice.means})

    # ---- modes

    def acceptable_modes(self) -> list[VirtioMode]:
        """The best first. Several may be left to the slot."""
        assert self.virtio is not None
        if self.device.fixed_mode is not None and not self.by_os:
            return [self.device.fixed_mode]
        if self.by_machine:
            return [VirtioMode.LEGACY]
        modes = self.modes_with_driver() if self.by_os else frozenset(VirtioMode)
        return [mode for mode in (VirtioMode.MODERN, VirtioMode.TRANSITIONAL) if mode in modes & {*self.virtio.modes}]

    def modes_with_driver(self) -> frozenset[VirtioMode]:
        """Where the OS has no driver, what those in packages drive; else what all its others drive, as it is as old as
        these; else all."""
        os, modes = self.environment.os, self.environment.drives(self.device.model)
        assert os is not None
        if not modes:
            modes = os.modes(self.device.model, "packages") or os.modes_of_all
        return modes & {VirtioMode.MODERN} if self.strict else modes

    @property
    def undriven(self) -> bool:
        """Whether the OS has no driver for such a device, and its packages, if any, none that is about the mode."""
        left_to_qemu = {VirtioMode.TRANSITIONAL, VirtioMode.MODERN}
        return self.environment.drives(self.device.model) == frozenset() and self.modes_with_driver() >= left_to_qemu

    # ---- means

    def choice(self) -> Choice | None:
        """None where nothing can be chosen, or there is nothing to choose."""
        if self.virtio is None:
            return None
        wanted = self.acceptable_modes()
        if self.by_machine and self.means in (None, "slot"):
            return Choice(None, "slot", self.by_os)
        if (self.by_os and not self.undriven) or self.device.fixed_mode is not None:
            for mode in wanted:
                for means in self.sources:
                    if self.takes(mode, means):
                        return Choice(mode, means, self.by_os)
        else:
            for means in self.sources:
                if all(self.takes(mode, means) for mode in wanted):
                    return Choice(None, means, self.by_os)
        return self.by_slot(wanted) if self.means in (None, "slot") else None

    @property
    def means(self) -> ModeSource | None:
        """What the request states."""
        stated: ModeSource | None = self.stated.get("virtio_by")
        return stated

    @property
    def sources(self) -> list[ModeSource]:
        """Means beside the slot that may be used."""
        return [means for means in SAY_A_MODE if self.means in (None, means)]

    def takes(self, mode: VirtioMode, means: ModeSource) -> bool:
        """Whether every host is known to take it."""
        assert self.virtio is not None
        there = mode in self.virtio.suffixed if means == "type" else self.virtio.switches
        return there and all(host.takes(self.device.model, mode, means) for host in self.environment.hosts)

    def by_slot(self, wanted: list[VirtioMode]) -> Choice | None:
        """Plain virtio, whose mode its slot makes: on pc never modern, on old machine types always legacy."""
        if plain_is_legacy(self.guest.machine_model):
            legacy = VirtioMode.LEGACY in (self.modes_with_driver() if self.by_os else wanted)
            return Choice(VirtioMode.LEGACY, "slot", self.by_os) if legacy else None
        made = {VirtioMode.TRANSITIONAL} | ({VirtioMode.MODERN} if self.guest.machine_model.family == "q35" else set())
        left = [mode for mode in wanted if mode in made]
        if not left:
            return None
        return Choice(None if len(left) > 1 else left[0], "slot", self.by_os)

    # ---- findings

    def findings(self, choice: Choice | None) -> Iterator[Finding]:
        """Why the device cannot be had, if this is its choice: hosts that have none such; no mode that is wanted, or
        what hosts lack of the means to tell it, each of some or of all."""
        model, os = self.device.model, self.environment.os
        if model_of(self.device).virtio is None:
            return
        for host in self.environment.hosts:
            if host.has_model(model) is False:
                yield self.finding("host-model", host=host.words, model=model)
        if self.virtio is None or choice is not None:
            return
        wanted = self.acceptable_modes()
        if not wanted and os is not None:
            yield self.finding("os-driver", os=os.id, model=model, mode="modern")
        elif self.means == "slot":
            yield self.finding("virtio-slot", machine=self.guest.machine, mode=", ".join(wanted))
        for host in self.environment.hosts if wanted else ():
            lacks = [means for means in self.sources if not any(host.takes(model, mode, means) for mode in wanted)]
            if lacks:
                said = {"mode": ", ".join(wanted), "lacks": ", ".join(lacks)}
                yield self.finding("host-model", host=host.words, model=model, **said)

    def finding(self, rule: str, **details: str) -> Finding:
        """A finding about this device."""
        return Finding.model_validate({"rule": rule, "subjects": (self.device.id,), "details": details})
