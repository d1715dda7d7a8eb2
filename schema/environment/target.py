"""What a guest is planned for: its operating system, and the hosts that it runs on or may migrate to."""

from ..base import Frozen, TupleOf
from ..pci.controllers import VirtioMode
from ..pci.qemu_versions import Version
from .host import Host
from .osinfo import Drivers, GuestOs


class Environment(Frozen):
    """For whom a guest is planned: who drives its devices, and on which hosts it runs."""

    os: GuestOs | None = None
    """The guest's operating system; without it nothing is known of drivers."""
    hosts: TupleOf[Host] = ()
    """Hosts that the guest runs on or may migrate to; without any, all of QEMU is there."""
    drivers: Drivers = "inbox"
    """Which drivers the OS has: those that come with it, or also those of its driver packages."""

    @property
    def qemus(self) -> tuple[Version, ...]:
        """The versions of its hosts' QEMUs, as far as they are told, without patch releases; the newest first."""
        return tuple(sorted({host.runs[:2] for host in self.hosts if host.runs is not None}, reverse=True))

    def drives(self, model: str) -> frozenset[VirtioMode] | None:
        """The virtio modes in which the OS drives such a device; None where nothing is known of it."""
        return None if self.os is None else self.os.modes(model, self.drivers)
