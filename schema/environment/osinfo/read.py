"""From osinfo-db's XML to rows: what each operating system drives, with what it inherits resolved.

An OS has the devices of those that it derives from or clones, and its own; `supported="false"` takes one away again.
Files of one OS add up: fragments in folders beside it bring driver packages, which only count for x86_64.
Source: libosinfo's schema (osinfo.rng) and its answers for osinfo-db 20221203, all 790 OSes.
"""

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from ...bounded_input import UnreadableError, read_bytes, reason
from ...bounded_xml import xml_root
from ...errors import Problem, QslotError

Row = dict[str, Any]

Q35: Final = "http://qemu.org/chipset/x86/q35"
PCI: Final = "http://pcisig.com/pci"
VIRTIO: Final[dict[str, dict[str, str]]] = {
    "net": {"L": "1000", "M": "1041"},
    "block": {"L": "1001", "M": "1042"},
    "balloon": {"L": "1002", "M": "1045"},
    "console": {"L": "1003", "M": "1043"},
    "scsi": {"L": "1004", "M": "1048"},
    "rng": {"L": "1005", "M": "1044"},
    "9p": {"L": "1009", "M": "1049"},
    "gpu": {"M": "1050"},
    "input": {"M": "1052"},
    "fs": {"M": "105a"},
}
"""PCI device ids of vendor 1af4 by class: of the 0.9 interface (L), of 1.0 (M)."""
OTHERS: Final = {"xhci": f"{PCI}/1b36/0004", "e1000e": f"{PCI}/8086/10d3"}


class OsinfoError(QslotError, ValueError):
    """A folder that does not hold osinfo-db, or something in it that can't be read."""

    def __init__(self, place: Path, mend: str) -> None:
        super().__init__(f"{place}: {mend}")
        self.problems = (Problem("osinfo_dir", str(place), mend, str(self)),)


def read_osinfo(folder: Path) -> dict[str, Row]:
    """Rows by short id. `folder` is the one that holds `os`, such as /usr/share/osinfo. Raises OsinfoError.

    `virtio` and `packages` say for each class `L` (virtio 0.9), `M` (1.0) or `LM`; in-box, or with driver packages.
    """
    try:
        files = sorted(file for file in (folder / "os").rglob("*.xml") if file.is_file())
    except (OSError, ValueError) as error:  # a name that is too long, or none
        raise OsinfoError(folder, f"can't be read: {reason(error)}") from None
    if not files:
        raise OsinfoError(folder, "no osinfo-db (it has no XML files below `os`); Debian's is /usr/share/osinfo")
    parts: dict[str, list[ElementTree.Element]] = {}
    places: dict[str, Path] = {}
    for file in files:
        for os in _root(file).iter("os"):
            uri = os.get("id", "")
            parts.setdefault(uri, []).append(os)
            places.setdefault(uri, file)
    if not parts:
        raise OsinfoError(folder, "no osinfo-db: its XML files below `os` have no <os> in them")
    resolved = _Resolved(parts, places)
    resolved.check()
    return {str(row["id"]): row for row in map(resolved.row, parts)}


def version_of(folder: Path) -> str:
    """The date of that osinfo-db, `20250619`; raises OsinfoError."""
    try:
        return (folder / "VERSION").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        raise OsinfoError(folder / "VERSION", "can't be read: not the folder of an osinfo-db") from None


def version_of_row(row: Row) -> tuple[int, ...]:
    """As osinfo-db numbers it, of Windows as NT (win98 is 4.1, win2k22 is 10.0); empty where it is no number."""
    text = str(row.get("version", ""))
    return tuple(map(int, text.split("."))) if re.fullmatch(r"\d+(\.\d+)*", text) else ()


def _root(file: Path) -> ElementTree.Element:
    try:
        return xml_root(read_bytes(file))
    except UnreadableError as error:
        raise OsinfoError(file, str(error)) from None


class _Resolved:
    def __init__(self, parts: Mapping[str, list[ElementTree.Element]], files: Mapping[str, Path]) -> None:
        self._parts, self._files = parts, files
        self._devices: dict[str, frozenset[str]] = {}
        self._firmware: dict[str, Mapping[str, bool]] = {}

    def check(self) -> None:
        """Raises OsinfoError for an OS without a name, and for one that derives from itself. All others are resolved,
        those first from which others derive: a long line of them would go too deep."""
        for uri, file in self._files.items():
            for name in ("short-id", "name"):
                if not self._text(uri, name):
                    raise OsinfoError(file, f"the os with id {uri!r} has no <{name}>, as each must have")
        try:
            for uri in TopologicalSorter({uri: [*self._above(uri)] for uri in self._parts}).static_order():
                self.devices(uri)
                self.firmware(uri)
        except CycleError as error:
            around = error.args[1]
            raise OsinfoError(
                self._files[around[0]],
                f"an os must not derive from itself, by way of others or not: {', '.join(around)}",
            ) from None

    def row(self, uri: str) -> Row:
        devices, firmware = self.devices(uri), self.firmware(uri)
        optional = {
            "released": self._text(uri, "release-date"),
            "ended": self._text(uri, "eol-date"),
            "family": self._text(uri, "family"),
            "version": self._text(uri, "version"),
            "x86_64": self._runs_on_x86_64(uri),
            "firmware": dict(firmware) or None,
            "packages": _virtio(self._packaged(uri)) or None,
            **{name: True if device in devices else None for name, device in OTHERS.items()},
        }
        return {
            "id": self._text(uri, "short-id"),
            "uri": uri,
            "name": self._text(uri, "name"),
            "status": self._text(uri, "release-status") or "released",
            "q35": Q35 in devices,
            "i440fx": firmware.get("bios", True),
            "virtio": _virtio(devices),
            **{name: value for name, value in optional.items() if value is not None},
        }

    def devices(self, uri: str) -> frozenset[str]:
        if uri not in self._devices:
            found: set[str] = set()
            for above in self._above(uri):
                found |= self.devices(above)
            for device in self._all(uri, "devices/device"):
                if device.get("supported") == "false":
                    found.discard(device.get("id", ""))
                else:
                    found.add(device.get("id", ""))
            self._devices[uri] = frozenset(found)
        return self._devices[uri]

    def firmware(self, uri: str) -> Mapping[str, bool]:
        """For x86_64, by type: whether the OS boots with it."""
        if uri not in self._firmware:
            found: dict[str, bool] = {}
            for above in self._above(uri):
                found |= self.firmware(above)
            for one in self._all(uri, "firmware"):
                if one.get("arch") == "x86_64":
                    found[one.get("type", "")] = one.get("supported") != "false"
            self._firmware[uri] = found
        return self._firmware[uri]

    def _above(self, uri: str) -> Iterator[str]:
        """Unknown ones say nothing."""
        for relation in ("derives-from", "clones"):
            for one in self._all(uri, relation):
                if (above := one.get("id", "")) in self._parts:
                    yield above

    def _packaged(self, uri: str) -> set[str]:
        drivers = (driver for driver in self._all(uri, "driver") if driver.get("arch") == "x86_64")
        return {device.get("id", "") for driver in drivers for device in driver.iter("device")}

    def _runs_on_x86_64(self, uri: str) -> bool | None:
        """As far as media or resources tell."""
        told = [one.get("arch") for kind in ("media", "tree", "image", "resources") for one in self._all(uri, kind)]
        return ("x86_64" in told or "all" in told) if told else None

    def _text(self, uri: str, name: str) -> str | None:
        """Without a language."""
        return next((one.text for one in self._all(uri, name) if not one.attrib), None)

    def _all(self, uri: str, path: str) -> Iterator[ElementTree.Element]:
        for part in self._parts[uri]:
            yield from part.iterfind(path)


def _virtio(devices: frozenset[str] | set[str]) -> dict[str, str]:
    known = {
        kind: "".join(letter for letter, number in ids.items() if f"{PCI}/1af4/{number}" in devices)
        for kind, ids in VIRTIO.items()
    }
    return {kind: letters for kind, letters in known.items() if letters}
