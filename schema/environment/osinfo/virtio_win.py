"""What virtio-win's drivers for Windows bind to, which osinfo-db lists for some versions of it only.

`virtio_win.json` says it by osinfo-db's classes of devices, with its source.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from ...packaged import packaged_json
from .read import Row, version_of_row


def with_virtio_win(row: Row) -> Row:
    """The OS's row with what virtio-win drives on it among its driver packages; the same row of any other OS.

    >>> with_virtio_win({"family": "winnt", "version": "10.0"})["packages"]["net"]
    'LM'
    """
    known = _virtio_win()
    version = version_of_row(row)
    if row.get("family") != known["family"] or not version:
        return row
    packages: dict[str, str] = dict(row.get("packages", {}))
    for kind, driver in known["classes"].items():
        if version >= tuple(driver["since"]):
            packages[kind] = "".join(sorted({*packages.get(kind, ""), *driver["interfaces"]}))
    return {**row, "packages": packages} if packages else row


@cache
def _virtio_win() -> Mapping[str, Any]:
    data: Mapping[str, Any] = packaged_json(__file__, "virtio_win.json")
    return data
