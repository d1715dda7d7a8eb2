"""The osinfo-db that is asked: the table that comes with qslot, an installed one that is newer, or another."""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from ...packaged import packaged_json
from .read import OsinfoError, Row, read_osinfo, version_of

INSTALLED: Final = Path("/usr/share/osinfo")
"""Where the package osinfo-db of any distribution puts it."""
ELSEWHERE: Final = "OSINFO_SYSTEM_DIR"
"""The variable by which libosinfo is told of another place."""


class Database(NamedTuple):
    """What is known of operating systems, and who says so."""

    rows: Mapping[str, Row]
    """By short id."""
    words: str
    """Which osinfo-db it is, for messages: `osinfo-db 20250619`."""


def newest_database() -> Database:
    """The table that comes with qslot, or an installed osinfo-db that is newer. One that can't be read is passed over,
    and `words` say so."""
    folder = Path(os.environ.get(ELSEWHERE) or INSTALLED)
    try:
        newer = f"osinfo-db {version_of(folder)}" > own_source()
    except OsinfoError:  # none is installed
        newer = False
    own = Database(table(), own_source())
    if not newer:
        return own
    try:
        return database_in(folder)
    except OsinfoError as error:
        return own._replace(words=f"{own.words}, as a newer one can't be read: {error}")


@cache
def database_in(folder: Path) -> Database:
    """The osinfo-db in a folder, read once. Raises OsinfoError."""
    rows = read_osinfo(folder)
    try:
        version = f" {version_of(folder)}"
    except OsinfoError:  # told by what lies there alone
        version = ""
    return Database(rows, f"osinfo-db{version} in {folder}")


@cache
def table() -> Mapping[str, Row]:
    """All rows of the table that comes with qslot, by short id."""
    return {str(row["id"]): row for row in _data()["oses"]}


def own_source() -> str:
    """What the table was made of: `osinfo-db 20250619`."""
    return str(_data()["source"])


@cache
def _data() -> Mapping[str, Any]:
    data: Mapping[str, Any] = packaged_json(__file__, "table.json")
    return data
