"""Memory that devices need at least, wherever the others sit, and what there is of it: sums that no layout undercuts.

Where the sums fit, alignment may still say no; `predict` knows. BARs below 1 MiB and option ROMs are left out.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Literal

from ..layout.layout import Platform
from ..pci.bars import BarKind, Bars
from ..pci.controllers import MEMORY_RESERVES
from ..pci.machine import Machine
from ..pci.qemu_properties import integer
from ..pci.size import MIB, align, power_of_two
from ..request.bars import requested
from ..request.resolved import mode_on
from .apertures import Aperture, ovmf_apertures, seabios_hole
from .bars import CHIPSET
from .ovmf_requests import IGNORED_BAR_SIZE
from .pieces import CRUMB, Memory, Piece, Pieces, aligned
from .seabios_high import high_memory

if TYPE_CHECKING:
    from ..request.device import Controller, Device
    from ..request.fields import Firmware
    from ..request.guest import Guest

Where = Literal["root", "bridge", "port"]
"""On a root bus; behind a bridge with others; alone behind a port."""

"""Properties of bridges."""

SEABIOS_WINDOW: Final = 2 * MIB
"""Bytes of 32-bit memory that SeaBIOS gives each port at least; its windows are multiples of that."""


def apertures(machine: Machine, platform: Platform, firmware: "Firmware") -> tuple[Aperture, Aperture | None]:
    """Below 4 GiB, and above; None where that has no end: SeaBIOS goes up from the end of RAM."""
    if firmware.name == "seabios":
        return seabios_hole(machine, platform.memory), None
    return ovmf_apertures(machine, platform, firmware.number)


def available(machine: Machine, platform: Platform, firmware: "Firmware") -> tuple[int, int | None]:
    """The same, in bytes."""
    below, above = apertures(machine, platform, firmware)
    return below.size, None if above is None else above.size


def apertures_of(guest: "Guest") -> tuple[Aperture, Aperture | None]:
    """The 32-bit and, where there is one, the 64-bit aperture that the firmware has for this guest."""
    return apertures(guest.machine_model, Platform.of(guest), guest.firmware)


def room_above(guest: "Guest") -> int | None:
    """How many bytes SeaBIOS can put above 4 GiB at most; None where there is no end, and of OVMF, which has an
    aperture."""
    if guest.firmware.name != "seabios":
        return None
    return high_memory(guest.machine_model, Platform.of(guest), guest.firmware.number).room


def window_with_room(machine: Machine, platform: Platform, firmware: "Firmware") -> int:
    """What SeaBIOS gives each window of 64-bit prefetchable memory of a bridge with hot-plug, and aligns it to, to have
    room for more; 0 where it gives what is asked for."""
    return high_memory(machine, platform, firmware.number).window if firmware.name == "seabios" else 0


def window_with_room_of(guest: "Guest") -> int:
    """The same for this guest."""
    return window_with_room(guest.machine_model, Platform.of(guest), guest.firmware)


def most_window_alignment(guest: "Guest") -> int:
    """What SeaBIOS aligns windows of 64-bit memory of bridges with hot-plug to at most, whatever BARs are in them; 0
    where it aligns them to the largest."""
    if guest.firmware.name != "seabios":
        return 0
    return high_memory(guest.machine_model, Platform.of(guest), guest.firmware.number).without_room().most


def may_be_short(guest: "Guest") -> bool:
    """Whether memory may be what decides: devices ask for more than half of what is below 4 GiB, or one that may be
    behind a bridge keeps windows with room for more there."""
    asked = sum(spare.count * spare.memory for spare in guest.spare) + sum(map(_kept, guest.controllers))
    platform = Platform.of(guest)
    padded = window_with_room(guest.machine_model, platform, guest.firmware) > 0
    known: dict[tuple[object, ...], tuple[int, bool]] = {}  # guests have many devices of few sorts
    for device in guest.devices:
        sort = (device.model, device.virtio, device.bars, *device.properties.items())
        if sort not in known:
            resolved = guest.resolved[device.id]
            bars = requested(resolved, mode_on(resolved, behind_port=True))
            size = sum(size for _, kind, size in bars if kind is not BarKind.IO)
            known[sort] = size, any(bar.kind is BarKind.PREF32 for bar in bars)
        size, narrow = known[sort]
        if narrow and padded and _may_be_behind_bridge(guest, device):
            return True
        asked += size
    return asked > apertures(guest.machine_model, platform, guest.firmware)[0].size // 2


def _may_be_behind_bridge(guest: "Guest", device: "Device") -> bool:
    """Whether it is not on the root bus, nor expected there."""
    if device.address is not None and device.address.bus is not None:
        return device.address.bus != guest.machine_model.root
    return guest.resolved[device.id].chipset_place is None


def _kept(controller: "Controller") -> int:
    """Bytes that its properties reserve."""
    return sum(integer(controller.properties, name) or 0 for name in MEMORY_RESERVES)


def upsets_alignment(devices: Iterable["Device"]) -> bool:
    """Whether an option ROM is of a size that makes what is placed beside it start at odd addresses."""
    return any(rom > MIB and rom != power_of_two(rom) for rom in map(stated_rom, devices))


def stated_rom(device: "Device") -> int:
    """Bytes of the option ROM that the request states; 0 where it states none, which are of less than a MiB."""
    return device.rom if device.rom is not None else integer(device.properties, "romsize") or 0


def chipset_asks(machine: Machine) -> bool:
    """Whether the chipset has BARs of 32-bit memory, as its devices cannot be absent nor given up."""
    bars = (bar for place in machine.taken for bar in CHIPSET[machine.family].get(place, ()))
    return any(bar.kind is BarKind.MEM32 for bar in bars)


def port_memory(firmware: str) -> int:
    """Bytes below 4 GiB of a port whatever is behind it, if that is no bridge. OVMF's reservations are no need."""
    return SEABIOS_WINDOW if firmware == "seabios" else 0


def needed(bars: Bars, where: Where, firmware: str, most: int = 0, *, rom: bool = False) -> Memory:
    """What the BARs of one slot need at least; `most`: what SeaBIOS aligns windows of 64-bit memory to at most, if any;
    `rom`: an option ROM is among them.

    Behind a bridge memory that is not prefetchable is below 4 GiB whatever the BAR's width (PCI-to-PCI Bridge 1.2,
    3.2.5.8). SeaBIOS rounds windows up to their largest BAR, and prefetchable ones with any 32-bit BAR are below 4 GiB.
    """
    sizes: dict[BarKind, list[int]] = {kind: [] for kind in BarKind}
    for _, kind, size in bars:
        if size > IGNORED_BAR_SIZE:
            sizes[kind].append(size)
    narrow, wide = sizes[BarKind.PREF32], sizes[BarKind.PREF64]
    if where == "root":
        plain, prefetchable = _with_crumb(sizes[BarKind.MEM32]), _with_crumb(narrow)
        low, high = _large(*sizes[BarKind.MEM32], *narrow), _large(*sizes[BarKind.MEM64], *wide)
        return Memory(low, high, plain=plain, prefetchable=prefetchable)
    in_window = sizes[BarKind.MEM32] + sizes[BarKind.MEM64]
    if firmware == "ovmf":  # it reads ROMs elsewhere
        plain = _with_crumb(in_window)
        crumb = CRUMB in plain or (not plain and CRUMB in _with_crumb(narrow))
        rest = (Piece(MIB, 1),) if where == "port" and crumb else ()  # windows are whole MiB
        return Memory(_large(*in_window, *narrow) + rest, _large(*wide), plain=plain)
    below = any(kind is BarKind.PREF32 for _, kind, _ in bars)
    in_window += [1] if rom else []
    if where == "bridge":
        plain = _with_crumb(in_window)
        low, high = _large(*in_window), _large(*narrow, *wide)
    else:
        plain = low = _window(in_window)
        high = _window(narrow + wide, 0 if below else most)
    if below:
        return Memory(low + high, (), True, plain=plain, prefetchable=high)
    return Memory(low, high, plain=plain)


def takes_some(bars: Bars, where: Where) -> bool:
    """Whether OVMF needs memory below 4 GiB for them in any case."""
    kinds = {BarKind.MEM32, BarKind.PREF32} if where == "root" else {BarKind.MEM32, BarKind.PREF32, BarKind.MEM64}
    return any(kind in kinds and size > IGNORED_BAR_SIZE for _, kind, size in bars)


def _large(*sizes: int) -> Pieces:
    return aligned(*(size for size in sizes if size >= MIB))


def _with_crumb(sizes: list[int]) -> Pieces:
    large = _large(*sizes)
    return (*large, CRUMB) if len(large) < len(sizes) else large


def _window(sizes: list[int], most: int = 0) -> Pieces:
    """SeaBIOS's of what is alone there; of no more than crumbs nothing is said."""
    pieces = _with_crumb(sizes)
    alignment = max(SEABIOS_WINDOW, *(piece.align for piece in pieces)) if pieces else SEABIOS_WINDOW
    alignment = min(alignment, most or alignment)
    total = sum(piece.size for piece in pieces)
    return (Piece(align(total, alignment), alignment),) if total >= MIB else ()
