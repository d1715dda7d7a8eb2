"""Writes `schema/pci/controller_properties.json`: every property of every controller model, as a QEMU tells it.

    python -m qslot.schema.catalog.measure.controllers [--qemu BIN] [-o FILE]

Needs the extra `probe` (qemu.qmp); neither KVM nor a guest: QEMU answers device-list-properties without making one.
"""

import argparse
import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ...pci.controllers import CONTROLLERS
from .ask import Qemu

OUTPUT: Final = Path(__file__).parents[2] / "pci" / "controller_properties.json"
ABOUT: Final = (
    "QEMU properties of controllers by model, those of `all` of each, as device-list-properties tells them: the type,"
    " and of enumerations the values"
)


async def properties(binary: str) -> dict[str, Any]:
    """The whole content of the file."""
    async with Qemu(binary).session() as qemu:
        version: Any = await qemu.execute("query-version")
        found: dict[str, dict[str, str]] = {}
        for model in CONTROLLERS:
            rows: Any = await qemu.execute("device-list-properties", {"typename": model})
            found[model] = {row["name"]: _type(row) for row in sorted(rows, key=lambda row: str(row["name"]))}
    shared = {name: kind for name, kind in next(iter(found.values())).items() if _in_all(name, kind, found)}
    own = {model: {name: kind for name, kind in rows.items() if name not in shared} for model, rows in found.items()}
    number = version["qemu"]
    qemu_version = f"{number['major']}.{number['minor']}.{number['micro']}"
    return {"about": ABOUT, "qemu": qemu_version, "all": shared, "models": own}


def _type(row: Mapping[str, Any]) -> str:
    """`uint8`; of an enumeration its values, `2_5/5/8/16`, which its description lists."""
    kind, text = str(row["type"]), str(row.get("description", ""))
    return text if kind.startswith("PCIELink") or kind == "OnOffAuto" else kind


def _in_all(name: str, kind: str, found: Mapping[str, Mapping[str, str]]) -> bool:
    return all(rows.get(name) == kind for rows in found.values())


def dump(data: Mapping[str, Any]) -> str:
    """JSON with a line a model."""
    head = [f" {json.dumps(key)}: {json.dumps(data[key])},\n" for key in ("about", "qemu", "all")]
    models = ",\n".join(f"  {json.dumps(name)}: {json.dumps(rows)}" for name, rows in data["models"].items())
    return "".join(["{\n", *head, f' "models": {{\n{models}\n }}\n}}\n'])


def main() -> None:
    """The command: asks a QEMU and writes the file."""
    parser = argparse.ArgumentParser(
        prog="python -m qslot.schema.catalog.measure.controllers", description="Ask QEMU for controllers' properties."
    )
    parser.add_argument("--qemu", default="qemu-system-x86_64", metavar="BIN")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT, metavar="FILE", help="default: the package's own")
    arguments = parser.parse_args()
    arguments.output.write_text(dump(asyncio.run(properties(arguments.qemu))), encoding="utf-8")


if __name__ == "__main__":
    main()
