"""Writes `devices.json`: every PCI endpoint model, as several QEMUs themselves show it.

    python -m qslot.schema.catalog.measure.generate --qemu BIN [--qemu BIN ...] [-o FILE]

Needs the extra `probe` (qemu.qmp) and every QEMU that the catalogue covers; neither KVM nor a guest.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ...pci.qemu_versions import version_text
from ...qemu.errors import ProbeError
from ...qemu.version import version_of_binary
from .. import measured_qemus
from ..load import version_of
from .merge import merged
from .survey import survey

KEYS: Final = {
    "driver": "QEMU's device type; for virtio the one without suffix",
    "connector": "as QEMU's type says: conventional, express, both (hybrid), or root bus only (integrated)",
    "hotpluggable": "device_add takes the type, on one bus or another",
    "rom": "bytes of the option ROM's BAR as this QEMU's packages fill it",
    "virtio": "suffixed: modes with a device type of their own; switches: has disable-legacy and disable-modern",
    "bars": "[number, kind, bytes, prefetchable]; of virtio models by mode, those it can have",
    "rules": "changes by property, in order, later ones win. when: property is that value, is set (*), is at least N"
    " (>=N); modes: only in these; bars: added or replaced; drop: gone; sized: this BAR, its size the least, gets the"
    " next power of two of the value of property `by` (for text, its length; unset: `default`, else no change) times"
    " `unit`, up to `most`, or the bytes of the last of `steps` not above the value; grows: never smaller than before;"
    " beyond: exists only where larger than that BAR",
    "since": "the first QEMU that has the model, where the oldest measured has not; until: the first without it again",
    "earlier": "bars and rules of QEMUs before version `until`, whatever the machine type, oldest first; what differs"
    " by machine type is in versions.py",
    "backend_sized": "BARs as large as a memory backend, which no property of the device tells; here, a stand-in's",
}


async def catalogue(binaries: list[str]) -> dict[str, Any]:
    """The whole content of devices.json. Raises ProbeError where a QEMU refuses a model, or contradicts another."""
    surveys = [await survey(binary) for binary in binaries]
    surveys.sort(key=lambda one: one.types.release)
    measured = {one.types.version: one.types.machine for one in surveys}
    return {"measured": measured, "keys": KEYS, "devices": merged(surveys)}


def dump(data: Mapping[str, Any]) -> str:
    """JSON with a line a model, and below it a line for each mode and each rule."""
    head = f' "measured": {json.dumps(data["measured"])},\n'
    keys = ",\n".join(f"  {json.dumps(key)}: {json.dumps(text)}" for key, text in data["keys"].items())
    models = ",\n".join(f"  {json.dumps(name)}: {_entry_text(entry)}" for name, entry in data["devices"].items())
    return "".join(["{\n", head, f' "keys": {{\n{keys}\n }},\n "devices": {{\n{models}\n }}\n}}\n'])


def _entry_text(entry: Mapping[str, Any]) -> str:
    short = {key: value for key, value in entry.items() if key not in ("bars", "rules", "earlier")}
    parts = [json.dumps(short)[1:-1], *_table_text(entry)]
    if "earlier" in entry:
        parts.append(f'\n   "earlier": [{", ".join(map(_entry_text, entry["earlier"]))}]')
    return "{" + ",".join(parts) + "}"


def _table_text(entry: Mapping[str, Any]) -> list[str]:
    bars, parts = entry["bars"], []
    if isinstance(bars, dict):
        parts.append(
            '\n   "bars": {' + ",\n    ".join(f"{json.dumps(m)}: {json.dumps(b)}" for m, b in bars.items()) + "}"
        )
    else:
        parts.append(f' "bars": {json.dumps(bars)}')
    if "rules" in entry:
        parts.append('\n   "rules": [\n    ' + ",\n    ".join(map(json.dumps, entry["rules"])) + "]")
    return parts


def _expect_all(binaries: list[str]) -> None:
    """Raises ProbeError where one of the QEMUs that the catalogue covers is missing; measuring takes minutes."""
    missing = set(measured_qemus()) - {version_of(version_of_binary(one)) for one in binaries}
    if missing:
        releases = ", ".join(map(version_text, sorted(missing)))
        raise ProbeError(f"the catalogue covers QEMU {releases}, too: name such a --qemu, or a file with -o")


def main() -> int:
    """The command: measures QEMUs and writes the catalogue."""
    parser = argparse.ArgumentParser(
        prog="python -m qslot.schema.catalog.measure.generate", description="Measure QEMU's device models."
    )
    parser.add_argument("--qemu", action="append", metavar="BIN", required=True, help="each that the catalogue covers")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: the package's own")
    arguments = parser.parse_args()
    output = arguments.output or Path(__file__).parents[1] / "devices.json"
    try:
        if arguments.output is None:
            _expect_all(arguments.qemu)
        data = asyncio.run(catalogue(arguments.qemu))
    except ProbeError as refusal:
        print(refusal, file=sys.stderr)
        return 1
    output.write_text(dump(data), encoding="utf-8")
    print(f"{len(data['devices'])} models of QEMU {', '.join(data['measured'])} written", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
