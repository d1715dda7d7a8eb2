"""Writes `devices.json`: every PCI endpoint model of a QEMU, as that QEMU itself shows it.

    python -m qslot.schema.catalog.measure.generate [--qemu BIN] [-o FILE]

Needs the extra `probe` (qemu.qmp); neither KVM nor a guest. BARs are read with query-pci from a machine that never
runs, on pcie.0: those of other than virtio devices do not depend on the bus, and those of virtio devices do not once
the mode is spelled out, as qslot always does (tests/real/test_catalog.py measures both).
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

from ...pci.controllers import VirtioMode
from .. import excluded
from ..bar import ModelBar
from ..load import load_unmeasured, model_of
from .ask import Qemu, RefusedError, Seen, Types
from .questions import (
    BACKEND_SIZED,
    BASE_CLASSES,
    CATEGORIES,
    CATEGORY_OF_CLASS,
    EVERY_VIRTIO,
    INTEGRATED,
    MEMORY_SIZES,
    QUESTIONS,
    STAND_INS,
    VECTOR_STEPS,
    VIRTIO_MODES,
    Question,
    SizeQuestion,
)

KEYS = {
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
    "backend_sized": "BARs as large as a memory backend, which no property of the device tells; here, a stand-in's",
}


class Survey:
    """One QEMU's models, measured."""

    def __init__(self, qemu: Qemu, types: Types) -> None:
        self.qemu, self.types = qemu, types

    def drivers(self) -> dict[str, str]:
        """Driver by catalogue name, of what can be measured."""
        skipped = {*excluded(), *load_unmeasured()}
        names = {_name(driver, self.types): driver for driver in sorted(self.types.properties) if not _suffixed(driver)}
        return {name: driver for name, driver in names.items() if not {name, driver} & skipped}

    async def entry(self, name: str, driver: str) -> dict[str, Any]:
        """The catalogue's entry of one model, as measured in each of its modes and with each property that moves
        BARs."""
        virtio = driver in self.types.virtio
        seen = await (self._by_mode(name, driver) if virtio else self._plain(name, driver))
        first = next(iter(seen.values()))
        bars = {mode: _rows(one.bars) for mode, one in seen.items()}
        entry: dict[str, Any] = {
            "driver": driver,
            "connector": self._connector(name, driver),
            "category": category(name, first.class_code),
            "hotpluggable": driver in self.types.pluggable,
            "rom": first.rom,
            "source": f"measured, QEMU {self.types.version}",
        }
        if name in BACKEND_SIZED:
            entry["backend_sized"] = list(BACKEND_SIZED[name])
        if virtio:
            entry["virtio"] = {"suffixed": self._own_types(driver), "switches": self._has(driver, "disable-legacy")}
        entry["bars"] = bars if virtio else bars[""]
        await self._add_rules(name, entry)
        return entry

    async def look(self, name: str, driver: str, mode: str, properties: Mapping[str, Any]) -> Seen:
        """The model in a mode (empty for what is not virtio), with its stand-ins."""
        backends, needed = STAND_INS.get(name, ((), {}))
        if "pmrdev" in properties:
            backends = STAND_INS["ivshmem-plain"][0]
        spelled = VIRTIO_MODES[mode] if mode and self._has(driver, "disable-legacy") else {}
        try:
            return await self.qemu.measure(driver, {**spelled, **needed, **properties}, backends)
        except RefusedError as refusal:
            raise RefusedError(f"{name} {mode} {dict(properties)}: {refusal}") from None

    async def _plain(self, name: str, driver: str) -> dict[str, Seen]:
        return {"": await self.look(name, driver, "", {})}

    async def _by_mode(self, name: str, driver: str) -> dict[str, Seen]:
        """A modern-only kind ignores disable-legacy=off without a word and keeps an id from 1040 up."""
        both = await self.look(name, driver, "transitional", {})
        modes = ["modern"] if both.device_id >= 0x1040 else list(VIRTIO_MODES)
        return {mode: await self.look(name, driver, mode, {}) for mode in modes}

    async def _add_rules(self, name: str, entry: dict[str, Any]) -> None:
        """Rules for all that the properties in question change and the rules before do not tell yet."""
        rules: list[dict[str, Any]] = []
        entry["rules"] = rules
        if "virtio" in entry:
            await self._add_variants(name, entry, (q for q in EVERY_VIRTIO if self._has(entry["driver"], *q.when)))
            await self._add_vectors(name, entry)
        await self._add_variants(name, entry, QUESTIONS.get(name, ()))
        for question in MEMORY_SIZES.get(name, ()):
            rules.append(_size_rule(entry, question))
        for question in MEMORY_SIZES.get(name, ()):
            for value in question.values:
                await self._confirm(name, entry, {**question.extra, question.rule["by"]: value}, question)
        if not rules:
            del entry["rules"]

    async def _add_variants(self, name: str, entry: dict[str, Any], questions: Iterable[Question]) -> None:
        for question in questions:
            changes: dict[str, list[str]] = {}
            for mode in _modes(entry):
                change = await self._change(name, entry, mode, question)
                if change:
                    changes.setdefault(json.dumps(change), []).append(mode)
            for text, modes in changes.items():
                limits = {"modes": modes} if modes != _modes(entry) else {}
                entry["rules"].append({"when": dict(question.when), **limits, **json.loads(text)})

    async def _change(self, name: str, entry: Mapping[str, Any], mode: str, question: Question) -> dict[str, Any]:
        seen = (await self.look(name, entry["driver"], mode, question.sample)).bars
        told = _told(name, entry, mode, question.sample)
        bars, drop = [bar for bar in seen if bar not in told], {b.bar for b in told} - {b.bar for b in seen}
        return ({"bars": _rows(bars)} if bars else {}) | ({"drop": sorted(drop)} if drop else {})

    async def _add_vectors(self, name: str, entry: dict[str, Any]) -> None:
        """The MSI-X BAR, the one that goes with vectors=0, by the number of vectors."""
        gone = next((rule["drop"][0] for rule in entry["rules"] if rule["when"] == {"vectors": 0}), None)
        if gone is None:
            return
        rule = {"when": {"vectors": ">=1"}, "by": "vectors", "steps": VECTOR_STEPS}
        values: tuple[int, ...] = (1, 300)
        if name == "virtio-net":
            values = tuple(value for start, _ in VECTOR_STEPS for value in (start - 1, start) if value)
        question = SizeQuestion(gone, rule, values, {})
        entry["rules"].append(_size_rule(entry, question))
        for value in values:
            await self._confirm(name, entry, {"vectors": value}, question)

    async def _confirm(
        self, name: str, entry: Mapping[str, Any], properties: Mapping[str, Any], question: SizeQuestion
    ) -> None:
        mode = _modes(entry)[0]
        seen = (await self.look(name, entry["driver"], mode, properties)).bars
        told = _told(name, entry, mode, properties)
        if seen != told:
            raise SystemExit(f"{name} {dict(properties)}: rule {dict(question.rule)} says {told}, QEMU shows {seen}")

    def _has(self, driver: str, *properties: str) -> bool:
        return self.types.properties[driver].issuperset(properties)

    def _connector(self, name: str, driver: str) -> str:
        if name in INTEGRATED:
            return "integrated"
        if driver in self.types.conventional & self.types.express:
            return "hybrid"
        return "express" if driver in self.types.express else "conventional"

    def _own_types(self, driver: str) -> list[str]:
        suffixes = {"transitional": "-transitional", "modern": "-non-transitional"}
        return [mode for mode, suffix in suffixes.items() if driver + suffix in self.types.properties]


def category(name: str, class_code: int) -> str:
    """The kind of device: by name where the class code says too little, else by PCI class."""
    return CATEGORIES.get(name) or CATEGORY_OF_CLASS.get(class_code) or BASE_CLASSES.get(class_code >> 8) or "misc"


def _suffixed(driver: str) -> bool:
    return driver.endswith("-transitional")


def _name(driver: str, types: Types) -> str:
    return driver.removesuffix("-pci") if driver in types.virtio else driver


def _modes(entry: Mapping[str, Any]) -> list[str]:
    return list(entry["bars"]) if "virtio" in entry else [""]


def _told(name: str, entry: Mapping[str, Any], mode: str, properties: Mapping[str, Any]) -> tuple[ModelBar, ...]:
    needed = STAND_INS.get(name, ((), {}))[1]
    model = model_of(name, json.loads(json.dumps(entry)))
    return model.bars(VirtioMode(mode) if mode else None, {**needed, **properties})


def _rows(bars: Iterable[ModelBar]) -> list[list[Any]]:
    return [list(astuple(bar)) for bar in bars]


def _size_rule(entry: Mapping[str, Any], question: SizeQuestion) -> dict[str, Any]:
    """With the BAR as the model has it, and only for the modes in which it does, unless the question says otherwise."""
    by_mode = entry["bars"] if "virtio" in entry else {"": entry["bars"]}
    found = {mode: row for mode, rows in by_mode.items() for row in rows if row[0] == question.bar}
    limits = {"modes": list(found)} if question.sized is None and len(found) < len(by_mode) else {}
    sized = question.sized or next(iter(found.values()))
    return {**limits, "sized": list(sized), **question.rule}


async def catalogue(binary: str) -> dict[str, Any]:
    """The whole content of devices.json."""
    qemu = Qemu(binary)
    survey = Survey(qemu, await qemu.types())
    drivers = survey.drivers()
    entries = await asyncio.gather(*(survey.entry(name, driver) for name, driver in drivers.items()))
    devices = dict(sorted(zip(drivers, entries, strict=True), key=lambda item: item[0].casefold()))
    return {"qemu": survey.types.version, "machine": survey.types.machine, "keys": KEYS, "devices": devices}


def dump(data: Mapping[str, Any]) -> str:
    """JSON with a line a model, and below it a line for each mode and each rule."""
    head = [f" {json.dumps(key)}: {json.dumps(data[key])},\n" for key in ("qemu", "machine")]
    keys = ",\n".join(f"  {json.dumps(key)}: {json.dumps(text)}" for key, text in data["keys"].items())
    models = ",\n".join(f"  {json.dumps(name)}: {_entry_text(entry)}" for name, entry in data["devices"].items())
    return "".join(["{\n", *head, f' "keys": {{\n{keys}\n }},\n "devices": {{\n{models}\n }}\n}}\n'])


def _entry_text(entry: Mapping[str, Any]) -> str:
    short = {key: value for key, value in entry.items() if key not in ("bars", "rules")}
    parts = [json.dumps(short)[1:-1]]
    bars = entry["bars"]
    if isinstance(bars, dict):
        parts.append(
            '\n   "bars": {' + ",\n    ".join(f"{json.dumps(m)}: {json.dumps(b)}" for m, b in bars.items()) + "}"
        )
    else:
        parts.append(f' "bars": {json.dumps(bars)}')
    if "rules" in entry:
        parts.append('\n   "rules": [\n    ' + ",\n    ".join(map(json.dumps, entry["rules"])) + "]")
    return "{" + ",".join(parts) + "}"


def main() -> int:
    """The command: measures a QEMU and writes the catalogue."""
    parser = argparse.ArgumentParser(
        prog="qslot.schema.catalog.measure.generate", description="Measure QEMU's device models."
    )
    parser.add_argument("--qemu", default="qemu-system-x86_64", metavar="BIN")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: the package's own")
    arguments = parser.parse_args()
    output = arguments.output or Path(__file__).parents[1] / "devices.json"
    data = asyncio.run(catalogue(arguments.qemu))
    output.write_text(dump(data), encoding="utf-8")
    print(f"{len(data['devices'])} models of QEMU {data['qemu']} written", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
