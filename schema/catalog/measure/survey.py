"""One QEMU's models, measured: entries as in `devices.json`, of that QEMU alone.

BARs are read with query-pci from a machine that never runs, on pcie.0: those of other than virtio devices do not depend
on the bus, and those of virtio devices do not once the mode is spelled out, as qslot always does
(tests/real/test_catalog.py measures both).
"""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from typing import Any

from ...pci.controllers import VirtioMode
from ...pci.machine_types import Version
from ...qemu.errors import ProbeError
from .. import excluded
from ..bar import ModelBar
from ..load import load_unmeasured, model_of
from .ask import Qemu, Seen, Types
from .history import MODEL_SINCE
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
    VHOST_USER,
    VIRTIO_MODES,
    Question,
    SizeQuestion,
)

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What one QEMU showed."""

    types: Types
    entries: dict[str, Entry]
    """By catalogue name."""


async def survey(binary: str) -> Surveyed:
    """Measures every model of a QEMU. Raises ProbeError with all that it refused."""
    qemu = Qemu(binary)
    asked = Survey(qemu, await qemu.types())
    drivers = asked.drivers()
    # none is cancelled because another was refused: a QEMU whose start is cancelled may stay
    answers = await asyncio.gather(
        *(asked.entry(name, driver) for name, driver in drivers.items()), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    if others := [one for one in refused if not isinstance(one, ProbeError)]:
        raise others[0]
    if refused:
        raise ProbeError("\n".join(map(str, refused)))
    return Surveyed(
        asked.types, {name: one for name, one in zip(drivers, answers, strict=True) if isinstance(one, dict)}
    )


class Survey:
    """One QEMU's models, measured."""

    def __init__(self, qemu: Qemu, types: Types) -> None:
        self.qemu, self.types = qemu, types

    def drivers(self) -> dict[str, str]:
        """Driver by catalogue name, of what can be measured."""
        skipped = {*excluded(), *load_unmeasured()}
        names = {_name(driver, self.types): driver for driver in sorted(self.types.properties) if not _suffixed(driver)}
        release = self.types.release
        skipped |= {name for name, since in MODEL_SINCE.items() if release < since}
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
            stated = {**spelled, **needed, **properties}
            return await self.qemu.measure(driver, stated, backends, vhost_user=name.startswith(VHOST_USER))
        except ProbeError as refusal:
            raise ProbeError(f"{name} {mode} {dict(properties)}: {refusal}") from None

    async def _plain(self, name: str, driver: str) -> dict[str, Seen]:
        return {"": await self.look(name, driver, "", {})}

    async def _by_mode(self, name: str, driver: str) -> dict[str, Seen]:
        """A modern-only kind ignores disable-legacy=off without a word and keeps an id from 1040 up."""
        both = await self.look(name, driver, "transitional", {})
        modes = ["modern"] if both.device_id >= 0x1040 else list(VIRTIO_MODES)
        return {mode: await self.look(name, driver, mode, {}) for mode in modes}

    async def _add_rules(self, name: str, entry: Entry) -> None:
        """Rules for all that the properties in question change and the rules before do not tell yet."""
        entry["rules"] = []
        if "virtio" in entry:
            await self._add_variants(name, entry, EVERY_VIRTIO)
            await self._add_vectors(name, entry)
        await self._add_variants(name, entry, QUESTIONS.get(name, ()))
        await self._add_sizes(name, entry, MEMORY_SIZES.get(name, ()))
        if not entry["rules"]:
            del entry["rules"]

    async def _add_sizes(self, name: str, entry: Entry, questions: Iterable[SizeQuestion]) -> None:
        """The rules by properties that this QEMU has and lets BARs follow. Raises ProbeError where BARs follow them in
        another way."""
        mode, driver, release = _modes(entry)[0], entry["driver"], self.types.release
        seen: list[tuple[Mapping[str, Any], tuple[ModelBar, ...]]] = []
        rules = []
        for question in questions:
            if not self._has(driver, question.rule["by"], *question.extra):
                continue
            there = [(sample, (await self.look(name, driver, mode, sample)).bars) for sample in question.samples]
            if any(told(name, entry, mode, sample, release) != bars for sample, bars in there):
                rules.append(_size_rule(entry, question))
                seen += there
        entry["rules"] += rules
        for sample, bars in seen:
            expected = told(name, entry, mode, sample, release)
            if bars != expected:
                raise ProbeError(f"{name} {sample}: its rules say {expected}, QEMU shows {bars}")

    async def _add_variants(self, name: str, entry: dict[str, Any], questions: Iterable[Question]) -> None:
        for question in questions:
            if not self._has(entry["driver"], *question.when):
                continue
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
        before = told(name, entry, mode, question.sample, self.types.release)
        bars, drop = [bar for bar in seen if bar not in before], {b.bar for b in before} - {b.bar for b in seen}
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
        await self._add_sizes(name, entry, [SizeQuestion(gone, rule, values, {})])

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


def told(
    name: str, entry: Mapping[str, Any], mode: str, properties: Mapping[str, Any], release: Version
) -> tuple[ModelBar, ...]:
    """BARs that an entry foretells on that QEMU's newest machine type; `mode` is empty for what is not virtio."""
    needed = STAND_INS.get(name, ((), {}))[1]
    model = model_of(name, json.loads(json.dumps(entry)))
    return model.bars(VirtioMode(mode) if mode else None, {**needed, **properties}, release, release)


def samples(name: str, entry: Mapping[str, Any], known: frozenset[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mode with every set of properties, of those that are `known`, at which BARs were looked at."""
    asked: list[Mapping[str, Any]] = [{}, *(one.sample for one in QUESTIONS.get(name, ()))]
    if "virtio" in entry:
        asked += [*(one.sample for one in EVERY_VIRTIO), *({"vectors": start} for start, _ in VECTOR_STEPS)]
    for question in MEMORY_SIZES.get(name, ()):
        asked += question.samples
    for properties in asked:
        if known.issuperset(properties):
            yield from ((mode, dict(properties)) for mode in _modes(entry))


def _rows(bars: Iterable[ModelBar]) -> list[list[Any]]:
    return [list(astuple(bar)) for bar in bars]


def _size_rule(entry: Mapping[str, Any], question: SizeQuestion) -> dict[str, Any]:
    """With the BAR as the model has it, and only for the modes in which it does, unless the question says otherwise."""
    by_mode = entry["bars"] if "virtio" in entry else {"": entry["bars"]}
    found = {mode: row for mode, rows in by_mode.items() for row in rows if row[0] == question.bar}
    limits = {"modes": list(found)} if question.sized is None and len(found) < len(by_mode) else {}
    sized = question.sized or next(iter(found.values()))
    return {**limits, "sized": list(sized), **question.rule}
