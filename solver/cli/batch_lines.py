"""The lines of `qslot batch`, those of an earlier run included, and what the terminal shows meanwhile."""

import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import click

from .exits import CliError, Exit

if TYPE_CHECKING:
    from ..fleet.normal_form import NormalForm
    from ..fleet.solve_many import Answered

PROVED: Final = ("optimal", "infeasible")
"""Answers that a later run need not look for again."""
EVERY: Final = 0.2
"""Seconds between two looks of the progress line."""


def digest(form: "NormalForm") -> str:
    """Of a request and of what answered it: where it is the same, so is the answer."""
    return hashlib.sha256(f"{form.key} {form.sha256}".encode()).hexdigest()


def line(answered: "Answered") -> str:
    """The answer as a line of JSON."""
    head = {"guest": answered.name, "answer": answered.word}
    if answered.form is not None:
        head["digest"] = digest(answered.form)
    return f"{json.dumps(head)[:-1]}, {answered.text[1:]}\n"


class Lines:
    """Where lines go: to a file, or to standard output. Each is there, whole, before the next guest is looked at."""

    def __init__(self, output: Path | None, *, resume: bool) -> None:
        self._done = dict(_proved(output)) if output is not None and resume else {}
        """Digests by guest."""
        self._file: IO[str] | None = None
        if output is not None:
            try:
                self._file = output.open("a" if resume else "w", encoding="utf-8")
            except OSError as error:
                raise _unwritable(output, error) from None
        self._output = output

    def has(self, answered: str, digest: str) -> bool:
        """Whether an earlier run has that answer."""
        return self._done.get(answered) == digest

    def write(self, text: str) -> None:
        """One more line."""
        if self._file is None:
            click.echo(text, nl=False)
            return
        try:
            self._file.write(text)
            self._file.flush()
        except OSError as error:
            with suppress(OSError):  # it would try to write the rest once more
                self._file.close()
            assert self._output is not None
            raise _unwritable(self._output, error) from None

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()


def _proved(output: Path) -> Iterator[tuple[str, str]]:
    """Guests with a proved answer, and its digest. What else is in the file, or was not written to its end, is taken
    away, to be answered anew."""
    from qslot.schema.formats.written import write

    try:
        lines = output.read_text(encoding="utf-8").splitlines(keepends=True)
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"{output}: can't be read: {error}", Exit.INPUT) from None
    kept = [(text, data) for text in lines if (data := _finished(text, output)) is not None]
    last = {data["guest"]: text for text, data in kept}
    if len(last) != len(lines):
        write(output, "".join(last.values()))
    yield from ((data["guest"], data["digest"]) for _, data in kept)


def _finished(text: str, output: Path) -> dict[str, str] | None:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        if not text.endswith("\n"):
            return None  # an earlier run ended in the midst of it
        data = None
    named = data if isinstance(data, dict) else {}
    if not isinstance(named.get("guest"), str) or not isinstance(named.get("answer"), str):
        raise CliError(f"{output}: not written by qslot batch: {text.strip()[:60]}", Exit.INPUT)
    proved = named["answer"] in PROVED and isinstance(named.get("digest"), str)
    return named if proved and text.endswith("\n") else None


def _unwritable(output: Path, error: OSError) -> CliError:
    from qslot.schema.bounded_input import reason

    return CliError(f"{output}: can't be written: {reason(error)}", Exit.INPUT)


class Progress:
    """How far it is, on standard error, where that is a terminal."""

    def __init__(self, total: int) -> None:
        self._total, self._shown_at, self._began = total, 0.0, time.monotonic()
        self._shows = sys.stderr.isatty()
        self.answers: Counter[str] = Counter()
        """How many there are of each."""

    def count(self, word: str) -> None:
        """One more answer."""
        self.answers[word] += 1
        now = time.monotonic()
        if self._shows and now >= self._shown_at + EVERY:
            self._shown_at = now
            click.echo(f"\r{self._words(now)}", nl=False, err=True)

    def end(self) -> None:
        """The last look, and a new line."""
        if self._shows:
            click.echo(f"\r{self._words(time.monotonic())}", err=True)

    def _words(self, now: float) -> str:
        done = sum(self.answers.values())
        each = ", ".join(f"{number} {word}" for word, number in sorted(self.answers.items()))
        return f"{done} of {self._total} guests, {done / max(now - self._began, 1e-3):.0f}/s: {each}\x1b[K"
