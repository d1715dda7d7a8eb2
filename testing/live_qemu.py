"""A real QEMU with a layout: started, and asked what its firmware made of it; devices come and go while it runs."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..schema.formats.hotplug import HotplugStep, plug, unplug
from ..schema.layout.layout import Layout
from ..schema.probe import Difference, ProbeError, differences, running
from ..schema.probe.enumeration import LIMIT, QEMU
from ..schema.probe.found import walk
from ..schema.probe.session import POLL
from ..schema.request.device import Device

if TYPE_CHECKING:
    from ..schema.probe.machine import RunningMachine

Described = Device | Mapping[str, Any]
"""A device, or its fields as a request has them."""


class LiveQemu:
    """A QEMU that runs: nothing of a guest system, just the firmware, which has enumerated PCI."""

    def __init__(self, layout: Layout, machine: "RunningMachine", limit: float) -> None:
        self.layout = layout
        """With which it runs now: what is plugged and unplugged is in it."""
        self.differences: tuple[Difference, ...] = tuple(differences(layout, machine.enumeration))
        """What the firmware made otherwise than planned when it was started; empty where all is as planned."""
        self.version = machine.enumeration.version
        """QEMU's version, `7.2.19`."""
        self._machine = machine
        self._limit = limit

    def ask(self, command: str, **arguments: object) -> Any:
        """QEMU's answer to a QMP command. Raises CommandError with its own words where it refuses."""
        return self._machine.execute(command, arguments)

    def addresses(self) -> dict[str, str]:
        """Where a guest sees each device now, by id, as lspci prints it; `layout.guest_addresses` says the same."""
        endpoints = {one.id for one in self.layout.devices}
        return {
            one.id: one.guest_address for one in walk(self.layout, self._machine.query_pci()) if one.id in endpoints
        }

    def plug(self, *devices: Described) -> HotplugStep:
        """Plugs devices into a free slot, as its functions. Raises InputError where no slot takes them, CommandError
        where QEMU does not."""
        step = plug(self.layout, [_fields(one) for one in devices])
        self.tell(step)
        return step

    def unplug(self, *names: str) -> None:
        """Takes devices out, with what else is in their slots. The machine is reset, as without a guest system nobody
        gives a device back otherwise; so the firmware enumerates anew.

        Raises InputError for what cannot be unplugged, CommandError where QEMU refuses, ProbeError where a device is
        still there after the limit.
        """
        gone: set[str] = set()
        for name in names:
            if name not in gone:
                step = unplug(self.layout, name)
                self.tell(step)
                gone |= {*step.devices}
        self.reset()

    def tell(self, step: HotplugStep) -> None:
        """Gives QEMU the commands of a step that was made of `layout`, which is the step's from then on."""
        for command in step.commands:
            self._machine.execute(command["execute"], command["arguments"])
        self.layout = step.layout

    def reset(self) -> None:
        """Resets the machine and waits until all is where the layout says. Raises ProbeError after the limit."""
        self._machine.execute("system_reset")
        foretold = {name: place for name, place in self.layout.guest_addresses.items() if place is not None}
        until = time.monotonic() + self._limit
        while (found := self.addresses()) != foretold:
            if time.monotonic() > until:
                raise ProbeError(f"after a reset there is {found}, but {foretold} is planned")
            time.sleep(POLL)


class RealQemu:
    """Starts QEMUs: `with real_qemu(layout) as machine`."""

    def __init__(self, qemu: str = QEMU) -> None:
        self.qemu = qemu
        """The program."""

    @contextmanager
    def __call__(self, layout: Layout, *, firmware: Path | None = None, limit: float = LIMIT) -> Iterator[LiveQemu]:
        """A QEMU with this layout, which ends with the block. `firmware` is an image other than its own, `limit` the
        seconds for each of its starts. Raises QemuEndedError with QEMU's words where it does not start, and what else
        `qslot.probe` reports."""
        with running(layout, qemu=self.qemu, firmware=firmware, limit=limit) as machine:
            yield LiveQemu(layout, machine, limit)


def _fields(device: Described) -> Mapping[str, Any]:
    return device.model_dump(mode="json", exclude_defaults=True) if isinstance(device, Device) else device
