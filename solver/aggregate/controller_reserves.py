"""What a bridge keeps for later: IO windows, memory and bus numbers that properties ask for, or machine and firmware
make."""

from collections.abc import Sequence
from dataclasses import field
from functools import reduce
from typing import Final

from ...schema.firmware.budget import PAGE
from ...schema.firmware.need import SEABIOS_WINDOW
from ...schema.firmware.ovmf_requests import NO_DEFAULT_IO_PADDING
from ...schema.firmware.pieces import NONE, Memory, Piece, Pieces, aligned
from ...schema.pci.controllers import CONTROLLERS, RESERVES
from ...schema.pci.qemu_properties import integer
from ...schema.pci.size import power_of_two
from ...schema.records import record
from ...schema.request.device import Controller
from ...schema.request.guest import Guest
from .bridge_nesting import shpc_costs
from .bus_classes import NO_ROOM, KeptRoom, pages

DECISIVE: Final = (*sorted(RESERVES), "shpc")
"""Properties that decide what a controller keeps."""


def ports_reserve(guest: Guest) -> bool:
    """Whether root ports open a page by themselves: SeaBIOS obeys that quirk of pc-q35-6.1, OVMF does not."""
    return guest.machine_model.port_io_reserve and guest.firmware.name == "seabios"


def ports_look_hot(guest: Guest) -> bool:
    """Whether the firmware heeds the reserves of a port with hotplug on."""
    return guest.firmware.name == "seabios" or not guest.machine_model.port_io_reserve


def has_shpc(controller: Controller) -> bool:
    """Of a demanded bridge, which keeps what its properties say."""
    return CONTROLLERS[controller.model].has_shpc(controller.properties)


def shpc_opens_page(guest: Guest) -> bool:
    """Whether the firmware forwards a page of IO ports to a bridge with an SHPC though nothing below has any: SeaBIOS
    does, and OVMF reserved that much by default in versions before 202308."""
    return guest.firmware.name == "seabios" or guest.firmware.number < NO_DEFAULT_IO_PADDING


def room_of(guest: Guest, controller: Controller) -> KeptRoom:
    """What a listed controller can keep for spare slots. What the request says of a reserve stands."""
    if not _is_heeded(guest, controller):
        return NO_ROOM
    names = ("io-reserve", "mem-reserve", "pref64-reserve", "pref32-reserve")
    io, low, high, narrow = (integer(controller.properties, name) for name in names)
    own = int(has_shpc(controller) and shpc_opens_page(guest))
    return KeptRoom(
        io=None if io is None else max(pages(io), own),
        low=low,
        high=high if narrow is None else 0,  # QEMU takes only one of the two
    )


def kept_memory(guest: Guest, controller: Controller) -> Memory:
    """What a listed controller keeps below 4 GiB, and of memory that may be above."""
    if not _is_heeded(guest, controller):
        return NONE
    low, narrow, wide = (
        integer(controller.properties, name) or 0 for name in ("mem-reserve", "pref32-reserve", "pref64-reserve")
    )
    if guest.firmware.name == "ovmf":
        return Memory(_rounded(low, narrow), _rounded(wide))
    # SeaBIOS puts what it may above 4 GiB, whatever it was asked for; only BARs decide how that is aligned
    return Memory(_as_asked(low), _as_asked(narrow + wide))


def _rounded(*sizes: int) -> Pieces:
    return aligned(*(power_of_two(size) for size in sizes if size))


def _as_asked(size: int) -> Pieces:
    return (Piece(size, SEABIOS_WINDOW),) if size else ()


def _is_heeded(guest: Guest, controller: Controller) -> bool:
    """Whether the firmware looks at its reserves; other models have none."""
    if controller.model == "pcie-root-port":
        return guest.firmware.name == "seabios" or (controller.hotplug and ports_look_hot(guest))
    return controller.model == "pci-bridge" and (guest.firmware.name == "seabios" or has_shpc(controller))


@record(frozen=True)
class ControllerReserves:
    """What a listed controller keeps for later, as its bus class says it: see the fields of BusClass."""

    io_reserve_pages: int = 0
    forwards_no_io: bool = False
    shpc: bool = False
    room: KeptRoom = NO_ROOM
    bus_reserve: int | None = None
    kept_memory: Memory = NONE

    def or_as(self, other: "ControllerReserves") -> "ControllerReserves":
        """Of each field what asks least of a layout."""
        several = None not in (self.bus_reserve, other.bus_reserve)
        return ControllerReserves(
            io_reserve_pages=min(self.io_reserve_pages, other.io_reserve_pages),
            forwards_no_io=self.forwards_no_io and other.forwards_no_io,
            shpc=self.shpc and other.shpc,
            room=self.room.or_as(other.room),
            bus_reserve=min(self.bus_reserve or 0, other.bus_reserve or 0) if several else None,
            kept_memory=self.kept_memory.or_as(other.kept_memory),
        )


def reserves_of(guest: Guest, controller: Controller) -> ControllerReserves:
    """What a listed controller keeps."""
    reserve = integer(controller.properties, "io-reserve")
    asked = reserve or 0
    if reserve is None and controller.model == "pcie-root-port" and controller.hotplug and ports_reserve(guest):
        asked = PAGE
    return ControllerReserves(
        io_reserve_pages=pages(asked) if _is_heeded(guest, controller) else 0,
        forwards_no_io=reserve == 0,
        shpc=has_shpc(controller) and shpc_costs(guest),
        room=room_of(guest, controller),
        bus_reserve=integer(controller.properties, "bus-reserve"),
        kept_memory=kept_memory(guest, controller),
    )


@record
class LeastReserves:
    """The same of controllers that may each be any of several, worked out once for those that keep alike: many ports
    do."""

    guest: Guest
    _known: dict[object, ControllerReserves] = field(default_factory=dict)

    def of(self, readings: Sequence[Controller]) -> ControllerReserves:
        """Of one controller, by all that it may be."""
        return reduce(ControllerReserves.or_as, map(self._of_one, readings))

    def _of_one(self, controller: Controller) -> ControllerReserves:
        stated = map(controller.properties.get, DECISIVE)
        alike = (controller.model, controller.hotplug, *stated)
        if alike not in self._known:
            self._known[alike] = reserves_of(self.guest, controller)
        return self._known[alike]
