"""How many guests a second: a fleet of mixed guests through `qslot batch`, with nothing known and with all known.

    python -m benchmarks.fleet --guests 10000 --workers 2

Guests have 10 to 30 devices and are drawn as a provider has them: most of a few flavours, to which disks and networks
were added, some with anything; names and MAC addresses differ in all. Wall clock and processor time of the command with
its workers, start-up included; memory is the largest resident size of any of its processes.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from resource import RUSAGE_CHILDREN, getrusage
from tempfile import TemporaryDirectory
from typing import Final

from qslot.schema import Guest
from qslot.solver.fleet.normal_form import normal_form

from .drawn import drawn
from .families import FAMILIES
from .parts import Data

SEED: Final = 20261129
FLAVOURS: Final = ("cloud", "cloud", "cloud", "hotplug", "legacy", "numa", "dense", "i440fx", "pinned")


def fleet(number: int) -> Data:
    """The guest of that number: four of five have a flavour, with its devices in numbers of their own."""
    rng = Random(f"{SEED}-{number}")
    size = rng.randint(10, 30)
    if rng.random() < 0.2:
        data = drawn(size, rng.choice((0.1, 0.5)), seed=f"{SEED}-{rng.randrange(4000)}")
    else:
        data = FAMILIES[rng.choice(FLAVOURS)].build(size)
    request = data.model_dump(mode="json", exclude_defaults=True)
    named = _named(request, number)
    for device in named["devices"]:
        if device["model"] == "virtio-net":
            device["properties"] = {"mac": "52:54:" + ":".join(f"{rng.randrange(256):02x}" for _ in range(4))}
    named["memory"] = 1 << rng.randint(31, 35)
    return named


def _named(request: Data, number: int) -> Data:
    for device in request["devices"]:
        device["id"] = f"vm{number}-{device['id']}"
    return request


def write(folder: Path, guests: int) -> list[str]:
    files = []
    for number in range(guests):
        files.append(str(folder / f"{number:06}.json"))
        Path(files[-1]).write_text(json.dumps(fleet(number)), encoding="utf-8")
    return files


def run(files: Sequence[str], workers: int, *options: str) -> tuple[float, float, float]:
    """Seconds of wall clock, of the processors, and MiB, of one run of the command."""
    before, began = getrusage(RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, "-m", "qslot", "batch", *files, "--workers", str(workers), *options]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    assert done.returncode in (0, 3), done.returncode
    after = getrusage(RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - began, spent, after.ru_maxrss / 1024


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("benchmarks.fleet", description=__doc__)
    parser.add_argument("--guests", type=int, default=10_000, help="how many (%(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes (%(default)s)")
    options = parser.parse_args(arguments)
    with TemporaryDirectory() as name:
        folder = Path(name)
        files = write(folder, options.guests)
        forms = {normal_form(Guest.model_validate_json(Path(file).read_text(encoding="utf-8"))).key for file in files}
        load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
        print(f"{len(files)} guests of {len(forms)} forms; {load}", flush=True)
        cache = ("--cache", str(folder / "answers.sqlite"))
        for what in ("cold", "warm"):
            wall, cpu, memory = run(files, options.workers, *cache)
            rates = f"{len(files) / wall:6.0f}/s in wall clock, {len(files) / cpu:6.0f} a second of processor time"
            print(f"{what}: {rates}; {memory:.0f} MiB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
