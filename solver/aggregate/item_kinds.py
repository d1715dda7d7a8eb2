"""Kinds of items: all that the model knows of a device, group or spare slot, each kind made once a guest.

Items that cannot be told apart are of one kind; the model counts kinds, never devices.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ...schema.firmware.bars import window_bytes
from ...schema.firmware.budget import power_of_two
from ...schema.firmware.need import SEABIOS_WINDOW, Where, may_be_short, needed, takes_some
from ...schema.firmware.pieces import NONE, Memory, Piece
from ...schema.pci.bars import BarKind as BarKind
from ...schema.pci.controllers import CONTROLLERS, Connector, VirtioMode
from ...schema.request.bars import requested, requested_with_rom
from ...schema.request.device import Hotplug, Spare
from ...schema.request.guest import Guest
from ...schema.request.resolved import STRICTNESS, ResolvedDevice, mode_on
from .places import ALLOWED, ANYWHERE, Place
from .preferences import of_place

Readings = tuple[ResolvedDevice, ...]
"""What a device may be: one, but where the request leaves its virtio mode or its claim to a chipset place open."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What an item pays and needs in a kind of place: preference weight, IO bytes, memory.

    Memory alone in its slot, and beside others.
    """

    weight: int
    io: int
    memory_alone: Memory = NONE
    memory_shared: Memory = NONE
    window: int = 0
    """Bytes of a bridge's window of memory that is not prefetchable, where that is reserved for spare slots, too."""


@dataclass(frozen=True, slots=True, eq=False)
class ItemKind:
    """All that matters of an item to the model: items of one kind are interchangeable. Made by `ItemKinds` only."""

    size: int
    """Functions; 0 for a spare slot."""
    functions: frozenset[int] | None
    """The functions it must have; None for a lone device, which takes any."""
    hotplug: Hotplug
    fits: tuple[Fit, Fit, Fit]
    """In the order of `Place`."""
    allowed: frozenset[Place]
    places_giving_mode: frozenset[Place] = ANYWHERE
    """Where its slot makes the virtio mode that it must have."""
    numa: int | None = None
    near: int | None = None
    """Number of its cluster of devices that share a root bus."""
    near_switch: int | None = None
    grouped: bool = False
    not_behind_conventional_bridge: bool = False
    """A host device of a guest with a vIOMMU: not behind a conventional bridge."""
    spare: Spare | None = None
    alone_by_preset: bool = False
    """By preset: alone in its slot, which takes hot-plug unless it is the root bus's."""

    def fit(self, place: Place) -> Fit:
        """What an item of the kind brings to such a place."""
        return self.fits[_ORDER[place]]

    @property
    def fills_zero(self) -> bool:
        """Whether one of its functions is, or may be, function 0."""
        return self.functions is None or 0 in self.functions


_ORDER: Final = {place: index for index, place in enumerate(Place)}


@dataclass(slots=True)
class ItemKinds:
    """The kinds of one guest. Devices that are spelled alike are looked at once."""

    guest: Guest
    memory: bool = field(init=False)
    """Whether memory may be short, so that kinds differ by it."""
    reserving: bool = field(init=False)
    """Whether bridges reserve some for conventional spare slots."""
    _several_roots: bool = field(init=False)
    """With OVMF, of which the main root is served first."""
    _by_content: dict[object, ItemKind] = field(default_factory=dict)
    _by_spelling: dict[object, ItemKind] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.memory = may_be_short(self.guest)
        expanders = any(CONTROLLERS[one.model].is_expander for one in self.guest.controllers)
        self._several_roots = self.guest.firmware.name == "ovmf" and (expanders or self.guest.numa_nodes > 0)
        self.reserving = any(spare.kind == "pci" and spare.memory for spare in self.guest.spare)

    def of(
        self, members: Sequence[Readings], functions: Sequence[int] | None, near: int | None, near_switch: int | None
    ) -> ItemKind:
        """The kind of a lone device (without `functions` it takes any) or of a group.

        Of a member with several readings each measure is that of the reading which asks least there.
        """
        first = [readings[0] for readings in members]
        numa = next((one.device.numa for one in first if one.device.numa is not None), None)
        fixed = None if functions is None else frozenset(functions)
        spelling = (tuple(tuple(map(_signature, readings)) for readings in members), fixed, numa, near, near_switch)
        if spelling not in self._by_spelling:
            kind = ItemKind(
                size=len(members),
                functions=fixed,
                hotplug=max((one.hotplug for one in first), key=STRICTNESS.__getitem__),
                fits=self._fits(members),
                allowed=frozenset.intersection(*(_either(self._allowed, readings) for readings in members)),
                places_giving_mode=frozenset.intersection(*(_either(_deciding, readings) for readings in members)),
                alone_by_preset=self.guest.policy.preset == "libvirt",
                numa=numa,
                near=near,
                near_switch=near_switch,
                grouped=len(members) > 1 or first[0].device.group is not None,
                not_behind_conventional_bridge=any(map(self._isolated, first)),
            )
            self._by_spelling[spelling] = self._interned(kind)
        return self._by_spelling[spelling]

    def of_spare(self, spare: Spare) -> ItemKind:
        """The kind of a single spare slot: nobody's functions, the IO and memory that it keeps."""
        places = {Place.PORT} if spare.kind == "pcie" else {Place.CONVENTIONAL, Place.ROOT}
        reserved = self._reserved(spare) if spare.memory and self.memory else NONE
        fit, on_root = Fit(0, spare.io, reserved, reserved), Fit(0, spare.io)
        return self._interned(
            ItemKind(
                size=0,
                functions=None,
                hotplug="required",
                fits=(fit, fit, on_root),
                allowed=frozenset(places),
                numa=spare.numa,
                spare=spare.model_copy(update={"count": 1}),
            )
        )

    def _reserved(self, spare: Spare) -> Memory:
        """OVMF aligns a reserve to its size, SeaBIOS to the BARs that are there, if any."""
        ovmf = self.guest.firmware.name == "ovmf"
        if spare.kind == "pcie":
            size = power_of_two(spare.memory)
            return Memory((), (Piece(size, size if ovmf else SEABIOS_WINDOW),))
        # part of a reserve for all that is in the window: that is as large as a power of two which is no smaller
        return Memory((Piece(spare.memory, power_of_two(spare.memory) if ovmf else 1),))

    def _interned(self, kind: ItemKind) -> ItemKind:
        content = tuple(getattr(kind, name) for name in ItemKind.__slots__)
        return self._by_content.setdefault(content, kind)

    def _allowed(self, resolved: ResolvedDevice) -> frozenset[Place]:
        if self.guest.policy.preset == "libvirt" and self.guest.machine_model.family == "q35":
            allowed = frozenset({self._as_libvirt(resolved)})
        else:
            allowed = ALLOWED[resolved.connector]
            if self._is_legacy_virtio(resolved):
                allowed |= {Place.PORT}
        if self._isolated(resolved):
            allowed -= {Place.CONVENTIONAL}
        return allowed & _deciding(resolved)

    def _as_libvirt(self, resolved: ResolvedDevice) -> Place:
        if resolved.chipset_place is not None or resolved.connector is Connector.INTEGRATED:
            return Place.ROOT
        return Place.CONVENTIONAL if resolved.connector is Connector.CONVENTIONAL else Place.PORT

    def _isolated(self, resolved: ResolvedDevice) -> bool:
        return self.guest.has_viommu and resolved.is_host_device

    def _is_legacy_virtio(self, resolved: ResolvedDevice) -> bool:
        """On q35, a virtio device that must offer the 0.9 interface, which needs IO ports."""
        return (
            self.guest.machine_model.family == "q35"
            and bool(resolved.modes)
            and VirtioMode.MODERN not in resolved.modes
        )

    def _fits(self, members: Sequence[Readings]) -> tuple[Fit, Fit, Fit]:
        port, conventional, root = (self._fit(members, place) for place in Place)
        return port, conventional, root

    def _fit(self, members: Sequence[Readings], place: Place) -> Fit:
        def io_of(one: ResolvedDevice) -> int:
            return one.io_bytes(mode_on(one, behind_port=place is Place.PORT))

        weight = sum(
            min(of_place(one, place, needs_io=self._is_legacy_virtio(one)) for one in readings) for readings in members
        )
        io = sum(min(map(io_of, readings)) for readings in members)
        if not self.memory:
            return Fit(weight, io)
        return Fit(weight, io, *self._memory(members, place), self._window(members) if self.reserving else 0)

    def _window(self, members: Sequence[Readings]) -> int:
        certain = [readings[0] for readings in members if len(readings) == 1]
        asked = (requested_with_rom(one, mode_on(one, behind_port=False)) for one in certain)
        return sum(rom + window_bytes(bars) for bars, rom in asked)

    def _memory(self, members: Sequence[Readings], place: Place) -> tuple[Memory, Memory]:
        """What is read in several ways counts nothing: modes differ by a few KiB."""
        firmware = self.guest.firmware.name
        certain = [readings[0] for readings in members if len(readings) == 1]
        bars = tuple(bar for one in certain for bar in requested(one, mode_on(one, behind_port=place is Place.PORT)))
        if place is Place.CONVENTIONAL and firmware == "ovmf" and self.reserving:
            # may lie in the window that is reserved for spare slots, in which the rule does not count it
            bars = tuple(bar for bar in bars if bar.kind is not BarKind.PREF32)
        where: Where = "root" if place is Place.ROOT else "bridge"
        beside = needed(bars, where, firmware)
        alone = needed(bars, "port", firmware) if place is Place.PORT else beside
        some = self._several_roots and takes_some(bars, where)
        return alone._replace(some=some), beside._replace(some=some)


def _either(places: Callable[[ResolvedDevice], frozenset[Place]], readings: Readings) -> frozenset[Place]:
    return frozenset().union(*map(places, readings))


def _deciding(resolved: ResolvedDevice) -> frozenset[Place]:
    mode = resolved.slot_decides
    if mode is None:
        return ANYWHERE
    return frozenset({Place.PORT}) if mode is VirtioMode.MODERN else ANYWHERE - {Place.PORT}


def _signature(one: ResolvedDevice) -> object:
    """Everything of a device that a kind is made from, but its neighbours and its node."""
    device = one.device
    claim = one.chipset_place is not None
    grouped = device.group is not None
    properties = tuple(device.properties.items())
    modes = one.modes, one.slot_decides
    return device.model, one.connector, modes, one.hotplug, claim, grouped, device.bars, device.rom, properties
