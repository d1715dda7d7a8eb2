"""How many devices move at least, and who may stay: the counting model in which seats of before need not be kept.

The request is a relaxation (see explanation/restrict.py): whoever was somewhere sits there or anywhere else, and a seat
that is given up is open to all. A previous seat is a kind of seat of its own (`SeatUse.HOME`). Whoever sits in one that
was of its kind counts as having stayed, which is no more than in any layout: two of a kind may as well change places.
Members of a group that is where it was count all, though some may have another function there. So the number that moves
here is a lower bound.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ...schema.explanation.restrict import Relaxation
from ...schema.pci.address import Address, Pin
from ...schema.previous import Standing
from ...schema.request.device import Device
from ...schema.request.guest import Guest
from ..aggregate.items import Home
from ..aggregate.pins import PinConflict
from ..aggregate.relaxed_items import relaxed_items
from ..formulation import Formulation
from ..model.build import Model, build
from ..model.linear import LinearExpr
from ..model.seat_options import SeatUse
from ..search.cpsat import CpSatModel, Limits, Status, TimeIsUp
from ..search.formulations import proves_infeasible


class Guess(NamedTuple):
    """Who may stay in a layout, as far as counting tells, and how many have to move at least: that is proved."""

    stay: frozenset[str] = frozenset()
    least: int = 0
    infeasible: bool = False
    """Whether there is no layout even if all of them move."""


def least_moved(standing: Standing, limits: Limits) -> Guess:
    """Of the devices that may stay by themselves. Where a limit is hit, or the model leaves layouts out, nothing is
    proved; nor with the policy `prune`, as who moves may take his controllers away."""
    seats = countable(standing)
    relaxation = Relaxation(whole=_with_seats(standing, seats), stated=standing.guest)
    try:
        model = build(relaxation.stated, relaxed_items(relaxation), Formulation(), check=limits.check)
        counted = {name for home in _homes(model) for name in home.ids}
        moved = _moved(model, len(seats.keys() & counted))
        proof = proves_infeasible(model) and not standing.asked.policy.prune
        if model.variables.linear.infeasible:
            return Guess(infeasible=proof)
        result = CpSatModel(model.variables.linear, limits).minimize(moved)
    except TimeIsUp:
        return Guess()
    except PinConflict:
        return Guess(infeasible=not standing.asked.policy.prune)
    if result.answer is Status.INFEASIBLE:
        return Guess(infeasible=proof)
    if not result.values:
        return Guess(least=result.bound if proof else 0)
    stay = {*_staying(model, result.values), *(seats.keys() - counted)}
    return Guess(frozenset(stay), result.bound if proof else 0)


def countable(standing: Standing) -> dict[str, Address]:
    """Seats that the model may count: a group has one slot, so of one whose members come from several nobody knows
    which are given up. They count as staying, wherever they are."""
    slots: dict[str, set[tuple[str, int]]] = {}
    groups = {one.id: one.group for one in standing.guest.devices if one.group is not None}
    for name, seat in standing.seats.items():
        if name in groups:
            slots.setdefault(groups[name], set()).add((seat.bus, seat.slot))
    return {name: seat for name, seat in standing.seats.items() if len(slots.get(groups.get(name, ""), ())) <= 1}


def _with_seats(standing: Standing, seats: Mapping[str, Address]) -> Guest:
    """The request with all seats as pins; members of groups may have any function of their slot."""

    def pinned(device: Device) -> Device:
        seat = seats.get(device.id)
        if seat is None:
            return device
        function = seat.function if device.group is None else None
        return device.model_copy(update={"address": Pin(seat.bus, seat.slot, function)})

    return standing.guest.model_copy(update={"devices": tuple(map(pinned, standing.guest.devices))})


def _homes(model: Model) -> list[Home]:
    """Of devices; whom the request itself pins has none, and nobody counts."""
    return [home for home in model.variables.items.open.homes if home.kind is not None]


def _moved(model: Model, number: int) -> LinearExpr:
    """How many of so many do not stay: a variable of its own, so that no bound of it is below 0."""
    v = model.variables
    v.linear.begin("moved: devices that are not where they were")
    moved = v.linear.variable(0, number, "moved")
    stayed = LinearExpr()
    for option, count in zip(v.options, v.counts, strict=True):
        if option.use is SeatUse.HOME:
            stayed.add(count, option.kind.size)
    v.linear.add_le(stayed * -1 + number, moved)
    return moved


def _staying(model: Model, values: Sequence[int]) -> Iterator[str]:
    v = model.variables
    homes = _homes(model)
    for option, count in zip(v.options, v.counts, strict=True):
        if option.use is SeatUse.HOME and count.value(values):
            buses = option.bus.listed_ids or (v.guest.machine_model.root,)
            mine = (
                home
                for home in homes
                if home.kind is option.kind and home.slot in option.slot.numbers and home.bus in buses
            )
            home = next(mine, None)
            if home is not None:
                homes.remove(home)
                yield from home.ids
