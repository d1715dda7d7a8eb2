"""Which machines and virtio devices a guest operating system drives, as osinfo-db knows it.

`table.json` is made from osinfo-db by `generate.py`; another, newer osinfo-db can be read in its place. Nothing is read
before it is asked for.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal

from ...base import Frozen
from ...errors import QslotError
from ...pci.controllers import VirtioMode
from .read import OsinfoError as OsinfoError
from .read import Row, read_osinfo

Drivers = Literal["inbox", "packages"]

DRIVER_CLASS: Final[dict[str, str]] = {
    "virtio-net": "net", "virtio-blk": "block", "vhost-user-blk": "block", "virtio-balloon": "balloon",
    "virtio-serial": "console", "virtio-scsi": "scsi", "vhost-scsi": "scsi", "vhost-user-scsi": "scsi",
    "virtio-rng": "rng", "vhost-user-rng": "rng", "virtio-9p": "9p", "vhost-user-fs": "fs",
    "virtio-gpu": "gpu", "virtio-gpu-gl": "gpu", "virtio-vga": "gpu", "virtio-vga-gl": "gpu", "vhost-user-gpu": "gpu",
    "vhost-user-vga": "gpu", "virtio-keyboard": "input", "virtio-mouse": "input", "virtio-tablet": "input",
    "virtio-input-host": "input", "vhost-user-input": "input",
}  # fmt: skip
"""osinfo-db's classes of virtio devices by catalogue model. It says nothing of others (vsock, crypto, mem ...)."""

MODES_OF_DRIVER: Final = {
    "L": frozenset({VirtioMode.LEGACY, VirtioMode.TRANSITIONAL}),
    "M": frozenset({VirtioMode.MODERN}),
}
"""Modes in which a device has the PCI id that a driver for virtio 0.9 (L), for 1.0 (M), binds to."""


class UnknownOs(QslotError, KeyError):  # noqa: N818 - it says what is the case, as LookupError does not
    """osinfo-db has no such short id. `nearest` are names that may have been meant."""

    def __init__(self, name: str, nearest: tuple[str, ...]) -> None:
        super().__init__(name)
        self.name, self.nearest = name, nearest

    def __str__(self) -> str:
        hint = f"; nearest: {', '.join(self.nearest)}" if self.nearest else ""
        return f"{self.name!r} is no short id of osinfo-db{hint}"


class GuestOs(Frozen):
    """One operating system, as osinfo-db describes it."""

    id: str
    """osinfo-db's short id (rhel6.10)."""
    name: str
    """Its full name (Red Hat Enterprise Linux 6.10)."""
    status: str
    """osinfo-db's release status: released, prerelease, snapshot or rolling."""
    q35: bool
    """Whether it supports machine q35."""
    i440fx: bool
    """Whether it supports machine pc: False only where it needs UEFI, which is not used with i440fx; osinfo-db has no
    other word on it."""
    virtio: dict[str, str]
    """Virtio interfaces that it drives by itself: letters of MODES_OF_DRIVER by class. A class that is missing has no
    driver."""
    packages: dict[str, str] = {}
    """The same of its driver packages for x86_64."""
    firmware: dict[str, bool] = {}
    """Whether it boots with `bios` and `efi` on x86_64, where that is said."""
    family: str | None = None
    """osinfo-db's family (linux, winnt ...); None where it says none."""
    released: str | None = None
    """Date of its release, as osinfo-db writes it; None where it is not known."""
    ended: str | None = None
    """Date of its end of life, as osinfo-db writes it; None where it is not known."""
    x86_64: bool | None = None
    """Whether there is an x86_64 variant; None where osinfo-db lists neither media nor resources."""
    xhci: bool = False
    """Whether it drives QEMU's xHCI controller (qemu-xhci)."""
    e1000e: bool = False
    """Whether it drives the e1000e network card."""

    def modes(self, model: str, drivers: Drivers = "inbox") -> frozenset[VirtioMode] | None:
        """The virtio modes in which it drives such a device; None where osinfo-db says nothing of the model.

        >>> sorted(find_os("rhel6.10").modes("virtio-net"))
        [<VirtioMode.LEGACY: 'legacy'>, <VirtioMode.TRANSITIONAL: 'transitional'>]
        """
        if model not in DRIVER_CLASS:
            return None
        letters = self.virtio.get(DRIVER_CLASS[model], "")
        if drivers == "packages":
            letters += self.packages.get(DRIVER_CLASS[model], "")
        return frozenset().union(*(MODES_OF_DRIVER[letter] for letter in letters))


def find_os(name: str, folder: Path | None = None) -> GuestOs:
    """The OS of that short id, of the osinfo-db in `folder` if there is one; raises UnknownOs, OsinfoError."""
    rows = table() if folder is None else read_osinfo(folder)
    if name not in rows:
        raise UnknownOs(name, _nearest(name, rows))
    return GuestOs.model_validate(rows[name])


@cache
def table() -> Mapping[str, Row]:
    """All rows by short id, as in osinfo-db `20221203`."""
    rows: list[Row] = json.loads((files(__package__) / "table.json").read_text(encoding="utf-8"))["oses"]
    return {str(row["id"]): row for row in rows}


def _nearest(name: str, rows: Mapping[str, Row]) -> tuple[str, ...]:
    """By short id, else by name."""
    from difflib import get_close_matches

    ids = get_close_matches(name.lower(), list(rows), n=3)
    names = {str(row["name"]).lower(): key for key, row in rows.items()}
    return tuple(ids) or tuple(names[match] for match in get_close_matches(name.lower(), list(names), n=3, cutoff=0.5))
