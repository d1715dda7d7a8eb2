"""Addresses that the request fixes: few slots are drawn, so that neighbours meet."""

from ...schema.pci.controllers import Need
from .draft import Draft


def pin(draft: Draft, needs: Need, *, root_only: bool = False) -> str | None:
    """An address that the schema takes; None where there is none, or no function is left in the slot drawn."""
    draw = draft.draw
    fitting = [name for name, bus in draft.buses().items() if bus.takes_by_pin & needs and name not in draft.full]
    inner = [name for name in fitting if name != draft.root]
    if root_only:
        fitting = [draft.root]
    elif inner and draft.themed("inside", 0.8, 0):
        fitting = inner
    if not fitting:
        return None
    bus = draw.choice(fitting)
    if bus == draft.root and draw.chance(0.06):
        return on_chipset_slot(draft)
    return at(draft, bus, _slot(draft, bus))


def _slot(draft: Draft, bus: str) -> int:
    model = draft.buses()[bus]
    first = max(model.first_slot, 2) if bus == "pci.0" else model.first_slot
    return min(first + draft.draw.integer(0, 2 if draft.size.small else 9), model.last_slot)


def on_chipset_slot(draft: Draft) -> str | None:
    """A function of the slot of the chipset that this leaves free; None where a pin has it."""
    slot, text = (0x1F, "pcie.0:1f") if draft.family == "q35" else (0x01, "pci.0:01")
    function = draft.draw.integer(4, 7)
    used = draft.pinned.setdefault((draft.root, slot), set())
    if function in used:
        return None
    used.add(function)
    return f"{text}.{function}"


def at(draft: Draft, bus: str, slot: int) -> str | None:
    """The slot alone, or with a function: 0 in an empty slot, mostly, else one that no other pin names."""
    draw = draft.draw
    used = draft.pinned.setdefault((bus, slot), set())
    free = [function for function in range(8) if function not in used]
    if not free:
        return None
    if draw.chance(0.25):
        used.add(free[0])
        return f"{bus}:{slot:02x}"
    function = draw.choice(free[: 3 if draw.chance(0.3) else 1])
    used.add(function)
    return f"{bus}:{slot:02x}.{function}"
