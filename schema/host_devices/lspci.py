"""Functions of the host as `lspci -vvv -nn` prints them; with `-D` or without, as root or not.

Source: pciutils 3.9, tried on trees of sysfs. Capabilities, which only root sees, are `<access denied>` otherwise. With
`-v` alone BARs have no numbers: they have those that they would have without gaps.
"""

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from ..pci.host_address import HostAddress
from ..request.device import Bar
from .bars import BarRow, checked
from .device import HostDevice, Listed

_HEAD: Final = re.compile(r"(?P<address>(?:[0-9a-f]{4,}:)?[0-9a-f]{2}:[01][0-9a-f]\.[0-7]) \S")
_BAR: Final = re.compile(
    r"\s+(?:Region (?P<number>\d): )?(?:\[(?:virtual|enhanced)\] )*"
    r"(?:(?P<io>I/O ports) at|Memory at \S+ \((?P<kind>64-bit|32-bit|low-1M|type 3), (?P<non>non-)?prefetchable\))"
)
_ROM: Final = re.compile(r"\s+Expansion ROM at ")
_SIZE: Final = re.compile(r"\[size=(\d+)([KMGT]?)\]")
_GROUP: Final = re.compile(r"IOMMU group:? (\d+)")
_NO_CAPABILITIES: Final = re.compile(r"\s+Status: Cap- ")
_CAPABILITY: Final = re.compile(r"\s+Capabilities: (?:\[[0-9a-f]+[^]]*\] (?P<name>\w+)|(?P<denied><access denied>))")


def read_lspci(text: str) -> Listed:
    """Every function that has more than its first line."""
    functions: dict[HostAddress, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        head = _HEAD.match(line)
        address = None if head is None else HostAddress.parse(head["address"])
        if address is not None:
            lines = functions.setdefault(address, [])
        elif line[:1].isspace():
            lines.append(line)
    return Listed({address: _found(lines) for address, lines in functions.items() if lines})


def _found(lines: Sequence[str]) -> HostDevice:
    """What a function's own lines say; those below a capability, of SR-IOV for instance, are not about its own BARs."""
    own = list(takewhile(lambda line: _CAPABILITY.match(line) is None, lines))
    groups = [found[1] for line in own if (found := _GROUP.search(line))]
    roms = [_size(line) for line in own if _ROM.match(line)]
    return HostDevice(
        express=_express(lines),
        bars=_bars(own),
        rom=roms[0] if roms else 0,
        iommu_group=int(groups[0]) if groups else None,
    )


def _express(lines: Sequence[str]) -> bool | None:
    found = [one for line in lines if (one := _CAPABILITY.match(line))]
    if any(one["name"] == "Express" for one in found):
        return True
    none = any(_NO_CAPABILITIES.match(line) for line in lines)
    return False if none or (found and not any(one["denied"] for one in found)) else None


def _bars(lines: Sequence[str]) -> tuple[Bar, ...] | None:
    rows: list[BarRow] = []
    following = 0
    for line in lines:
        found = _BAR.match(line)
        if found is None:
            continue
        size = _size(line)
        if size is None:
            return None
        number = following if found["number"] is None else int(found["number"])
        kind = "io" if found["io"] else "mem64" if found["kind"] == "64-bit" else "mem32"
        rows.append((number, kind, size, kind != "io" and found["non"] is None))
        following = number + (2 if kind == "mem64" else 1)
    return checked(rows)


def _size(line: str) -> int | None:
    """In bytes; None where lspci does not know it."""
    found = _SIZE.search(line)
    return None if found is None else int(found[1]) << 10 * " KMGT".index(found[2] or " ")
