"""What keeps a real QEMU from answering."""

from ..errors import QslotError


class ProbeError(QslotError):
    """QEMU could not be asked."""


class MissingError(ProbeError):
    """QEMU, the package qemu.qmp or a firmware image is not there; the text says which."""


class BootError(ProbeError):
    """QEMU or the firmware did not get through enumeration; the text says how far it came."""


class FirmwarePanicError(BootError):
    """SeaBIOS stopped for good, saying why ("PCI: out of I/O address space")."""


class QemuEndedError(BootError):
    """QEMU refused the command line, or crashed; its own words."""


class CommandError(ProbeError):
    """A running QEMU refused a command; its own words."""
