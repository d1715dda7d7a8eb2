"""SeaBIOS: bus numbers, IO and memory, as 1.16.2, 1.16.3 and 1.17.0 assign them (measured on random topologies)."""

from typing import Final, NamedTuple

from ..finding import Finding
from ..pci.bars import ROM_BAR, BarKind
from ..pci.ram import GIB
from ..pci.size import MIB, align
from .apertures import HIGH_BASE, HIGH_SIZE, LOW_BASE, seabios_hole
from .budget import PAGE, io_budget
from .numbering import number_buses
from .prediction import Allocation, Prediction, numbered, unnumbered
from .seabios_high import WORD, HighMemory, high_memory
from .tree import FirmwareBus, FirmwareTree, Function

BEYOND: Final = WORD >> 1
"""What begins below 0 is at this address or above."""
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


def predict(tree: FirmwareTree, devices: tuple[str, ...], version: tuple[int, ...], *, memory: bool) -> Prediction:
    """What SeaBIOS of that version makes of that tree. `devices`: ids of all devices of the layout."""
    failure = number_buses(tree, lambda bus: bus.bus_reserve, strict=True)
    if failure is not None:
        return unnumbered(tree, devices, failure)
    main, result, high = tree.roots[0], Allocation(), high_memory(tree.machine, tree.platform, version)
    requests = {
        space: _requests(tree, space, high) for space in ((IO, MEMORY_SPACE, PREFETCHABLE) if memory else (IO,))
    }
    shares: dict[Space, list[Share]] = {IO: [_place_io(tree, requests[IO][main], result)]}
    if memory:
        shares |= _place_memory(tree, requests[MEMORY_SPACE][main], requests[PREFETCHABLE][main], high, result)
    for space, roots in shares.items():
        if result.failure is not None:
            roots = [(entries, None) for entries, _ in roots]  # it panics before it programs anything
        _assign(tree, space, requests[space], roots, result)
    if result.lost or result.unreserved:
        subjects = (*result.lost, *result.unreserved)
        result.failure = Finding(rule="memory-space", subjects=subjects, details={"available": high.room or 0})
    elif result.misplaced:
        result.failure = Finding(
            rule="memory-space", subjects=tuple(result.misplaced), details={"alignment": high.window}
        )
    return numbered(tree, devices, result)


def exceeds_memory(tree: FirmwareTree, version: tuple[int, ...]) -> bool:
    """Whether what cannot go above 4 GiB takes more bytes than there are below, without a gap: as a window is no
    smaller than this for what is added to it, nothing that is added anywhere changes that."""
    main, high = tree.roots[0], high_memory(tree.machine, tree.platform, version).without_room()
    low = (entry for space in (MEMORY_SPACE, PREFETCHABLE) for entry in _split(_requests(tree, space, high)[main])[1])
    return sum(entry.size for entry in low) > seabios_hole(tree.machine, tree.platform.memory).size


def _requests(tree: FirmwareTree, space: Space, high: HighMemory) -> Requests:
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
                    wide = kind >= BarKind.MEM64 and function.model not in USB_64BIT
                    served.append(Entry(size, size, function, index, None, wide))
            if function.rom and space is MEMORY_SPACE:
                size = max(function.rom, space.least)
                served.append(Entry(size, size, function, ROM_BAR, None, False))
    for bus in reversed(buses):
        requests[bus].sort(key=_falling)
        if bus.parent is not None:
            above = main if bus.parent in roots else bus.parent
            requests[above].append(_window(bus, space, requests[bus], high))
    return requests


def _falling(entry: Entry) -> tuple[int, int]:
    return -entry.align, -entry.size


def _window(bus: FirmwareBus, space: Space, entries: Entries, high: HighMemory) -> Entry:
    """The window of the bridge to `bus`: sizes added up as they are, since falling alignment leaves no gaps.

    A bridge with a standard hot-plug controller gets one even if nothing below asks; PCI Express ports get two of
    memory, but none of IO. A reserve counts where it is larger; one of IO is then not rounded.
    """
    total = sum(entry.size for entry in entries)
    alignment = max(space.granule, entries[0].align if entries else 0)
    wide = space is PREFETCHABLE and all(entry.may_go_high for entry in entries)
    if wide:
        alignment = high.window_alignment(alignment, hot=bus.shpc or bus.port)
    if (bus.shpc or (bus.port and space is not IO)) and (total == 0 or (high.raises_small and total < alignment)):
        total = alignment
    reserve = _reserve(bus, space)
    size = reserve if space is IO and reserve > total else align(max(total, reserve), alignment)
    return Entry(size, alignment, None, -1, bus, wide)


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
    tree: FirmwareTree, memory: Entries, prefetchable: Entries, high: HighMemory, result: Allocation
) -> dict[Space, list[Share]]:
    """All below 4 GiB if it fits there and memory is not padded; else what may goes up, each of the two lists from a
    whole GiB on."""
    hole = seabios_hole(tree.machine, tree.platform.memory)
    starts = _from_the_top(memory, prefetchable, hole.end)
    if min(starts) >= hole.start and not high.padded:
        return {MEMORY_SPACE: [(memory, starts[0])], PREFETCHABLE: [(prefetchable, starts[1])]}
    wide_memory, memory = _split(memory)
    wide_prefetchable, prefetchable = _split(prefetchable)
    starts = _from_the_top(memory, prefetchable, hole.end)
    if min(starts) < hole.start and result.failure is None:
        entries = memory + prefetchable
        result.failure = _out_of_space("memory-space", tree, entries, hole.end - min(starts), hole.size)
    sizes = [sum(entry.size for entry in entries) for entries in (wide_memory, wide_prefetchable)]
    first = align(high.base(*sizes), max(GIB, _alignment(wide_memory))) % WORD
    second = align(first + sizes[0], max(GIB, _alignment(wide_prefetchable))) % WORD
    return {
        MEMORY_SPACE: [(wide_memory, first), (memory, starts[0])],
        PREFETCHABLE: [(wide_prefetchable, second), (prefetchable, starts[1])],
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
                _open(entry.bus, space, at, entry.size, result)
            elif at is not None and entry.function is not None and entry.function.id and entry.bar != ROM_BAR:
                _set(entry.function, entry.bar, space, at, entry.size, result)
            elif at is not None and space is IO:
                result.chipset_io.append((at, entry.size))
            if at is not None:
                at = (at + entry.size) % WORD


def _open(bus: FirmwareBus, space: Space, at: int | None, size: int, result: Allocation) -> None:
    """A window that begins where no bridge forwards to, below 0 or there, keeps nothing for what comes later."""
    if at is not None and _is_nowhere(at) and bus.id not in result.unreserved:
        result.unreserved.append(bus.id)
    if at is None or at < BEYOND:
        result.add_window(bus, space.kind, at, size)


def _set(function: Function, bar: int, space: Space, at: int, size: int, result: Allocation) -> None:
    """The BAR's lower bits are zero, whatever is written there; with all of them zero it is nowhere, too."""
    address = at // size * size
    failed = result.misplaced if address != at and not _is_nowhere(at) else result.lost
    if ((address != at and space is not IO) or _is_nowhere(address)) and function.id not in failed:
        failed.append(function.id)
    if not _is_nowhere(address):
        result.add_bar(function.id, bar, space.kind, address)


def _is_nowhere(at: int) -> bool:
    """Whether nobody sees what is at that address: QEMU maps no BAR at 0 (measured), and no CPU reaches the far end."""
    return at == 0 or at >= BEYOND


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
