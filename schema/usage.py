"""How much a layout takes of what can run out."""

from .firmware.budget import io_budget
from .survey import Survey
from .verify.capacities import BUS_NUMBERS


def usage(known: Survey, rule: str) -> tuple[int, int] | None:
    """Used and available: bytes of IO ports, bus numbers, or controllers; None of what has no such numbers."""
    if rule == "io-space":
        budget = io_budget(known.machine, known.guest.firmware.name)
        bars = -(-known.io.root_bars // budget.root_granule) * budget.root_granule
        return known.io.root_level + bars, budget.limit
    if rule == "bus-numbers":
        below = known.topology.numbers_below
        expanders = [bus for bus in known.topology.buses.values() if bus.is_expander]
        own = sum(bus.kind.bus_numbers for bus in expanders if bus.kind is not None)
        return 1 + own + below[known.machine.root] + sum(below[bus.id] for bus in expanders), BUS_NUMBERS
    limit = known.guest.policy.max_controllers
    return (len(known.layout.controllers), limit) if rule == "max-controllers" and limit is not None else None
