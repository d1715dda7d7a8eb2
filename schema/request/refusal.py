"""A contradiction in a request: where, and what would be right."""

from collections.abc import Iterator
from functools import reduce
from typing import NamedTuple

from .device import Controller, Device, Part
from .fields import GuestFields


class Where(NamedTuple):
    """The part of a request that is at fault: pydantic's location, and what stands there."""

    loc: tuple[str | int, ...]
    value: object

    def __truediv__(self, field: str) -> "Where":
        """A field of it."""
        inside = self.value
        value = inside.get(field) if isinstance(inside, dict) else getattr(inside, field, None)
        return Where((*self.loc, field), value)


class Refused(Exception):  # noqa: N818 - becomes one line of pydantic's ValidationError
    """A contradiction, and what would be right."""

    def __init__(self, where: Where, mend: str) -> None:
        super().__init__(mend)
        self.where, self.mend = where, mend


def controllers(guest: GuestFields) -> Iterator[tuple[Where, Controller]]:
    """All that are listed, each with its place in the request."""
    for index, one in enumerate(guest.controllers):
        yield Where(("controllers", index), one), one


def devices(guest: GuestFields) -> Iterator[tuple[Where, Device]]:
    """The same of devices."""
    for index, one in enumerate(guest.devices):
        yield Where(("devices", index), one), one


def places(guest: GuestFields) -> Iterator[tuple[Where, Part]]:
    """Controllers, then devices."""
    yield from controllers(guest)
    yield from devices(guest)


def field_of(guest: GuestFields, *path: str) -> Where:
    """A field of the whole request."""
    return reduce(Where.__truediv__, path, Where((), guest))


def device_named(guest: GuestFields, name: str) -> Where:
    """The device of that id."""
    return next(where for where, device in devices(guest) if device.id == name)
