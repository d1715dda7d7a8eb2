"""qslot plans the PCI layout of QEMU and libvirt guests, and proves that no layout is better.

    import qslot

    guest = qslot.Guest(machine="q35", devices=[qslot.Device(id="net0", model="virtio-net")])
    layout = qslot.solve(guest).require()
    print(qslot.tree(layout))

Here is all that a program needs. `qslot.schema` is what is true of requests and layouts, `qslot.solver` how layouts are
found; programs may rely on the names that `__all__` lists. Each is loaded when it is first asked for.
"""

from .schema.lazy import loader

TYPE_CHECKING = False
"""As `typing` has it, which takes longer to import than all else here: the command hears no interrupt meanwhile."""

if TYPE_CHECKING:  # the same names as below, for those who read without running
    from .schema.catalog import UnknownModel as UnknownModel
    from .schema.comparison import Differing as Differing
    from .schema.comparison import Following as Following
    from .schema.comparison import LayoutDiff as LayoutDiff
    from .schema.comparison import PartDifference as PartDifference
    from .schema.comparison import Trade as Trade
    from .schema.comparison import WindowDifference as WindowDifference
    from .schema.comparison import diff as diff
    from .schema.environment.advice import Advice as Advice
    from .schema.environment.advice import Alternative as Alternative
    from .schema.environment.advice import Excluded as Excluded
    from .schema.environment.host import Host as Host
    from .schema.environment.osinfo import GuestOs as GuestOs
    from .schema.environment.osinfo import OsinfoError as OsinfoError
    from .schema.environment.osinfo import UnknownOs as UnknownOs
    from .schema.environment.osinfo import find_os as find_os
    from .schema.environment.target import Environment as Environment
    from .schema.errors import ArgumentError as ArgumentError
    from .schema.errors import InputError as InputError
    from .schema.errors import Problem as Problem
    from .schema.errors import QslotError as QslotError
    from .schema.explanation.conflict import Conflict as Conflict
    from .schema.explanation.conflict import Fact as Fact
    from .schema.explanation.remedy import Change as Change
    from .schema.explanation.remedy import Remedy as Remedy
    from .schema.finding import Finding as Finding
    from .schema.firmware import Prediction as Prediction
    from .schema.firmware import predict as predict
    from .schema.formats.convert import Converted as Converted
    from .schema.formats.convert import convert as convert
    from .schema.formats.files import parse_guest as parse_guest
    from .schema.formats.files import read_guest as read_guest
    from .schema.formats.files import read_layout as read_layout
    from .schema.formats.hosts import read_host as read_host
    from .schema.formats.placed import PlacedGuest as PlacedGuest
    from .schema.formats.placed import adopt as adopt
    from .schema.formats.placed import read_pair as read_pair
    from .schema.formats.placed import read_placed as read_placed
    from .schema.formats.text_layout import explanation as explanation
    from .schema.formats.text_layout import tree as tree
    from .schema.hotplug.capacity import FreeBus as FreeBus
    from .schema.hotplug.capacity import GuestCapacity as GuestCapacity
    from .schema.hotplug.capacity import MoreDevices as MoreDevices
    from .schema.layout.layout import IoWindow as IoWindow
    from .schema.layout.layout import Layout as Layout
    from .schema.layout.layout import ObjectiveTerm as ObjectiveTerm
    from .schema.layout.layout import PlacedController as PlacedController
    from .schema.layout.layout import PlacedDevice as PlacedDevice
    from .schema.layout.layout import Platform as Platform
    from .schema.layout.layout import SpareSlot as SpareSlot
    from .schema.layout.layout import Versions as Versions
    from .schema.layout.outcome import Infeasible as Infeasible
    from .schema.layout.outcome import NoLayoutError as NoLayoutError
    from .schema.layout.outcome import Outcome as Outcome
    from .schema.layout.outcome import RefusedGuest as RefusedGuest
    from .schema.layout.outcome import Solved as Solved
    from .schema.layout.outcome import Undecided as Undecided
    from .schema.layout.placement import OtherPlace as OtherPlace
    from .schema.layout.placement import PlacementReport as PlacementReport
    from .schema.layout.preference import UnmetPreference as UnmetPreference
    from .schema.libvirt import SourceError as SourceError
    from .schema.pci.address import Address as Address
    from .schema.pci.address import Pin as Pin
    from .schema.pci.controllers import Connector as Connector
    from .schema.pci.controllers import VirtioMode as VirtioMode
    from .schema.pci.cpu import Cpu as Cpu
    from .schema.pci.machine import Chipset as Chipset
    from .schema.picture.html_page import html as html
    from .schema.picture.svg_file import svg as svg
    from .schema.probe import Report as Report
    from .schema.probe import probe as probe
    from .schema.qemu.errors import ProbeError as ProbeError
    from .schema.request.device import Bar as Bar
    from .schema.request.device import Controller as Controller
    from .schema.request.device import Device as Device
    from .schema.request.device import Spare as Spare
    from .schema.request.fields import TERMS as TERMS
    from .schema.request.fields import Firmware as Firmware
    from .schema.request.fields import Policy as Policy
    from .schema.request.guest import Guest as Guest
    from .schema.rules import RULES as RULES
    from .schema.rules import Rule as Rule
    from .schema.verify import verify as verify
    from .schema.version import __version__ as __version__
    from .schema.weights import WEIGHTS as WEIGHTS
    from .solver import advise as advise
    from .solver import capacity as capacity
    from .solver import explain as explain
    from .solver import placement as placement
    from .solver import solve as solve
    from .solver import solve_many as solve_many
    from .solver.fleet.cache import AnswerCache as AnswerCache
    from .solver.options import OptionError as OptionError
    from .solver.options import Options as Options
    from .solver.options import Stop as Stop
    from .solver.progress import SearchProgress as SearchProgress

_PLACES = {
    "schema.catalog": ("UnknownModel",),
    "schema.comparison": (
        "Differing",
        "Following",
        "LayoutDiff",
        "PartDifference",
        "Trade",
        "WindowDifference",
        "diff",
    ),
    "schema.environment.advice": ("Advice", "Alternative", "Excluded"),
    "schema.environment.host": ("Host",),
    "schema.environment.osinfo": ("GuestOs", "OsinfoError", "UnknownOs", "find_os"),
    "schema.environment.target": ("Environment",),
    "schema.errors": ("ArgumentError", "InputError", "Problem", "QslotError"),
    "schema.explanation.conflict": ("Conflict", "Fact"),
    "schema.explanation.remedy": ("Change", "Remedy"),
    "schema.finding": ("Finding",),
    "schema.firmware": ("Prediction", "predict"),
    "schema.formats.convert": ("Converted", "convert"),
    "schema.formats.files": ("parse_guest", "read_guest", "read_layout"),
    "schema.formats.hosts": ("read_host",),
    "schema.formats.placed": ("PlacedGuest", "adopt", "read_pair", "read_placed"),
    "schema.formats.text_layout": ("explanation", "tree"),
    "schema.hotplug.capacity": ("GuestCapacity", "FreeBus", "MoreDevices"),
    "schema.layout.layout": (
        "IoWindow",
        "Layout",
        "ObjectiveTerm",
        "PlacedController",
        "PlacedDevice",
        "Platform",
        "SpareSlot",
        "Versions",
    ),
    "schema.layout.outcome": ("Infeasible", "NoLayoutError", "Outcome", "RefusedGuest", "Solved", "Undecided"),
    "schema.layout.placement": ("OtherPlace", "PlacementReport"),
    "schema.layout.preference": ("UnmetPreference",),
    "schema.libvirt": ("SourceError",),
    "schema.pci.address": ("Address", "Pin"),
    "schema.pci.controllers": ("Connector", "VirtioMode"),
    "schema.pci.cpu": ("Cpu",),
    "schema.pci.machine": ("Chipset",),
    "schema.picture.html_page": ("html",),
    "schema.picture.svg_file": ("svg",),
    "schema.probe": ("Report", "probe"),
    "schema.qemu.errors": ("ProbeError",),
    "schema.request.device": ("Bar", "Controller", "Device", "Spare"),
    "schema.request.fields": ("TERMS", "Firmware", "Policy"),
    "schema.request.guest": ("Guest",),
    "schema.rules": ("RULES", "Rule"),
    "schema.verify": ("verify",),
    "schema.version": ("__version__",),
    "schema.weights": ("WEIGHTS",),
    "solver": ("advise", "capacity", "explain", "placement", "solve", "solve_many"),
    "solver.fleet.cache": ("AnswerCache",),
    "solver.options": ("OptionError", "Options", "Stop"),
    "solver.progress": ("SearchProgress",),
}
"""Public names by the module that has them."""

__getattr__ = loader(__name__, _PLACES)
"""What has not been asked for before; it stays."""

__all__ = sorted(name for names in _PLACES.values() for name in names)


def __dir__() -> list[str]:
    return __all__
