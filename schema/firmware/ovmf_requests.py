"""What edk2 asks for each bridge and root, for all below it: five kinds of windows, and what it gives up first."""

from collections.abc import Iterator
from dataclasses import field
from enum import Enum, auto
from itertools import groupby
from typing import Final

from ..pci.bars import BarKind
from ..pci.size import MIB, align, power_of_two
from ..records import record
from .budget import PAGE
from .tree import FirmwareBus, FirmwareTree, Function

NO_DEFAULT_IO_PADDING: Final = (2023, 8)
"""From this edk2 on a hot-pluggable bridge reserves no IO by default; before, 512 bytes."""
DEFAULT_IO_PADDING: Final = 512
DEFAULT_MEMORY_PADDING: Final = 2 * MIB
LEAST_ALIGNMENT: Final = PAGE
"""Bytes: of memory BARs, which keep their length where they are smaller (measured)."""
IGNORED_BAR_SIZE: Final = 8
"""Bytes: BARs of memory up to that size, pvpanic's alone, are not taken for BARs: where edk2 looks for the type of one
it finds bits of the size (measured with 2 bytes)."""
SMALL_APERTURE: Final = 32 << 30
"""Up to that many bytes of 64-bit memory no prefetchable memory is reserved by default; above, each bridge gets at
least a 256th."""

VGA_CLASS: Final = frozenset({
    "VGA", "ati-vga", "cirrus-vga", "qxl-vga", "vhost-user-vga", "virtio-vga", "virtio-vga-gl", "vmware-svga",
})  # fmt: skip
"""VGA-compatible models (class 0300, measured): edk2 never drops those."""


class Usage(Enum):
    """What edk2 wants an address range for."""

    BAR = auto()
    VIRTUAL = auto()
    """One BAR of all of a device's virtual functions, in a row."""
    WINDOW = auto()
    PADDING = auto()
    """Kept free on a bus for devices to come."""
    ROM = auto()
    """One at each root, as large as the largest option ROM below, to read them all there in turn."""


@record(eq=False)
class Node:
    """A request, in bytes."""

    usage: Usage
    kind: BarKind
    bus: FirmwareBus
    """Where the BAR sits or what the window leads to; for a padding, the bus that it reserves for."""
    length: int
    align: int
    function: Function | None = None
    bar: int = -1
    nodes: "list[Node]" = field(default_factory=list)
    default: bool = False
    """Nothing but default reservations, its own or of bridges in it."""
    offset: int = 0
    """From the start of the window it lies in."""
    victim: "Node | None" = None
    """What edk2 would give up first in here."""


def insert(nodes: list[Node], new: Node) -> None:
    """By falling alignment. Among equals the newcomer goes first, unless its odd remainder is the smaller one."""
    rest = new.length % new.align
    for index, node in enumerate(nodes):
        if new.align > node.align or (new.align == node.align and (rest == 0 or rest >= node.length % node.align)):
            nodes.insert(index, new)
            return
    nodes.append(new)


class Requests:
    """The requests of all buses, built once and again along the path of each one that is given up.

    `kinds`: all, or IO alone. `high`: bytes of 64-bit memory, usable or not, which decide what is reserved.
    """

    def __init__(self, tree: FirmwareTree, kinds: tuple[BarKind, ...], version: tuple[int, ...], high: int) -> None:
        self._tree = tree
        self._kinds = kinds
        io = 0 if version >= NO_DEFAULT_IO_PADDING else DEFAULT_IO_PADDING
        prefetchable = power_of_two(high) >> 8 if high > SMALL_APERTURE else 0
        self._defaults = (io, DEFAULT_MEMORY_PADDING, 0, 0, prefetchable)
        self._windows: dict[FirmwareBus, list[Node]] = {}
        self._dropped: set[Function] = set()
        self._unpadded: set[FirmwareBus] = set()
        for bus in reversed(tree.reachable):
            self._build(bus)

    def roots(self, kind: BarKind) -> list[Node]:
        """The roots' requests of one kind, by bus number. Prefetchable ones have been merged into the others."""
        return [self._windows[root][kind] for root in self._tree.roots]

    def window(self, bus: FirmwareBus, kind: BarKind) -> Node:
        """The request for the window that leads to that bus."""
        return self._windows[bus][kind]

    def might_merge(self, bus: FirmwareBus) -> bool:
        """Whether an empty hot-pluggable bridge on that bus might make two windows below 4 GiB one, which may be less:
        where 64-bit memory is reserved for it, 32-bit prefetchable memory goes where the other is."""
        windows = self._windows[bus]
        reserved = self._defaults[BarKind.PREF64]
        return bool(reserved and windows[BarKind.PREF32].nodes and windows[BarKind.MEM32].nodes)

    def give_up(self, victim: Node) -> None:
        """Without that device, or that bridge's reservations."""
        bus: FirmwareBus | None = victim.bus
        if victim.function is None:
            self._unpadded.add(victim.bus)
        else:
            self._dropped.add(victim.function)
        while bus is not None:
            self._build(bus)
            bus = bus.parent

    def _build(self, bus: FirmwareBus) -> None:
        """Everything below has been built."""
        windows = [Node(Usage.WINDOW, kind, bus, 0, _granule(kind)) for kind in self._kinds]
        self._windows[bus] = windows
        if bus.parent is None and len(windows) > 1:
            self._add_rom(windows[BarKind.MEM32])
        for function in bus.functions:
            if function not in self._dropped:
                for index, kind, size in function.bars:
                    if kind < len(windows) and (kind is BarKind.IO or size > IGNORED_BAR_SIZE):
                        alignment = size if kind is BarKind.IO else max(size, LEAST_ALIGNMENT)
                        insert(windows[kind].nodes, Node(Usage.BAR, kind, bus, size, alignment, function, index))
                for kind, size, number in function.virtual_bars if len(windows) > 1 else ():
                    insert(windows[kind].nodes, Node(Usage.VIRTUAL, kind, bus, size * number, size, function))
            if function.bus is not None:
                for below in self._windows[function.bus]:
                    if below.nodes:
                        insert(windows[below.kind].nodes, below)
        for padding in self._paddings(bus):
            insert(windows[padding.kind].nodes, padding)
        if len(windows) > 1:
            _degrade(windows, is_root=bus.parent is None)
        for window in windows:
            if window.nodes:  # of most kinds there are none
                window.default = all(node.default for node in window.nodes)
                measure(window)

    def _paddings(self, bus: FirmwareBus) -> Iterator[Node]:
        """What a hot-pluggable bridge reserves: powers of two."""
        if bus in self._unpadded or not is_hot(self._tree, bus):
            return
        for kind in self._kinds:
            asked = _reserve(bus, kind)
            length = self._defaults[kind] if asked is None else power_of_two(asked)
            if length:
                yield Node(Usage.PADDING, kind, bus, length, length, default=asked is None)

    def _add_rom(self, window: Node) -> None:
        """Before all else: what is as large goes in front of it (measured)."""
        order = [bus for complex_ in self._tree.complexes if complex_[0] is window.bus for bus in complex_]
        functions = (function for bus in order for function in bus.functions if function not in self._dropped)
        largest = max((function.rom for function in functions), default=0)
        if largest:
            insert(window.nodes, Node(Usage.ROM, BarKind.MEM32, window.bus, largest, largest))


def is_hot(tree: FirmwareTree, bus: FirmwareBus) -> bool:
    """Whether edk2 takes the bridge for hot-pluggable: pc-q35-6.1 hides that of its ports."""
    return bus.shpc or (bus.port and bus.hotplug and not tree.machine.port_io_reserve)


def _reserve(bus: FirmwareBus, kind: BarKind) -> int | None:
    """What is asked for; None for edk2's default. Of prefetchable memory a reserve of 0 asks for nothing else, so the
    default stays (measured)."""
    if kind is BarKind.IO:
        return bus.io_reserve
    if kind is BarKind.MEM32:
        return bus.memory_reserve
    if kind is BarKind.PREF64:
        return 0 if bus.pref32_reserve else bus.pref64_reserve or None
    return bus.pref32_reserve if kind is BarKind.PREF32 else 0


def _degrade(windows: list[Node], *, is_root: bool) -> None:
    """A bridge has one window of 32-bit and one of prefetchable memory, the latter for one address width; a root has no
    prefetchable memory of its own, but all of 64-bit."""
    if not is_root:
        _merge(windows[BarKind.MEM64], windows[BarKind.MEM32])
    if is_root or windows[BarKind.PREF64].nodes:
        _merge(windows[BarKind.PREF32], windows[BarKind.MEM32])
    if is_root:
        _merge(windows[BarKind.PREF64], windows[BarKind.MEM64])


def _merge(source: Node, target: Node) -> None:
    for node in source.nodes:
        insert(target.nodes, node)
    source.nodes = []


def measure(window: Node) -> None:
    """Length, alignment, offsets inside and first victim. Padding takes no room beside what is there, only instead."""
    used = reserved = 0
    window.victim = None
    for node in window.nodes:
        if node.usage is Usage.PADDING:
            node.offset = align(reserved, node.align)
            reserved = node.offset + node.length
        else:
            node.offset = align(used, node.align)
            used = node.offset + node.length
        victim = node.victim if node.usage is Usage.WINDOW else node if is_givable(node) else None
        if victim is not None and (window.victim is None or victim.length >= window.victim.length):
            window.victim = victim
    window.length = _length(window.kind, used, reserved)
    if window.nodes:
        window.align = max(window.align, window.nodes[0].align)


def least_length(window: Node) -> int:
    """Of that window, in whatever order those of equal alignment come, which depends on slots: what leaves most behind
    it to its next multiple is the last of them."""
    used = reserved = 0
    for alignment, equals in groupby(window.nodes, key=lambda node: node.align):
        nodes = list(equals)
        reserved += sum(node.length for node in nodes if node.usage is Usage.PADDING)
        there = [node for node in nodes if node.usage is not Usage.PADDING]
        lengths = [least_length(node) if node.usage is Usage.WINDOW else node.length for node in there]
        if lengths:
            left = max(-length % alignment for length in lengths)
            used = align(used, alignment) + sum(align(length, alignment) for length in lengths) - left
    return _length(window.kind, used, reserved)


def _length(kind: BarKind, used: int, reserved: int) -> int:
    """Of a window. Padding of IO is not rounded up, so a bridge that only reserves 512 bytes is 512 long, though it
    forwards a page of ports: what is placed next may come to lie in that page (measured)."""
    granule = _granule(kind)
    return max(align(used, granule), reserved if kind is BarKind.IO else align(reserved, granule))


def _granule(kind: BarKind) -> int:
    """What a bridge's windows are multiples of."""
    return PAGE if kind is BarKind.IO else MIB


def is_givable(node: Node) -> bool:
    """Paddings always; of devices those neither on bus 0 nor of class VGA. Never a bridge's own BAR."""
    if node.usage is Usage.PADDING:
        return True
    function = node.function
    if function is None or function.bus is not None:
        return False
    return node.bus.number != 0 and function.model not in VGA_CLASS


def leaves(window: Node) -> Iterator[Node]:
    """The requests in it and in the windows there, windows themselves left out."""
    for node in window.nodes:
        if node.usage is Usage.WINDOW:
            yield from leaves(node)
        else:
            yield node
