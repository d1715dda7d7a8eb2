"""Predictions against a real QEMU over numbered random layouts: the whole set, or one part of it.

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

from qslot.schema import Firmware
from qslot.schema.probe import BootError, QemuEndedError

from .random_layouts import Family, random_layout
from .test_firmware import hold

Part = tuple[str, str, str, int, int]
"""Firmware, machine, whether `heavy` in memory or else in IO, seeds from and to below."""

WHOLE: Final[tuple[Part, ...]] = (
    ("seabios", "q35", "heavy", 200, 400),
    ("seabios", "pc", "heavy", 200, 350),
    ("seabios", "q35", "plain", 200, 300),
    ("seabios", "pc", "plain", 200, 250),
    ("ovmf", "q35", "heavy", 200, 260),
    ("ovmf", "pc", "heavy", 200, 240),
    ("ovmf", "q35", "plain", 200, 230),
    ("ovmf", "pc", "plain", 200, 220),
)


def campaign(firmware: str, family: Family, first: int, last: int, *, heavy: bool) -> tuple[Counter[str], int]:
    counts: Counter[str] = Counter()
    values = 0
    for seed in range(first, last):
        layout = random_layout(seed, family, Firmware.model_validate(firmware), heavy=heavy)
        try:
            verdict, compared = hold(layout)
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
        counts, values = campaign(firmware, cast("Family", family), first, last, heavy=kind == "heavy")
        print(firmware, family, kind, first, last, dict(counts), f"{values} values equal", flush=True)  # noqa: T201


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main(WHOLE)
    else:
        which, machine, load, start, end = sys.argv[1:]
        main([(which, machine, load, int(start), int(end))])
