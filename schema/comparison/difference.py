"""What differs between two layouts, as data that prints itself."""

from collections.abc import Iterable, Iterator
from typing import Final, Literal, get_args

from ..base import Frozen
from ..pci.qemu_properties import Scalar, as_text
from ..words import named
from .guest_abi import Verdict

WindowKind = Literal["io", "memory", "prefetchable"]
WINDOW_KINDS: Final[tuple[WindowKind, ...]] = get_args(WindowKind)
VERDICT_WORDS: Final[dict[Verdict, str]] = {
    "refused": "QEMU refuses to migrate",
    "one-way": "QEMU refuses to migrate to the side that lacks it, and takes the other way, though the guest differs",
    "varies": "some QEMUs refuse to migrate, others take it though the guest differs",
    "taken": "QEMU migrates, though the guest differs",
    "unmeasured": "what QEMU does is not measured",
}
IDENTITIES: Final = {
    "path": "path",
    "guest_address": "guest address",
    "slot_number": "slot number",
    "interface": "interface",
}


class Differing(Frozen):
    """One thing that differs: a field of the machine, an identity, a property."""

    what: str
    """A field of a layout, `path`, `guest_address`, `slot_number`, `interface`, `presence`, or QEMU's name of a
    property."""
    old: Scalar | None = None
    """As it was; null where there was none."""
    new: Scalar | None = None
    """As it is; null where there is none."""
    verdict: Verdict | None = None
    """What QEMU does when a guest migrates from one to the other; null for what is no part of the guest's ABI."""

    def __str__(self) -> str:
        return f"{IDENTITIES.get(self.what, self.what)} {_word(self.old)} -> {_word(self.new)}"


class PartDifference(Frozen):
    """A device or controller that is not alike in both, or in one alone."""

    kind: Literal["device", "controller"]
    """Which of the two it is."""
    id: str
    """Its id in the new layout; where that does not have it, in the old one."""
    old_id: str | None
    """Its id in the old layout; null where it is new."""
    new_id: str | None
    """Its id in the new layout; null where it is gone."""
    model: str
    """Its model; in the new layout, if it is there."""
    differing: tuple[Differing, ...]
    """What differs; of a part that one layout alone has, its `path` and its `presence`."""

    def __str__(self) -> str:
        path = next((one for one in self.differing if one.what == "path"), None)
        if self.old_id is None and path is not None:
            return f"{self.id} ({self.model}) is new, at {path.new}"
        if self.new_id is None and path is not None:
            return f"{self.id} ({self.model}) is gone, from {path.old}"
        return f"{self.id} ({self.model}): {', '.join(map(str, self.differing))}"


class WindowRange(Frozen):
    """Addresses of a window."""

    base: int | None
    """The first one; null where it is not predicted."""
    size: int
    """How many, in bytes."""

    def __str__(self) -> str:
        return f"{self.size:#x} bytes at {'?' if self.base is None else f'{self.base:#x}'}"


class WindowDifference(Frozen):
    """Addresses that a bridge forwards."""

    controller: str
    """Id of the bridge in the new layout; where that does not have it, in the old one."""
    kind: WindowKind
    """IO ports, memory that is not prefetchable, or memory that is."""
    old: WindowRange | None = None
    """As it was; null where there was none."""
    new: WindowRange | None = None
    """As it is; null where there is none."""

    def __str__(self) -> str:
        return f"{self.controller} {self.kind} {self.old or 'none'} -> {self.new or 'none'}"


class Following(Frozen):
    """How a guest that runs with the old layout comes to the new one."""

    way: Literal["nothing", "hot-plug", "cold-start"]
    """`nothing`: the guest sees no difference. `hot-plug`: it can follow while it runs. `cold-start`: QEMU must be
    started anew."""
    unplug: tuple[str, ...] = ()
    """Ids, in the old layout, of devices to be unplugged first."""
    plug: tuple[str, ...] = ()
    """Ids, in the new layout, of devices to be plugged then."""
    reboot: tuple[str, ...] = ()
    """What changes when the guest is reset after that, as the firmware enumerates again: sentences."""
    cold: tuple[str, ...] = ()
    """Why hot-plug will not do: sentences."""

    def lines(self) -> Iterator[str]:
        """As the command prints it."""
        if self.way == "nothing":
            yield "a running guest has nothing to follow"
        elif self.way == "hot-plug":
            steps = [f"unplug {', '.join(self.unplug)}"] if self.unplug else []
            steps += [f"plug {', '.join(self.plug)}"] if self.plug else []
            yield f"a running guest can follow by hot-plug alone: {'; then '.join(steps)}"
            yield from self._listed("at its next reboot", self.reboot or ("nothing changes",))
        else:
            yield from self._listed("a running guest can't follow, QEMU must start anew", self.cold)

    def _listed(self, head: str, lines: Iterable[str]) -> Iterator[str]:
        yield f"{head}:"
        yield from (f"  {line}" for line in lines)


class Trade(Frozen):
    """What a guest that is started with the new layout must have, and what is new to it."""

    drivers: tuple[str, ...] = ()
    """Drivers that the guest must have and may not have had: sentences."""
    new_adapters: tuple[str, ...] = ()
    """Network interfaces of both, by id, that Windows takes for new ones: what was set for them, as a static address,
    stays with the old ones. Windows knows an adapter by its path and its device ID; that is not measured here."""
    hotplug_lost: tuple[str, ...] = ()
    """Devices of both, by id, that could be unplugged where they were, and cannot where they are."""
    hotplug_gained: tuple[str, ...] = ()
    """The other way round."""

    def lines(self) -> Iterator[str]:
        """As the command prints it."""
        if self.drivers:
            yield "drivers that the guest must have:"
            yield from (f"  {driver}" for driver in self.drivers)
        if self.new_adapters:
            yield f"new adapters to Windows, without the settings of the old ones: {named(self.new_adapters)}"
        if self.hotplug_lost:
            yield f"no longer hot-pluggable: {named(self.hotplug_lost)}"
        if self.hotplug_gained:
            yield f"hot-pluggable now: {named(self.hotplug_gained)}"


class LayoutDiff(Frozen):
    """Two layouts of a guest, compared. `str` is what `qslot diff` prints."""

    machine: tuple[Differing, ...] = ()
    """Fields of the machine and its platform."""
    devices: tuple[PartDifference, ...] = ()
    """Devices, in the order of the new layout, then those that are gone."""
    controllers: tuple[PartDifference, ...] = ()
    """Controllers, the same way. What they are called is no difference."""
    windows: tuple[WindowDifference, ...] = ()
    """Windows of bridges that are in both."""
    renamed: dict[str, str] = {}
    """Controllers that are alike and are called otherwise: ids in the old layout, and in the new one."""
    following: Following
    """How a running guest comes from the old layout to the new one."""
    trade: Trade = Trade()
    """What the guest must have for the new layout, and what is new to it there."""

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.machine or self.devices or self.controllers or self.windows)

    @property
    def abi(self) -> tuple[tuple[str, Differing], ...]:
        """What of it is the guest's ABI, each with the id of the part, or `machine`."""
        parts = (("machine", self.machine), *((one.id, one.differing) for one in (*self.controllers, *self.devices)))
        return tuple((who, one) for who, differing in parts for one in differing if one.verdict is not None)

    @property
    def summary(self) -> str:
        """In one line: who is new, gone, moved or called otherwise, and how a running guest can follow."""
        if self.same:
            return "nothing differs"
        told = {
            "new": [one.id for one in (*self.controllers, *self.devices) if one.old_id is None],
            "gone": [one.id for one in (*self.controllers, *self.devices) if one.new_id is None],
            "moved": [one.id for one in self._in_both() if _has(one, "path")],
            "seen otherwise": [one.id for one in self._in_both() if _has(one, "guest_address", "interface")],
        }
        parts = [f"{what}: {named(names)}" for what, names in told.items() if names]
        return "; ".join([*parts, next(self.following.lines()).removesuffix(":")])

    def _in_both(self) -> list[PartDifference]:
        return [one for one in self.devices if one.old_id is not None and one.new_id is not None]

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        if self.same:
            yield "the same"
            return
        for head, lines in (
            ("machine", self.machine),
            ("controllers", self.controllers),
            ("devices", self.devices),
            ("windows", self.windows),
        ):
            if lines:
                yield f"{head}:"
                yield from (f"  {line}" for line in lines)
        yield from self._told_abi()
        yield from self.trade.lines()
        yield from self.following.lines()

    def _told_abi(self) -> Iterator[str]:
        if not self.abi:
            yield "guest ABI: the same"
            return
        yield "guest ABI differs:"
        by_verdict: dict[Verdict, list[str]] = {}
        for who, one in self.abi:
            if one.verdict is not None:
                by_verdict.setdefault(one.verdict, []).append(f"{one.what} of {who}")
        yield from (f"  {VERDICT_WORDS[verdict]}: {', '.join(told)}" for verdict, told in by_verdict.items())


def _has(part: PartDifference, *what: str) -> bool:
    return any(one.what in what for one in part.differing)


def _word(value: Scalar | None) -> str:
    return "none" if value is None else as_text(value)
