"""The base of all errors that qslot raises, and what is wrong with an input."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

Kind = TypeVar("Kind")


class Problem(NamedTuple):
    """One thing that is wrong: `str()` is the whole line."""

    field: str
    """Path of the field as `--set` takes it, `devices.net2.virtio`; `devices[3].id` where an id cannot name the entry.
    Empty where it is about the whole."""
    value: object
    """What stands there; None where the field is missing, or where no single value is at fault."""
    mend: str
    """What is wrong with it and what would be right, in words that follow the field."""
    text: str

    def __str__(self) -> str:
        return self.text


class QslotError(Exception):
    """Whatever qslot refuses. `field`, `value` and `mend` are those of the first problem, if problems are told one by
    one."""

    problems: tuple[Problem, ...] = ()

    @property
    def field(self) -> str:
        """Path of the field that is at fault; empty where none is named."""
        return self.problems[0].field if self.problems else ""

    @property
    def value(self) -> object:
        """What stands there."""
        return self.problems[0].value if self.problems else None

    @property
    def mend(self) -> str:
        """What would be right."""
        return self.problems[0].mend if self.problems else str(self)


class ArgumentError(QslotError, ValueError):
    """An argument that a function cannot be called with; `field` is the argument's name."""

    def __init__(self, field: str, value: object, mend: str) -> None:
        super().__init__(f"{field}: {mend}")
        self.problems = (Problem(field, value, mend, str(self)),)


class InputError(QslotError, ValueError):
    """An input that can't be read, or does not say what it should. One line a problem, each naming the input."""

    def __init__(self, source: str, problems: Sequence[Problem | str]) -> None:
        super().__init__("\n".join(f"{source}: {one}" for one in problems))
        self.problems = tuple(one for one in problems if isinstance(one, Problem))


def expect(name: str, value: Kind, kind: type | tuple[type, ...], instead: str) -> Kind:
    """The argument of that name, if it is of that type. Raises ArgumentError, which says what would be right."""
    if not isinstance(value, kind):
        raise ArgumentError(name, value, f"this is of type {type(value).__name__}: give {instead}")
    return value
