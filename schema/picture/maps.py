"""The maps beside a layout: its IO ports, and its memory where there are large BARs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ..firmware import Prediction
from ..firmware.apertures import IO_END, Aperture, io_apertures, ovmf_apertures, seabios_hole
from ..firmware.bars import device_bars
from ..firmware.budget import PAGE
from ..firmware.prediction import Window
from ..layout.layout import Layout
from ..pci.bars import BarKind, SizedBar
from ..pci.ram import FOUR_GIB
from ..pci.size import MIB
from .ranges import AddressRange, Claim, ranges_of, size_text

LARGE: Final = 64 * MIB
"""A BAR from that size on has the maps of memory drawn, and is named in them."""


@dataclass(frozen=True, slots=True)
class AddressMap:
    """An address space of a layout."""

    title: str
    ranges: tuple[AddressRange, ...]
    digits: int
    """Hexadecimal digits of its addresses."""
    notes: tuple[str, ...] = ()
    """What has no address in it: sentences."""


def maps_of(layout: Layout, prediction: Prediction | None) -> list[AddressMap]:
    """IO ports always, 32-bit and 64-bit memory where a BAR is large; without prediction, the layout's own windows."""
    found = [_io_map(layout, prediction)]
    if prediction is not None and any(bar.size >= LARGE for _, bar in _memory_bars(layout)):
        found += _memory_maps(layout, prediction)
    return found


def _io_map(layout: Layout, prediction: Prediction | None) -> AddressMap:
    windows = layout.io_windows if prediction is None else prediction.io_windows
    padding = frozenset[str]() if prediction is None else prediction.padding
    claims = [
        Claim(one.base, one.size, one.controller, "reserve" if one.controller in padding else "window")
        for one in windows
        if one.base is not None
    ]
    if prediction is not None:
        claims += [Claim(start, size, "chipset", "bars") for start, size in prediction.chipset_io]
        for owner, bar in _bars(layout, io=True):
            if (start := prediction.io_bars.get((owner, bar.number))) is not None:
                claims.append(Claim(start, bar.size, owner, "bars"))
    whole = Aperture(0, IO_END)
    ranges = ranges_of(
        whole, io_apertures(layout.machine_model, layout.firmware.name), claims, kept="chipset", unit=PAGE
    )
    lacking = [f"{one.controller} wants {size_text(one.size)}" for one in windows if one.base is None]
    return AddressMap("IO ports", tuple(ranges), 4, tuple(lacking))


def _memory_maps(layout: Layout, prediction: Prediction) -> Iterator[AddressMap]:
    claims = list(_memory_claims(layout, prediction))
    low = [claim for claim in claims if claim.end <= FOUR_GIB]
    high = [claim for claim in claims if claim.end > FOUR_GIB]
    below, above = _apertures(layout, high)
    yield AddressMap("Memory below 4 GiB", tuple(_ranges(below, low)), 8)
    if high:
        digits = len(f"{max(above.end, *(claim.end for claim in high)) - 1:x}")
        yield AddressMap("Memory above 4 GiB", tuple(_ranges(above, high)), digits)


def _ranges(space: Aperture, claims: list[Claim]) -> list[AddressRange]:
    whole = Aperture(min([space.start, *(one.start for one in claims)]), max([space.end, *(one.end for one in claims)]))
    return ranges_of(whole, [whole], claims, kept="", unit=MIB)


def _apertures(layout: Layout, high: list[Claim]) -> tuple[Aperture, Aperture]:
    """What the firmware shares out. SeaBIOS knows no end above 4 GiB: there the map ends with what is taken."""
    machine = layout.machine_model
    if layout.firmware.name == "ovmf":
        return ovmf_apertures(machine, layout.platform, layout.firmware.number)
    starts = [one.start for one in high] or [FOUR_GIB]
    return seabios_hole(machine, layout.platform.memory), Aperture(
        min(starts), max(one.end for one in high) if high else FOUR_GIB
    )


def _memory_claims(layout: Layout, prediction: Prediction) -> Iterator[Claim]:
    for windows in (prediction.memory_windows, prediction.prefetchable_windows):
        yield from _placed(windows)
    for owner, bar in _memory_bars(layout):
        if (start := prediction.memory_bars.get((owner, bar.number))) is not None:
            text = f"BAR {bar.number}, {size_text(bar.size)}" if bar.size >= LARGE else ""
            yield Claim(start, bar.size, owner, "bars", text)
    for controller in layout.controllers:
        if (start := prediction.memory_bars.get((controller.id, 0))) is not None:
            yield Claim(start, PAGE, controller.id, "bars")


def _placed(windows: dict[str, Window]) -> Iterable[Claim]:
    return (
        Claim(one.base, one.size, name, "window") for name, one in windows.items() if one.base is not None and one.size
    )


def _memory_bars(layout: Layout) -> Iterator[tuple[str, SizedBar]]:
    return _bars(layout, io=False)


def _bars(layout: Layout, *, io: bool) -> Iterator[tuple[str, SizedBar]]:
    """BARs with their device; of what nobody describes there are none."""
    machine = layout.machine_model
    for device in layout.devices:
        try:
            bars = device_bars(device, machine)[0]
        except KeyError:
            continue
        yield from ((device.id, bar) for bar in bars if (bar.kind is BarKind.IO) == io)
