"""BARs and option ROM of a model of the catalogue, as the firmware sizes them."""

from functools import lru_cache

from ..pci.bars import Bars, sized
from ..pci.controllers import VirtioMode
from ..pci.machine_types import Version
from ..pci.qemu_properties import Scalar
from ..pci.qemu_versions import Version as QemuVersion
from . import find


@lru_cache(maxsize=4096)
def measured_bars(
    model: str,
    mode: VirtioMode | None,
    properties: frozenset[tuple[str, Scalar]],
    version: Version | None,
    qemu: QemuVersion | None = None,
) -> tuple[Bars, int]:
    """By rising number, and bytes of the ROM; `version` is the machine type's, `qemu` that of what runs it. Raises
    UnknownModel.

    Remembered: guests have many devices of few models.
    """
    entry, given = find(model), dict(properties)
    return sized(entry.bars(mode, given, version, qemu)), entry.rom_bytes(given, version, qemu)
