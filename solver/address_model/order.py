"""Rule order: what it takes of where things hang. Which slot is whose inside a bus is for the finished layout.

Firmware numbers buses depth first. So whoever is on a bus comes before all that is deeper below it, the devices below
one bridge have their numbers in one piece, and expanders come behind all else. These are needed, whatever the slots
are: an answer of the model may be out of order, but none that is in order is left out.
"""

from itertools import combinations

from .things import Bridge, Contradiction, SeatedItem
from .variables import Expression, Seats

Insides = dict[str, dict[str, Expression]]
"""Whether an item is below a bridge, by the bridge's key, then the item's."""


def order(seats: Seats) -> None:
    """Raises Contradiction where pins alone are out of order."""
    owner = {name: item for item in seats.things.items for name in item.ids}
    items = [owner[name] for name in seats.guest.order]
    insides = _insides(seats, {item.key: item for item in items})
    for (place, first), (other, second) in combinations(enumerate(items), 2):
        if first is second:
            _functions(first, *(seats.guest.order[one] for one in (place, other)))
        else:
            _pair(seats, insides, first, second)
    for first, middle, last in combinations(items, 3):
        if len({first.key, middle.key, last.key}) == 3:
            for inside in insides.values():
                seats.model.add(inside[first.key] + inside[last.key] - 1 <= inside[middle.key])


def _insides(seats: Seats, items: dict[str, SeatedItem]) -> Insides:
    found: Insides = {}
    root = seats.guest.machine_model.root
    for top in seats.bridges:
        within: dict[str, Expression] = {root: 0, top: 1}
        for key in seats.bridges:
            if key != top:
                within[key] = seats.model.new_bool_var(f"{key} in {top}")
        for key in seats.bridges:
            if key != top:
                seats.inherits(key, within[key], within.__getitem__)
        found[top] = {key: seats.model.new_bool_var(f"{key} in {top}") for key in items}
        for key, inside in found[top].items():
            seats.inherits(key, inside, within.__getitem__)
    return found


def _pair(seats: Seats, insides: Insides, first: SeatedItem, second: SeatedItem) -> None:
    """The second is on no bus that the first is deeper below, nor behind an earlier pin than the first."""
    on_first, on_second = seats.on[first.key], seats.on[second.key]
    root = seats.guest.machine_model.root
    seats.implies(on_second.get(root, 0), on_first.get(root, 0))
    for bus, inside in insides.items():
        seats.model.add(on_second.get(bus, 0) + inside[first.key] - on_first.get(bus, 0) <= 1)
    roots = [one.key for one in seats.roots]
    if roots:
        seats.implies(sum(insides[one][first.key] for one in roots), sum(insides[one][second.key] for one in roots))
    if first.slot is not None and second.slot is not None and _is_later(first, second):
        raise Contradiction(f"{first.key} is pinned behind {second.key}")
    pinned = [one for one in seats.bridges.values() if one.slot is not None and not one.is_expander]
    for one, other in ((one, other) for one in pinned for other in pinned if _is_later(one, other)):
        seats.model.add(insides[one.key][first.key] + insides[other.key][second.key] <= 1)


def _is_later(one: SeatedItem | Bridge, other: SeatedItem | Bridge) -> bool:
    """Whether both are pinned on one bus, and that one in a later slot, or function of the same."""
    if one.slot is None or other.slot is None or one.slot[0] != other.slot[0]:
        return False
    return (one.slot[1], min(one.functions or (0,))) > (other.slot[1], min(other.functions or (0,)))


def _functions(item: SeatedItem, first: str, second: str) -> None:
    """Of two members of a group, whose functions are known."""
    places = dict(zip(item.ids, item.functions or (), strict=True))
    if places[first] > places[second]:
        raise Contradiction(f"{first} has a later function than {second}")
