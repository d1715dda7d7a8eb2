"""What runs out: the least that any layout would use of it, how much there is, and who uses it."""

from collections.abc import Iterator, Sequence

from ...schema.explanation.conflict import CAPACITY_RULES, ENOUGH_SLOTS
from ...schema.explanation.restrict import Relaxation
from ...schema.finding import Finding
from ...schema.firmware.pieces import Memory, whole
from ...schema.pci.qemu_properties import Scalar
from ...schema.pci.size import MIB
from ...schema.request.guest import Guest
from ..aggregate.bus_classes import SharedBy
from ..aggregate.pins import PinConflict
from ..aggregate.relaxed_items import relaxed_items
from ..formulation import Formulation
from ..model.build import Model, build
from ..model.linear import Capacity
from ..model.memory import BELOW
from .cpsat import CpSatModel, Limits, Status, TimeIsUp


def shortages(guest: Guest, limits: Limits) -> tuple[Finding, ...]:
    """Of an infeasible guest: each limit that alone prevents every layout; else just that not all of it fits."""
    itself = Relaxation(guest, guest)
    found = [
        finding for rule in CAPACITY_RULES if rule != ENOUGH_SLOTS for finding in shortage_of(itself, rule, limits)
    ]
    return tuple(found) or (Finding(rule="complete", details={"devices": len(guest.devices)}),)


def free_slots(relaxation: Relaxation) -> Finding:
    """How many slots are free on each bus that what is not pinned may go to; of buses to be created, on one of each."""
    free: dict[str, Scalar] = {}
    try:
        model = build(relaxation.stated, relaxed_items(relaxation), Formulation())
    except PinConflict:
        return Finding(rule=ENOUGH_SLOTS)
    seats = {option.bus for option in model.variables.options}
    for bus in (bus for bus in model.variables.classes if bus in seats or bus.model is None):
        names = (f"a new {bus.model}",) if bus.created else bus.listed_ids or (relaxation.stated.machine_model.root,)
        room = sum(slot.count for slot in bus.slots if slot.join is SharedBy.EMPTY)
        free.update(dict.fromkeys(names, room))
    return Finding(rule=ENOUGH_SLOTS, details=free)


def shortage_of(relaxation: Relaxation, rule: str, limits: Limits) -> tuple[Finding, ...]:
    """Findings of that rule if all others can be kept without it, with the numbers of a layout that uses least."""
    try:
        guest, items = relaxation.stated, relaxed_items(relaxation)
        model = build(guest, items, Formulation(without=frozenset({rule})), check=limits.check)
        program = CpSatModel(model.variables.linear, limits)
    except (PinConflict, TimeIsUp):
        return ()
    capacities = [capacity for capacity in model.capacities if capacity.rule == rule]
    if model.variables.linear.infeasible or not capacities:
        return ()
    found: list[Finding] = []
    for capacity in capacities:
        if found and capacity.unit > MIB:
            break  # blocks tell no more than bytes do
        result = program.minimize(capacity.used)
        if not result.values:
            return ()
        least = capacity.used.value(result.values) if result.answer is Status.OPTIMAL else result.bound
        if least > capacity.available:
            found.append(_finding(model, capacity, least, result.values))
    # without numbers: not the sum is too large, but its parts do not fit where they may go
    return tuple(found) or (Finding(rule=rule),)


def _finding(model: Model, capacity: Capacity, least: int, values: Sequence[int]) -> Finding:
    part: dict[str, Scalar] = {"memory": capacity.part} if capacity.part else {}
    if capacity.unit > MIB:
        part["block"] = capacity.unit
    return Finding(
        rule=capacity.rule,
        subjects=tuple(_users(model, capacity, values)),
        details={**part, "used": least * capacity.unit, "available": capacity.available * capacity.unit},
    )


def _users(model: Model, capacity: Capacity, values: Sequence[int]) -> Iterator[str]:
    """Devices that use some of it in that layout, and listed controllers that do by themselves, as listed."""
    v = model.variables
    if capacity.rule == "bus-numbers":
        return
    users: set[str] = set()
    waiting = {kind: iter(items) for kind, items in v.items.free.items()}
    for option, count in zip(v.options, v.counts, strict=True):
        seated = [next(waiting[option.kind]) for _ in range(count.value(values))]
        if _uses(capacity, option.io, option.memory):
            users.update(one for item in seated for one in item.ids)
    places = {name: bus.place for bus in v.classes for name in bus.listed_ids or (v.guest.machine_model.root,)}
    for occupant in v.items.pinned:
        place = places.get(occupant.bus)
        fit = None if place is None else occupant.item.kind.fit(place)
        if fit is not None and _uses(capacity, fit.io, fit.memory_shared):
            users.update(occupant.item.ids)
    if capacity.rule == "io-space":
        users.update(name for bus in v.classes if bus.io_reserve_pages or bus.shpc for name in bus.listed_ids)
    for part in v.guest.parts:
        if part.id in users:
            yield part.id


def _uses(capacity: Capacity, io: int, memory: Memory) -> int:
    if capacity.rule == "io-space":
        return io
    if capacity.part.startswith(BELOW):
        return whole(memory.low, capacity.unit) or memory.narrow  # which keeps windows of others there, too
    return whole(memory.high, capacity.unit)
