"""What a guest is planned for: its operating system, and the hosts that it runs on or may migrate to."""

from ..base import Frozen, TupleOf
from ..pci.controllers import VirtioMode
from .host import Host
from .osinfo import Drivers, GuestOs


class Environment(Frozen):
    """Without an OS nothing is known of drivers; without hosts all of QEMU is there."""

    os: GuestOs | None = None
    hosts: TupleOf[Host] = ()
    drivers: Drivers = "inbox"

    def drives(self, model: str) -> frozenset[VirtioMode] | None:
        """The virtio modes in which the OS drives such a device; None where nothing is known of it."""
        return None if self.os is None else self.os.modes(model, self.drivers)
