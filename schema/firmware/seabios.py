"""SeaBIOS: bus numbers, IO and memory, as 1.16.2 assigns them (measured on random topologies; 1.16.3 too, but for
64-bit memory)."""

from typing import Final, NamedTuple

from ..finding import Finding
from ..pci.bars import ROM_BAR, BarKind
from ..pci.ram import GIB, high_memory_end
from ..pci.size import MIB
from .apertures import seabios_hole
from .budget import PAGE, align, io_budget
from .numbering import number_buses
from .prediction import Allocation, Prediction, numbered, unnumbered
from .tree import FirmwareBus, FirmwareTree, Function

LOW_BASE: Final = 0x1000
HIGH_BASE: Final = 0xC000
HIGH_SIZE: Final = 0x4000
"""Root level: all IO goes to 0xc000 if it is less than 0x4000 bytes, else to 0x1000."""

USB_64BIT: Final = frozenset({"nec-usb-xhci", "qemu-xhci"})
"""Models with 64-bit BARs that stay below 4 GiB, since SeaBIOS itself drives USB controllers."""


class Space(NamedTuple):
    """One of the three lists that SeaBIOS keeps for each bus."""

    kind: BarKind
    """Of its windows."""
    kinds: tuple[BarKind, ...]
    """Of the BARs in it."""
    granule: int
    """Bytes: windows are multiples of it."""
    least: int
    """Bytes: smaller BARs take as much."""


IO: Final = Space(BarKind.IO, (BarKind.IO,), PAGE, 1)
MEMORY_SPACE: Final = Space(BarKind.MEM32, (BarKind.MEM32, BarKind.MEM64), 2 * MIB, PAGE)
PREFETCHABLE: Final = Space(BarKind.PREF64, (BarKind.PREF32, BarKind.PREF64), 2 * MIB, PAGE)


class Entry(NamedTuple):
    """A request, in bytes: a BAR of a function, or the window of the bridge to `bus`."""

    size: int
    align: int
    function: Function | None
    bar: int
    bus: FirmwareBus | None
    may_go_high: bool
    """Above 4 GiB, if it has to."""


Entries = list[Entry]
Requests = dict[FirmwareBus, Entries]
"""By the bus they are served from; the expanders' roots share the main root's list."""
Share = tuple[Entries, int | None]
"""Requests of the root level, and where the first of them goes; None where nobody gets anything."""


def predict(tree: FirmwareTree, devices: tuple[str, ...], *, memory: bool) -> Prediction:
    """What SeaBIOS makes of that tree. `devices`: ids of all devices of the layout."""
    failure = number_buses(tree, lambda bus: bus.bus_reserve, strict=True)
    if failure is not None:
        return unnumbered(tree, devices, failure)
    main, result = tree.roots[0], Allocation()
    requests = {space: _requests(tree, space) for space in ((IO, MEMORY_SPACE, PREFETCHABLE) if memory else (IO,))}
    shares: dict[Space, list[Share]] = {IO: [_place_io(tree, requests[IO][main], result)]}
    if memory:
        shares |= _place_memory(tree, requests[MEMORY_SPACE][main], requests[PREFETCHABLE][main], result)
    for space, roots in shares.items():
        if result.failure is not None:
            roots = [(entries, None) for entries, _ in roots]  # it panics before it programs anything
        _assign(tree, space, requests[space], roots, result)
    return numbered(tree, devices, result)


def exceeds_memory(tree: FirmwareTree) -> bool:
    """Whether what cannot go above 4 GiB takes more bytes than there are below, without a gap: as a window is no
    smaller for what is added to it, nothing that is added anywhere changes that."""
    main = tree.roots[0]
    low = (entry for space in (MEMORY_SPACE, PREFETCHABLE) for entry in _split(_requests(tree, space)[main])[1])
    return sum(entry.size for entry in low) > seabios_hole(tree.machine, tree.platform.memory).size


def _requests(tree: FirmwareTree, space: Space) -> Requests:
    """Order is what decides addresses: BARs first, by bus number, slot, function and index; then windows, from the
    highest bus number down; all stably sorted by falling alignment and size. So equal windows rise as bus numbers fall.
    """
    roots = set(tree.roots)
    main = tree.roots[0]
    buses = tree.reachable
    requests: Requests = {bus: [] for bus in buses}
    for bus in buses:
        served = requests[main if bus in roots else bus]
        for function in bus.functions:
            for index, kind, size in function.bars:
                if kind in space.kinds:
                    size = max(size, space.least)
                    high = kind >= BarKind.MEM64 and function.model not in USB_64BIT
                    served.append(Entry(size, size, function, index, None, high))
            if function.rom and space is MEMORY_SPACE:
                size = max(function.rom, space.least)
                served.append(Entry(size, size, function, ROM_BAR, None, False))
    for bus in reversed(buses):
        requests[bus].sort(key=_falling)
        if bus.parent is not None:
            above = main if bus.parent in roots else bus.parent
            requests[above].append(_window(bus, space, requests[bus]))
    return requests


def _falling(entry: Entry) -> tuple[int, int]:
    return -entry.align, -entry.size


def _window(bus: FirmwareBus, space: Space, entries: Entries) -> Entry:
    """The window of the bridge to `bus`: sizes added up as they are, since falling alignment leaves no gaps.

    A bridge with a standard hot-plug controller gets one even if nothing below asks; PCI Express ports get two of
    memory, but none of IO. A reserve counts where it is larger; one of IO is then not rounded.
    """
    total = sum(entry.size for entry in entries)
    alignment = max(space.granule, entries[0].align if entries else 0)
    if total == 0 and (bus.shpc or (bus.port and space is not IO)):
        total = alignment
    reserve = _reserve(bus, space)
    size = reserve if space is IO and reserve > total else align(max(total, reserve), alignment)
    high = space is PREFETCHABLE and all(entry.may_go_high for entry in entries)
    return Entry(size, alignment, None, -1, bus, high)


def _reserve(bus: FirmwareBus, space: Space) -> int:
    if space is IO:
        return bus.io_reserve or 0
    if space is MEMORY_SPACE:
        return bus.memory_reserve or 0
    return bus.pref64_reserve or bus.pref32_reserve or 0


def _place_io(tree: FirmwareTree, entries: Entries, result: Allocation) -> Share:
    total = sum(entry.size for entry in entries)
    limit = io_budget(tree.machine, "seabios").limit
    if total > limit:
        result.failure = _out_of_space("io-space", tree, entries, total, limit)
    return entries, HIGH_BASE if total < HIGH_SIZE else LOW_BASE


def _place_memory(
    tree: FirmwareTree, memory: Entries, prefetchable: Entries, result: Allocation
) -> dict[Space, list[Share]]:
    """All below 4 GiB if it fits there; else whatever may goes above RAM, each of the two lists from a whole GiB on."""
    hole = seabios_hole(tree.machine, tree.platform.memory)
    starts = _from_the_top(memory, prefetchable, hole.end)
    if min(starts) >= hole.start:
        return {MEMORY_SPACE: [(memory, starts[0])], PREFETCHABLE: [(prefetchable, starts[1])]}
    high_memory, memory = _split(memory)
    high_prefetchable, prefetchable = _split(prefetchable)
    starts = _from_the_top(memory, prefetchable, hole.end)
    if min(starts) < hole.start and result.failure is None:
        entries = memory + prefetchable
        result.failure = _out_of_space("memory-space", tree, entries, hole.end - min(starts), hole.size)
    end = high_memory_end(tree.machine, tree.platform.memory, tree.platform.pci_hole64)
    first = align(end, max(GIB, _alignment(high_memory)))
    second = align(first + sum(entry.size for entry in high_memory), max(GIB, _alignment(high_prefetchable)))
    return {
        MEMORY_SPACE: [(high_memory, first), (memory, starts[0])],
        PREFETCHABLE: [(high_prefetchable, second), (prefetchable, starts[1])],
    }


def _split(entries: Entries) -> tuple[Entries, Entries]:
    """Those that may go high, and the others."""
    return [entry for entry in entries if entry.may_go_high], [entry for entry in entries if not entry.may_go_high]


def _from_the_top(memory: Entries, prefetchable: Entries, end: int) -> tuple[int, int]:
    """Where both lists start: prefetchable ends at the top with memory below it, or the other way round if that one
    has the smaller alignment. Starts are rounded down to each list's own."""
    if _alignment(memory) < _alignment(prefetchable):
        above = _below(memory, end)
        return above, _below(prefetchable, above)
    above = _below(prefetchable, end)
    return _below(memory, above), above


def _below(entries: Entries, end: int) -> int:
    alignment = _alignment(entries)
    return (end - sum(entry.size for entry in entries)) // alignment * alignment


def _alignment(entries: Entries) -> int:
    return entries[0].align if entries else 1


def _assign(tree: FirmwareTree, space: Space, requests: Requests, roots: list[Share], result: Allocation) -> None:
    """Hands addresses out one after the other, then inside each window. Without a start only sizes are known."""
    starts: dict[FirmwareBus, int | None] = {}
    inside = ((requests[bus], bus) for bus in tree.reachable if bus is not tree.roots[0])
    for entries, start in (*roots, *((entries, bus) for entries, bus in inside)):
        at = starts.get(start) if isinstance(start, FirmwareBus) else start
        for entry in entries:
            if entry.bus is not None:
                starts[entry.bus] = at
                result.add_window(entry.bus, space.kind, at, entry.size)
            elif at is not None and entry.function is not None and entry.function.id and entry.bar != ROM_BAR:
                result.add_bar(entry.function.id, entry.bar, space.kind, at)
            if at is not None:
                at += entry.size


def _out_of_space(rule: str, tree: FirmwareTree, entries: Entries, used: int, available: int) -> Finding:
    """SeaBIOS panics: nobody boots. Named are the largest requests of the root level, down to the size at which all
    would fit without them, in the order of bus numbers."""
    asking: dict[str, int] = {}
    for entry in entries:
        name = entry.bus.id if entry.bus is not None else entry.function.id if entry.function is not None else ""
        asking[name] = asking.get(name, 0) + entry.size
    least, excess = 0, sum(asking.values()) - available  # what alignment costs beyond that belongs to the largest
    for least in sorted(asking.values(), reverse=True):
        excess -= least
        if excess <= 0:
            break
    names = (name for bus in tree.reachable for name in (bus.id, *(function.id for function in bus.functions)))
    subjects = tuple(name for name in dict.fromkeys(names) if name and asking.get(name, 0) >= max(least, 1))
    return Finding(rule=rule, subjects=subjects, details={"used": used, "available": available})
