"""Words and pictures that people read: a layout's tree, findings, objective, undecided. Plain ASCII, no colour."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ..finding import Finding
from ..firmware import Prediction, predict
from ..layout.layout import IoWindow, Layout, ObjectiveTerm, PlacedController, PlacedDevice
from ..layout.outcome import Outcome, Solved
from ..pci.machine import machine_of

NOTES_COLUMN: Final = 78
"""Guest addresses and modes are aligned at the widest line, but not further right than this."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the tree: the picture on the left, what is known of the thing on the right."""

    picture: str
    address: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Entry:
    """What stands at an address of a bus. `bus` is set where it offers one."""

    order: tuple[int, int]
    place: str
    text: str
    address: str = ""
    note: str = ""
    bus: str | None = None


def tree(layout: Layout) -> str:
    """The layout as `lspci -tv` would draw it, by planned ids; then the spare slots, the proof, the warnings.

    Left: address on the bus, id, model; `[05]` is the guest's number of the bus behind. Right: the address that the
    guest will see, a Linux guest's name of the interface, virtio mode, IO window (`IO reserve`: one that older OVMF
    opens without need).
    """
    machine = machine_of(layout.machine, layout.platform.chipset)
    rows = [_Row(machine.root), *_branch(layout, machine.root)]
    width = min(max((len(row.picture) for row in rows if row.address or row.note), default=0), NOTES_COLUMN)
    marked = max((len(row.address) for row in rows), default=0)
    lines = [f"{row.picture:{width}}  {row.address:{marked}}  {row.note}".rstrip() for row in rows]
    return "\n".join([heading(layout), "", *lines, "", *_footer(layout)]) + "\n"


def heading(layout: Layout) -> str:
    """One line: machine, firmware, and how many of what."""
    models = Counter(controller.model for controller in layout.controllers)
    controllers = ", ".join(f"{count} {model}" for model, count in models.items())
    spare = Counter(slot.kind for slot in layout.spare)
    parts = [
        f"{layout.machine}, {layout.firmware.name} {layout.firmware.version}",
        _count(len(layout.devices), "device"),
        _count(len(layout.controllers), "controller") + (f" ({controllers})" if controllers else ""),
    ]
    if spare:
        parts.append("spare: " + ", ".join(f"{count} {kind}" for kind, count in sorted(spare.items())))
    return "; ".join(parts)


def objective(terms: Iterable[ObjectiveTerm]) -> str:
    """A line a term."""
    return "\n".join(f"  {term}" for term in terms)


def findings(found: Sequence[Finding]) -> str:
    """A line a finding, errors first, then their number; nothing for none."""
    if not found:
        return ""
    lines = [str(finding) for finding in sorted(found, key=lambda finding: finding.severity)]
    counts = Counter(finding.severity for finding in found)
    return "\n".join([*lines, ", ".join(_count(counts[kind], kind) for kind in ("error", "warning") if counts[kind])])


def explanation(outcome: Outcome) -> str:
    """What the command prints of an answer: the tree of a proved layout, else `str` of the outcome."""
    return tree(outcome.layout) if isinstance(outcome, Solved) else str(outcome)


def _footer(layout: Layout) -> list[str]:
    proved = all(term.value == term.bound for term in layout.objective)
    claim = "optimal, every term proved" if layout.status == "optimal" and proved else "not proved optimal"
    lines = (
        [f"{claim}:", objective(layout.objective)] if layout.objective else [f"{layout.status}:  no objective given"]
    )
    return lines + ([findings(layout.warnings)] if layout.warnings else [])


def _branch(layout: Layout, root: str) -> list[_Row]:
    """Rows of all below `root`. No recursion: buses may nest deeper than Python's stack."""
    buses = _buses(layout)
    rows: list[_Row] = []
    drawn = {root}  # a layout under `check` may hold a bus inside itself
    pending = _below(buses, root, " ")
    while pending:
        entry, indent, last = pending.pop()
        picture, notes = f"{indent}{chr(92) if last else '+'}-{entry.place}  {entry.text}", [entry.note]
        while entry.bus is not None and len(buses[entry.bus]) == 1 and entry.bus not in drawn:  # a port and its device
            drawn.add(entry.bus)
            entry = buses[entry.bus][0]
            picture += f"----{entry.place}  {entry.text}"
            notes.append(entry.note)
        if entry.bus is not None and not buses[entry.bus]:
            picture += "----(empty)"
        rows.append(_Row(picture, entry.address, ", ".join(dict.fromkeys(filter(None, notes)))))
        if entry.bus is not None and entry.bus not in drawn:
            drawn.add(entry.bus)
            pending += _below(buses, entry.bus, indent + ("    " if last else "|   "))
    lost = [f"{entry.text} (on {bus})" for bus, entries in buses.items() if bus not in drawn for entry in entries]
    return rows + [_Row(f" ?  not below {root}: {text}") for text in lost]


def _below(buses: dict[str, list[_Entry]], bus: str, indent: str) -> list[tuple[_Entry, str, bool]]:
    """The bus's occupants, the first one on top of the stack, each with whether it is the last to be drawn."""
    entries = buses[bus]
    return [(entry, indent, position == len(entries)) for position, entry in enumerate(entries, 1)][::-1]


def _buses(layout: Layout) -> dict[str, list[_Entry]]:
    """What stands on each bus, by address: the chipset, controllers, devices, spare slots."""
    buses: dict[str, list[_Entry]] = defaultdict(list)
    predicted = _predicted(layout)
    numbers = {} if predicted is None else predicted.secondary
    padding = frozenset[str]() if predicted is None else predicted.padding
    windows = {window.controller: window for window in layout.io_windows}
    machine = machine_of(layout.machine, layout.platform.chipset)
    for slot, names in _chipset(machine.taken).items():
        buses[machine.root].append(_Entry((slot, -1), f"{slot:02x}.*", f"({names})"))
    for controller in layout.controllers:
        window = _window(windows.get(controller.id), padding)
        buses[controller.bus].append(_controller(controller, numbers.get(controller.id), window))
    for device in layout.devices:
        buses[device.bus].append(_device(device, layout.guest_addresses, layout.guest_names))
    for spare in layout.spare:
        place = f"{spare.slot:02x}.*"
        buses[spare.bus].append(_Entry((spare.slot, 8), place, f"< spare {spare.kind} slot >"))
    for entries in buses.values():
        entries.sort(key=lambda entry: entry.order)
    return buses


def _chipset(taken: dict[tuple[int, int], str]) -> dict[int, str]:
    names: dict[int, list[str]] = defaultdict(list)
    for (slot, _), name in sorted(taken.items()):
        if name not in names[slot]:
            names[slot].append(name)
    return {slot: ", ".join(group) for slot, group in names.items()}


def _controller(controller: PlacedController, number: int | None, window: str) -> _Entry:
    marks = "" if controller.numa is None else f" node {controller.numa}"
    marks += "" if number is None else f" [{number:02x}]"
    return _Entry(
        (controller.slot, controller.function),
        f"{controller.slot:02x}.{controller.function}",
        f"{controller.id} {controller.model}{marks}",
        note=window,
        bus=controller.id,
    )


def _window(window: IoWindow | None, padding: frozenset[str]) -> str:
    """`padding` are the bridges whose window is nothing but the firmware's default reservation."""
    if window is None:
        return ""
    name = "IO reserve" if window.controller in padding else "IO window"
    if window.base is None:
        return f"{name} of {window.size >> 10}K"
    return f"{name} {window.base:04x}-{window.base + window.size - 1:04x}"


def _device(device: PlacedDevice, addresses: dict[str, str | None], names: dict[str, str | None]) -> _Entry:
    seen = [addresses.get(device.id), names.get(device.id)]
    return _Entry(
        (device.slot, device.function),
        f"{device.slot:02x}.{device.function}",
        f"{device.id} {device.model}",
        " ".join(word for word in seen if word),
        device.virtio.value if device.virtio else "",
    )


def _predicted(layout: Layout) -> Prediction | None:
    """None for a layout that no firmware would number: `show` draws those too."""
    ids = [seat.id for seat in (*layout.controllers, *layout.devices)]
    if len(set(ids)) < len(ids):
        return None
    try:
        return predict(layout, memory=False)
    except (KeyError, ValueError):  # a model that nothing describes
        return None


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
