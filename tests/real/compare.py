"""Holds what a firmware really enumerated against the layout that was planned."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qemu.qmp import ExecuteError
from qslot.schema import Address, Layout
from qslot.schema.connect import CONTROLLERS
from qslot.schema.machine import machine_of

from .machine import Machine, Tree

ROM_BAR = 6
"""Firmware unmaps option ROMs after it ran them."""


@dataclass(frozen=True)
class Range:
    """Ports or addresses from `base` to `limit`, both included, in bytes; closed where base is above limit."""

    base: int
    limit: int

    @property
    def is_open(self) -> bool:
        return self.base <= self.limit

    @property
    def size(self) -> int:
        return self.limit - self.base + 1 if self.is_open else 0

    def holds(self, address: int, size: int) -> bool:
        return self.base <= address and address + size - 1 <= self.limit


@dataclass(frozen=True)
class Bridge:
    """A bridge's three windows, by the kind of BAR that each forwards."""

    id: str
    io: Range
    memory: tuple[Range, Range]


@dataclass(frozen=True)
class Found:
    """A device with an id as query-pci shows it. `bus` is the planner's name of the bus."""

    id: str
    bus: str
    number: int
    slot: int
    function: int
    regions: list[dict[str, Any]]
    above: tuple[Bridge, ...]
    own: Bridge | None

    @property
    def address(self) -> Address:
        return Address(self.bus, self.slot, self.function)

    @property
    def guest_address(self) -> str:
        return f"{self.number:02x}:{self.slot:02x}.{self.function}"


def differences(layout: Layout, tree: Tree) -> list[str]:
    """One sentence for each thing that is not as planned; empty if all is."""
    found = list(walk(layout, tree))
    places = {one.id: one for one in found if not _is_hidden(layout, one)}
    return [
        *_places(layout, places),
        *(line for one in found for line in _bars(one)),
        *_guest_addresses(layout, places),
        *_windows(layout, found),
    ]


def walk(layout: Layout, tree: Tree) -> Iterator[Found]:
    """Every device with an id, the bridge hidden in each pxb included (it has the pxb's id)."""
    root = machine_of(layout.machine, layout.platform.chipset).root
    expanders = {c.properties.get("bus_nr"): c.id for c in layout.controllers if CONTROLLERS[c.model].is_expander}
    for entry in tree:
        number = entry["bus"]
        bus = root if number == 0 else expanders.get(number, f"root bus {number}")
        yield from _below(entry["devices"], bus, number, ())


def _below(devices: list[dict[str, Any]], bus: str, number: int, above: tuple[Bridge, ...]) -> Iterator[Found]:
    for device in devices:
        name = device["qdev_id"]
        bridge = device.get("pci_bridge")
        own = None if bridge is None else _bridge(name, bridge["bus"])
        if name:
            yield Found(name, bus, number, device["slot"], device["function"], device["regions"], above, own)
        if bridge is not None and own is not None:
            yield from _below(bridge.get("devices", []), name, bridge["bus"]["secondary"], (*above, own))


def _bridge(name: str, bus: dict[str, Any]) -> Bridge:
    io, memory, prefetchable = (Range(**bus[kind]) for kind in ("io_range", "memory_range", "prefetchable_range"))
    return Bridge(name, io, (memory, prefetchable))


def _is_hidden(layout: Layout, one: Found) -> bool:
    """Whether it is the bridge inside a pxb, which no layout lists."""
    return one.bus == one.id and any(c.id == one.id for c in layout.controllers)


def _places(layout: Layout, places: dict[str, Found]) -> Iterator[str]:
    planned = {seat.id: seat.address for seat in (*layout.controllers, *layout.devices)}
    for name, address in planned.items():
        if name not in places:
            yield f"{name}: planned at {address}, the firmware did not find it"
        elif places[name].address != address:
            yield f"{name}: planned at {address}, found at {places[name].address}"
    for name in places.keys() - planned.keys():
        yield f"{name}: found at {places[name].address}, not planned"


def _bars(one: Found) -> Iterator[str]:
    for region in one.regions:
        number, address, size = region["bar"], region["address"], region["size"]
        if number == ROM_BAR:
            continue
        if address == -1:
            yield f"{one.id}: BAR {number} ({region['type']}, {size} bytes) is not assigned"
            continue
        for bridge in one.above:
            windows = (bridge.io,) if region["type"] == "io" else bridge.memory
            if not any(window.holds(address, size) for window in windows):
                yield f"{one.id}: BAR {number} ({region['type']}, {address:#x}) is outside the windows of {bridge.id}"


def _guest_addresses(layout: Layout, places: dict[str, Found]) -> Iterator[str]:
    for name, predicted in layout.guest_addresses.items():
        actual = places[name].guest_address if name in places else "nowhere"
        if predicted is not None and predicted != actual:
            yield f"{name}: predicted at {predicted}, the guest sees it at {actual}"


def _windows(layout: Layout, found: list[Found]) -> Iterator[str]:
    """Both ways with SeaBIOS. OVMF also opens windows for padding, which a layout does not list."""
    if not (layout.io_windows or layout.guest_addresses):
        return
    open_windows = {one.own.id: one.own.io for one in found if one.own is not None and one.own.io.is_open}
    predicted = {window.controller: window for window in layout.io_windows}
    for name, window in predicted.items():
        actual = open_windows.get(name, Range(1, 0))
        if actual.size != window.size or window.base not in (None, actual.base):
            base = "anywhere" if window.base is None else f"at {window.base:#x}"
            yield f"{name}: IO window of {window.size} bytes {base} predicted, {_text(actual)} found"
    if layout.firmware.name == "seabios":
        for name in open_windows.keys() - predicted.keys():
            yield f"{name}: no IO window predicted, {_text(open_windows[name])} found"


def _text(window: Range) -> str:
    return f"{window.base:#x}-{window.limit:#x}" if window.is_open else "none"


def hotplug_into_spares(machine: Machine, layout: Layout) -> list[str]:
    """Really adds a network card to every spare slot; one sentence, in QEMU's words, for each that was refused."""
    refused = []
    for index, spare in enumerate(layout.spare):
        card = "e1000" if spare.kind == "pci" else ("e1000e", "virtio-net-pci")[index % 2]
        if complaint := hotplug(machine, card, spare.bus, spare.slot):
            refused.append(f"spare slot {spare.bus}:{spare.slot:02x}: {complaint}")
    return refused


def hotplug(machine: Machine, driver: str, bus: str, slot: int, function: int = 0) -> str | None:
    """QEMU's complaint about a device_add there, None if it accepts."""
    name = f"hot.{bus}.{slot}.{function}"
    place = {"driver": driver, "id": name, "bus": bus, "addr": f"0x{slot:x}.{function}"}
    try:
        machine.execute("device_add", place)
    except ExecuteError as error:
        return str(error)
    return None
