"""Requests at the edge of what there is, and what encoder, checker and prediction say of each."""

from typing import NamedTuple

from pydantic import ValidationError

from qslot.schema import Guest, Infeasible, Layout, Solved
from qslot.schema.firmware import predict
from qslot.schema.layout.layout import Platform
from qslot.schema.verify import verify
from qslot.solver import solve
from qslot.testing import restate

from .ask import Data


class Verdicts(NamedTuple):
    """Whether there is a layout of a request, by three readings."""

    encoder: bool
    """It is solved; else it is proved infeasible."""
    checker: bool
    """These seats keep every rule."""
    prediction: bool
    """The firmware has room for all, with these seats."""


def valid(data: Data) -> Guest | None:
    """None where the request is refused before it is planned."""
    try:
        return Guest.model_validate(data)
    except ValidationError:
        return None


def planned_widely(data: Data) -> Layout:
    """The layout of a request that has room."""
    outcome = solve(Guest.model_validate(data))
    assert isinstance(outcome, Solved), outcome
    return outcome.layout


def verdicts(guest: Guest, seats: Layout) -> Verdicts:
    """Of a request that is as narrow as it gets, with the seats of one that has room."""
    outcome = solve(guest)
    assert isinstance(outcome, Solved | Infeasible), outcome
    layout = answering(guest, seats)
    broken = {one.rule for one in verify(guest, layout) if one.severity == "error"}
    assert broken <= {"memory-space", "bus-numbers", "reserves"}, broken
    return Verdicts(isinstance(outcome, Solved), not broken, predict(layout, memory=True).failure is None)


def answering(guest: Guest, seats: Layout) -> Layout:
    """The same seats as that guest's: of its platform, with its controllers' properties and its devices' BARs."""
    stated = {one.id: one.properties for one in guest.controllers}
    bars = {one.id: one.bars for one in guest.devices}
    update = {
        "platform": Platform.of(guest),
        "controllers": tuple(
            one.model_copy(update={"properties": {**one.properties, **stated.get(one.id, {})}})
            for one in seats.controllers
        ),
        "devices": tuple(one.model_copy(update={"bars": bars[one.id]}) for one in seats.devices),
        "input_sha256": guest.sha256,
    }
    return restate(seats.model_copy(update=update))
