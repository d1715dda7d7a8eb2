"""qslot.schema: what is true of a guest's PCI layout. Knows no solver."""

from .lazy import loader

TYPE_CHECKING = False
if TYPE_CHECKING:  # the same names as below, for those who read without running
    from .finding import Finding as Finding
    from .layout.layout import Layout as Layout
    from .layout.outcome import Infeasible as Infeasible
    from .layout.outcome import Outcome as Outcome
    from .layout.outcome import Solved as Solved
    from .layout.outcome import Undecided as Undecided
    from .pci.address import Address as Address
    from .pci.address import Pin as Pin
    from .pci.controllers import Connector as Connector
    from .pci.controllers import VirtioMode as VirtioMode
    from .pci.cpu import Cpu as Cpu
    from .pci.machine import Chipset as Chipset
    from .request.device import Bar as Bar
    from .request.device import Controller as Controller
    from .request.device import Device as Device
    from .request.device import Spare as Spare
    from .request.fields import Firmware as Firmware
    from .request.fields import Policy as Policy
    from .request.guest import Guest as Guest

__getattr__ = loader(
    __name__,
    {
        "finding": ("Finding",),
        "layout.layout": ("Layout",),
        "layout.outcome": ("Infeasible", "Outcome", "Solved", "Undecided"),
        "pci.address": ("Address", "Pin"),
        "pci.controllers": ("Connector", "VirtioMode"),
        "pci.cpu": ("Cpu",),
        "pci.machine": ("Chipset",),
        "request.device": ("Bar", "Controller", "Device", "Spare"),
        "request.fields": ("Firmware", "Policy"),
        "request.guest": ("Guest",),
    },
)
