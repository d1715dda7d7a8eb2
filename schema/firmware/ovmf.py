"""OVMF (edk2): bus numbers, IO and memory, as 2022.11, 2025.02 and 2026.08 assign them.

"Measured" here is on random topologies: tests/real/test_firmware.py.
"""

from bisect import insort
from collections.abc import Iterable
from typing import Final

from ..finding import Finding
from ..pci.bars import BarKind
from ..pci.ovmf_addresses import ovmf_addresses
from ..pci.size import align
from .apertures import IO_END, Aperture, ovmf_apertures
from .budget import PAGE, io_budget
from .numbering import number_buses
from .ovmf_requests import Node, Requests, Usage, insert, is_givable, is_hot, least_length, leaves, measure
from .prediction import Allocation, Prediction, numbered, unnumbered
from .tree import FirmwareBus, FirmwareTree

RULE: Final = {BarKind.IO: "io-space", BarKind.MEM32: "memory-space", BarKind.MEM64: "memory-space"}
"""What the roots ask for, and the rule that it all fits: a root has no prefetchable memory of its own."""

Bases = dict[tuple[FirmwareBus, BarKind], int | None]
"""Where the requests of each root that has any go; None for what finds no room."""


def predict(tree: FirmwareTree, devices: tuple[str, ...], version: tuple[int, ...], *, memory: bool) -> Prediction:
    """What OVMF of that version makes of that tree. `devices`: ids of all devices of the layout."""
    failure = _unreached(tree, version) or _number_buses(tree)
    if failure is not None:
        return unnumbered(tree, devices, failure)
    requests, apertures = _asked(tree, version, memory=memory)
    return numbered(tree, devices, _allocate(requests, apertures))


def _unreached(tree: FirmwareTree, version: tuple[int, ...]) -> Finding | None:
    """Why edk2 never gets as far as PCI, if RAM leaves no place for 64-bit memory in the addresses that it uses."""
    addresses = ovmf_addresses(tree.machine, tree.platform, version)
    if addresses.boots or addresses.bits is None:
        return None
    return _finding(BarKind.MEM64, (), addresses.end, 1 << addresses.bits)


def fails_in_any_order(tree: FirmwareTree, version: tuple[int, ...]) -> bool:
    """Whether every layout with the same things on the same buses fails, whatever their slots, and whatever empty
    bridges there are besides.

    What is given up depends on slots where several are the largest. So only this is sure: in no order the roots find
    room for all they ask of a kind of space, and whatever may be the first to be given up for it is a device or a
    reserve that is asked for. Of several expanders the order of their bus numbers matters, too.
    """
    if _unreached(tree, version) is not None:
        return True
    if _number_buses(tree) is not None or len(tree.roots) > 2:
        return False
    requests, apertures = _asked(tree, version, memory=True)
    for kind, aperture in apertures.items():
        roots = [(least_length(root), root.align) for root in requests.roots(kind) if root.nodes]
        if kind is BarKind.MEM64:  # may also go below 4 GiB
            roots = [(length, alignment) for length, alignment in roots if length > apertures[BarKind.MEM32].size]
        might_be_less = kind is BarKind.MEM32 and any(map(requests.might_merge, tree.reachable))
        if might_be_less or _fit(roots, aperture):
            continue
        givable = [node for root in requests.roots(kind) for node in leaves(root) if is_givable(node)]
        largest = max((node.length for node in givable), default=0)
        if all(node.function is not None or _asked_for(node.bus) for node in givable if node.length == largest):
            return True
    return False


def _fit(roots: Iterable[tuple[int, int]], aperture: Aperture) -> bool:
    """Whether all of these lengths find room, by their alignments, one after the other."""
    taken: list[tuple[int, int]] = []
    return all(_take(length, alignment, aperture, taken) is not None for length, alignment in roots)


def _number_buses(tree: FirmwareTree) -> Finding | None:
    """Why there are not enough bus numbers. On bus 0 nobody is given up, so numbers come first."""
    return number_buses(tree, lambda bus: bus.bus_reserve if is_hot(tree, bus) else None, strict=False)


def _asked(tree: FirmwareTree, version: tuple[int, ...], *, memory: bool) -> tuple[Requests, dict[BarKind, Aperture]]:
    """Of IO alone, or of memory, too; and what there is of each."""
    low, high = ovmf_apertures(tree.machine, tree.platform, version)
    io = Aperture(IO_END - io_budget(tree.machine, "ovmf").limit, IO_END)
    apertures = {BarKind.IO: io, BarKind.MEM32: low, BarKind.MEM64: high} if memory else {BarKind.IO: io}
    kinds = tuple(BarKind) if memory else (BarKind.IO,)
    return Requests(tree, kinds, version, ovmf_addresses(tree.machine, tree.platform, version).size), apertures


def _allocate(requests: Requests, apertures: dict[BarKind, Aperture]) -> Allocation:
    """As long as not all that the roots request finds room, each round gives up one victim for each kind of space that
    is short: the largest, the last of equals."""
    result = Allocation()
    used = {kind: sum(root.length for root in requests.roots(kind)) for kind in apertures}
    missed: dict[str, BarKind] = {}
    stuck: Finding | None = None
    stale: set[tuple[FirmwareBus, BarKind]] = set()
    while None in (bases := _place(requests, apertures, stale)).values():
        short = next(kind for (_, kind), base in bases.items() if base is None)
        stuck = stuck or _finding(short, _asking(requests, bases), used[short], apertures[short].size)
        stale |= {key for key, base in bases.items() if base is None or key[1] is BarKind.MEM64}
        victims = _victims(requests, bases)
        if not victims:
            # Enumeration ends with nothing programmed and no console (measured).
            result.failure = stuck
            result.lost, result.unreserved, bases = [], [], dict.fromkeys(bases)
            break
        for victim, kind in victims:
            requests.give_up(victim)
            name, kept = _name(victim), result.unreserved if victim.function is None else result.lost
            kept.append(name)
            if victim.function is not None or _asked_for(victim.bus):
                missed[name] = kind
    if missed and result.failure is None:
        cause = next(iter(missed.values()))
        subjects = (*result.lost, *(name for name in result.unreserved if name in missed))
        result.failure = _finding(cause, subjects, used[cause], apertures[cause].size)
    for key, base in bases.items():
        _assign(requests.window(*key), base, result)
    return result


def _place(requests: Requests, apertures: dict[BarKind, Aperture], stale: set[tuple[FirmwareBus, BarKind]]) -> Bases:
    """First fit, root by root; of one root what has the largest alignment first. 64-bit memory may also go below 4 GiB.

    `stale`: what would stay on record, of length 0, once its root asks for nothing at all, and then never find room:
    what found no room before, of 64-bit memory also what did (measured).
    """
    bases: Bases = {}
    taken: dict[BarKind, list[tuple[int, int]]] = {kind: [] for kind in apertures}
    for nodes in zip(*(requests.roots(kind) for kind in apertures), strict=True):
        for node in sorted(nodes, key=lambda node: (-node.align, -node.kind)):
            key = node.bus, node.kind
            if node.length:
                for kind in (node.kind, BarKind.MEM32) if node.kind is BarKind.MEM64 else (node.kind,):
                    bases[key] = _take(node.length, node.align, apertures[kind], taken[kind])
                    if bases[key] is not None:
                        break
            elif key in stale:
                bases[key] = None
    return bases


def _take(length: int, alignment: int, aperture: Aperture, taken: list[tuple[int, int]]) -> int | None:
    """The first place that is long enough, if there is any; from then on it is among what is taken."""
    at = aperture.start
    for low, high in (*taken, (aperture.end, aperture.end)):
        at = align(at, alignment)
        if at + length <= low:
            insort(taken, (at, at + length))
            return at
        at = max(at, high)
    return None


def _victims(requests: Requests, bases: Bases) -> list[tuple[Node, BarKind]]:
    """One for each kind of space that the last root asking for it did not get: edk2 keeps only that one's verdict, so
    gives nothing up where only an earlier root is short (measured)."""
    verdicts = {kind: base for (_, kind), base in bases.items()}
    victims: dict[str, tuple[Node, BarKind]] = {}
    for kind in RULE:
        if verdicts.get(kind, 0) is None and (victim := _first_victim(requests.roots(kind))) is not None:
            victims.setdefault(_name(victim), (victim, kind))
    return list(victims.values())


def _name(victim: Node) -> str:
    """The device, or the bridge whose reservation it is."""
    return victim.bus.id if victim.function is None else victim.function.id


def _first_victim(roots: list[Node]) -> Node | None:
    """The roots are searched as if they were windows of one bridge."""
    pool = Node(Usage.WINDOW, roots[0].kind, roots[0].bus, 0, PAGE)
    for root in roots:
        insert(pool.nodes, root)
    measure(pool)
    return pool.victim


def _asked_for(bus: FirmwareBus) -> bool:
    """Whether its reservations are more than edk2's defaults."""
    return any((bus.io_reserve, bus.memory_reserve, bus.pref32_reserve, bus.pref64_reserve))


def _assign(window: Node, base: int | None, result: Allocation) -> None:
    """Writes down the windows and BARs below a root. Without a base only sizes are known."""
    waiting = [(window, base)]
    while waiting:
        window, base = waiting.pop()
        for node in window.nodes:
            at = None if base is None else base + node.offset
            if node.usage is Usage.WINDOW:
                waiting.append((node, at))
                result.add_window(node.bus, node.kind, at, node.length)
                if node.default and node.kind is BarKind.IO:
                    result.padding.add(node.bus.id)
            elif at is not None and node.usage is Usage.BAR and node.function is not None:
                if node.function.id:
                    result.add_bar(node.function.id, node.bar, node.kind, at)
                elif node.kind is BarKind.IO:
                    result.chipset_io.append((at, node.length))


def _asking(requests: Requests, bases: Bases) -> tuple[str, ...]:
    """Devices and bridges whose requests meet at the roots that found no room, the largest first."""
    short = (requests.window(*key) for key, base in bases.items() if base is None)
    nodes = sorted((node for root in short for node in root.nodes), key=lambda node: -node.length)
    names = (node.function.id if node.function else node.bus.id for node in nodes if node.usage is not Usage.ROM)
    return tuple(dict.fromkeys(name for name in names if name))


def _finding(kind: BarKind, subjects: tuple[str, ...], used: int, available: int) -> Finding:
    return Finding(rule=RULE[kind], subjects=subjects, details={"used": used, "available": available})
