"""What virtual functions of an nvme take of its queues and interrupt vectors, without which QEMU refuses them.

Each has two pairs of queues and one vector at least, the device itself keeps two pairs and one vector (QEMU 7.2, 10.0
and 11.1: tests/real/test_sriov_properties.py).
"""

from collections.abc import Mapping
from typing import Final

from ..pci.qemu_properties import Properties, Scalar, integer
from ..pci.qemu_versions import Version, version_text

COUNT: Final = "sriov_max_vfs"
PAIRS: Final = "sriov_vq_flexible"
VECTORS: Final = "sriov_vi_flexible"
MOST_PAIRS_EACH: Final = "sriov_max_vq_per_vf"
TOTAL_PAIRS: Final = "max_ioqpairs"
TOTAL_VECTORS: Final = "msix_qsize"
DEPRECATED: Final = "num_queues"

PAIRS_EACH: Final = 2
PAIRS_KEPT: Final = 2
VECTORS_KEPT: Final = 1
UNSAID: Final[Mapping[str, int]] = {TOTAL_PAIRS: 64, TOTAL_VECTORS: 65}
"""QEMU's, where nothing else is said."""

NO_NAMESPACE: Final = "drive"
"""QEMU takes no virtual functions outside a subsystem, and no such disk in one."""
NOT_BESIDE: Final = ("cmb_size_mb", "pmrdev")
"""What QEMU does not have together with virtual functions."""

SUBSYSTEM: Final = "subsys"
SUBSYSTEM_SERIAL: Final = "serial"
"""One for all of a subsystem."""
CONTROLLERS_OF_SUBSYSTEM: Final = 256
"""Those of one nvme-subsys: its nvme devices and all their virtual functions."""
MOST_BEFORE: Final = 127
MANY_SINCE: Final = (9, 1)
"""Older QEMUs take `MOST_BEFORE` virtual functions at most (measured on 7.2; 10.0 takes more)."""


def with_queues(number: int, properties: Mapping[str, Scalar]) -> Properties:
    """The canonical properties, and those that so many virtual functions take and nothing says yet, as small as QEMU
    takes them, or as its defaults are.

    >>> with_queues(2, {"serial": "s"})
    {'serial': 's', 'sriov_max_vfs': 2, 'sriov_vq_flexible': 4, 'sriov_vi_flexible': 2}
    """
    told = {COUNT: number, PAIRS: PAIRS_EACH * number, VECTORS: number, **properties}
    needed = {
        TOTAL_PAIRS: (integer(told, PAIRS) or 0) + PAIRS_KEPT,
        TOTAL_VECTORS: (integer(told, VECTORS) or 0) + VECTORS_KEPT,
    }
    more = {name: least for name, least in needed.items() if least > UNSAID[name] and name not in properties}
    added = {name: value for name, value in told.items() if name not in properties}
    return {**properties, **added, **more}


def refused_queues(properties: Mapping[str, Scalar], qemu: Version) -> tuple[str, str] | None:
    """The first of an nvme's canonical properties that QEMU refuses together with the virtual functions it asks for, or
    by which its BARs can't be told, and what to say instead; None where there is none."""
    if queues := integer(properties, DEPRECATED):
        words = f"{queues}, an old name by which QEMU overrides {TOTAL_PAIRS}: say {TOTAL_PAIRS}: {queues - 1}"
        return DEPRECATED, words
    number = integer(properties, COUNT) or 0
    if number <= 0:
        return None
    if number > MOST_BEFORE and qemu < MANY_SINCE:
        least = version_text(MANY_SINCE)
        words = f"{number}, but QEMU before {least} takes {MOST_BEFORE} at most: ask for no more, or take a newer QEMU"
        return COUNT, words
    if properties.get(NO_NAMESPACE):
        words = "QEMU has no such disk in a subsystem, where virtual functions are: leave it out, and take an nvme-ns"
        return NO_NAMESPACE, words
    for name in NOT_BESIDE:
        if properties.get(name):
            return name, f"QEMU has none of it beside virtual functions: leave it or {COUNT} out"
    return _too_few(properties, number)


def _too_few(properties: Mapping[str, Scalar], number: int) -> tuple[str, str] | None:
    def told(name: str) -> int:
        value = integer(properties, name)
        return UNSAID.get(name, 0) if value is None else value

    pairs, vectors = told(PAIRS), told(VECTORS)
    each = f"{number} virtual functions take {PAIRS_EACH} pairs of queues and a vector each"
    for name, least, why in (
        (PAIRS, PAIRS_EACH * number, each),
        (VECTORS, number, each),
        (TOTAL_PAIRS, pairs + PAIRS_KEPT, f"beside {PAIRS} the device keeps {PAIRS_KEPT}"),
        (TOTAL_VECTORS, vectors + VECTORS_KEPT, f"beside {VECTORS} the device keeps {VECTORS_KEPT}"),
    ):
        if told(name) < least:
            words = f"{why}, but {name} is {told(name)}: say {least} or more, or leave it out and say vfs: {number}"
            return name if name in properties else COUNT, words
    if told(MOST_PAIRS_EACH) == 1:
        return MOST_PAIRS_EACH, f"1, but a virtual function has {PAIRS_EACH} pairs of queues at least: say 2 or more"
    return None
