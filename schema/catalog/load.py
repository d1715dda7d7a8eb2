"""From the data files to models: plain dataclasses, as validating every entry would make every start slow."""

from collections.abc import Mapping
from typing import Any

from ..packaged import packaged_json
from ..pci.controllers import Connector, VirtioMode
from ..pci.machine_types import Version
from ..pci.qemu_versions import version_number
from .bar import ModelBar
from .model import BarTable, Companion, DeviceModel, Sized, Variant, VirtioModel, When

Entry = Mapping[str, Any]

SHARED = frozenset({"vectors", "page-per-vq", "modern-pio-notify", "hostmem"})
"""Properties of every virtio PCI device, and of GPUs: an entry that is `like` another takes over the rules on these
only."""


def load_models() -> dict[str, DeviceModel]:
    """Every model by name: the measured ones, and those described by hand."""
    measured: dict[str, Entry] = _read("devices.json")["devices"]
    entries = {**measured, **{name: _filled(entry, measured) for name, entry in load_unmeasured().items()}}
    return {name: model_of(name, entries[name]) for name in sorted(entries, key=str.casefold)}


def load_unmeasured() -> dict[str, Entry]:
    """The hand-written entries, `like` not yet filled in."""
    entries: dict[str, Entry] = _read("unmeasured.json")["devices"]
    return entries


def load_measured() -> dict[str, str]:
    """Versions of the QEMUs on which the catalogue was measured, oldest first, and the newest machine type of each."""
    versions: dict[str, str] = _read("devices.json")["measured"]
    return versions


def load_excluded() -> dict[str, str]:
    """Device types that qslot does not plan, by name: why not."""
    return dict(_read("excluded.json"))


def _read(name: str) -> dict[str, Any]:
    data: dict[str, Any] = packaged_json(__file__, name)
    return data


def _filled(entry: Entry, measured: Mapping[str, Entry]) -> Entry:
    """An entry with what it has in common with the model that it is `like`; own keys win."""
    if "like" not in entry:
        return entry
    model = measured[entry["like"]]
    modes = entry["virtio"].get("modes", list(model["bars"]))
    bars = {mode: model["bars"][mode] for mode in modes}
    rules = [rule for rule in model.get("rules", ()) if {*rule.get("when", {}), rule.get("by", "vectors")} <= SHARED]
    return {"bars": bars, "rules": rules, "rom": model["rom"], "category": model["category"], **entry}


def model_of(name: str, entry: Entry) -> DeviceModel:
    """The model that an entry of a data file (keys described in devices.json itself) stands for."""
    virtio = entry.get("virtio")
    table = _table(entry)
    modes = tuple(mode for mode in VirtioMode if mode in table.base)
    return DeviceModel(
        name=name,
        driver=entry["driver"],
        connector=Connector(entry["connector"]),
        category=entry["category"],
        hotpluggable=entry["hotpluggable"],
        virtio=None if virtio is None else VirtioModel(modes, frozenset(virtio["suffixed"]), virtio["switches"]),
        rom=entry.get("rom", 0),
        source=entry["source"],
        self_described=entry.get("self_described", False),
        brings=None if "brings" not in entry else Companion(**entry["brings"]),
        backend_sized=frozenset(entry.get("backend_sized", ())),
        since=_version(entry.get("since")),
        until=_version(entry.get("until")),
        bar_table=table,
        earlier=tuple((version_of(older["until"]), _table({**entry, **older})) for older in entry.get("earlier", ())),
    )


def _version(text: str | None) -> Version | None:
    return None if text is None else version_of(text)


def version_of(text: str) -> Version:
    """Major and minor number of a QEMU.

    >>> version_of("11.1"), version_of("7.2.22")
    ((11, 1), (7, 2))
    """
    major, minor = version_number(text)[:2]
    return major, minor


def _table(entry: Entry) -> BarTable:
    """Of an entry, or of what was otherwise in older QEMUs laid over it."""
    bars = entry.get("bars", [])
    base: dict[VirtioMode | None, tuple[ModelBar, ...]]
    base = {VirtioMode(m): _bars(b) for m, b in bars.items()} if "virtio" in entry else {None: _bars(bars)}
    return BarTable(base, tuple(_rule(rule, frozenset(base)) for rule in entry.get("rules", ())))


def _bars(rows: list[list[Any]]) -> tuple[ModelBar, ...]:
    return tuple(ModelBar(*row) for row in rows)


def _rule(rule: Entry, every_mode: frozenset[VirtioMode | None]) -> Variant | Sized:
    modes = frozenset(map(VirtioMode, rule["modes"])) if "modes" in rule else every_mode
    when = When(tuple(rule.get("when", {}).items()))
    if "by" not in rule:
        return Variant(when, modes, _bars(rule.get("bars", [])), frozenset(rule.get("drop", ())))
    return Sized(
        when,
        modes,
        ModelBar(*rule["sized"]),
        by=rule["by"],
        unit=rule.get("unit", 0),
        steps=tuple((start, size) for start, size in rule.get("steps", ())),
        default=rule.get("default"),
        most=rule.get("most"),
        grows=rule.get("grows", False),
        beyond=rule.get("beyond"),
    )
