"""Rules about what runs out: bus numbers, IO ports, and what the policy allows."""

from collections.abc import Iterator

from ..finding import Finding
from ..firmware import Prediction
from ..firmware.budget import PAGE, io_budget
from ..layout.topology import Bus
from ..pci.address import BUS_NUMBERS
from ..pci.qemu_properties import integer
from ..pci.size import align
from .context import Context


def bus_numbers(known: Context) -> Iterator[Finding]:
    """Too many in all; expanders without a number; a complex that reaches into the next one's numbers."""
    starts, used = {known.machine.root: 0}, numbers_used(known)
    for bus in known.topology.buses.values():
        if bus.is_expander and bus.controller is not None:
            start = integer(bus.controller.properties, "bus_nr")
            if start is None or not 0 < start < BUS_NUMBERS:
                yield Finding(
                    rule="bus-numbers", subjects=(bus.id,), details={"bus_nr": "none" if start is None else start}
                )
            else:
                starts[bus.id] = start
    total = sum(used.values())
    if total > BUS_NUMBERS:
        yield Finding(rule="bus-numbers", details={"used": total, "limit": BUS_NUMBERS})
        return
    ordered = sorted(starts.items(), key=lambda pair: pair[1])
    ends = [start for _, start in ordered[1:]] + [BUS_NUMBERS]
    late = [(name, start, end) for (name, start), end in zip(ordered, ends, strict=True) if start + used[name] > end]
    for name, start, end in late:
        yield Finding(rule="bus-numbers", subjects=(name,), details={"first": start, "used": used[name], "limit": end})
    if not late and all(bus_reserve_holds(known, bus) for bus in known.topology.buses.values()):
        yield from _predicted(known.prediction, "bus-numbers")


def numbers_used(known: Context) -> dict[str, int]:
    """Bus numbers of the main complex and of each expander's, by the root bus's id."""
    below = known.topology.numbers_below
    own = {bus.id: bus.kind.bus_numbers for bus in known.topology.buses.values() if bus.is_expander and bus.kind}
    return {root: numbers + below[root] for root, numbers in {known.machine.root: 1, **own}.items()}


def io_used(known: Context) -> int:
    """Bytes of windows and root BARs, these rounded as the firmware rounds them."""
    granule = io_budget(known.machine, known.guest.firmware.name).root_granule
    return known.io.root_level + align(known.io.root_bars, granule)


def io_space(known: Context) -> Iterator[Finding]:
    """One finding where windows and root BARs exceed the firmware's IO space, or do not fit into it."""
    space = known.io
    budget = io_budget(known.machine, known.guest.firmware.name)
    bars = align(space.root_bars, budget.root_granule)
    # the main root loses what alignment costs; ranges of expanders may be in there
    aligned = budget.limit - budget.lost_to(max(PAGE, space.largest_reserve))
    for windows, limit in ((space.root_level, budget.limit), (space.main_root, aligned)):
        if windows + bars > limit:
            yield Finding(rule="io-space", details={"windows": windows, "root_bars": space.root_bars, "limit": limit})
            return
    yield from _predicted(known.prediction, "io-space")


def bus_reserve_holds(known: Context, bus: Bus) -> bool:
    """Whether its controller's bus-reserve, if any, exceeds the bus numbers used below: rule reserves."""
    if bus.controller is None or "bus-reserve" not in bus.controller.properties:
        return True
    return (integer(bus.controller.properties, "bus-reserve") or 0) > known.topology.numbers_below[bus.id]


def _predicted(prediction: Prediction | None, rule: str) -> Iterator[Finding]:
    """What the firmware itself runs into where the sums allow it: alignment, several roots, its own reserves."""
    if prediction is not None and prediction.failure is not None and prediction.failure.rule == rule:
        yield prediction.failure


def memory_space(known: Context) -> Iterator[Finding]:
    """As predicted: alignment of nested windows decides, which no sum says."""
    yield from _predicted(known.memory, "memory-space")


def max_controllers(known: Context) -> Iterator[Finding]:
    """One finding with how many there are."""
    limit, count = known.guest.policy.max_controllers, len(known.layout.controllers)
    if limit is not None and count > limit:
        yield Finding(rule="max-controllers", details={"controllers": count, "limit": limit})


def max_depth(known: Context) -> Iterator[Finding]:
    """One finding with all that are too deep."""
    limit = known.guest.policy.max_depth
    if limit is not None:
        deep = {name: place.bus.depth for name, place in known.places.items() if place.bus.depth > limit}
        if deep:
            yield Finding(rule="max-depth", subjects=tuple(deep), details={"depth": max(deep.values()), "limit": limit})
