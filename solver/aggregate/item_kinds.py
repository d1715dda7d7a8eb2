"""Kinds of items: all that the model knows of a device, group or spare slot, each kind made once a guest.

Items that cannot be told apart are of one kind; the model counts kinds, never devices.
"""

from collections.abc import Callable, Sequence
from dataclasses import field, fields
from operator import attrgetter
from typing import Final

from ...schema.firmware.bars import window_bytes
from ...schema.firmware.need import SEABIOS_WINDOW, Where, may_be_short, most_window_alignment, needed, takes_some
from ...schema.firmware.pieces import NONE, Memory, Piece
from ...schema.pci.address import FUNCTIONS
from ...schema.pci.bars import BarKind as BarKind
from ...schema.pci.controllers import CONTROLLERS, Connector, VirtioMode
from ...schema.pci.size import power_of_two
from ...schema.records import record
from ...schema.request.bars import requested_with_rom
from ...schema.request.device import Hotplug, Spare
from ...schema.request.guest import Guest
from ...schema.request.resolved import STRICTNESS, ResolvedDevice, mode_on
from .places import ALLOWED, ANYWHERE, Place
from .preferences import of_place
from .virtual_places import VirtualPlaces

Readings = tuple[ResolvedDevice, ...]
"""What a device may be: one, but where the request leaves its virtio mode or its claim to a chipset place open."""


@record(frozen=True)
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


@record(frozen=True, eq=False)
class ItemKind:
    """All that matters of an item to the model: items of one kind are interchangeable. Made by `ItemKinds` only."""

    size: int
    """Functions, those past the slot's among them; 0 for a spare slot."""
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
    iommu_groups: frozenset[int] = frozenset()
    """With a vIOMMU, the host's IOMMU groups that it shares with other items or has several functions of: each has one
    address space."""
    lone_iommu_groups: int = 0
    """With a vIOMMU, how many of its functions are of an IOMMU group that nobody else in the guest is of."""
    spare: Spare | None = None
    closed: frozenset[int] = frozenset()
    """What its virtual functions take and nobody else has: functions of its slot, and from 8 on those of slots after
    it."""
    alone: bool = False
    """Nobody shares its slot, whatever is pinned: what a device brings along is no multifunction device."""
    alone_by_preset: bool = False
    """By preset: alone in its slot, which takes hot-plug unless it is the root bus's."""

    def fit(self, place: Place) -> Fit:
        """What an item of the kind brings to such a place."""
        return self.fits[_ORDER[place]]

    @property
    def fills_zero(self) -> bool:
        """Whether one of its functions is, or may be, function 0."""
        return self.functions is None or 0 in self.functions

    @property
    def taken(self) -> frozenset[int] | None:
        """All that nobody else has, from 8 on in slots after its own; None for a lone device, which takes any."""
        return None if self.functions is None else self.functions | self.closed

    @property
    def reach(self) -> frozenset[int]:
        """What its virtual functions take in slots after its own."""
        return frozenset(one for one in self.taken or () if one >= FUNCTIONS)

    @property
    def width(self) -> int:
        """How many functions of its slot that is."""
        return self.size if self.taken is None else sum(one < FUNCTIONS for one in self.taken)

    @property
    def is_assigned(self) -> bool:
        """Whether it matters whose address space it has: there is a vIOMMU, and a device of the host among it."""
        return bool(self.iommu_groups or self.lone_iommu_groups)


_ORDER: Final = {place: index for index, place in enumerate(Place)}


@record
class ItemKinds:
    """The kinds of one guest. Devices that are spelled alike are looked at once."""

    guest: Guest
    memory: bool = field(init=False)
    """Whether memory may be short, so that kinds differ by it."""
    reserving: bool = field(init=False)
    """Whether bridges reserve some for conventional spare slots."""
    _most_alignment: int = field(init=False)
    _several_roots: bool = field(init=False)
    """With OVMF, of which the main root is served first."""
    _by_content: dict[object, ItemKind] = field(default_factory=dict)
    _by_spelling: dict[object, ItemKind] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.memory = may_be_short(self.guest)
        self._most_alignment = most_window_alignment(self.guest)
        expanders = any(CONTROLLERS[one.model].is_expander for one in self.guest.controllers)
        self._several_roots = self.guest.firmware.name == "ovmf" and (expanders or self.guest.numa_nodes > 0)
        self.reserving = any(spare.kind == "pci" and spare.memory for spare in self.guest.spare)

    def of(
        self, members: Sequence[Readings], functions: Sequence[int] | None, near: int | None, near_switch: int | None
    ) -> ItemKind:
        """The kind of a lone device (without `functions` it takes any) or of a group.

        Of a member with several readings each measure is that of the reading which asks least there.
        """
        signatures = tuple(tuple(map(_signature, readings)) for readings in members)
        numa = next((node for readings in members if (node := readings[0].device.numa) is not None), None)
        spelling = signatures, None if functions is None else tuple(functions), numa, near, near_switch
        kind = self._by_spelling.get(spelling)
        if kind is None:
            made = self._made(members, functions, numa=numa, near=near, near_switch=near_switch)
            kind = self._by_spelling[spelling] = self._interned(made)
        return kind

    def _made(
        self,
        members: Sequence[Readings],
        functions: Sequence[int] | None,
        *,
        numa: int | None,
        near: int | None,
        near_switch: int | None,
    ) -> ItemKind:
        first = [readings[0] for readings in members]
        virtual = VirtualPlaces.of(first, functions)
        return ItemKind(
            size=len(members),
            functions=None if functions is None else frozenset(functions),
            hotplug=max((one.hotplug for one in first), key=STRICTNESS.__getitem__),
            fits=self._fits(members),
            allowed=frozenset.intersection(*(_either(self._allowed, readings) for readings in members))
            & virtual.allowed(self.guest.machine_model),
            closed=virtual.routing_ids,
            places_giving_mode=frozenset.intersection(*(_either(_deciding, readings) for readings in members)),
            alone=any(one.model.brings is not None for one in first),
            alone_by_preset=self.guest.policy.preset == "libvirt",
            numa=numa,
            near=near,
            near_switch=near_switch,
            grouped=len(members) > 1 or first[0].device.group is not None,
            iommu_groups=frozenset(
                one.device.iommu_group for one in first if one.shares_iommu_group and one.device.iommu_group is not None
            ),
            lone_iommu_groups=sum(
                self.guest.has_viommu and one.is_assigned and not one.shares_iommu_group for one in first
            ),
        )

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
        return self._by_content.setdefault(_content(kind), kind)

    def _allowed(self, resolved: ResolvedDevice) -> frozenset[Place]:
        if self.guest.policy.preset == "libvirt" and self.guest.machine_model.family == "q35":
            allowed = self._as_libvirt(resolved)
        else:
            allowed = ALLOWED[resolved.connector]
            if self._is_legacy_virtio(resolved) and resolved.connector is not Connector.INTEGRATED:
                allowed |= {Place.PORT}
        return allowed & _deciding(resolved)

    def _as_libvirt(self, resolved: ResolvedDevice) -> frozenset[Place]:
        if resolved.chipset_place is not None or resolved.connector is Connector.INTEGRATED:
            return frozenset({Place.ROOT})
        if resolved.shares_iommu_group:  # where libvirt puts it QEMU refuses it
            return ALLOWED[resolved.connector] - {Place.ROOT}
        if resolved.is_legacy_by_machine:
            return frozenset({Place.PORT})  # to libvirt plain virtio is PCI Express
        return frozenset({Place.CONVENTIONAL if resolved.connector is Connector.CONVENTIONAL else Place.PORT})

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
        weight = io = 0
        for readings in members:
            weight += min([of_place(one, place, needs_io=self._is_legacy_virtio(one)) for one in readings])
            io += min([one.io_bytes(mode_on(one, behind_port=place is Place.PORT)) for one in readings])
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
        asked = [requested_with_rom(one, mode_on(one, behind_port=place is Place.PORT)) for one in certain]
        bars, rom = tuple(bar for bars, _ in asked for bar in bars), any(size for _, size in asked)
        if place is Place.CONVENTIONAL and firmware == "ovmf" and self.reserving:
            # may lie in the window that is reserved for spare slots, in which the rule does not count it
            bars = tuple(bar for bar in bars if bar.kind is not BarKind.PREF32)
        where: Where = "root" if place is Place.ROOT else "bridge"
        beside = needed(bars, where, firmware, rom=rom)
        alone = needed(bars, "port", firmware, self._most_alignment, rom=rom) if place is Place.PORT else beside
        some = self._several_roots and takes_some(bars, where)
        return alone._replace(some=some), beside._replace(some=some)


def _either(places: Callable[[ResolvedDevice], frozenset[Place]], readings: Readings) -> frozenset[Place]:
    return frozenset().union(*map(places, readings))


def _deciding(resolved: ResolvedDevice) -> frozenset[Place]:
    mode = resolved.slot_decides
    if mode is None:
        return ANYWHERE
    return frozenset({Place.PORT}) if mode is VirtioMode.MODERN else ANYWHERE - {Place.PORT}


_content = attrgetter(*(one.name for one in fields(ItemKind)))


def _signature(one: ResolvedDevice) -> object:
    """Everything of a device that a kind is made from, but its neighbours and its node."""
    device = one.device
    claim = one.chipset_place is not None
    grouped = device.group is not None
    properties = tuple(device.properties.items())
    modes = one.modes, one.slot_decides
    iommu = device.iommu_group if one.shares_iommu_group else None
    own = device.bars, device.rom, device.vfs, properties
    return device.model, iommu, one.connector, modes, one.hotplug, claim, grouped, own
