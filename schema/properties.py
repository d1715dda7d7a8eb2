"""The types of QEMU device properties: one value written as option text, as JSON, and read back from either.

QEMU reads `-device driver,name=value` by the property's own type, but the JSON form strictly: a boolean must be a
JSON boolean, an OnOffAuto the text "on", a number a number, a string a string. The lists below are what
`device-list-properties` of QEMU 7.2 says of all its PCI device types; what is not listed is a boolean or a number.
"""

import re
from collections.abc import Mapping
from typing import Final

from .device import Properties, Scalar

ON_OFF_AUTO: Final = frozenset({
    "account-failed", "account-invalid", "backend_defaults", "disable-legacy", "display", "master", "msi", "msix",
    "seqpacket", "unplugged-inaccessible", "write-cache", "x-pre-copy-dirty-page-tracking",
})  # fmt: skip
"""Three-valued: JSON takes "on", never true ("Invalid parameter type for 'disable-legacy', expected: string")."""

VIRTIO_SWITCHES: Final = ("disable-legacy", "disable-modern")
"""Of plain virtio device types: there is no other way to say legacy-only."""

TEXT: Final = frozenset({
    "audiodev", "bmc", "canbus", "canbus0", "canbus1", "cdat", "chardev", "chardev1", "chardev2", "chardev3",
    "chardev4", "cryptodev", "drive", "duplex", "evdev", "failover_pair_id", "fd", "fp_start_macaddr", "fsdev",
    "hba_serial", "host", "ibdev", "iothread", "lsa", "mac", "mad-chardev", "masterbus", "memdev", "model", "mount_tag",
    "name", "netdev", "pmrdev", "primary-bus", "rng", "romfile", "serial", "sysfsdev", "tag", "tx", "vhostfd", "world",
    "wwpn", "x-msix-relocation", "x-speed", "x-width",
})  # fmt: skip
"""Strings, links to other objects and enumerations with values that look like numbers."""

SIZES: Final = frozenset({
    "block-size", "discard_granularity", "hostmem", "io-reserve", "logical_block_size", "max_hostmem", "mem-reserve",
    "membar", "min_io_size", "opt_io_size", "physical_block_size", "pref32-reserve", "pref64-reserve",
    "requested-size", "size", "vgamem",
})  # fmt: skip
"""Bytes. Option text may carry QEMU's unit letter (`64M`), JSON may not."""

WORDS: Final = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}
"""What QEMU reads as a boolean."""

_SIZE = re.compile(r"(\d+)([BKMGTPE])", re.IGNORECASE)
_UNITS: Final = "BKMGTPE"


def canonical(name: str, value: Scalar) -> Scalar:
    """The value as its property's type has it, however a request spelled it.

    >>> canonical("mq", "on"), canonical("vectors", "4"), canonical("serial", 12), canonical("pref64-reserve", "1M")
    (True, 4, '12', 1048576)
    """
    if name in TEXT:
        return as_text(value)
    if not isinstance(value, str):
        return value
    if value in WORDS:
        return WORDS[value]
    size = _SIZE.fullmatch(value) if name in SIZES else None
    if size is not None:
        return int(size[1]) << 10 * _UNITS.index(size[2].upper())
    return _number(value)


def canonical_properties(properties: Mapping[str, Scalar]) -> Properties:
    return {name: canonical(name, value) for name, value in properties.items()}


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
