"""Room that ports keep for later: what spare slots ask for; less than the firmware's own where that does not fit."""

from collections.abc import Mapping
from typing import Final

from ...schema.firmware.budget import PAGE, io_budget
from ...schema.firmware.need import SEABIOS_WINDOW
from ...schema.firmware.ovmf_requests import NO_DEFAULT_IO_PADDING
from ...schema.pci.controllers import CONTROLLERS, MEMORY_RESERVES
from ...schema.pci.qemu_properties import Properties
from ...schema.pci.size import MIB, align, power_of_two
from ...schema.request.device import Spare
from ...schema.verify.context import Context
from ..aggregate.bus_classes import BusKind
from .layout_tree import LayoutTree
from .seats import BusInstance

ALL_PADDED: Final = 2
UNKNOWN_PADDED: Final = 1
"""Who keeps the firmware's own reserve: all, or those of which nobody says what comes; 0 is none."""
SMALLEST_PREF64: Final = 2 * MIB
"""Bytes of prefetchable memory in place of edk2's default, a 256th of what there is."""


class FirmwareReserves:
    """Properties of ports and bridges, found in steps: what spare slots need beside all else is known from a layout
    without such properties; the firmware's own reserves are dropped as long as needed.

    edk2 drops devices before reserves where these are smaller, so that its own reserves can cost a device.
    """

    def __init__(self, placed: LayoutTree) -> None:
        self._placed = placed
        self._padded = UNKNOWN_PADDED if self._too_many_to_pad() else ALL_PADDED
        """Where the firmware may reserve IO by itself: edk2 before 202308 does for every hot-pluggable port."""
        self._own_memory = ALL_PADDED
        """Where it may reserve memory so: at all, or only at pci-bridges and where the request speaks of memory."""
        self._windows: Mapping[str, int] | None = None
        """Bytes of IO ports that each bridge must forward, spare slots' and all below it included."""
        self._whole: Mapping[str, int] = {}
        """Bytes of prefetchable memory that ports reserve where SeaBIOS misaligns BARs in windows of other sizes."""

    def change(self, known: Context) -> bool:
        """Whether the layout should be made again: with room for spare slots, or with less of the firmware's own
        reserves, as it gives something up in this one."""
        if self._windows is None and any(spare.kind == "pci" and spare.io for spare in known.guest.spare):
            self._windows = known.io.windows
            return True
        if self._padded and self._pads and known.prediction is not None and known.prediction.drops_anything:
            self._padded -= 1
            return True
        if not self._whole and known.prediction is not None and known.prediction.misplaced:
            windows = known.prediction.prefetchable_windows
            self._whole = {name: power_of_two(window.size) for name, window in windows.items()}
            return True
        if self._own_memory and known.guest.firmware.name == "ovmf" and known.memory is not None:
            failure = known.memory.failure
            if failure is not None and failure.rule == "memory-space":
                self._own_memory -= 1
                return True
        return False

    def of(self, bus: BusInstance) -> Properties:
        """What its controller says; only pcie-root-port and pci-bridge have such properties."""
        if bus.cls.model is None or not CONTROLLERS[bus.cls.model].has_reserves:
            return {}
        return self._behind(bus) if bus.cls.model == "pci-bridge" else self._at_port(bus)

    def _spares(self, bus: BusInstance) -> list[Spare]:
        return [item.kind.spare for item, host, _ in self._placed.seating.spares if host is bus and item.kind.spare]

    def _at_port(self, bus: BusInstance) -> Properties:
        """A slot's future device is taken to be one with large memory that may be above 4 GiB. Of a port without
        hot-plug OVMF looks at no reserve, and makes none."""
        if str(bus.name) in self._placed.protected and self._placed.guest.firmware.name == "ovmf":
            return {}
        result: Properties = {}
        wishes = self._spares(bus)
        if any(spare.io for spare in wishes):
            result["io-reserve"] = PAGE
        elif self._gives_up(bus):
            result["io-reserve"] = 0
        if self._own_memory < UNKNOWN_PADDED or (self._own_memory < ALL_PADDED and not self._given(bus)):
            if self._placed.number(bus, "pref32-reserve") is None:  # QEMU takes only one of the two
                result["pref64-reserve"] = SMALLEST_PREF64
            if not wishes:
                result["mem-reserve"] = 0
        if memory := sum(spare.memory for spare in wishes):
            result["pref64-reserve"] = power_of_two(memory)
        elif str(bus.name) in self._whole and not self._given(bus):
            result["pref64-reserve"] = self._whole[str(bus.name)]
        return result

    def _behind(self, bridge: BusInstance) -> Properties:
        """For spare slots of a pci-bridge: room beside what is there, below 4 GiB as such devices have it."""
        result: Properties = {}
        spares = self._spares(bridge)
        needed, asked = (self._windows or {}).get(str(bridge.name), 0), sum(spare.io for spare in spares)
        if asked and needed > max(needed - self._added(bridge, asked), self._empty_window(bridge)):
            result["io-reserve"] = needed
        elif not asked and self._gives_up(bridge):
            result["io-reserve"] = 0
        if self._own_memory < UNKNOWN_PADDED and self._placed.keeps_shpc(bridge):
            result["mem-reserve"] = 0
        if any(spare.memory for spare in spares):
            result["mem-reserve"] = self._memory(bridge)
        return result

    def _added(self, bridge: BusInstance, asked: int) -> int:
        """Bytes that its window has for spare slots alone, beside what devices leave of their last page."""
        there = self._placed.io_on(bridge)
        return align(there + asked, PAGE) - align(there, PAGE)

    def _empty_window(self, bridge: BusInstance) -> int:
        """Bytes that the firmware opens for a bridge with SHPC where nothing below has IO ports."""
        guest = self._placed.guest
        window = io_budget(guest.machine_model, guest.firmware.name).empty_shpc_window
        return window if self._placed.keeps_shpc(bridge) else 0

    def _memory(self, bridge: BusInstance) -> int:
        """Bytes for spare slots and for what else is in the window of memory that is not prefetchable."""
        there = self._placed.memory_on(bridge) + sum(map(self._window, self._placed.children(bridge)))
        return power_of_two(there + sum(spare.memory for spare in self._spares(bridge)))

    def _window(self, bridge: BusInstance) -> int:
        """Bytes of that window of a bridge in another one's."""
        least = SEABIOS_WINDOW if self._placed.guest.firmware.name == "seabios" else 0
        there = self._placed.memory_on(bridge) + sum(map(self._window, self._placed.children(bridge)))
        kept = self._placed.number(bridge, "mem-reserve")
        if kept is None and any(spare.memory for spare in self._spares(bridge)):
            kept = self._memory(bridge)
        return max(least if self._placed.keeps_shpc(bridge) else 0, align(there, MIB), kept or 0)

    def _given(self, bus: BusInstance) -> bool:
        """Whether the request speaks of its memory itself."""
        demanded = self._placed.demanded_as(bus)
        return demanded is not None and not MEMORY_RESERVES.isdisjoint(demanded.properties)

    @property
    def _pads(self) -> bool:
        """Whether this firmware reserves IO by itself."""
        firmware = self._placed.guest.firmware
        return firmware.name == "ovmf" and firmware.number < NO_DEFAULT_IO_PADDING

    def _too_many_to_pad(self) -> bool:
        """Whether there are more hot-pluggable ports than windows, whatever their content."""
        ports = [bus for bus in self._placed.order if bus.cls.takes_hotplug and bus.cls.kind is BusKind.PORT]
        hot = sum(str(bus.name) not in self._placed.protected for bus in ports)
        return self._pads and hot > io_budget(self._placed.guest.machine_model, "ovmf").limit // PAGE

    def _gives_up(self, bus: BusInstance) -> bool:
        """The IO that the firmware would reserve by itself, for the sake of reserves that are asked for."""
        if self._padded == ALL_PADDED or not self._opens_nothing(bus):
            return False
        return self._padded < UNKNOWN_PADDED or (self._is_known(bus) and not self._placed.children(bus))

    def _is_known(self, bus: BusInstance) -> bool:
        """Whether the request says what is on the port, or is to come: an empty one that it lists may get anything."""
        return str(bus.name) in self._placed.occupied or bool(self._spares(bus))

    def _opens_nothing(self, bus: BusInstance) -> bool:
        """Whether nothing there or deeper has IO ports, nor keeps any but what can be given up."""
        if self._placed.io_on(bus) or any(spare.io for spare in self._spares(bus)):
            return False
        return all(self._keeps_nothing(one) and self._opens_nothing(one) for one in self._placed.children(bus))

    def _keeps_nothing(self, bus: BusInstance) -> bool:
        """Whether a controller has no reserve of its own, or a property against it."""
        model = CONTROLLERS[str(bus.cls.model)]
        if model.has_reserves:
            return not self._placed.number(bus, "io-reserve")
        hot = model.is_port and bus.cls.takes_hotplug and str(bus.name) not in self._placed.protected
        return not hot and not model.is_hotplug_bridge
