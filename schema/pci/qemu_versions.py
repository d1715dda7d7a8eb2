"""Which QEMU runs a guest, and with which firmware.

A machine type says only that its QEMU is at least that new: `pc-q35-7.2` starts on QEMU 10.0 and 11.1, too, with the
firmware of these, which gives devices other addresses. MEASURED is what was booted; where nothing says which QEMU
runs a guest, it is the newest of these that has the machine type.
"""

from functools import lru_cache
from typing import Final, NamedTuple

from .machine_types import OLDEST_MEASURED, Family
from .machine_types import Version as TypeVersion

Version = tuple[int, ...]

QEMU_VERSION: Final = r"\d{1,2}\.\d{1,2}(\.\d{1,2})?"
"""How QEMU's releases are numbered."""


@lru_cache(256)
def version_number(text: str) -> Version:
    """A version as integers, which compare.

    >>> version_number("10.0.13")
    (10, 0, 13)
    """
    return tuple(map(int, text.split(".")))


def version_text(version: Version) -> str:
    """The same as it is written."""
    return ".".join(map(str, version))


class MeasuredQemu(NamedTuple):
    """A QEMU, and the firmware that came with it, by which layouts were booted."""

    version: Version
    seabios: str
    """Version of its SeaBIOS."""
    ovmf: str
    """Version of the edk2 that its OVMF was built of."""

    def firmware(self, name: str) -> str:
        """The version of its `seabios` or `ovmf`."""
        return self.seabios if name == "seabios" else self.ovmf


MEASURED: Final = (
    MeasuredQemu((7, 2), seabios="1.16.2", ovmf="2022.11"),
    MeasuredQemu((10, 0), seabios="1.16.3", ovmf="2025.02"),
    MeasuredQemu((11, 1), seabios="1.17.0", ovmf="2026.08"),
)
"""The oldest first: Debian 12 (bookworm), Debian 13 (trixie), Debian sid of November 2026."""


def has_type(qemu: Version, family: Family, version: TypeVersion | None) -> bool:
    """Whether upstream's QEMU has that machine type; a bare family, of no version, each has."""
    return version is None or oldest_type(qemu, family) <= version <= qemu[:2]


def oldest_type(qemu: Version, family: Family) -> TypeVersion:
    """The oldest machine type that a QEMU of that version has, as far as any was looked at.

    Measured: 7.2 has i440fx from 1.4 and q35 from 2.4 on, 10.0 both from 2.4 on, 11.1 both from 5.2 on. From 10.1 on
    QEMU N.m drops what is not newer than (N-6).m (MACHINE_VER_DELETION_MAJOR in its include/hw/boards.h).
    """
    oldest = OLDEST_MEASURED[family]
    if qemu >= (10, 1):
        return max(oldest, (qemu[0] - 6, qemu[1] + 1))
    return max(oldest, (2, 4)) if qemu >= (9, 1) else oldest


def is_range_known(qemu: Version) -> bool:
    """Whether `oldest_type` is all that there is of a QEMU of that version: older ones have older machine types."""
    return qemu >= MEASURED[0].version


@lru_cache(256)
def assumed_qemu(family: Family, version: TypeVersion | None, firmware: tuple[str, Version] | None = None) -> Version:
    """The QEMU that runs a guest where nothing says it: the newest measured that has the machine type, or where none
    does the one that brought it.

    Where the firmware's name and version are stated, it is the newest of these that has no newer firmware than that;
    where all have, the oldest.
    """
    having = wanted = [one for one in MEASURED if has_type(one.version, family, version)]
    if firmware is not None:
        name, number = firmware
        wanted = [one for one in having if version_number(one.firmware(name)) <= number]
    if wanted or having:
        return (wanted[-1] if wanted else having[0]).version
    assert version is not None
    return version


def default_firmware(name: str, qemu: Version) -> str:
    """The version of a QEMU's `seabios` or `ovmf`: that of the measured one that it is taken for."""
    return measured_as(qemu).firmware(name)


def measured_as(qemu: Version) -> MeasuredQemu:
    """What a QEMU of that version is taken for: the newest measured that is not newer, else the oldest."""
    return next((one for one in reversed(MEASURED) if one.version <= qemu), MEASURED[0])


def is_measured(qemu: Version) -> bool:
    """Whether that version was booted; patch releases do not change what a guest sees."""
    return any(one.version == qemu[:2] for one in MEASURED)


def is_firmware_measured(name: str, version: Version) -> bool:
    """Whether that `seabios` or `ovmf` was booted; SeaBIOS's 1.17 is its 1.17.0."""
    booted = {version_number(one.firmware(name)) for one in MEASURED}
    return version in booted or (*version, 0) in booted
