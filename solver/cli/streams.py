"""Where results go and input comes from: what cannot be written, or lets the command wait, is told in one line, and
interrupts come where they do no harm."""

import errno
import io
import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer, current_thread, main_thread
from typing import TYPE_CHECKING, Final

import click

from .exits import CliError, Exit, message

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

    from _typeshed import ReadableBuffer
    from pydantic import BaseModel

    from qslot.schema.formats.sources import Source

TOLD_AFTER: Final = 3.0
"""Seconds until it is told what is being waited for."""


def guard() -> None:
    """From now on a result that cannot be written ends the command with a message, a message that cannot is dropped."""
    closed = sys.stdout is None
    for number in range(3):  # nothing that is opened later may take their places
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    encoding, errors = (None, None) if closed else (sys.stdout.encoding, sys.stdout.errors)
    output = io.BufferedWriter(_Stream(-1 if closed else 1, _refused))
    sys.stdout = io.TextIOWrapper(output, encoding or "utf-8", errors)
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(_Stream(2, _dropped)), "utf-8", errors="backslashreplace", line_buffering=True
    )


def result(text: str, output: "Path | None" = None) -> None:
    """The result, on standard output or whole into a file."""
    if output is None or str(output) == "-":
        click.echo(text, nl=False)
        return
    from qslot.schema.formats.written import write

    with interruptible(), in_order(), patient(f"still writing {output}: nobody reads it"):
        write(output, text)


def answer(found: "BaseModel", *, as_json: bool, output: "Path | None" = None) -> None:
    """The result as JSON, or in its own words."""
    from qslot.schema.formats.written import to_json

    result(to_json(found) if as_json else f"{found}\n", output)


class _Stream(io.RawIOBase):
    """A file descriptor that fails once: what is written then is dropped, so that the flush at exit cannot fail."""

    def __init__(self, number: int, failed: Callable[[OSError], None]) -> None:
        self.number, self.failed, self.dead = number, failed, False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.number

    def isatty(self) -> bool:
        return self.number >= 0 and os.isatty(self.number)

    def write(self, data: "ReadableBuffer") -> int:
        size = memoryview(data).nbytes
        if self.dead or not size:
            return size
        try:
            return os.write(self.number, data)
        except OSError as error:
            self.dead = True
            self.failed(error)
            return size


def _refused(error: OSError) -> None:
    if error.errno == errno.EPIPE:  # the reader, `head` say, has all it wants
        raise click.exceptions.Exit(Exit.DONE)
    reason = "it is closed" if error.errno == errno.EBADF else (error.strerror or str(error)).lower()
    raise CliError(f"standard output: can't be written: {reason}", Exit.INPUT)


def _dropped(_: OSError) -> None:
    """There is nowhere left to say it."""


@contextmanager
def interruptible(first: Callable[[int, "FrameType | None"], object] = signal.default_int_handler) -> Iterator[None]:
    """Meanwhile an interrupt raises KeyboardInterrupt, and what was begun is brought to an end; elsewhere it ends the
    process at once, see qslot.__main__.

    The first one calls `first`, and what it came in goes on if that raises nothing: an exception might strike just
    before what is to be told has begun.
    """
    before = signal.getsignal(signal.SIGINT) if current_thread() is main_thread() else signal.SIG_IGN
    if before is signal.SIG_IGN:
        yield
        return

    def once(number: int, frame: "FrameType | None") -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        first(number, frame)

    signal.signal(signal.SIGINT, once)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def in_order() -> Iterator[None]:
    """Meanwhile SIGTERM ends the process as an exception does, so that no temporary file stays behind."""
    if current_thread() is not main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminated(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)  # as shells have it


@contextmanager
def reading(*sources: "Source | Path") -> Iterator[None]:
    """Says so where a pipe or a terminal among the sources lets the command wait."""
    waited = [source for source in sources if isinstance(source, str | os.PathLike) and _may_wait(str(source))]
    names = " and ".join("standard input" if source == "-" else str(source) for source in waited)
    with patient(f"still reading {names}: nothing, or not all of it, has been written there" if waited else ""):
        yield


@contextmanager
def patient(words: str) -> Iterator[None]:
    """Says them, if there are any, where it takes longer than TOLD_AFTER."""
    if not words:
        yield
        return
    timer = Timer(TOLD_AFTER, message, [words])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _may_wait(source: str) -> bool:
    try:
        mode = os.fstat(0).st_mode if source == "-" else os.stat(source).st_mode
    except (OSError, ValueError):
        return False  # told where it is read
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
