"""Exit codes, and messages."""

from collections.abc import Iterable
from enum import IntEnum
from typing import NoReturn

import click


class Exit(IntEnum):
    """What the exit code says; scripts rely on these."""

    DONE = 0
    INTERNAL = 1
    DIFFERS = 1  # of `diff` alone, as `diff` and `cmp` have it
    INPUT = 2
    INFEASIBLE = 3
    UNPROVED = 4
    FINDINGS = 5
    INTERRUPTED = 130


class CliError(click.ClickException):
    """What ends the command with a message: one line a problem on standard error, no traceback."""

    def __init__(self, text: str, code: Exit) -> None:
        super().__init__(text)
        self.code = code

    @property
    def exit_code(self) -> int:  # type: ignore[override] # click has a class variable, the same for all its errors
        """The code it was made with."""
        return self.code

    def show(self, file: object = None) -> None:  # noqa: ARG002 (click's signature)
        """Prints the message to standard error, each line after `qslot: `."""
        for line in self.message.splitlines() or [""]:
            click.echo(f"qslot: {line}", err=True)


def leave(code: Exit) -> NoReturn:
    """Ends the command with that exit code; what it has to say has been printed."""
    raise click.exceptions.Exit(code)


def message(text: str) -> None:
    """What is not the result: on standard error."""
    if text:
        click.echo(text, err=True)


def warn(lines: Iterable[str]) -> None:
    """Warnings, a line each, on standard error."""
    message("\n".join(f"warning: {line}" for line in lines))
