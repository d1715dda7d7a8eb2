"""SeaBIOS: bus numbers and IO windows, as 1.16.2 and 1.16.3 assign them (measured on random topologies; later versions
changed only memory)."""

from typing import NamedTuple

from ..finding import Finding
from .budget import PAGE, io_budget
from .numbering import number_buses
from .prediction import IoResult, Prediction, numbered, open_window, unnumbered
from .tree import Bus, Function, Tree

LOW_BASE = 0x1000
HIGH_BASE = 0xC000
HIGH_SIZE = 0x4000
"""Root level: everything goes to 0xc000 if it is less than 0x4000 bytes, else to 0x1000."""


class Entry(NamedTuple):
    """A request for IO ports, in bytes: a BAR of a function, or the window of the bridge to `bus`."""

    size: int
    align: int
    function: Function | None
    bar: int
    bus: Bus | None


def predict(tree: Tree, devices: tuple[str, ...]) -> Prediction:
    """What SeaBIOS makes of that tree. `devices`: ids of all devices of the layout."""
    failure = number_buses(tree, lambda bus: bus.bus_reserve, strict=True)
    if failure is not None:
        return unnumbered(tree, devices, failure)
    requests = _requests(tree)
    main = tree.roots[0]
    total = sum(entry.size for entry in requests[main])
    budget = io_budget(tree.machine.family, "seabios")
    io = IoResult()
    if total > budget.limit:
        io.failure = _out_of_io(tree, requests[main], total, budget.limit)
        base = None
    else:
        base = HIGH_BASE if total < HIGH_SIZE else LOW_BASE
    _assign(tree, requests, base, io)
    return numbered(tree, devices, io)


def _requests(tree: Tree) -> dict[Bus, list[Entry]]:
    """Requests by the bus they are served from; the expanders' roots share the main root's list.

    Order is what decides addresses: BARs first, by bus number, slot, function and index; then windows, from the highest
    bus number down; all stably sorted by falling alignment and size. So equal windows rise as bus numbers fall.
    """
    roots = set(tree.roots)
    main = tree.roots[0]
    buses = tree.reachable
    requests: dict[Bus, list[Entry]] = {bus: [] for bus in buses}
    for bus in buses:
        served = requests[main if bus in roots else bus]
        for function in bus.functions:
            for index, size in function.io:
                served.append(Entry(size, size, function, index, None))
    for bus in reversed(buses):
        requests[bus].sort(key=_falling)
        if bus.parent is not None:
            above = main if bus.parent in roots else bus.parent
            requests[above].append(_window(bus, requests[bus]))
    return requests


def _falling(entry: Entry) -> tuple[int, int]:
    return -entry.align, -entry.size


def _window(bus: Bus, entries: list[Entry]) -> Entry:
    """The window of the bridge to `bus`: sizes added up as they are, since falling alignment leaves no gaps.

    A bridge with a standard hot-plug controller gets one even if nothing below asks; PCI Express ports get none. A
    reserve counts where it is larger, and is then not rounded.
    """
    total = sum(entry.size for entry in entries)
    align = max(PAGE, entries[0].align if entries else 0)
    if total == 0 and bus.shpc:
        total = align
    reserve = bus.io_reserve or 0
    return Entry(reserve if reserve > total else -(-total // align) * align, align, None, -1, bus)


def _assign(tree: Tree, requests: dict[Bus, list[Entry]], base: int | None, io: IoResult) -> None:
    """Hands addresses out one after the other, then inside each window. Without a base only sizes are known."""
    starts: dict[Bus, int | None] = {tree.roots[0]: base}
    for bus in tree.reachable:
        at = starts.get(bus)
        for entry in requests[bus]:
            if entry.bus is not None:
                starts[entry.bus] = at
                window = open_window(at or 0, entry.size)
                if window is not None and entry.bus.io_reserve != 0:
                    # with io-reserve=0 QEMU makes the window's registers read-only: the room is lost all the same
                    io.windows[entry.bus] = (None if at is None else window[0], window[1])
            elif at is not None and entry.function is not None and entry.function.id:
                io.bars[entry.function.id, entry.bar] = at
            if at is not None:
                at += entry.size


def _out_of_io(tree: Tree, entries: list[Entry], used: int, available: int) -> Finding:
    """SeaBIOS panics: nobody boots. Named are those whose requests add up on the root level."""
    asking = {entry.bus.id for entry in entries if entry.bus is not None and entry.size}
    asking |= {entry.function.id for entry in entries if entry.function is not None}
    names = (name for bus in tree.reachable for name in (bus.id, *(function.id for function in bus.functions)))
    subjects = tuple(name for name in dict.fromkeys(names) if name and name in asking)
    return Finding(rule="io-space", subjects=subjects, numbers={"used": used, "available": available})
