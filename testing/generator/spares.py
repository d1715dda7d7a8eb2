"""Spare slots, with _IO, memory and node of what will come."""

from typing import Final

from .draft import Data, Draft

_IO: Final = (64, 4096, 1, "4KiB", 256)
_MEMORY: Final = ("1MiB", 1 << 25, "3MiB", "256MiB", 1 << 30, 4096)


def draw_spare(draft: Draft) -> list[Data]:
    """What the request then asks for."""
    draw = draft.draw
    result = []
    for _ in range(draw.integer(1, 2) if "spare" in draft.themes else int(draw.chance(0.1))):
        kind = draw.choice(("pcie", "pci")) if draft.family == "q35" else "pci"
        entry: Data = {"kind": kind, "count": draw.integer(1, 3 if draft.size.small else 9)}
        if draw.chance(0.45):
            entry["io"] = draw.choice(_IO)
        if draft.themed("memory", 0.5, 0.2):
            entry["memory"] = draw.choice(_MEMORY)
        node = draft.node(0.4)
        if node is not None:
            entry["numa"] = node
        result.append(entry)
    return result
