"""Rule order: whether the things of a complete tree can sit so that the devices of an order have ascending addresses.

A firmware numbers buses depth first, by slot and function; so on each bus its own devices come before all that is
deeper, what is below one bridge comes in one piece, and what is below expanders comes last. A tree stands for all
layouts with its things in another order of slots and functions; what that leaves open is tried here, and what the
arguments do not cover (virtual functions, several expanders, slots that lack functions) is no answer.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise, permutations

from .tree import Bus, Controller, Item, Thing

Run = list[int]
"""Places in the order of all that a thing holds, as the guest comes upon them."""


class Unclear(Exception):  # noqa: N818 - of the oracle's own
    """The arguments do not cover this tree."""


def ascends(root: Bus, order: Sequence[str]) -> bool | None:
    """None where it is not known."""
    try:
        return _run(root, {name: place for place, name in enumerate(order)}) is not None
    except Unclear:
        return None


def _run(bus: Bus, places: dict[str, int]) -> Run | None:
    """None where no order of slots and functions makes it ascend."""
    runs: dict[Thing, Run] = {}
    for things in bus.slots.values():
        for thing in things:
            own = _of_item(thing, places) if isinstance(thing, Item) else []
            below = _run(thing.offers, places) if isinstance(thing, Controller) else own
            if below is None or not _ascending(below):
                return None
            if below:
                runs[thing] = below
    chains = [_chain(runs, which) for which in (_is_endpoint, _is_bridge, _is_expander)]
    if len(chains[2]) > 1:
        raise Unclear
    whole = [place for chain in chains for thing in chain for place in runs[thing]]
    if not _ascending(whole):
        return None
    return whole if _can_sit(bus, chains[0], chains[1]) else None


def _of_item(item: Item, places: dict[str, int]) -> Run:
    """Members of a group by function."""
    names = [one.device.id for one in item.devices]
    if item.own:
        names = [name for _, name in sorted(zip(item.own, names, strict=True))]
    return [places[name] for name in names if name in places]


def _ascending(run: Run) -> bool:
    return all(one < other for one, other in pairwise(run))


def _is_endpoint(thing: Thing) -> bool:
    return isinstance(thing, Item)


def _is_bridge(thing: Thing) -> bool:
    return isinstance(thing, Controller) and not thing.is_expander


def _is_expander(thing: Thing) -> bool:
    return isinstance(thing, Controller) and thing.is_expander


def _chain(runs: dict[Thing, Run], which: object) -> list[Thing]:
    assert callable(which)
    return sorted((thing for thing in runs if which(thing)), key=lambda thing: runs[thing][0])


def _can_sit(bus: Bus, *chains: list[Thing]) -> bool:
    """Whether each chain's things can have ascending slots and functions at once."""
    if sum(map(len, chains)) < 2:
        return True
    sequences = [_slots(chain) for chain in chains]
    if any(len(set(one)) < len(one) for one in sequences):
        return False  # of one slot, with what is elsewhere between: there is a tree with other slots
    virtual = bus.virtual or any(one.closed for things in bus.slots.values() for one in things)
    if {*sequences[0]} & {*sequences[1]} or virtual:
        raise Unclear
    if not all(_functions(bus, slot, chain) for chain, slots in zip(chains, sequences, strict=True) for slot in slots):
        return False
    return _placed(bus, *sequences)


def _slots(chain: list[Thing]) -> list[int]:
    """Of the chain's things, each once as long as they share it."""
    slots = [thing.slot for thing in chain]
    return slots[:1] + [other for one, other in pairwise(slots) if one != other]


def _functions(bus: Bus, slot: int, chain: list[Thing]) -> bool:
    """Whether the chain's things in one slot can have ascending functions."""
    mine, there = [one for one in chain if one.slot == slot], bus.slots[slot]
    if len(mine) < 2:
        return True
    if any(one.functions is not None and one.functions.bit_count() > 1 for one in there):
        raise Unclear
    taken = bus.taken.get(slot, 0)
    loose = [one for one in there if one.functions is None]
    fixed = {one: one.functions.bit_length() - 1 for one in there if one.functions is not None}
    free = [one for one in range(8) if not (taken >> one & 1) and one not in fixed.values()]
    for chosen in permutations(free, len(loose)):
        seats = fixed | dict(zip(loose, chosen, strict=True))
        zero = taken & 1 or 0 in seats.values()
        if zero and all(seats[one] < seats[other] for one, other in pairwise(mine)):
            return True
    return False


def _placed(bus: Bus, first: list[int], second: list[int]) -> bool:
    """Whether the contents of these slots can be put so that each sequence ascends. Contents without a pin change
    places with each other and with empty slots."""
    movable = {slot for slot, things in bus.slots.items() if not bus.taken.get(slot, 0) and not _is_fixed(things)}
    odd = [one for one in bus.slots if one not in movable and one != bus.chipset_slot and not _is_fixed(bus.slots[one])]
    free = {one for one in range(bus.range[0], bus.range[1] + 1) if not bus.taken.get(one, 0) and one not in bus.slots}
    pool = sorted(movable | free - bus.zero_reserved)
    if any(_fits(merged, movable, pool) for merged in _merged(first, second)):
        return True
    if odd:
        raise Unclear
    return False


def _is_fixed(things: list[Thing]) -> bool:
    return any(thing.pinned for thing in things)


def _merged(one: list[int], other: list[int]) -> Iterator[list[int]]:
    if not one or not other:
        yield one + other
        return
    yield from ([one[0], *rest] for rest in _merged(one[1:], other))
    yield from ([other[0], *rest] for rest in _merged(one, other[1:]))


def _fits(slots: list[int], movable: set[int], pool: list[int]) -> bool:
    """Each in turn in the first slot after the one before it."""
    last = -1
    for slot in slots:
        place = next((one for one in pool if one > last), None) if slot in movable else slot
        if place is None or place <= last:
            return False
        last = place
    return True
