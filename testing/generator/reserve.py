"""Reserved slots and functions, so that few seats are left."""

from collections.abc import Sequence

from .draft import Draft


def draw_reserve(draft: Draft) -> list[str]:
    """Leaves few slots of the root bus, and of conventional buses now and then; none of the buses that are full."""
    result = [pin for name in draft.full for pin in _all_but(draft, name, _slots(draft, name), 0)]
    draw = draft.draw
    if "slots" in draft.themes:
        first, last = (1, 30) if draft.family == "q35" else (2, 31)
        keep = draw.integer(0, 3 if draft.size.small else 12)
        result += _all_but(draft, draft.root, range(first, last + 1), keep)
    if draft.themed("slots", 1, 0.1):
        result += _chipset_functions(draft)
    for name in draft.buses():
        scarce = bool({"slots", "bridges"} & draft.themes)
        if name != draft.root and name not in draft.full and draw.chance(0.5 if scarce else 0.05):
            result += _all_but(draft, name, _slots(draft, name), draw.integer(0, 2))
    return result


def _slots(draft: Draft, name: str) -> range:
    bus = draft.buses()[name]
    return range(bus.first_slot, bus.last_slot + 1)


def _chipset_functions(draft: Draft) -> list[str]:
    slot, functions = (0x1F, (1, 4, 5, 6, 7)) if draft.family == "q35" else (0x01, (4, 5, 6, 7))
    pinned = draft.pinned.get((draft.root, slot), set())
    kept = draft.draw.choice((0, 1, 5))
    return [f"{draft.root}:{slot:02x}.{function}" for function in functions[kept:] if function not in pinned]


def _all_but(draft: Draft, bus: str, slots: Sequence[int], keep: int) -> list[str]:
    """Every slot but `keep` of them and the pinned ones; now and then single functions of those left."""
    draw = draft.draw
    free = [slot for slot in slots if not draft.pinned.get((bus, slot))]
    result = [f"{bus}:{slot:02x}" for slot in free[keep:]]
    for slot in free[:keep]:
        if draw.chance(0.3):
            first = draw.choice((1, 1, 2, 3, 5))
            result += [f"{bus}:{slot:02x}.{function}" for function in range(first, 8)]
        elif draw.chance(0.1):
            result.append(f"{bus}:{slot:02x}.{draw.integer(0, 7)}")
    return result
