"""Room that ports keep for later: what spare slots ask for; less than the firmware's own where that does not fit."""

from typing import Final

from ..schema.device import Properties, Spare
from ..schema.firmware.ample import MEMORY_RESERVES
from ..schema.firmware.budget import MIB, PAGE, io_budget, power_of_two
from ..schema.firmware.ovmf_requests import NO_DEFAULT_IO_PADDING
from ..schema.survey import Survey
from .buses import Offer, pages
from .placed import Placed
from .seating import Bus

ALL: Final = 2
UNKNOWN: Final = 1
"""Who keeps the firmware's own IO reserve: all, or those of which nobody says what comes; 0 is none."""
LITTLE: Final = 2 * MIB
"""Bytes of prefetchable memory in place of edk2's default, a 256th of what there is."""


class Reservations:
    """Properties of ports and bridges. `give_way` drops the firmware's own reserves, step by step, as long as needed.

    edk2 drops devices before reserves where these are smaller, so that its own reserves can cost a device.
    """

    def __init__(self, placed: Placed) -> None:
        self._placed = placed
        self._padded = ALL if not self._too_many_to_pad() else UNKNOWN
        """Where the firmware may reserve IO by itself: edk2 before 202308 does for every hot-pluggable port."""
        self._roomy = True
        """Whether it may reserve memory so."""

    def give_way(self, known: Survey) -> bool:
        """Whether the layout should be made again with less, as the firmware gives something up in this one."""
        if self._padded and known.prediction is not None and known.prediction.gives_up:
            self._padded -= 1
            return True
        if self._roomy and known.guest.firmware.name == "ovmf" and known.memory is not None:
            failure = known.memory.failure
            self._roomy = failure is None or failure.rule != "memory-space"
            return not self._roomy
        return False

    def of(self, bus: Bus) -> Properties:
        """What its controller says; only pcie-root-port and pci-bridge have such properties."""
        if bus.cls.model not in ("pcie-root-port", "pci-bridge"):
            return {}
        if bus.cls.model == "pci-bridge":
            return self._behind(bus)
        bridge = next((one for one in self._placed.children(bus) if one.cls.model == "pcie-pci-bridge"), None)
        return self._at_port(bus) if bridge is None else self._at_port(bus) | self._behind(bridge)

    def _spares(self, bus: Bus) -> list[Spare]:
        return [item.kind.spare for item, host, _ in self._placed.seating.spares if host is bus and item.kind.spare]

    def _at_port(self, bus: Bus) -> Properties:
        """A slot's future device is taken to be one with large memory that may be above 4 GiB."""
        result: Properties = {}
        wishes = self._spares(bus)
        if any(spare.io for spare in wishes):
            result["io-reserve"] = PAGE
        elif self._gives_up(bus):
            result["io-reserve"] = 0
        if not self._roomy and not self._given(bus):
            result["pref64-reserve"] = LITTLE
            if not wishes:
                result["mem-reserve"] = 0
        if memory := sum(spare.memory for spare in wishes):
            result["pref64-reserve"] = power_of_two(memory)
        return result

    def _behind(self, bridge: Bus) -> Properties:
        """For spare slots of a conventional bridge: room beside what is there, below 4 GiB as such devices have it.

        A pcie-pci-bridge has no such properties: its port keeps the room, which the guest then gives to the bridge.
        """
        result: Properties = {}
        wishes, below = self._spares(bridge), self._placed.walk(bridge)[1:]
        there = self._placed.bytes_on(str(bridge.name), io=True)
        opened = max(pages(there), self._empty_window)
        if (wanted := pages(there + sum(spare.io for spare in wishes))) > opened:
            nested = sum(pages(self._placed.bytes_on(str(one.name), io=True)) for one in below)
            result["io-reserve"] = PAGE * (wanted + nested)
        elif bridge.cls.model == "pci-bridge" and not wanted and self._gives_up(bridge):
            result["io-reserve"] = 0
        if memory := sum(spare.memory for spare in wishes):
            there = sum(self._placed.bytes_on(str(one.name), io=False) for one in (bridge, *below))
            result["mem-reserve"] = power_of_two(memory + there)
        return result

    @property
    def _empty_window(self) -> int:
        """Pages that the firmware opens for a bridge with SHPC, as one with spare slots is."""
        guest = self._placed.guest
        return pages(io_budget(guest.platform, guest.firmware.name).empty_shpc_window)

    def _given(self, bus: Bus) -> bool:
        """Whether the request speaks of its memory itself."""
        demanded = self._placed.demanded_as(bus)
        return demanded is not None and not MEMORY_RESERVES.isdisjoint(demanded.properties)

    def _too_many_to_pad(self) -> bool:
        """Whether there are more hot-pluggable ports than windows, whatever their content."""
        firmware = self._placed.guest.firmware
        if firmware.name != "ovmf" or firmware.number >= NO_DEFAULT_IO_PADDING:
            return False
        ports = sum(bus.cls.hot and bus.cls.offer is Offer.PORT for bus in self._placed.order)
        return ports > io_budget(self._placed.guest.platform, "ovmf").limit // PAGE

    def _gives_up(self, bus: Bus) -> bool:
        """The IO that the firmware would reserve by itself, for the sake of reserves that are asked for."""
        if self._padded == ALL or not self._stays_dry(bus):
            return False
        return self._padded < UNKNOWN or self._is_known(bus)

    def _is_known(self, bus: Bus) -> bool:
        """Whether the request says what is on the port, or is to come: an empty one that it lists may get anything."""
        return str(bus.name) in self._placed.occupied or bool(self._spares(bus))

    def _stays_dry(self, bus: Bus) -> bool:
        """A port of which the plan says that nothing with IO ports comes."""
        return not self._placed.children(bus) and not self._placed.io_below(bus)
