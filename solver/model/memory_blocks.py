"""Blocks of memory start at multiples of their size, as BARs do: of each size there are only so many."""

from collections.abc import Sequence

from ...schema.firmware.apertures import Aperture
from ...schema.firmware.need import upsets_alignment
from ...schema.pci.size import MIB
from .variables import Variables


def blocks(aperture: Aperture, unit: int) -> int:
    """Whole ones."""
    return aperture.blocks(unit) if unit > MIB else aperture.size // unit


def begun(aperture: Aperture, unit: int) -> int:
    """How many there are if the last may end beyond the aperture."""
    return aperture._replace(end=-(-aperture.end // unit) * unit).blocks(unit)


def units_of(v: Variables, apertures: Sequence[Aperture | None], window: int) -> list[int]:
    """Sizes of blocks: of all that is needed in one piece, a `window` with room for more included. None where option
    ROMs upset the alignment of others."""
    if v.items.open.upset or upsets_alignment(v.guest.devices):
        return []
    parts = [option.memory for option in v.options]
    parts += [one for bus in v.classes for one in (bus.base_memory, bus.kept_memory)]
    pieces = {piece for part in parts for piece in (*part.low, *part.high)}
    sizes = {1 << piece.size.bit_length() - 1 for piece in pieces} | {piece.align for piece in pieces}
    if v.items.reserving and v.guest.firmware.name == "ovmf":
        spare = sum(len(items) * kind.spare.memory for kind, items in v.items.free.items() if kind.spare is not None)
        sizes |= {MIB << bit for bit in range((spare // MIB).bit_length() + 1)}
    sizes |= {window} if window else set()
    roots = len({bus.level.root for bus in v.classes})
    return sorted(size for size in sizes if size > MIB and any(_is_sharper(size, one, roots) for one in apertures))


def _is_sharper(unit: int, aperture: Aperture | None, roots: int) -> bool:
    """Whether blocks say more than bytes: some room there is in none, though one is no larger than all there is."""
    if aperture is None or unit > aperture.size:
        return False
    return roots > 1 or aperture.blocks(unit) * unit < aperture.size
