"""A contradiction in a request: where, and what would be right."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from .device import Controller, Device, Part
from .fields import GuestFields


class Where(NamedTuple):
    """The part of a request that is at fault: pydantic's location, its name in words, and what stands there."""

    loc: tuple[str | int, ...]
    name: str
    value: object

    def __truediv__(self, field: str) -> "Where":
        """A field of it."""
        inside = self.value
        value = inside.get(field) if isinstance(inside, Mapping) else getattr(inside, field, None)
        return Where((*self.loc, field), f"{self.name}.{field}", value)


class Refused(Exception):  # noqa: N818 - becomes one line of pydantic's ValidationError
    """A contradiction, and what would be right."""

    def __init__(self, where: Where, mend: str) -> None:
        super().__init__(f"{where.name}: {mend}")
        self.where, self.mend = where, mend


def controllers(guest: GuestFields) -> Iterator[tuple[Where, Controller]]:
    """All that are listed, each with its place in the request."""
    for index, one in enumerate(guest.controllers):
        yield Where(("controllers", index), f"controllers.{one.id}", one), one


def devices(guest: GuestFields) -> Iterator[tuple[Where, Device]]:
    """The same of devices."""
    for index, one in enumerate(guest.devices):
        yield Where(("devices", index), f"devices.{one.id}", one), one


def places(guest: GuestFields) -> Iterator[tuple[Where, Part]]:
    """Controllers, then devices."""
    yield from controllers(guest)
    yield from devices(guest)


def field_of(guest: GuestFields, *path: str) -> Where:
    """A field of the whole request."""
    where = Where((), "", guest)
    for field in path:
        where = where / field
    return where._replace(name=".".join(path))


def devices_of(names: list[str]) -> Where:
    """Several devices together."""
    return Where(("devices",), f"devices {', '.join(names)}", names)
