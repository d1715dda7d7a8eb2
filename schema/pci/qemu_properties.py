"""The types of QEMU device properties: one value written as option text, as JSON, and read back from either.

QEMU reads `-device driver,name=value` by the property's own type, but the JSON form strictly: a boolean must be a
JSON boolean, an OnOffAuto the text "on", a number a number, a string a string. The lists below are what
`device-list-properties` of QEMU 7.2, 10.0 and 11.1 says of all their PCI device types; what is not listed is a boolean
or a number.
"""

import re
from collections.abc import Mapping
from typing import Final

from ..records import record
from .size import MIB

Scalar = bool | int | float | str
Properties = dict[str, Scalar]

ON_OFF_AUTO: Final = frozenset({
    "account-failed", "account-invalid", "backend_defaults", "disable-legacy", "display", "enable-migration",
    "hash-ipv4", "hash-ipv6", "hash-ipv6ex", "hash-tcp4", "hash-tcp6", "hash-tcp6ex", "hash-udp4", "hash-udp6",
    "hash-udp6ex", "master", "msi", "msix", "seqpacket", "unplugged-inaccessible", "write-cache",
    "x-device-dirty-page-tracking", "x-igd-legacy-mode", "x-migration-load-config-after-iter",
    "x-migration-multifd-transfer", "x-pre-copy-dirty-page-tracking", "x-ramfb-migrate",
})  # fmt: skip
"""Three-valued: JSON takes "on", never true ("Invalid parameter type for 'disable-legacy', expected: string")."""

VIRTIO_SWITCHES: Final = ("disable-legacy", "disable-modern")
"""Of plain virtio device types: there is no other way to say legacy-only."""

TEXT: Final = frozenset({
    "audiodev", "bmc", "canbus", "canbus0", "canbus1", "cdat", "chardev", "chardev1", "chardev2", "chardev3",
    "chardev4", "cryptodev", "drive", "duplex", "evdev", "failover_pair_id", "fd", "firmware-version",
    "fp_start_macaddr", "fsdev", "hba_serial", "host", "ibdev", "iothread", "lsa", "mac", "mad-chardev", "masterbus",
    "memdev", "model", "mount_tag", "name", "netdev", "pci-id", "pmrdev", "primary-bus", "rng", "romfile", "serial",
    "sriov-pf", "sysfsdev", "tag", "tx", "vf-token", "vhostfd", "world", "wwpn", "x-msix-relocation", "x-speed",
    "x-width",
})  # fmt: skip
"""Strings, links to other objects and enumerations with values that look like numbers."""

SIZE_PROPERTIES: Final = frozenset({
    "block-size", "discard_granularity", "hostmem", "io-reserve", "logical_block_size", "max_hostmem", "mem-reserve",
    "membar", "min_io_size", "opt_io_size", "physical_block_size", "pref32-reserve", "pref64-reserve",
    "requested-size", "size", "vgamem", "x-max-bounce-buffer-size", "x-migration-max-queued-buffers-size",
})  # fmt: skip
"""Bytes. Option text may carry QEMU's unit letter (`64M`), JSON may not."""

WORDS: Final = {**dict.fromkeys(("on", "yes", "true", "y"), True), **dict.fromkeys(("off", "no", "false", "n"), False)}
"""What QEMU reads as a boolean."""


@record(frozen=True)
class Switch:
    """A boolean."""

    words = "on or off"

    def read(self, value: Scalar) -> bool | None:
        """The boolean that QEMU reads; None where it reads none."""
        return WORDS.get(value) if isinstance(value, str) else value if isinstance(value, bool) else None


@record(frozen=True)
class Number:
    """A whole number from `least` to `most`; a size is in bytes, and may have a unit letter. Zero counts as a power of
    two: it is what asks for none."""

    least: int
    most: int
    multiple: int = 1
    size: bool = False
    power_of_two: bool = False

    @property
    def words(self) -> str:
        """What it takes, to put after "is not"."""
        kind = "a number of bytes" if self.size else "a whole number"
        steps = "" if self.multiple == 1 else f", a multiple of {self.multiple}"
        return f"{kind} from {self.least} to {self.most}{steps}{', a power of two' * self.power_of_two}"

    def read(self, value: Scalar) -> int | None:
        """The number that QEMU reads; None where it reads none, or one out of range."""
        number = _whole(value, size=self.size) if isinstance(value, str) else value if type(value) is int else None
        if number is None or not self.least <= number <= self.most or number % self.multiple:
            return None
        return None if self.power_of_two and number & number - 1 else number


@record(frozen=True)
class OneOf:
    """One of a few texts, which may look like numbers or switches."""

    values: tuple[str, ...]

    @property
    def words(self) -> str:
        """What it takes, to put after "is not"."""
        return f"one of {', '.join(self.values)}"

    def read(self, value: Scalar) -> str | None:
        """The text that QEMU reads; None where it is none of them."""
        text = as_text(value)
        return text if text in self.values else None


@record(frozen=True)
class Text:
    """Any text."""

    words = "text"

    def read(self, value: Scalar) -> str:
        """The text that QEMU reads."""
        return as_text(value)


PAGE: Final = 4096
UINT16: Final = (1 << 16) - 1
UINT32: Final = (1 << 32) - 1
MSIX_VECTORS: Final = 2048
"""Of one function, at most: QEMU refuses an nvme, or a virtual function of one, with more."""
MOST_BYTES: Final = 1 << 62
"""Of any amount: sums of larger ones leave what 64 bits hold."""


PROPERTY_TYPES: Final[Mapping[str, Switch | Number]] = {
    # of controllers
    **dict.fromkeys(("hotplug", "shpc", "bypass_iommu"), Switch()),
    **dict.fromkeys(("chassis", "slot", "port"), Number(0, 255)),
    **dict.fromkeys(("chassis_nr", "bus_nr"), Number(1, 255)),
    "numa_node": Number(0, 127),
    "bus-reserve": Number(1, 255),
    "io-reserve": Number(0, 1 << 16, PAGE, size=True),
    **dict.fromkeys(("mem-reserve", "pref32-reserve"), Number(0, UINT32, size=True)),
    "pref64-reserve": Number(0, MOST_BYTES, size=True),
    # of devices whose BARs follow them
    **dict.fromkeys(
        ("discard", "emergency-write", "hash", "mmio", "modern-pio-notify", "mq", "page-per-vq", "page-poison", "rss"),
        Switch(),
    ),
    **dict.fromkeys(("msix-exclusive-bar", "qemu-4-0-config-size", "write-zeroes"), Switch()),
    "speed": Number(-1, (1 << 31) - 1),
    "host_mtu": Number(0, UINT16),
    "msix_qsize": Number(1, MSIX_VECTORS),
    "max_ioqpairs": Number(1, UINT16),
    "num_queues": Number(0, UINT32),
    **dict.fromkeys(("cmb_size_mb", "ram_size", "ram_size_mb", "romsize"), Number(0, UINT32)),
    **dict.fromkeys(("vectors", "vgamem_mb", "vram64_size_mb", "vram_size_mb"), Number(0, UINT32)),
    "vram_size": Number(0, MOST_BYTES),
    # of virtual functions
    **dict.fromkeys(
        ("sriov_max_vfs", "sriov_vi_flexible", "sriov_vq_flexible", "sriov_max_vq_per_vf"), Number(0, UINT16)
    ),
    "sriov_max_vi_per_vf": Number(0, MSIX_VECTORS),
    **dict.fromkeys(("membar", "vgamem"), Number(0, MOST_BYTES, size=True)),
    "hostmem": Number(0, MOST_BYTES, size=True, power_of_two=True),
    "x-linear-aper-size": Number(0, 256 * MIB, 16 * MIB, power_of_two=True),
}
"""Of the properties on which a plan depends: QEMU's types, and within these what firmware and rules can take.

Of a hostmem or an aperture that is no power of two QEMU dies (an assertion, in 10.0 and 11.1). A bus-reserve of 0 makes
SeaBIOS lose what is below (measured); QEMU has no node above 127, and compares `slot` modulo 256.
"""

_TEXT = re.compile(r"(?:(0x[0-9a-f]+|0|[1-9]\d*)|(0|[1-9]\d*) ?(?:([KMGTPE])(?:iB)?|B))", re.IGNORECASE)
_UNITS: Final = "KMGTPE"


def _whole(text: str, *, size: bool) -> int | None:
    """Decimal or hexadecimal, as QEMU reads it; no leading zeros, which are octal to it, sometimes."""
    match = _TEXT.fullmatch(text.strip())
    if match is None or (match[1] is None and not size):
        return None
    if match[1] is not None:
        return int(match[1], 0)
    return int(match[2]) << 10 * (1 + _UNITS.index(match[3].upper()) if match[3] else 0)


def unfit(name: str, value: Scalar) -> str | None:
    """What the property takes, where it does not take this value; None where it does, or its type is not known.

    >>> unfit("shpc", "no"), unfit("shpc", "banana")
    (None, 'on or off')
    """
    kind = PROPERTY_TYPES.get(name)
    return None if kind is None or kind.read(value) is not None else kind.words


def canonical(name: str, value: Scalar) -> Scalar:
    """The value as its property's type has it, however a request spelled it; as it reads where it is none of that type.

    >>> canonical("mq", "on"), canonical("vectors", "4"), canonical("serial", 12), canonical("pref64-reserve", "1M")
    (True, 4, '12', 1048576)
    """
    kind = PROPERTY_TYPES.get(name)
    plain = None if kind is None else kind.read(value)
    if plain is not None:
        return plain
    if name in TEXT:
        return as_text(value)
    if not isinstance(value, str):
        return value
    if value in WORDS:
        return WORDS[value]
    size = _whole(value, size=True) if name in SIZE_PROPERTIES else None
    return _number(value) if size is None else size


def switched_mode(properties: Mapping[str, Scalar]) -> str | None:
    """The virtio mode that `disable-legacy` and `disable-modern` make; None where they leave it to the slot.

    Raises ValueError where they leave none.
    """
    no_legacy = canonical("disable-legacy", properties.get("disable-legacy", "auto"))
    no_modern = canonical("disable-modern", properties.get("disable-modern", False))
    if no_legacy is True and no_modern:
        raise ValueError("legacy and modern virtio are switched off: keep one of them")
    if no_modern:
        return "legacy"
    return None if no_legacy == "auto" else "modern" if no_legacy else "transitional"


def integer(properties: Mapping[str, Scalar], name: str) -> int | None:
    """Of canonical properties, in bytes or as a count; None where it is missing or no whole number."""
    value = properties.get(name)
    return value if type(value) is int else None


def is_on(properties: Mapping[str, Scalar], name: str, *, default: bool = True) -> bool:
    """Of canonical properties: a switch that is at its default unless the property says otherwise."""
    return bool(properties.get(name, default))


def canonical_properties(properties: Mapping[str, Scalar]) -> Properties:
    """Each property with the one value that its type says."""
    return {name: canonical(name, value) for name, value in properties.items()}


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def has_control_character(value: Scalar) -> bool:
    """Whether it has one, a newline say: no shell or `xargs` would hand it on as it is."""
    return isinstance(value, str) and _CONTROL.search(value) is not None


HOST_FILES: Final = frozenset({"romfile", "evdev", "sysfsdev", "cdat", "ibdev", "vhostdev", "wayland-socket-path"})
"""Properties of PCI devices by which QEMU opens a file or device of the host: of all texts among the properties that
`device-list-properties` of QEMU 7.2 lists; `vhostdev` is of 8.0, `wayland-socket-path` of 8.2. `host` is not: a host
device is what vfio-pci is. What names a backend opens nothing."""


def opened_on_host(properties: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """The properties that make QEMU open something of the host. An empty text is none."""
    if HOST_FILES.isdisjoint(properties):
        return {}
    return {name: value for name, value in properties.items() if name in HOST_FILES and value not in ("", False)}


def _number(text: str) -> Scalar:
    """The number that prints as exactly this text, if there is one."""
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if str(number) == text and text not in ("inf", "-inf", "nan"):
            return number
    return text


def as_text(value: Scalar) -> str:
    """As in option text, before commas are escaped."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def as_json(name: str, value: Scalar) -> Scalar:
    """As strict JSON takes it."""
    value = canonical(name, value)
    return as_text(value) if name in ON_OFF_AUTO else value
