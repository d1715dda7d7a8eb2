"""Plain records: what the steps of qslot hand each other, and nobody else sees."""

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

__all__ = ["changed", "record"]

Made = TypeVar("Made")

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:
    import dataclasses

    Record = TypeVar("Record")

    def record(
        cls: type[Record] | None = None, /, *, frozen: bool = False, eq: bool = True
    ) -> type[Record] | Callable[[type[Record]], type[Record]]:
        """As `dataclasses.dataclass`, at a quarter of what that costs for each class at each start of the command, and
        of what a frozen one costs each time one is made.

        Only `__init__` is made for the class; records share how they are compared, hashed and shown. That nothing is
        assigned to a frozen one is what type checkers see to. What a user of qslot gets is a dataclass.
        """

        def made(cls: type[Record]) -> type[Record]:
            cls = dataclasses.dataclass(eq=False, repr="__repr__" in vars(cls))(cls)
            if "__repr__" not in vars(cls):
                cls.__repr__ = _shown
            if eq:
                names = [one.name for one in fields(cls) if one.compare]
                cls._compared = attrgetter(*names) if names else staticmethod(lambda _: ())
                cls.__eq__ = _equal
                cls.__hash__ = _hashed if frozen else None
            return cls

        return made if cls is None else made(cls)


def changed(one: Made, **values: Any) -> Made:
    """The record, or dataclass, with other values in some fields, as by `dataclasses.replace`, at a third of what that
    costs. Of what remembers nothing beside its fields, and makes nothing of them."""
    other = object.__new__(type(one))
    other.__dict__.update(one.__dict__, **values)
    return other


def _shown(one: Any) -> str:
    values = (f"{field.name}={getattr(one, field.name)!r}" for field in fields(one) if field.repr)
    return f"{type(one).__qualname__}({', '.join(values)})"


def _equal(one: Any, other: Any) -> Any:
    if type(one) is not type(other):
        return NotImplemented
    return one._compared(one) == one._compared(other)


def _hashed(one: Any) -> int:
    return hash(one._compared(one))
