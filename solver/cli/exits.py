"""Exit codes, and where results go."""

from enum import IntEnum
from pathlib import Path
from typing import NoReturn

import click


class Exit(IntEnum):
    """What the exit code says; scripts rely on these."""

    DONE = 0
    INTERNAL = 1
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


def result(text: str, output: Path | None = None) -> None:
    """The result, on standard output or whole into a file."""
    if output is None or str(output) == "-":
        click.echo(text, nl=False)
        return
    from qslot.schema.formats.files import write

    write(output, text)


def message(text: str) -> None:
    """What is not the result: on standard error."""
    if text:
        click.echo(text, err=True)
