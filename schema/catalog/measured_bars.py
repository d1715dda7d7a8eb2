"""BARs and option ROM of a model of the catalogue, as the firmware sizes them."""

from functools import lru_cache

from ..pci.bars import Bars, sized
from ..pci.controllers import VirtioMode
from ..pci.qemu_properties import Scalar
from . import find


@lru_cache(maxsize=4096)
def measured_bars(
    model: str, mode: VirtioMode | None, properties: frozenset[tuple[str, Scalar]], version: tuple[int, int] | None
) -> tuple[Bars, int]:
    """By rising number, and bytes of the ROM; `version` is the machine type's. Raises UnknownModel.

    Remembered: guests have many devices of few models.
    """
    entry, given = find(model), dict(properties)
    return sized(entry.bars(mode, given, version)), entry.rom_bytes(given, version)
