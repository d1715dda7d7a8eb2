"""Predictions against a real QEMU over numbered random layouts: the whole set, or one part of it.

Predicted is what the version of the firmware does that this QEMU has; RAM, the CPU's vendor and its address bits are
drawn with each layout.

    python -m tests.real.campaign
    python -m tests.real.campaign seabios q35 heavy 0 100

Prints each layout that is not as predicted with its seed, then for each part what came of how many layouts and how many
values (bus numbers, addresses, windows, BARs) were equal. The whole set takes about an hour on two cores.
"""

import sys
from collections import Counter
from collections.abc import Iterable
from typing import Final, cast

import pytest

from qslot.schema import Layout
from qslot.schema.probe import BootError, QemuEndedError
from qslot.schema.request.firmware import FirmwareName

from . import this_qemu
from .ovmf_draws import ovmf_layout_here
from .random_layouts import Family, random_layout
from .test_firmware import hold

Part = tuple[str, str, str, int, int]
"""Firmware, machine, what is drawn, seeds from and to below: layouts `heavy` in memory, or in IO (`plain`), or on all
that OVMF's `addresses` depend on."""

PATIENCE: Final = 600.0
"""Seconds for a boot: OVMF makes page tables for all addresses of the CPU, without KVM in minutes."""

WHOLE: Final[tuple[Part, ...]] = (
    ("seabios", "q35", "heavy", 200, 400),
    ("seabios", "pc", "heavy", 200, 350),
    ("seabios", "q35", "plain", 200, 300),
    ("seabios", "pc", "plain", 200, 250),
    ("ovmf", "q35", "heavy", 200, 260),
    ("ovmf", "pc", "heavy", 200, 240),
    ("ovmf", "q35", "plain", 200, 230),
    ("ovmf", "pc", "plain", 200, 220),
    ("ovmf", "q35", "addresses", 1000, 1100),
    ("ovmf", "pc", "addresses", 1000, 1050),
)


def drawn(seed: int, firmware: FirmwareName, family: Family, kind: str) -> Layout:
    if kind == "addresses":
        return ovmf_layout_here(seed, family)
    return random_layout(seed, family, this_qemu.firmware(firmware), heavy=kind == "heavy")


def campaign(firmware: FirmwareName, family: Family, kind: str, first: int, last: int) -> tuple[Counter[str], int]:
    counts: Counter[str] = Counter()
    values = 0
    for seed in range(first, last):
        layout = drawn(seed, firmware, family, kind)
        try:
            verdict, compared = hold(layout, PATIENCE)
            values += compared
        except QemuEndedError as error:
            verdict = "QEMU ended"
            print(seed, error, flush=True)  # noqa: T201
        except (BootError, AssertionError, pytest.fail.Exception) as error:
            verdict = "DIFFERENT"
            print(seed, type(error).__name__, str(error)[:1500], flush=True)  # noqa: T201
        counts[verdict] += 1
    return counts, values


def main(parts: Iterable[Part]) -> None:
    for firmware, family, kind, first, last in parts:
        counts, values = campaign(cast("FirmwareName", firmware), cast("Family", family), kind, first, last)
        version = this_qemu.firmware(cast("FirmwareName", firmware)).version
        print(firmware, version, family, kind, first, last, dict(counts), f"{values} values equal", flush=True)  # noqa: T201


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main(WHOLE)
    else:
        which, machine, load, start, end = sys.argv[1:]
        main([(which, machine, load, int(start), int(end))])
