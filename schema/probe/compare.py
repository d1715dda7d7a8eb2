"""Holds what a firmware really enumerated against the layout that was planned."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ..catalog.virtual_functions import PHYSICAL
from ..firmware import predict
from ..firmware.ovmf_requests import IGNORED_BAR_SIZE
from ..formats.standalone import imitated
from ..layout.layout import Layout
from ..pci.bars import ROM_BAR
from ..pci.qemu_versions import version_number
from .enumeration import Enumeration
from .found import Found, Range, walk

CLOSED: Final = Range(1, 0)
UNPREDICTABLE: Final = (KeyError, ValueError)
"""Raised by predictions of models that neither the catalogue nor the layout describes."""


@dataclass(frozen=True)
class Difference:
    """One thing that is not as planned."""

    subject: str | None
    """Id of the device or controller; None for the whole guest."""
    text: str
    """What is not as planned, in words."""

    def __str__(self) -> str:
        return self.text if self.subject is None else f"{self.subject}: {self.text}"


def differences(layout: Layout, enumeration: Enumeration) -> list[Difference]:
    """One for each thing that is not as planned; empty if all is.

    Held against what was enumerated is what the layout states, and what is predicted from it for the QEMU and firmware
    that ran.
    Not so IO and memory where something imitates a device for want of its hardware, for its BARs are others; nor where
    not all sit where planned.
    """
    layout = as_run(layout, enumeration)
    found = list(walk(layout, enumeration.tree))
    places = {one.id: one for one in found if not _is_hidden(layout, one)}
    misplaced = list(_places(layout, places))
    unread = IGNORED_BAR_SIZE if layout.firmware.name == "ovmf" else 0
    # nobody sees a virtual function, and gives it addresses, before the guest enables it
    virtual = {device.id for device in layout.devices if PHYSICAL in device.properties}
    bars = [difference for one in found if one.id not in virtual for difference in _bars(one, unread)]
    result = [*misplaced, *bars, *_guest_addresses(layout, places)]
    if not misplaced and not imitated(layout):
        result += [*_windows(layout, found), *_predicted(layout, found)]
    return result


def as_run(layout: Layout, enumeration: Enumeration) -> Layout:
    """The layout for the QEMU that ran it, and the firmware: of the version that it says, else that of such a QEMU.
    Its IO windows are those that this makes."""
    ran = layout.on_qemu(version_number(enumeration.version)[:2])
    if enumeration.firmware:
        firmware = ran.firmware.model_copy(update={"version": enumeration.firmware})
        ran = ran.model_copy(update={"firmware": firmware})
    if ran.firmware == layout.firmware:
        return ran
    try:
        return ran.model_copy(update={"io_windows": predict(ran, memory=False).io_windows})
    except UNPREDICTABLE:
        return ran


def _is_hidden(layout: Layout, one: Found) -> bool:
    """Whether it is the bridge inside a pxb, which no layout lists."""
    return one.bus == one.id and any(c.id == one.id for c in layout.controllers)


def _places(layout: Layout, places: dict[str, Found]) -> Iterator[Difference]:
    planned = {seat.id: seat.address for seat in (*layout.controllers, *layout.devices)}
    for name, address in planned.items():
        if name not in places:
            yield Difference(name, f"planned at {address}, the firmware did not find it")
        elif str(places[name].address) != str(address):  # past a slot's functions there are two ways to say it
            yield Difference(name, f"planned at {address}, found at {places[name].address}")
    for name in sorted(places.keys() - planned.keys()):
        yield Difference(name, f"found at {places[name].address}, not planned")


def _bars(one: Found, unread: int) -> Iterator[Difference]:
    """`unread`: bytes up to which the firmware takes no memory BAR for one."""
    for region in one.regions:
        number, address, size = region["bar"], region["address"], region["size"]
        if number == ROM_BAR or (region["type"] == "memory" and size <= unread):
            continue
        if address < 0:  # or so high that no CPU reaches it
            yield Difference(one.id, f"BAR {number} ({region['type']}, {size} bytes) is not assigned")
            continue
        for bridge in one.above:
            windows = (bridge.io,) if region["type"] == "io" else (bridge.memory, bridge.prefetchable)
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
    """Those that the layout states; that it states none says nothing where it states no addresses either."""
    if not (layout.io_windows or layout.guest_addresses):
        return
    real = {one.own.id: one.own.io for one in found if one.own is not None and one.own.io.is_open}
    stated = {window.controller: (window.base, window.size) for window in layout.io_windows}
    yield from _unequal_windows("IO", real, stated)


def _predicted(layout: Layout, found: list[Found]) -> Iterator[Difference]:
    """What a layout does not state but its prediction does: bus numbers, memory windows, where each BAR is."""
    try:
        prediction = predict(layout)
    except UNPREDICTABLE:
        return
    if prediction.failure is not None and not (prediction.lost or prediction.unreserved):
        return  # it should not have come up at all
    bridges = {one.own.id: one.own for one in found if one.own is not None}
    for name, bridge in bridges.items():
        expected = (prediction.secondary.get(name), prediction.subordinate.get(name))
        if expected != (bridge.secondary, bridge.subordinate):
            first, last = expected
            yield Difference(name, f"buses {first}-{last} predicted, {bridge.secondary}-{bridge.subordinate} found")
    memory = {name: bridge.memory for name, bridge in bridges.items() if bridge.memory.is_open}
    yield from _unequal_windows("memory", memory, prediction.memory_windows)
    prefetchable = {name: bridge.prefetchable for name, bridge in bridges.items() if bridge.prefetchable.is_open}
    yield from _unequal_windows("prefetchable memory", prefetchable, prediction.prefetchable_windows)
    for one in found:
        yield from _unequal_bars(one, prediction.io_bars | prediction.memory_bars)


def _unequal_windows(
    what: str, real: Mapping[str, Range], expected: Mapping[str, tuple[int | None, int]]
) -> Iterator[Difference]:
    """Both ways: a window that is not expected may take the room of one that is."""
    for name, (base, size) in expected.items():
        actual = real.get(name, CLOSED)
        if actual.size != size or base not in (None, actual.base):
            where = "anywhere" if base is None else f"at {base:#x}"
            yield Difference(name, f"{what} window of {size} bytes {where} predicted, {actual} found")
    for name in sorted(real.keys() - expected.keys()):
        yield Difference(name, f"no {what} window predicted, {real[name]} found")


def _unequal_bars(one: Found, predicted: dict[tuple[str, int], int]) -> Iterator[Difference]:
    real = {r["bar"]: r["address"] for r in one.regions if r["bar"] != ROM_BAR and r["address"] > 0}
    expected = {bar: address for (name, bar), address in predicted.items() if name == one.id and bar != ROM_BAR}
    for bar in sorted(real.keys() | expected.keys()):
        if real.get(bar) != expected.get(bar):
            yield Difference(one.id, f"BAR {bar} at {_at(expected.get(bar))} predicted, at {_at(real.get(bar))} found")


def _at(address: int | None) -> str:
    return "no address" if address is None else f"{address:#x}"
