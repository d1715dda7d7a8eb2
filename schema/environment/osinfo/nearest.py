"""Which operating systems may have been meant by a name that none has."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from .read import Row, version_of_row

NEIGHBOURS: Final = 3
"""Names that are told."""
FAR_ABOVE: Final = 10
"""Major versions that a newer osinfo-db may know beyond this one."""

_NAME: Final = re.compile(r"(?P<family>.*?)[-._ ]*(?P<version>\d[\d.]*)?")
_METADATA: Final = re.compile(r"https?://[^/]+/(?P<family>.+)/(?P<version>[^/]+)")


def nearest_of(name: str, rows: Mapping[str, Row]) -> tuple[str, ...]:
    """By short id: the same family's newest, those of the same major version first; else what looks alike, by short id
    or by name. A version far above the family's newest has lost its dots: it is spelled like what was meant."""
    given = name.strip().lower()
    if metadata := _METADATA.fullmatch(given):
        given = metadata["family"].replace("/", "") + metadata["version"]
    family, version = _parts(given)
    same = [key for key in rows if family and _parts(key)[0] == family and _parts(key)[1]]
    same.sort(key=lambda key: (_parts(key)[1][:1] == version[:1], version_of_row(rows[key]), _parts(key)[1]))
    alike = [key for key in rows if _letters(key) == _letters(given)]
    newest = max((_parts(key)[1] for key in same), default=(0,))
    dotless = not same or version[:1] > (newest[0] + FAR_ABOVE,)
    found = [*(alike if dotless else ()), *reversed(same)]
    if not found:
        names = {str(row["name"]).lower(): key for key, row in rows.items()}
        found = get_close_matches(given, list(rows), n=NEIGHBOURS)
        found = found or [names[match] for match in get_close_matches(given, list(names), n=NEIGHBOURS, cutoff=0.5)]
    return tuple(dict.fromkeys(found))[:NEIGHBOURS]


def _letters(name: str) -> str:
    return re.sub(r"[-._ ]", "", name)


def _parts(name: str) -> tuple[str, tuple[int, ...]]:
    """`rhel`, (6, 10); without a version where it does not end with one."""
    match = _NAME.fullmatch(name)
    if match is None or match["version"] is None:
        return name, ()
    return match["family"], tuple(int(part) for part in match["version"].split(".") if part)
