"""One device model and its BARs, which depend on the virtio mode and on properties."""

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any, Literal

from ..errors import QslotError
from ..pci.controllers import Connector, VirtioMode
from ..pci.machine_types import Version
from ..pci.qemu_properties import as_text, canonical
from ..pci.qemu_versions import Version as QemuVersion
from ..pci.qemu_versions import version_text
from ..records import record
from .bar import BarsByNumber, ModelBar
from .versions import assumed, machine_defaults, rom_of


class UnknownModel(QslotError, KeyError):  # noqa: N818 - it says what is the case, as LookupError does not
    """No such model in the catalogue. `nearest` are names that may have been meant, `reason` is why it is left out."""

    def __init__(self, name: str, nearest: tuple[str, ...] = (), reason: str = "") -> None:
        super().__init__(name)
        self.name, self.nearest, self.reason = name, nearest, reason

    def __str__(self) -> str:  # KeyError's own is the bare repr
        tail = f": {self.reason}" if self.reason else ""
        hint = f"; nearest: {', '.join(self.nearest)}" if self.nearest else ""
        return f"{self.name!r} is not in the catalogue{tail}{hint}"


class UnknownBars(UnknownModel):
    """A model whose BARs are those of a host device: only the request knows them."""

    def __str__(self) -> str:
        return f"{self.name} takes its BARs from the host device: the request must describe them"


class ModeError(QslotError, ValueError):
    """A virtio mode that the model cannot have; the text says which it can."""


@record(frozen=True)
class When:
    """A condition on properties: each has its value, is set at all (`*`), or is a number of at least N (`>=N`)."""

    terms: tuple[tuple[str, Any], ...] = ()

    def holds(self, properties: Mapping[str, Any]) -> bool:
        """Whether these properties, as a request states them, meet every term."""
        return all(name in properties and _meets(properties[name], wanted) for name, wanted in self.terms)


def _meets(value: Any, wanted: Any) -> bool:
    if wanted == "*":
        return True
    if isinstance(wanted, str) and wanted.startswith(">="):
        return isinstance(value, int) and value >= int(wanted[2:])
    return bool(value == wanted)


@record(frozen=True)
class Variant:
    """BARs that other properties than the default bring (`bars`) or take away (`drop`)."""

    when: When
    modes: frozenset[VirtioMode | None]
    bars: tuple[ModelBar, ...]
    drop: frozenset[int]

    def apply(self, bars: BarsByNumber, _properties: Mapping[str, Any]) -> BarsByNumber:
        """The BARs without those dropped, and with its own."""
        kept = {number: bar for number, bar in bars.items() if number not in self.drop}
        return kept | {bar.bar: bar for bar in self.bars}


@record(frozen=True)
class Sized:
    """A BAR whose size follows a property's value: the next power of two of value times `unit`, or the last of the
    `steps` (value, bytes) that is not above the value (for text: its length in bytes)."""

    when: When
    modes: frozenset[VirtioMode | None]
    bar: ModelBar
    """What the BAR is; its size is the least possible, in bytes."""
    by: str
    unit: int = 0
    steps: tuple[tuple[int, int], ...] = ()
    default: int | None = None
    """The value where the property is not set; without one the rule then says nothing."""
    most: int | None = None
    grows: bool = False
    """The BAR is at least this large; other rules may have made it larger."""
    beyond: int | None = None
    """The BAR exists only where it is larger than that other BAR."""

    def apply(self, bars: BarsByNumber, properties: Mapping[str, Any]) -> BarsByNumber:
        """The BARs with its own in the size that the properties make it; unchanged where they say no size."""
        value = properties.get(self.by, self.default)
        if isinstance(value, str):
            value = len(value.encode())
        if not isinstance(value, int) or value < 0:
            return bars
        size = self._size(value)
        if self.grows and self.bar.bar in bars:
            size = max(size, bars[self.bar.bar].size)
        if self.beyond is not None and size <= bars[self.beyond].size:
            return {number: bar for number, bar in bars.items() if number != self.bar.bar}
        return {**bars, self.bar.bar: replace(self.bar, size=size)}

    def _size(self, value: int) -> int:
        if self.steps:
            return next((size for start, size in reversed(self.steps) if start <= value), self.bar.size)
        size = max(self.bar.size, 1 << max(0, value * self.unit - 1).bit_length())
        return size if self.most is None else min(size, self.most)


@record(frozen=True)
class BarTable:
    """BARs of a model by virtio mode, and the rules by which properties change them."""

    base: Mapping[VirtioMode | None, tuple[ModelBar, ...]] = field(default_factory=dict)
    rules: tuple[Variant | Sized, ...] = ()
    """Applied in order, later ones win."""

    def bars(self, mode: VirtioMode | None, properties: Mapping[str, Any]) -> tuple[ModelBar, ...]:
        """By number; `properties` have canonical values."""
        bars: BarsByNumber = {bar.bar: bar for bar in self.base[mode]}
        for rule in self.rules:
            if mode in rule.modes and rule.when.holds(properties):
                bars = rule.apply(bars, properties)
        return tuple(bars[number] for number in sorted(bars))


@record(frozen=True)
class VirtioModel:
    """The virtio side of a model."""

    modes: tuple[VirtioMode, ...]
    """Those it can have, oldest first."""
    suffixed: frozenset[Literal["transitional", "modern"]]
    """For which modes QEMU has a device type of its own (`-transitional`, `-non-transitional`)."""
    switches: bool
    """Whether the plain type has `disable-legacy` and `disable-modern`; one without is modern as it is."""

    @property
    def plain_varies(self) -> bool:
        """Whether the plain type's mode is its slot's, in this QEMU or in older ones (vsock's is modern since 5.1)."""
        return len(self.modes) > 1 or bool(self.suffixed)


@record(frozen=True)
class Companion:
    """The PCI function that a device without one of its own brings along: its address is that function's."""

    driver: str
    """QEMU's device type of it."""
    slot: Literal["first free"]
    """Where QEMU puts it: function 0 of the first slot of the root bus whose function 0 is free when the device is
    created, so that function 0 of all slots before is taken by what is created earlier."""


@record(frozen=True)
class DeviceModel:
    """What is known of one endpoint model. Sizes are bytes."""

    name: str
    driver: str
    """QEMU's device type; for virtio the one without a suffix."""
    connector: Connector
    category: str
    hotpluggable: bool
    """Whether QEMU accepts device_add for it, on whatever bus."""
    virtio: VirtioModel | None
    rom: int
    """Size of the option ROM's BAR as QEMU's own packages fill it, 0 without ROM; see rom_bytes."""
    source: str
    self_described: bool = False
    """Its BARs are a host device's: the request must state them."""
    brings: Companion | None = None
    """What QEMU creates along with it, and what takes its slot."""
    backend_sized: frozenset[int] = frozenset()
    """BARs as large as a backend named by a property: their size here is only a nominal one."""
    since: Version | None = None
    """The first QEMU that has it; None: the oldest measured does."""
    until: Version | None = None
    """The first QEMU that no longer has it; None: the newest measured has it."""
    bar_table: BarTable = field(default=BarTable(), repr=False)
    """Its BARs in the newest QEMU that has been measured."""
    earlier: tuple[tuple[Version, BarTable], ...] = field(default=(), repr=False)
    """Its BARs in QEMUs before a version, oldest first."""

    @property
    def releases(self) -> str:
        """The QEMUs that have it, in words; empty for all that have been measured."""
        since = "" if self.since is None else f"from QEMU {version_text(self.since)} on"
        return since if self.until is None else f"{since} until QEMU {version_text(self.until)}".lstrip()

    def in_qemu(self, version: QemuVersion) -> bool:
        """Whether a QEMU of that version has it (if it is built with all its modules)."""
        return (self.since is None or self.since <= version) and (self.until is None or version < self.until)

    def bars(
        self,
        mode: VirtioMode | None,
        properties: Mapping[str, Any],
        version: Version | None = None,
        qemu: QemuVersion | None = None,
    ) -> tuple[ModelBar, ...]:
        """Its BARs by number, without the ROM, in a virtio mode (None for what is not virtio). `version` is the machine
        type's, `qemu` that of the QEMU that runs it; what is None is assumed (versions.assumed).

        Raises UnknownBars for a self-described model, ModeError for a virtio mode that the model cannot have.
        """
        if self.self_described:
            raise UnknownBars(self.name)
        version, qemu = assumed(version, qemu)
        table = next((older for until, older in self.earlier if qemu < until), self.bar_table)
        if mode not in table.base:
            allowed = ", ".join(self.virtio.modes) if self.virtio else "none, it is not virtio"
            raise ModeError(f"{self.name} has no virtio mode {mode}, only {allowed}")
        stated = {name: canonical(name, value) for name, value in properties.items()}
        defaults = machine_defaults(self.name, version, virtio=self.virtio is not None)
        return table.bars(mode, {**defaults, **stated})

    def io_bytes(
        self,
        mode: VirtioMode | None,
        properties: Mapping[str, Any],
        version: Version | None = None,
        qemu: QemuVersion | None = None,
    ) -> int:
        """Sum of its IO BARs, in bytes."""
        return sum(bar.size for bar in self.bars(mode, properties, version, qemu) if bar.kind == "io")

    def rom_bytes(
        self, properties: Mapping[str, Any], version: Version | None = None, qemu: QemuVersion | None = None
    ) -> int:
        """The ROM BAR's size with these properties, on a machine of that version, run by that QEMU. An own `romfile`
        counts as being as large as the usual one."""
        romsize, usual = canonical("romsize", properties.get("romsize", 0)), self.rom
        if "romfile" not in properties:
            usual = rom_of(self.name, usual, assumed(version, qemu)[0])
        elif as_text(properties["romfile"]) == "":
            return 0
        if not usual or canonical("rombar", properties.get("rombar", 1)) == 0:
            return 0
        return romsize if isinstance(romsize, int) and 0 < romsize < 1 << 32 else usual
