"""qslot plans the PCI layout of QEMU and libvirt guests, and proves that no layout is better.

    import qslot

    guest = qslot.Guest(machine="q35", devices=[{"id": "net0", "model": "virtio-net"}])
    layout = qslot.solve(guest).require()
    print(qslot.tree(layout))

Here is all that a program needs. `qslot.schema` is what is true of requests and layouts, `qslot.solver` how layouts are
found; programs may rely on the names that `__all__` lists. What searches is loaded when it is first asked for.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

from .schema.catalog import UnknownModel
from .schema.environment.advice import Advice, Alternative, Excluded
from .schema.environment.host import Host
from .schema.environment.osinfo import GuestOs, OsinfoError, UnknownOs, find_os
from .schema.environment.target import Environment
from .schema.errors import InputError, Problem, QslotError
from .schema.explanation.conflict import Conflict, Fact
from .schema.explanation.remedy import Change, Remedy
from .schema.finding import Finding
from .schema.firmware import Prediction, predict
from .schema.formats.files import parse_guest, read_guest, read_host, read_layout
from .schema.formats.text_layout import explanation, tree
from .schema.layout.layout import (
    IoWindow,
    Layout,
    ObjectiveTerm,
    PlacedController,
    PlacedDevice,
    Platform,
    SpareSlot,
    Versions,
)
from .schema.layout.outcome import Infeasible, NoLayoutError, Outcome, Solved, Undecided
from .schema.layout.placement import OtherPlace, PlacementReport, UnmetPreference
from .schema.libvirt import SourceError
from .schema.pci.address import Address, Pin
from .schema.pci.controllers import Connector, VirtioMode
from .schema.pci.machine import Chipset
from .schema.probe import Report, probe
from .schema.probe.errors import ProbeError
from .schema.request.device import Bar, Controller, Device, Spare
from .schema.request.fields import TERMS, Firmware, Policy
from .schema.request.guest import Guest
from .schema.rules import RULES, Rule
from .schema.verify import verify
from .schema.weights import WEIGHTS

if TYPE_CHECKING:
    from .solver import advise, explain, placement, solve
    from .solver.options import OptionError, Options, Stop

__version__ = version("qslot")

_SEARCH = {
    **dict.fromkeys(("advise", "explain", "placement", "solve"), "qslot.solver"),
    **dict.fromkeys(("OptionError", "Options", "Stop"), "qslot.solver.options"),
}
"""Names that need the solver, and the modules that have them."""

__all__ = [
    "RULES",
    "TERMS",
    "WEIGHTS",
    "Address",
    "Advice",
    "Alternative",
    "Bar",
    "Change",
    "Chipset",
    "Conflict",
    "Connector",
    "Controller",
    "Device",
    "Environment",
    "Excluded",
    "Fact",
    "Finding",
    "Firmware",
    "Guest",
    "GuestOs",
    "Host",
    "Infeasible",
    "InputError",
    "IoWindow",
    "Layout",
    "NoLayoutError",
    "ObjectiveTerm",
    "OptionError",
    "Options",
    "OsinfoError",
    "OtherPlace",
    "Outcome",
    "Pin",
    "PlacedController",
    "PlacedDevice",
    "PlacementReport",
    "Platform",
    "Policy",
    "Prediction",
    "ProbeError",
    "Problem",
    "QslotError",
    "Remedy",
    "Report",
    "Rule",
    "Solved",
    "SourceError",
    "Spare",
    "SpareSlot",
    "Stop",
    "Undecided",
    "UnknownModel",
    "UnknownOs",
    "UnmetPreference",
    "Versions",
    "VirtioMode",
    "__version__",
    "advise",
    "explain",
    "explanation",
    "find_os",
    "parse_guest",
    "placement",
    "predict",
    "probe",
    "read_guest",
    "read_host",
    "read_layout",
    "solve",
    "tree",
    "verify",
]


def __getattr__(name: str) -> object:
    """What searches, once it is asked for."""
    if name not in _SEARCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_SEARCH[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
