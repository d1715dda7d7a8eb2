"""Holds what a firmware really enumerated against the layout that was planned."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..layout import Layout
from .enumeration import Tree
from .found import Found, Range, walk

ROM_BAR = 6
"""Firmware unmaps option ROMs after it ran them."""


@dataclass(frozen=True)
class Difference:
    """`subject` is the id of a device or controller, `text` what about it is not as planned."""

    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.text}"


def differences(layout: Layout, tree: Tree) -> list[Difference]:
    """One for each thing that is not as planned; empty if all is."""
    found = list(walk(layout, tree))
    places = {one.id: one for one in found if not _is_hidden(layout, one)}
    return [
        *_places(layout, places),
        *(difference for one in found for difference in _bars(one)),
        *_guest_addresses(layout, places),
        *_windows(layout, found),
    ]


def _is_hidden(layout: Layout, one: Found) -> bool:
    """Whether it is the bridge inside a pxb, which no layout lists."""
    return one.bus == one.id and any(c.id == one.id for c in layout.controllers)


def _places(layout: Layout, places: dict[str, Found]) -> Iterator[Difference]:
    planned = {seat.id: seat.address for seat in (*layout.controllers, *layout.devices)}
    for name, address in planned.items():
        if name not in places:
            yield Difference(name, f"planned at {address}, the firmware did not find it")
        elif places[name].address != address:
            yield Difference(name, f"planned at {address}, found at {places[name].address}")
    for name in sorted(places.keys() - planned.keys()):
        yield Difference(name, f"found at {places[name].address}, not planned")


def _bars(one: Found) -> Iterator[Difference]:
    for region in one.regions:
        number, address, size = region["bar"], region["address"], region["size"]
        if number == ROM_BAR:
            continue
        if address == -1:
            yield Difference(one.id, f"BAR {number} ({region['type']}, {size} bytes) is not assigned")
            continue
        for bridge in one.above:
            windows = (bridge.io,) if region["type"] == "io" else bridge.memory
            if not any(window.holds(address, size) for window in windows):
                yield Difference(
                    one.id, f"BAR {number} ({region['type']}, {address:#x}) is outside the windows of {bridge.id}"
                )


def _guest_addresses(layout: Layout, places: dict[str, Found]) -> Iterator[Difference]:
    for name, predicted in layout.guest_addresses.items():
        actual = places[name].guest_address if name in places else "nowhere"
        if predicted is not None and predicted != actual:
            yield Difference(name, f"predicted at {predicted}, the guest sees it at {actual}")


def _windows(layout: Layout, found: list[Found]) -> Iterator[Difference]:
    """Both ways with SeaBIOS. OVMF also opens windows for padding, which a layout does not list."""
    if not (layout.io_windows or layout.guest_addresses):
        return
    open_windows = {one.own.id: one.own.io for one in found if one.own is not None and one.own.io.is_open}
    predicted = {window.controller: window for window in layout.io_windows}
    for name, window in predicted.items():
        actual = open_windows.get(name, Range(1, 0))
        if actual.size != window.size or window.base not in (None, actual.base):
            base = "anywhere" if window.base is None else f"at {window.base:#x}"
            yield Difference(name, f"IO window of {window.size} bytes {base} predicted, {_text(actual)} found")
    if layout.firmware.name == "seabios":
        for name in sorted(open_windows.keys() - predicted.keys()):
            yield Difference(name, f"no IO window predicted, {_text(open_windows[name])} found")


def _text(window: Range) -> str:
    return f"{window.base:#x}-{window.limit:#x}" if window.is_open else "none"
