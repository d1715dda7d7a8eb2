"""How many devices more a guest can take: while it runs, and at its next start."""

from collections.abc import Iterator, Sequence

from ..base import Frozen
from ..request.shared import SlotKind
from ..words import named
from .room import FreeSlot, free_bytes
from .slots import SLOT_KINDS, told


class FreeBus(Frozen):
    """The free hot-pluggable slots of one bus, and the room that they share."""

    kind: SlotKind
    """`pcie` is the slot of a port, `pci` one of a conventional bus."""
    bus: str
    """Id of the controller that offers the bus, or of the root bus."""
    slots: tuple[int, ...]
    """The slots that are free."""
    io: int | None
    """Bytes of IO ports that the bus has left; null on a root bus, whose room no window limits."""
    memory: int | None
    """Bytes of memory that is not prefetchable, the same way."""
    prefetchable: int | None
    """Bytes of prefetchable memory, the same way."""


class MoreDevices(Frozen):
    """How many devices of one kind a guest can take."""

    model: str
    """Its model, as `qslot catalog` lists it."""
    hot: int
    """How many fit while the guest runs, each into a free slot of its own with the room that it has."""
    hot_end: dict[str, int] = {}
    """Why free slots stay empty then, by reason, and how many: `kind`, `node`, `mode`, `virtual`, `io`, `memory`, or
    `rule`, where a guest takes no more such devices. Empty where the slots themselves run out."""
    cold: int
    """How many fit at the next start of QEMU, with controllers added as it takes; what is there stays."""
    cold_proved: bool
    """Whether it is proved that one more does not fit; else it is only known that so many do."""
    cold_most: int | None = None
    """More than so many do not fit then: proved. The same as `cold` where `cold_proved`; larger where thousands fit, as
    the exact number would take minutes; null where nothing is proved."""
    cold_end: tuple[str, ...] = ()
    """What one more than `cold_most` would break: what runs out, with the least that any layout uses of it.
    Sentences."""


class GuestCapacity(Frozen):
    """What a guest has free. `str` is what `qslot capacity` prints."""

    free: tuple[FreeBus, ...]
    """Buses with free hot-pluggable slots."""
    more: MoreDevices | None = None
    """Of the model that was asked about."""

    @property
    def slots(self) -> dict[str, int]:
        """Free hot-pluggable slots, by kind."""
        return {kind: sum(len(one.slots) for one in self.free if one.kind == kind) for kind in SLOT_KINDS}

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"free for hot-plug: {told(self.slots)}"
        alike: dict[tuple[object, ...], list[FreeBus]] = {}
        for one in self.free:
            alike.setdefault((one.kind, one.slots, one.io, one.memory, one.prefetchable), []).append(one)
        for buses in alike.values():
            one = buses[0]
            each = " each" if len(buses) > 1 else ""
            slots = f"slot {one.slots[0]:02x}" if len(one.slots) == 1 else f"{len(one.slots)} slots"
            yield f"  {one.kind:4}  {named([bus.bus for bus in buses])}: {slots}{each}; {_room(one)}"
        if self.more is not None:
            yield from _more(self.more)


def free_buses(slots: Sequence[FreeSlot]) -> tuple[FreeBus, ...]:
    """The buses of these free slots."""
    found: dict[str, list[FreeSlot]] = {}
    for one in slots:
        found.setdefault(one.bus.id, []).append(one)
    return tuple(
        FreeBus(
            kind=here[0].kind,
            bus=bus,
            slots=tuple(one.slot for one in here),
            io=free_bytes(here[0].room.io),
            memory=free_bytes(here[0].room.memory),
            prefetchable=free_bytes(here[0].room.prefetchable),
        )
        for bus, here in found.items()
    )


def _room(one: FreeBus) -> str:
    if one.io is None:
        return "what the root bus has left"
    sizes = {"IO": one.io, "memory": one.memory, "prefetchable": one.prefetchable}
    return "room: " + ", ".join(f"{name} {_size(size or 0)}" for name, size in sizes.items())


def _size(size: int) -> str:
    """
    >>> _size(0), _size(4096), _size(3712), _size(2 << 20)
    ('none', '4 KiB', '3712', '2 MiB')
    """
    if not size:
        return "none"
    shift, unit = next(((s, u) for s, u in ((30, " GiB"), (20, " MiB"), (10, " KiB")) if size % (1 << s) == 0), (0, ""))
    return f"{size >> shift}{unit}"


def _more(more: MoreDevices) -> Iterator[str]:
    ends = {"kind": "are not for it", "node": "are of another node", "mode": "would make another virtio mode"}
    ends["virtual"] = "lack slots for its virtual functions, or are such slots"
    ends |= {"io": "have no IO ports left", "memory": "have no memory left"}
    ends["rule"] = "left, as a guest takes no more of them"
    why = "; ".join(
        f"{count} free {'slot' if count == 1 else 'slots'} {ends[one]}" for one, count in more.hot_end.items()
    )
    yield f"{more.model}: {more.hot} more while the guest runs" + (f" ({why})" if why else "")
    proof = "proved: one more does not fit" if more.cold_proved else "not proved that one more does not fit"
    if more.cold_proved or more.cold_most is None:
        yield f"{more.model}: {more.cold} more at the next start, with controllers added ({proof})"
        yield from (f"  one more: {finding}" for finding in more.cold_end)
    else:
        known = f"at least {more.cold} more at the next start, with controllers added"
        yield f"{more.model}: {known} (proved: more than {more.cold_most} do not fit)"
        yield from (f"  {more.cold_most + 1} more: {finding}" for finding in more.cold_end)
