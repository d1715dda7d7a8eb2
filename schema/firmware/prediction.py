"""What a firmware will do with a layout, as far as it is predicted."""

from dataclasses import dataclass, field

from ..finding import Finding
from ..layout import IoWindow
from .budget import PAGE
from .tree import Bus, Tree


@dataclass(frozen=True, slots=True)
class Prediction:
    """Bus numbers and IO space. After a failure what the firmware never gets to is None or missing."""

    secondary: dict[str, int | None]
    """Number of the bus that each controller offers; of a pxb, that of the hidden bridge its devices sit behind."""
    subordinate: dict[str, int | None]
    """Last bus number that belongs to it."""
    guest_addresses: dict[str, str | None]
    """Devices' addresses as lspci prints them, `02:01.0`; None where the guest never sees the device."""
    io_windows: tuple[IoWindow, ...] = ()
    """One for each bridge that forwards IO ports, nested ones too, in the layout's order."""
    io_bars: dict[tuple[str, int], int] = field(default_factory=dict)
    """IO port of each IO BAR that gets one, by device and BAR index."""
    lost: tuple[str, ...] = ()
    """Devices that OVMF drops for want of IO ports: they get no BAR at all, of whatever kind."""
    unreserved: tuple[str, ...] = ()
    """Hot-pluggable bridges whose reservations OVMF drops for the same reason: IO and memory alike."""
    padding: frozenset[str] = frozenset()
    """Bridges whose IO window is nothing but OVMF's default reservation, which older edk2 makes for every one."""
    failure: Finding | None = None
    """Rule `bus-numbers` or `io-space`: the guest does not boot, or loses a device or a reservation asked for."""

    @property
    def gives_up(self) -> bool:
        """Whether anything that asks for IO ports goes without."""
        return self.failure is not None or bool(self.lost or self.unreserved)


Windows = dict[Bus, tuple[int | None, int]]
"""Base port, where there is one, and size in bytes, of the window towards each bus."""


@dataclass(slots=True)
class IoResult:
    """What an IO allocation came to; names as in Prediction."""

    windows: Windows = field(default_factory=dict)
    bars: dict[tuple[str, int], int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    unreserved: list[str] = field(default_factory=list)
    padding: set[str] = field(default_factory=set)
    failure: Finding | None = None


def unnumbered(tree: Tree, devices: tuple[str, ...], failure: Finding) -> Prediction:
    """What is known where bus numbers run out: nothing."""
    none: dict[str, int | None] = dict.fromkeys(list(tree.buses)[1:])
    return Prediction(none, dict(none), dict.fromkeys(devices), failure=failure)


def numbered(tree: Tree, devices: tuple[str, ...], io: IoResult) -> Prediction:
    """The prediction of a tree whose buses have their numbers."""
    reached = {bus.id: bus for bus in tree.reachable}
    controllers = list(tree.buses)[1:]
    addresses = {
        function.id: f"{bus.number:02x}:{function.slot:02x}.{function.function}"
        for bus in reached.values()
        for function in bus.functions
    }
    windows = {bus.id: window for bus, window in io.windows.items()}
    return Prediction(
        secondary={name: reached[name].number if name in reached else None for name in controllers},
        subordinate={name: reached[name].subordinate if name in reached else None for name in controllers},
        guest_addresses={name: addresses.get(name) for name in devices},
        io_windows=tuple(
            IoWindow(controller=name, base=windows[name][0], size=windows[name][1])
            for name in controllers
            if name in windows
        ),
        io_bars=io.bars,
        lost=tuple(io.lost),
        unreserved=tuple(io.unreserved),
        padding=frozenset(io.padding),
        failure=io.failure,
    )


def open_window(base: int, size: int) -> tuple[int, int] | None:
    """Base and size of what a bridge forwards when programmed so: registers count in pages; None if it stays closed."""
    start = base // PAGE * PAGE
    end = -(-(base + size) // PAGE) * PAGE
    return (start, end - start) if end > start else None
