"""OVMF (edk2): bus numbers and IO windows, as 2022.11 and 2025.02 assign them (measured on random topologies)."""

from bisect import insort
from dataclasses import dataclass, field
from typing import Final

from ..finding import Finding
from .budget import PAGE, io_budget
from .numbering import number_buses
from .prediction import IoResult, Prediction, numbered, open_window, unnumbered
from .tree import Bus, Function, Tree

APERTURE_END: Final = 0x10000

NO_DEFAULT_PADDING: Final = (2023, 8)
"""From this edk2 on a hot-pluggable bridge reserves no IO by default; before, 512 bytes."""
DEFAULT_PADDING: Final = 512

VGA_CLASS: Final = frozenset({"ati-vga", "qxl-vga", "vmware-svga"})
"""VGA-compatible models with an IO BAR (class 0300, measured): edk2 never drops those."""


def predict(tree: Tree, devices: tuple[str, ...], version: tuple[int, ...]) -> Prediction:
    """What OVMF of that version makes of that tree. `devices`: ids of all devices of the layout."""
    failure = number_buses(tree, lambda bus: bus.bus_reserve if _hot(tree, bus) else None, strict=False)
    if failure is not None:
        return unnumbered(tree, devices, failure)
    default = 0 if version >= NO_DEFAULT_PADDING else DEFAULT_PADDING
    return numbered(tree, devices, _allocate(tree, _Map(tree, default)))


def _hot(tree: Tree, bus: Bus) -> bool:
    """Whether edk2 takes the bridge for hot-pluggable: pc-q35-6.1 hides that of its ports."""
    return bus.shpc or (bus.port and bus.hotplug and not tree.machine.port_io_reserve)


@dataclass(slots=True, eq=False)
class Node:
    """A request for IO ports, in bytes: a BAR (`function`), a window (`nodes`) or a padding (neither)."""

    bus: Bus
    """Where the BAR or the window's bridge sits; for a padding, the bus that it reserves for."""
    length: int
    align: int
    function: Function | None = None
    bar: int = -1
    below: Bus | None = None
    nodes: "list[Node]" = field(default_factory=list)
    default: bool = False
    """Nothing but default reservations, its own or of bridges in it."""
    offset: int = 0
    """From the start of the window it lies in."""
    victim: "Node | None" = None
    """What edk2 would give up first in here."""

    @property
    def is_padding(self) -> bool:
        return self.below is None and self.function is None


def _insert(nodes: list[Node], new: Node) -> None:
    """By falling alignment. Among equals the newcomer goes first, unless its odd remainder is the smaller one."""
    rest = new.length % new.align
    for index, node in enumerate(nodes):
        if new.align > node.align or (new.align == node.align and (rest == 0 or rest >= node.length % node.align)):
            nodes.insert(index, new)
            return
    nodes.append(new)


class _Map:
    """The requests of all buses, built once and again along the path of each one that is given up."""

    def __init__(self, tree: Tree, default_padding: int) -> None:
        self._tree = tree
        self._default_padding = default_padding
        self._windows: dict[Bus, Node] = {}
        self._dropped: set[Function] = set()
        self._unpadded: set[Bus] = set()
        for bus in reversed(tree.reachable):
            self._build(bus)

    def roots(self) -> list[Node]:
        """The roots' requests, by bus number."""
        return [self._windows[root] for root in self._tree.roots]

    def padding(self, bus: Bus) -> int:
        """Bytes a bridge reserves on the bus below for devices to come: a power of two, or 0."""
        if bus in self._unpadded or not _hot(self._tree, bus):
            return 0
        if bus.io_reserve is None:
            return self._default_padding
        return 1 << (bus.io_reserve - 1).bit_length() if bus.io_reserve > 0 else 0

    def give_up(self, victim: Node) -> None:
        """Without that device, or that bridge's reservations."""
        bus: Bus | None = victim.bus
        if victim.function is None:
            self._unpadded.add(victim.bus)
        else:
            self._dropped.add(victim.function)
        while bus is not None:
            self._build(bus)
            bus = bus.parent

    def _build(self, bus: Bus) -> None:
        """Everything below has been built."""
        window = Node(bus, 0, PAGE, below=bus)
        self._windows[bus] = window
        for function in bus.functions:
            if function not in self._dropped:
                for index, size in function.io:
                    _insert(window.nodes, Node(bus, size, size, function, index))
            if function.bus is not None and (below := self._windows[function.bus]).nodes:
                _insert(window.nodes, below)
        padding = self.padding(bus)
        if padding:
            _insert(window.nodes, Node(bus, padding, padding, default=bus.io_reserve is None))
        window.default = all(node.default for node in window.nodes)
        _measure(window)


def _measure(window: Node) -> None:
    """Length, alignment, offsets inside and first victim. Padding takes no room beside what is there, only instead."""
    offset = padding = 0
    for node in window.nodes:
        if node.is_padding:
            padding = node.length
        else:
            node.offset = -(-offset // node.align) * node.align
            offset = node.offset + node.length
        victim = node.victim if node.below else _givable(node)
        if victim is not None and (window.victim is None or victim.length >= window.victim.length):
            window.victim = victim
    # Rounded up first, so a bridge that only reserves 512 bytes is 512 long, though it forwards a page of ports: what
    # is placed next may come to lie in that page (measured).
    window.length = max(-(-offset // PAGE) * PAGE, padding)
    if window.nodes:
        window.align = max(PAGE, window.nodes[0].align)


def _givable(node: Node) -> Node | None:
    """Paddings always; devices neither of bus 0 nor of class VGA."""
    keep = node.function is not None and (node.bus.number == 0 or node.function.model in VGA_CLASS)
    return None if keep else node


def _allocate(tree: Tree, requests: _Map) -> IoResult:
    """As long as the roots' requests do not all find room, one victim a round goes: the largest, the last of equals."""
    io = IoResult()
    available = io_budget(tree.machine.family, "ovmf").limit
    used = sum(root.length for root in requests.roots())
    explicit: list[str] = []
    asking: tuple[str, ...] = ()
    failed: set[Bus] = set()
    while None in (bases := _place(requests.roots(), APERTURE_END - available, failed)).values():
        # Of several roots edk2 keeps only the last one's verdict. Where that one found room, or where nothing can be
        # given up, enumeration ends with nothing programmed and no console (measured).
        asking = asking or _asking(bases)
        failed |= {root.bus for root, base in bases.items() if base is None}
        last = list(bases.values())[-1]
        victim = _first_victim(requests.roots()) if last is None else None
        if victim is None:
            io.failure = _out_of_io(asking, used, available)
            io.lost, io.unreserved, bases = [], [], dict.fromkeys(bases)
            break
        requests.give_up(victim)
        if victim.function is not None:
            io.lost.append(victim.function.id)
        else:
            io.unreserved.append(victim.bus.id)
            if victim.bus.io_reserve:
                explicit.append(victim.bus.id)
    if io.failure is None and (io.lost or explicit):
        io.failure = _out_of_io((*io.lost, *explicit), used, available)
    for root, base in bases.items():
        _assign(root, base, io)
    return io


def _place(roots: list[Node], start: int, failed: set[Bus]) -> dict[Node, int | None]:
    """Where the requests of each root that has any go: first fit, by bus number; None for what finds no room.

    `failed`: roots that found no room before. Once they ask for nothing at all their old request stays on record, of
    length 0, which never finds room (measured).
    """
    bases: dict[Node, int | None] = {}
    taken: list[tuple[int, int]] = [(APERTURE_END, APERTURE_END)]
    for root in roots:
        if root.length:
            bases[root] = base = _first_fit(root, start, taken)
            if base is not None:
                insort(taken, (base, base + root.length))
        elif root.bus in failed:
            bases[root] = None
    return bases


def _first_fit(root: Node, start: int, taken: list[tuple[int, int]]) -> int | None:
    at = start
    for low, high in taken:
        at = -(-at // root.align) * root.align
        if at + root.length <= low:
            return at
        at = max(at, high)
    return None


def _first_victim(roots: list[Node]) -> Node | None:
    """The roots are searched as if they were windows of one bridge."""
    pool = Node(roots[0].bus, 0, PAGE)
    for root in roots:
        _insert(pool.nodes, root)
    _measure(pool)
    return pool.victim


def _assign(window: Node, base: int | None, io: IoResult) -> None:
    """Writes down the windows and BARs below a root. Without a base only sizes are known."""
    waiting = [(window, base)]
    while waiting:
        window, base = waiting.pop()
        for node in window.nodes:
            at = None if base is None else base + node.offset
            if node.below is not None:
                waiting.append((node, at))
                _record_window(node, node.below, at, io)
            elif at is not None and node.function is not None and node.function.id:
                io.bars[node.function.id, node.bar] = at


def _record_window(node: Node, below: Bus, at: int | None, io: IoResult) -> None:
    forwarded = open_window(at or 0, node.length)
    if forwarded is not None and below.io_reserve != 0:  # with io-reserve=0 QEMU makes the registers read-only
        io.windows[below] = (None if at is None else forwarded[0], forwarded[1])
    if node.default:
        io.padding.add(below.id)


def _asking(bases: dict[Node, int | None]) -> tuple[str, ...]:
    """Devices and bridges whose requests meet at the roots that found no room."""
    nodes = (node for root, base in bases.items() if base is None for node in root.nodes)
    names = (node.below.id if node.below else node.function.id if node.function else "" for node in nodes)
    return tuple(dict.fromkeys(name for name in names if name))


def _out_of_io(subjects: tuple[str, ...], used: int, available: int) -> Finding:
    return Finding(rule="io-space", subjects=subjects, numbers={"used": used, "available": available})
