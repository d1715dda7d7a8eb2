"""What older machine types set otherwise: properties that move BARs, and option ROMs; and which QEMU answers.

A machine type keeps the defaults that devices had in its time, whatever QEMU runs it. That is what its compatibility
properties are, and no more: a device that sets the property itself has its own value. Measured on every machine type
of QEMU 7.2 (pc-i440fx from 1.4, pc-q35 from 2.4 on), 10.0 and 11.1: tests/real/test_device_versions.py.
"""

from collections.abc import Mapping
from typing import Final

from ..pci.machine_types import Version
from ..pci.qemu_properties import Scalar
from ..pci.qemu_versions import MEASURED
from ..pci.qemu_versions import Version as QemuVersion
from ..records import record
from .virtual_functions import PHYSICAL

FIRST: Final[Version] = (0, 0)


@record(frozen=True)
class Default:
    """On machine types from version `since` to below `until` the property is `value` where the device sets none."""

    property: str
    value: Scalar
    until: Version
    since: Version = FIRST


VIRTIO_DEFAULTS: Final = (Default("page-per-vq", True, until=(2, 8)),)
DEFAULTS: Final[Mapping[str, tuple[Default, ...]]] = {
    "nvme": (Default("msix-exclusive-bar", True, until=(6, 0)),),
    "virtio-balloon": (
        Default("vectors", 0, until=(10, 0)),
        Default("page-poison", False, until=(5, 1)),
        Default("qemu-4-0-config-size", True, since=(4, 0), until=(4, 1)),
    ),
    "virtio-blk": (Default("discard", False, until=(4, 0)), Default("write-zeroes", False, until=(4, 0))),
    "virtio-mem": (Default("vectors", 0, until=(10, 0)),),
    "virtio-rng": (Default("vectors", 0, until=(7, 2)),),
    "virtio-serial": (Default("emergency-write", False, until=(2, 8)),),
}
"""By model."""

OLDER_ROMS: Final[Mapping[str, tuple[Version, int]]] = {
    "vmxnet3": ((2, 7), 0),
    **dict.fromkeys(("e1000", "ne2k_pci", "pcnet", "rtl8139", "virtio-net"), ((1, 5), 128 << 10)),
}
"""Bytes of the option ROM on machine types before a version: none, or one for BIOS alone."""

NEWER_PROPERTIES: Final[Mapping[str, Mapping[str, QemuVersion]]] = {
    "amd-iommu": {"dma-remap": (11,), "pci-id": (11,)},
    "virtio-net": {PHYSICAL: (10, 1)},
}
"""Properties that decide what is planned, by model, and the first QEMU that has them. 10.0 has no `sriov-pf`, 11.1 does
(measured: tests/real/test_sriov.py)."""


def assumed(version: Version | None, qemu: QemuVersion | None) -> tuple[Version, QemuVersion]:
    """Machine version and QEMU version where either may be unnamed (None): a QEMU is at least as new as the machine
    type that it runs, and a bare machine name is the QEMU's own version.

    >>> assumed(None, (10, 0, 13)), assumed((11, 1), None)
    (((10, 0), (10, 0, 13)), ((11, 1), (11, 1)))
    """
    runs = qemu or max(version or FIRST, MEASURED[-1].version)
    return version or (runs[0], runs[1]), runs


def machine_defaults(model: str, version: Version, *, virtio: bool) -> dict[str, Scalar]:
    """What a machine type of that version sets of a model's properties."""
    rows = (*DEFAULTS.get(model, ()), *(VIRTIO_DEFAULTS if virtio else ()))
    return {row.property: row.value for row in rows if row.since <= version < row.until}


def boundaries(model: str, *, virtio: bool) -> tuple[Version, ...]:
    """Machine versions at which a default of the model changes, newest first."""
    rows = (*DEFAULTS.get(model, ()), *(VIRTIO_DEFAULTS if virtio else ()))
    return tuple(sorted({version for row in rows for version in (row.since, row.until)} - {FIRST}, reverse=True))


def rom_of(model: str, rom: int, version: Version) -> int:
    """Bytes of the option ROM that the model has by default on a machine of that version; `rom` is today's."""
    until, then = OLDER_ROMS.get(model, (FIRST, rom))
    return then if version < until else rom
