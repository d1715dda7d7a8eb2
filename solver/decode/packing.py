"""Ports and bridges packed into slots: which of the functions that are free each of them gets."""

from .seats import BusInstance, NoDecode

FreeFunctions = dict[tuple[BusInstance, int], list[int]]
"""By bus and slot, functions that nobody has, rising."""


def attach_at_pinned_functions(pinned: list[BusInstance], free: FreeFunctions) -> None:
    """Each in the first slot that has its function."""
    for one in pinned:
        function = int(one.cls.function or 0)
        place = next(place for place, functions in free.items() if function in functions)
        free[place].remove(function)
        one.attach(*place, function)


def fill_function_zero(loose: list[BusInstance], free: FreeFunctions) -> list[BusInstance]:
    """One controller at function 0 of each slot where nobody is; returns those that are left."""
    without = [place for place, functions in free.items() if 0 in functions]
    for place, one in zip(without, loose, strict=False):
        free[place].remove(0)
        one.attach(*place, 0)
    return loose[len(without) :]


def attach_anywhere(loose: list[BusInstance], free: FreeFunctions) -> None:
    """Slot by slot, function by function. Raises NoDecode where there are not enough."""
    seats = [(place, function) for place, functions in free.items() for function in functions]
    if len(seats) < len(loose):
        raise NoDecode("packed slots are full")
    for one, (place, function) in zip(loose, seats, strict=False):
        one.attach(*place, function)
