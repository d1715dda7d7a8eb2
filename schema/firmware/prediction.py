"""What a firmware will do with a layout, as far as it is predicted."""

from dataclasses import dataclass, field
from typing import NamedTuple

from ..finding import Finding
from ..layout.layout import IoWindow
from ..pci.address import written
from ..pci.bars import BarKind
from ..pci.size import MIB
from ..records import record
from .budget import PAGE
from .tree import FirmwareBus, FirmwareTree


class Window(NamedTuple):
    """Memory that a bridge forwards, in bytes; `base` is None where the firmware never gives one."""

    base: int | None
    size: int


@dataclass(frozen=True, slots=True)
class Prediction:
    """Bus numbers, IO and memory space. After a failure what the firmware never gets to is None or missing."""

    secondary: dict[str, int | None]
    """Number of the bus that each controller offers; of a pxb, that of the hidden bridge its devices sit behind."""
    subordinate: dict[str, int | None]
    """Last bus number that belongs to it."""
    guest_addresses: dict[str, str | None]
    """Devices' addresses as lspci prints them, `02:01.0`; None where the guest never sees the device."""
    io_windows: tuple[IoWindow, ...] = ()
    """One for each bridge that forwards IO ports, nested ones too, in the layout's order."""
    memory_windows: dict[str, Window] = field(default_factory=dict)
    """Of each bridge that forwards 32-bit memory that is not prefetchable, by id."""
    prefetchable_windows: dict[str, Window] = field(default_factory=dict)
    """Of each bridge that forwards prefetchable memory, above 4 GiB or below."""
    io_bars: dict[tuple[str, int], int] = field(default_factory=dict)
    """IO port of each IO BAR that gets one, by device and BAR index."""
    memory_bars: dict[tuple[str, int], int] = field(default_factory=dict)
    """Address of each memory BAR that gets one, by device or controller and BAR index."""
    chipset_io: tuple[tuple[int, int], ...] = ()
    """IO ports that BARs of the chipset get, each with how many; the SMBus controller's are moved elsewhere later."""
    lost: tuple[str, ...] = ()
    """Devices that OVMF drops for want of IO or memory space: they get no BAR at all, of whatever kind. Those that have
    a BAR which SeaBIOS from 1.16.3 on would have to put below 0."""
    unreserved: tuple[str, ...] = ()
    """Hot-pluggable bridges whose reservations OVMF drops for the same reason: IO and memory alike. Those whose window
    SeaBIOS would have to begin there."""
    misplaced: tuple[str, ...] = ()
    """Devices with a BAR outside the windows of the bridge above them, or at address 0 where nobody sees it, for want
    of alignment: SeaBIOS 1.16.3 alone."""
    padding: frozenset[str] = frozenset()
    """Bridges whose IO window is nothing but OVMF's default reservation, which older edk2 makes for every one."""
    failure: Finding | None = None
    """Rule `bus-numbers`, `io-space` or `memory-space`: the guest does not boot, or loses a device or a reservation
    asked for, or does not reach a device's memory."""

    @property
    def memory_spans(self) -> list[tuple[str, int, int]]:
        """Of each bridge's window and each BAR who has it, where it begins, and where it ends; of a BAR, aligned to its
        size, the first byte alone: with that all of it is below a power of two, or beyond."""
        windows = (*self.memory_windows.items(), *self.prefetchable_windows.items())
        spans = [(name, one.base, one.base + one.size) for name, one in windows if one.base is not None]
        return spans + [(name, base, base + 1) for (name, _), base in self.memory_bars.items()]

    @property
    def drops_anything(self) -> bool:
        """Whether anything that asks for room goes without."""
        return self.failure is not None or bool(self.lost or self.unreserved)


@record
class Allocation:
    """What sharing out IO and memory space came to; names as in Prediction."""

    io_windows: dict[FirmwareBus, Window] = field(default_factory=dict)
    memory_windows: dict[FirmwareBus, Window] = field(default_factory=dict)
    prefetchable_windows: dict[FirmwareBus, Window] = field(default_factory=dict)
    io_bars: dict[tuple[str, int], int] = field(default_factory=dict)
    memory_bars: dict[tuple[str, int], int] = field(default_factory=dict)
    chipset_io: list[tuple[int, int]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    unreserved: list[str] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)
    padding: set[str] = field(default_factory=set)
    failure: Finding | None = None

    def add_bar(self, name: str, index: int, kind: BarKind, address: int) -> None:
        """Notes the address of BAR `index` of the device or controller of that name."""
        bars = self.io_bars if kind is BarKind.IO else self.memory_bars
        bars[name, index] = address

    def add_window(self, bus: FirmwareBus, kind: BarKind, base: int | None, size: int) -> None:
        """What the bridge to `bus` forwards when its window of that kind is programmed so, if anything."""
        granule = PAGE if kind is BarKind.IO else MIB
        start = (base or 0) // granule * granule
        end = -(-((base or 0) + size) // granule) * granule
        # With io-reserve=0 QEMU makes a port's registers read-only, not a pci-bridge's: the room is lost all the same.
        if end > start and not (kind is BarKind.IO and bus.port and bus.io_reserve == 0):
            self._windows(kind)[bus] = Window(None if base is None else start, end - start)

    def _windows(self, kind: BarKind) -> dict[FirmwareBus, Window]:
        if kind is BarKind.IO:
            return self.io_windows
        return self.memory_windows if kind in (BarKind.MEM32, BarKind.MEM64) else self.prefetchable_windows


def unnumbered(tree: FirmwareTree, devices: tuple[str, ...], failure: Finding) -> Prediction:
    """What is known where bus numbers run out: nothing."""
    none: dict[str, int | None] = dict.fromkeys(list(tree.buses)[1:])
    return Prediction(none, dict(none), dict.fromkeys(devices), failure=failure)


def numbered(tree: FirmwareTree, devices: tuple[str, ...], result: Allocation) -> Prediction:
    """The prediction of a tree whose buses have their numbers."""
    reached = {bus.id: bus for bus in tree.reachable}
    controllers = list(tree.buses)[1:]
    addresses = {
        function.id: f"{bus.number:02x}:{written(function.slot, function.function)}"
        for bus in reached.values()
        for function in bus.functions
    }
    io = {bus.id: window for bus, window in result.io_windows.items()}
    return Prediction(
        secondary={name: reached[name].number if name in reached else None for name in controllers},
        subordinate={name: reached[name].subordinate if name in reached else None for name in controllers},
        guest_addresses={name: addresses.get(name) for name in devices},
        io_windows=tuple(
            IoWindow(controller=name, base=io[name].base, size=io[name].size) for name in controllers if name in io
        ),
        memory_windows={bus.id: window for bus, window in result.memory_windows.items()},
        prefetchable_windows={bus.id: window for bus, window in result.prefetchable_windows.items()},
        io_bars=result.io_bars,
        memory_bars=result.memory_bars,
        chipset_io=tuple(result.chipset_io),
        lost=tuple(result.lost),
        unreserved=tuple(result.unreserved),
        misplaced=tuple(result.misplaced),
        padding=frozenset(result.padding),
        failure=result.failure,
    )
