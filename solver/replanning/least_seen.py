"""How many devices the guest sees otherwise at least, where it is known who moves.

Previous controllers stay, and firmware numbers buses in the order of slots, depth first: with what is new between them,
numbers of previous buses grow or stay, and once one has grown so have all after it. A device that moves keeps its
address only where its new bus has the number of the old one, which is there still, and so has another number. So from
some number on all previous buses have other numbers: who moved from a bus before it is seen otherwise, and who stayed
on one from there on.
"""

from collections.abc import Collection

from ...schema.previous import Standing


def least_seen(standing: Standing, movers: Collection[str]) -> int:
    """Devices that any layout shows at another address in which, of those that might stay, just these `movers` do not.

    Where numbers may fall, too, only who leaves the root bus is known to be seen otherwise.
    """
    gone = {*movers, *standing.elsewhere}
    if not gone:  # all numbers may be as they were
        return 0
    before = standing.before
    may_fall = _may_fall(standing)
    topology = before.topology
    numbers: dict[str, dict[str, int]] = {}
    for name, (address, _) in (before.seen or {}).items():
        bus = topology.buses.get(before.devices[name].bus)
        if bus is not None and address is not None and (name in standing.seats or name in gone):
            root = "" if bus.expander is None else bus.expander.id
            numbers.setdefault(root, {})[name] = 0 if bus.is_root else int(address.partition(":")[0], 16)
    return sum(_least(one, gone, may_fall=may_fall) for one in numbers.values())


def _may_fall(standing: Standing) -> bool:
    """Whether controllers may go, or reserve fewer numbers than before, or another firmware numbers otherwise."""
    before, guest = standing.before.layout, standing.guest
    stated = any({"bus-reserve", "bus_nr"} & one.properties.keys() for one in guest.controllers)
    return guest.policy.prune or stated or guest.firmware != before.firmware or guest.machine != before.machine


def _least(numbers: dict[str, int], movers: Collection[str], *, may_fall: bool) -> int:
    """Of one root bus and all below, by the bus number of each device."""
    if may_fall:
        return sum(1 for name, number in numbers.items() if not number and name in movers)
    last = max(numbers.values())
    return min(
        sum(1 for name, number in numbers.items() if (number < first) == (name in movers))
        for first in range(1, last + 2)
    )
