"""Rows about the pages of all windows together: they follow from those of each class, but not without search."""

from collections.abc import Callable, Iterator

from ...schema.firmware.budget import PAGE
from ..aggregate.bus_classes import BusClass, pages
from .linear import LinearExpr, sum_of
from .variables import Variables


def pages_of_each(v: Variables, own: Callable[[BusClass], LinearExpr]) -> Iterator[LinearExpr]:
    """For each listed controller with an io-reserve and each root bus, a sum that is never negative: `own` pages of all
    that may be inside it, itself included, are no fewer than it reserves, if it is there. Level by level it might be
    inside itself in part, so that its pages count twice. Of several alike all may be inside one."""
    levels: dict[tuple[tuple[str, ...], str], list[BusClass]] = {}
    for bus in v.classes:
        if bus.io_reserve_pages and bus.listed_ids:
            levels.setdefault((bus.listed_ids, bus.level.root), []).append(bus)
    for variants in levels.values():
        inside = set(variants).union(*map(v.below, variants))
        pages = sum_of(own(bus) for bus in v.classes if bus in inside)
        count = sum_of(v.controller_count(bus) for bus in variants)
        yield pages * variants[0].max_count - count * variants[0].io_reserve_pages


def pages_together(v: Variables) -> Iterator[tuple[LinearExpr, list[BusClass]]]:
    """Pages that the IO BARs on some buses fill at least, whichever they are on: what their classes ask for, rounded
    once (a Chvatal-Gomory cut). Each class rounds up for itself, so a linear relaxation never does.

    Of all buses, and of those below the few root buses that a kind with IO is on one of: that is rounded up there,
    whatever else is elsewhere.
    """
    below = [bus for bus in v.classes if bus.model is not None]
    every = {bus.level.root for bus in below}
    roots: dict[object, set[str]] = {None: every}
    for option in v.options if len(every) > 1 else ():
        if option.io:
            roots.setdefault(option.kind, set()).add(option.bus.level.root)
    seats, asked = [*_seats(v), *_units(v)], {bus: _bytes_on(v, bus) for bus in below}
    for some in dict.fromkeys(map(frozenset, roots.values())):
        buses = [bus for bus in below if bus.level.root in some]
        yield _rounded_once(sum_of(asked[bus] for bus in buses), seats), buses


def _rounded_once(amount: LinearExpr, seats: list[tuple[list[LinearExpr], int]]) -> LinearExpr:
    """Pages of so many bytes, where of each kind's seats the number of items takes one."""
    fixed, terms = amount.constant, dict(amount.terms)
    for counts, number in seats:
        shares = [variable for count in counts for variable in count.terms]
        least = min((terms.get(variable, 0) for variable in shares), default=0)
        fixed += least * number
        terms.update((variable, terms[variable] - least) for variable in shares if variable in terms)
    return LinearExpr({variable: io // PAGE for variable, io in terms.items() if io >= PAGE}, pages(fixed))


def _bytes_on(v: Variables, bus: BusClass) -> LinearExpr:
    seated = sum_of(v.counts[i] * v.options[i].io for i in v.options_on(bus) if v.options[i].io)
    return seated.add(v.controller_count(bus), bus.base_io)


def _seats(v: Variables) -> Iterator[tuple[list[LinearExpr], int]]:
    """The ways to seat each kind, of which so many items take one."""
    counts: dict[object, list[LinearExpr]] = {}
    for option, count in zip(v.options, v.counts, strict=True):
        counts.setdefault(option.kind, []).append(count)
    opened = v.items.open
    replaced = {kind for members in opened.instead.values() for kind in members}
    for kind, items in v.items.free.items():
        if kind not in replaced:
            yield counts.get(kind, []), opened.least.get(kind, len(items))


def _units(v: Variables) -> Iterator[tuple[list[LinearExpr], int]]:
    """The levels of each floating controller that is there for certain, with what is pinned inside."""
    levels: dict[int, list[BusClass]] = {}
    for bus in v.classes:
        if bus.is_floating and bus.floating_group is not None:
            levels.setdefault(bus.floating_group, []).append(bus)
    for variants in levels.values():
        if variants[0].is_certain:
            yield [v.controller_count(one) for one in variants], variants[0].max_count
