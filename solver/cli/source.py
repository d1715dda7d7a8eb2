"""GUEST as an argument: a file, a QEMU's command line behind `--`, or with `--qmp` a running QEMU."""

import os
from collections.abc import Sequence
from typing import Any, Final

import click

BEHIND_DASHES: Final = "qslot.words"
"""Where a context keeps the words of a command line, and what stands for them among the arguments."""


QMP_OPTION: Final = click.Option(
    ["--qmp"],
    metavar="SOCKET",
    expose_value=False,
    help="In place of GUEST or LAYOUT: the QEMU that runs, by the socket of its monitor (QMP). Also `qmp:SOCKET`.",
)


class PathType(click.Path):
    """A file's name, as a path. What paths are is loaded with the first: help needs none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The name as a `pathlib.Path`."""
        from pathlib import Path

        return Path(os.fsdecode(super().convert(value, param, ctx)))


class SourceType(click.Path):
    """A file's name, or the words behind `--`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The words where the argument stands for them, as a tuple; else the name as it is."""
        if value == BEHIND_DASHES and ctx is not None and BEHIND_DASHES in ctx.meta:
            return ctx.meta[BEHIND_DASHES]
        return super().convert(value, param, ctx)


SOURCE: Final = SourceType(allow_dash=True)
"""GUEST, so that shells complete files; whether they are there is told where they are read."""


class GuestCommand(click.Command):
    """A command whose first argument is a guest, or a layout that is there: what is said of it otherwise is put in its
    place."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.params.append(QMP_OPTION)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Takes the command line of a QEMU from behind `--`, and the socket of `--qmp`."""
        own, words = self._split(args)
        own = _with_sockets(own)
        if words:
            ctx.meta[BEHIND_DASHES] = tuple(words)
            own = [BEHIND_DASHES, *own]
        return super().parse_args(ctx, own)

    def _split(self, args: Sequence[str]) -> tuple[list[str], list[str]]:
        """The arguments, and the words of a command line: behind `--` more of them than a file's name, or two."""
        if "--" not in args:
            return list(args), []
        place = list(args).index("--")
        words = list(args[place + 1 :])
        most = sum(1 for one in self.params if isinstance(one, click.Argument))
        if len(words) > most or (len(words) > 1 and _begins_command_line(words[0])):
            return list(args[:place]), words
        return list(args), []


def _with_sockets(args: Sequence[str]) -> list[str]:
    """Each `--qmp SOCKET` as the argument that it stands for, before the others."""
    sockets: list[str] = []
    others: list[str] = []
    following = iter(args)
    for one in following:
        name, sign, value = one.partition("=")
        if name != "--qmp":
            others.append(one)
        elif socket := value if sign else next(following, ""):
            sockets.append(f"qmp:{socket}")
        else:
            raise click.UsageError("--qmp: give the socket of a QEMU's monitor")
    return [*sockets, *others]


def _begins_command_line(word: str) -> bool:
    from qslot.schema.qemu_arguments.shell_words import is_command_line

    return is_command_line(word)
