"""IO ports that a layout takes, as docs/semantics.md counts them (rule io-space): root BARs, windows of all bridges."""

from collections.abc import Mapping

from ..firmware.budget import PAGE, io_budget
from ..layout.layout import PlacedController
from ..layout.topology import Topology, has_shpc, port_hotplug
from ..pci.machine import Machine
from ..pci.qemu_properties import integer
from ..pci.size import power_of_two
from ..records import record


@record(frozen=True)
class IoSpace:
    """All in bytes."""

    windows: dict[str, int]
    """Of each bridge that is reached from the root, by id; 0 where it has none."""
    content: dict[str, int]
    """What needs those windows: BARs of devices and spare slots on the bus, and the windows of the bridges there."""
    root_level: int
    """Windows of the bridges on the main root bus and on expanders' buses."""
    main_root: int
    """Those of them that are not below expanders."""
    root_bars: int
    """BARs of chipset, endpoints and spare slots on the main root bus."""
    largest_reserve: int
    """As a power of two, which OVMF rounds it up to. Of the bridges below the main root bus, not below expanders."""


def pages(size: int) -> int:
    """`size` bytes rounded up to whole pages.

    >>> pages(32)
    4096
    """
    return -(-size // PAGE) * PAGE


def io_reserve(machine: Machine, firmware: str, controller: PlacedController) -> int:
    """What the bridge reserves beside its content, in bytes; root ports of pc-q35-6.1 do so by themselves."""
    if not heeds_reserve(machine, firmware, controller):
        return 0
    if "io-reserve" in controller.properties:
        return integer(controller.properties, "io-reserve") or 0
    implied = machine.port_io_reserve and controller.model == "pcie-root-port" and port_hotplug(controller)
    return PAGE if implied else 0


def heeds_reserve(machine: Machine, firmware: str, controller: PlacedController) -> bool:
    """OVMF looks at the reserves of bridges that it takes for hot-pluggable; SeaBIOS at all."""
    if firmware == "seabios":
        return True
    if controller.model == "pci-bridge":
        return has_shpc(controller)
    return port_hotplug(controller) and not machine.port_io_reserve


def io_space(machine: Machine, firmware: str, topology: Topology, direct: Mapping[str, int]) -> IoSpace:
    """`direct`: bytes of the BARs on each bus itself."""
    buses, below = topology.buses, topology.below
    empty_shpc = io_budget(machine, firmware).empty_shpc_window
    windows: dict[str, int] = {}
    content: dict[str, int] = {}
    largest = 0
    for bus in reversed(buses.values()):
        if bus.controller is None:
            continue
        nested = sum(windows[child.id] for child in below[bus.id])
        content[bus.id] = direct[bus.id] + nested
        window = pages(direct[bus.id]) + nested
        if content[bus.id] == 0 and has_shpc(bus.controller):
            window = empty_shpc
        reserve = pages(io_reserve(machine, firmware, bus.controller))
        windows[bus.id] = max(window, reserve)
        largest = max(largest, power_of_two(reserve) if bus.expander is None else 0)
    # a window that reaches the root is counted there once: an expander only passes on what its bridges have
    at_root = sum(windows[child.id] for child in below[machine.root])
    main_root = sum(windows[child.id] for child in below[machine.root] if not child.is_expander)
    return IoSpace(windows, content, at_root, main_root, direct[machine.root], largest)
