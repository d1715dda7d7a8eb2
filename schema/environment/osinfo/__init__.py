"""Which machines and virtio devices a guest operating system drives, as osinfo-db knows it.

`table.json` is made from osinfo-db by `generate.py`; an installed osinfo-db that is newer is read in its place, or
another that is asked for. Nothing is read before it is asked for.
"""

from pathlib import Path
from typing import Final, Literal

from ...base import Frozen
from ...errors import Problem, QslotError, expect
from ...pci.controllers import VirtioMode
from .databases import database_in, newest_database
from .databases import own_source as own_source
from .databases import table as table
from .nearest import nearest_of
from .read import OsinfoError as OsinfoError
from .virtio_win import with_virtio_win

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
    """osinfo-db has no such OS. `nearest` are names that may have been meant."""

    def __init__(self, name: str, nearest: tuple[str, ...]) -> None:
        super().__init__(name)
        self.name, self.nearest = name, nearest
        hint = f"; nearest: {', '.join(nearest)}" if nearest else ""
        mend = f"{name!r} is no short id of osinfo-db{hint}"
        self.problems = (Problem("os", name, mend, mend),)

    def __str__(self) -> str:  # KeyError's own is the bare repr
        return self.mend


class GuestOs(Frozen):
    """One operating system, as osinfo-db describes it."""

    id: str
    """osinfo-db's short id (rhel6.10)."""
    uri: str = ""
    """Its id in osinfo-db, which libvirt's metadata has (http://redhat.com/rhel/6.10)."""
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
    """The same of its driver packages for x86_64: those that osinfo-db lists, and virtio-win."""
    firmware: dict[str, bool] = {}
    """Whether it boots with `bios` and `efi` on x86_64, where that is said."""
    family: str | None = None
    """osinfo-db's family (linux, winnt ...); None where it says none."""
    version: str | None = None
    """Its version as osinfo-db writes it, of Windows that of NT; None where it says none."""
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
    source: str = ""
    """The osinfo-db that says all this, by its date, and where it lies but for the table that comes with qslot."""

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

    @property
    def modes_of_all(self) -> frozenset[VirtioMode]:
        """The virtio modes in which each of its own drivers takes its devices; all modes where there is none such.

        >>> sorted(find_os("rhel6.10").modes_of_all)
        [<VirtioMode.LEGACY: 'legacy'>, <VirtioMode.TRANSITIONAL: 'transitional'>]
        """
        every = frozenset(VirtioMode)
        each = [frozenset().union(*(MODES_OF_DRIVER[one] for one in letters)) for letters in self.virtio.values()]
        return every.intersection(*each) or every


def find_os(name: str, folder: Path | None = None) -> GuestOs:
    """The OS of that short id, or of that id in libvirt's metadata, in the osinfo-db in `folder` if there is one.

    Without a folder it is looked up in the newest: the table here, or an installed osinfo-db. Raises UnknownOs,
    OsinfoError; ArgumentError for arguments of another type.
    """
    expect("name", name, str, "a short id as text, as in 'rhel6.10'")
    database = (
        newest_database() if folder is None else database_in(Path(expect("folder", folder, (str, Path), "a path")))
    )
    row = database.rows.get(name) or next((one for one in database.rows.values() if one["uri"] == name), None)
    if row is None:
        raise UnknownOs(name, nearest_of(name, database.rows))
    return GuestOs.model_validate({**with_virtio_win(row), "source": database.words})
