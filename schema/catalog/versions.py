"""BARs and option ROMs that are others on older machine types, which keep what QEMU of their time had.

Measured with QEMU 7.2 on its machine types, pc-i440fx from 1.4 and pc-q35 from 2.4 on:
tests/real/test_device_versions.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from .bar import BarsByNumber

Version = tuple[int, int]

FIRST: Final = (0, 0)


@dataclass(frozen=True, slots=True)
class Older:
    """From machine version `since` to below `until` a BAR of `now` bytes has `then`; 0 bytes is no BAR."""

    until: Version
    bar: int
    now: int
    then: int
    since: Version = FIRST


OLDER: Final[Mapping[str, tuple[Older, ...]]] = {
    "virtio-blk": (Older((4, 0), 0, 0x80, 0x40),),
    "virtio-balloon": (Older((4, 0), 0, 0x40, 0x20), Older((5, 1), 0, 0x40, 0x20, since=(4, 1))),
    "virtio-serial": (Older((2, 8), 0, 0x40, 0x20),),
    "virtio-rng": (Older((7, 2), 1, 0x1000, 0),),
    "nvme": (Older((6, 0), 0, 0x4000, 0x2000),),
}
OLDER_ROMS: Final[Mapping[str, tuple[Version, int]]] = {
    "vmxnet3": ((2, 7), 0),
    **dict.fromkeys(("e1000", "ne2k_pci", "pcnet", "rtl8139", "virtio-net"), ((1, 5), 128 << 10)),
}
"""Bytes of the option ROM on machine types before a version: none, or one for BIOS alone."""
SPLIT_NVME: Final = (6, 0)
"""Before, its MSI-X has a BAR of its own."""
PAGE_PER_VQ: Final = (2, 8)
"""Before, `page-per-vq` is on unless the device says otherwise."""
WITH_A_PAGE_EACH: Final = 8 << 20


def adapted(
    name: str, bars: BarsByNumber, properties: Mapping[str, Any], version: Version, *, virtio: bool
) -> BarsByNumber:
    """BARs by number on a machine of that version."""
    result = dict(bars)
    for rule in OLDER.get(name, ()):
        there = result.get(rule.bar)
        if rule.since <= version < rule.until and there is not None and there.size == rule.now:
            if rule.then:
                result[rule.bar] = replace(there, size=rule.then)
            else:
                del result[rule.bar]
    if name == "nvme" and version < SPLIT_NVME and 4 not in result:
        result[4] = replace(result[0], bar=4, kind="mem32", size=0x1000)
    if virtio and version < PAGE_PER_VQ and "page-per-vq" not in properties:
        large = {n: replace(b, size=WITH_A_PAGE_EACH) for n, b in result.items() if b.prefetchable and b.size == 0x4000}
        result |= large
    return result


def older_rom(name: str, rom: int, version: Version | None) -> int:
    """Bytes of the option ROM that the model has by default on a machine of that version; `rom` is today's."""
    until, then = OLDER_ROMS.get(name, (FIRST, rom))
    return then if version is not None and version < until else rom
