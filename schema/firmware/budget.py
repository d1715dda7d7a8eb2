"""How much IO space the firmware shares out, measured: SeaBIOS 1.16.2 and 1.16.3, edk2 2022.11 and 2025.02."""

from dataclasses import dataclass
from typing import Final

PAGE: Final = 4096
"""Bytes: granularity of a bridge's IO window (PCI-to-PCI Bridge 1.2, 3.2.5.6)."""


@dataclass(frozen=True, slots=True)
class IoBudget:
    """Windows and root BARs together must not exceed `limit` bytes; root BARs are rounded up to `root_granule`."""

    first: int
    """The first IO port shared out, as far as alignment matters."""
    limit: int
    root_granule: int
    empty_shpc_window: int
    """What a bridge with an SHPC and no IO below opens, in bytes."""

    def lost_to(self, alignment: int) -> int:
        """Bytes that no window gets where one of them is aligned so: a power of two."""
        return min(-self.first % alignment, self.limit)


def io_budget(family: str, firmware: str) -> IoBudget:
    """The budget of `seabios` or `ovmf` on machine family `q35` or `pc`.

    SeaBIOS takes totals strictly below 0xf000 (q35) or 0x9000 (pc, which keeps 0xa000-0xafff for ACPI hot-plug);
    BAR sizes are multiples of four, so the last possible total is four bytes below. OVMF's apertures are
    0x6000-0xffff and 0xc000-0xffff. SeaBIOS panics beyond, OVMF drops devices.
    """
    if firmware == "seabios":
        return IoBudget(0, (0xF000 if family == "q35" else 0x9000) - 4, 1, PAGE)
    return IoBudget(0x6000, 0xA000, PAGE, 0) if family == "q35" else IoBudget(0xC000, 0x4000, PAGE, 0)
