"""What an answer depends on beside its question: the versions of all that had a hand in it."""

import hashlib
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Final

TABLES: Final = {
    "qslot.schema.catalog": ("devices.json", "unmeasured.json", "excluded.json"),
    "qslot.schema.environment.osinfo": ("table.json", "virtio_win.json"),
}
"""The catalogue and the osinfo table, by package."""


@cache
def answered_by() -> dict[str, str]:
    """Versions of qslot and OR-Tools; of catalogue and osinfo table, which have none, the SHA-256."""
    versions = {name: version(name) for name in ("qslot", "ortools")}
    for package, names in TABLES.items():
        found = hashlib.sha256()
        for name in names:
            found.update((files(package) / name).read_bytes())
        versions[package] = found.hexdigest()
    return versions
