"""The base of all errors that qslot raises, and what is wrong with an input."""

from collections.abc import Sequence
from typing import NamedTuple


class Problem(NamedTuple):
    """One thing that is wrong: `str()` is the whole line."""

    field: str
    """Path of the field, `devices[3] (net2).virtio`; empty where it is about the whole."""
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


class InputError(QslotError, ValueError):
    """An input that can't be read, or does not say what it should. One line a problem, each naming the input."""

    def __init__(self, source: str, problems: Sequence[Problem | str]) -> None:
        super().__init__("\n".join(f"{source}: {one}" for one in problems))
        self.problems = tuple(one for one in problems if isinstance(one, Problem))
