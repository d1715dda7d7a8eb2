"""One catalogue from several QEMUs: the newest that has a model describes it, and the older ones must agree.

Where they do not, and no property that older machine types set tells why (versions.py), the model is another one before
some QEMU, and has both descriptions.
"""

from collections.abc import Sequence
from typing import Any

from ...pci.qemu_versions import version_text
from ...qemu.errors import ProbeError
from .history import CHANGED, MODEL_SINCE
from .survey import Entry, Surveyed, samples, told

SAME = ("driver", "connector", "category", "hotpluggable", "rom", "virtio", "backend_sized")
"""What no model has changed in any QEMU measured."""


def merged(surveys: Sequence[Surveyed]) -> dict[str, Entry]:
    """Entries by name; `surveys` from the oldest QEMU to the newest. Raises ProbeError where two QEMUs contradict each
    other, or history.py."""
    names = sorted({name for one in surveys for name in one.entries}, key=str.casefold)
    return {name: _merged_entry(name, [one for one in surveys if name in one.entries]) for name in names}


def _merged_entry(name: str, holders: Sequence[Surveyed]) -> Entry:
    *older, newest = holders
    entry = dict(newest.entries[name])
    entry["source"] = f"measured, QEMU {', '.join(one.types.version for one in holders)}"
    known = newest.types.properties[entry["driver"]]
    for one in reversed(older):
        _complete(entry, one.entries[name], known)
        known |= one.types.properties[entry["driver"]]
    for one in older:
        if wrong := differences(name, entry, one):
            raise ProbeError("\n".join(wrong))
        if contradictions(name, entry, one):
            entry.setdefault("earlier", []).append(_earlier(name, one))
    return _dated(name, entry)


def _complete(entry: Entry, older: Entry, known: frozenset[str]) -> None:
    """Adds the older QEMU's rules about properties that the newer ones no longer have: old machine types set them."""
    gone = [rule for rule in older.get("rules", ()) if not known.issuperset({*rule.get("when", {}), *_by(rule)})]
    if gone:
        entry["rules"] = [*entry.get("rules", ()), *gone]


def _by(rule: dict[str, Any]) -> set[str]:
    return {rule["by"]} if "by" in rule else set()


def _earlier(name: str, one: Surveyed) -> Entry:
    if name not in CHANGED:
        raise ProbeError(f"{name} is another in QEMU {one.types.version}; say in history.py since when it is as today")
    table: Entry = {key: one.entries[name][key] for key in ("bars", "rules") if key in one.entries[name]}
    return {"until": version_text(CHANGED[name]), **table}


def _dated(name: str, entry: Entry) -> Entry:
    """With the QEMU that first has it, behind the source."""
    if name not in MODEL_SINCE:
        return entry
    head = {key: entry[key] for key in entry if key not in ("bars", "rules", "earlier")}
    return {**head, "since": version_text(MODEL_SINCE[name]), **{key: entry[key] for key in entry if key not in head}}


def contradictions(name: str, entry: Entry, seen: Surveyed) -> list[str]:
    """Where BARs that the entry foretells are not those which that QEMU showed, at all properties looked at."""
    shown, release = seen.entries[name], seen.types.release
    found = []
    for mode, properties in samples(name, shown, seen.types.properties[shown["driver"]]):
        expected, there = told(name, entry, mode, properties, release), told(name, shown, mode, properties, release)
        if expected != there:
            found.append(f"{name} {mode} {properties}: {expected}, but QEMU {seen.types.version} shows {there}")
    return found


def differences(name: str, entry: Entry, seen: Surveyed) -> list[str]:
    """What else is not as that QEMU has it."""
    shown = seen.entries[name]
    return [
        f"{name}: {key} is {entry.get(key)}, but {shown.get(key)} in QEMU {seen.types.version}"
        for key in SAME
        if entry.get(key) != shown.get(key)
    ]
