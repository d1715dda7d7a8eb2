"""How much a layout takes of what can run out."""

from ..firmware.budget import io_budget
from ..pci.address import BUS_NUMBERS
from .capacities import io_used, numbers_used
from .context import Context


def usage(known: Context, rule: str) -> tuple[int, int] | None:
    """Used and available: bytes of IO ports, bus numbers, or controllers; None of what has no such numbers."""
    if rule == "io-space":
        return io_used(known), io_budget(known.machine, known.guest.firmware.name).limit
    if rule == "bus-numbers":
        return sum(numbers_used(known).values()), BUS_NUMBERS
    limit = known.guest.policy.max_controllers
    return (len(known.layout.controllers), limit) if rule == "max-controllers" and limit is not None else None
