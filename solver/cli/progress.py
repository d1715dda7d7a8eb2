"""The line that says how a long search stands: on a terminal alone, gone when there is an answer."""

import os
import sys
import time
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import TracebackType

    from ..progress import SearchProgress, Tell

SHOWN_AFTER: Final = 1.0
"""Seconds until there is a line; most answers are there by then."""
REDRAWN_EVERY: Final = 0.25
"""Seconds from one line to the next."""


class ProgressLine:
    """Written over itself on standard error while the block runs; nothing where that is no terminal."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._last: SearchProgress | None = None
        self._end = Event()
        self._thread: Thread | None = None
        self._started = time.monotonic()

    @property
    def listener(self) -> "Tell | None":
        """Who wants to be told of a search's progress: nobody where there is no line."""
        return self.update if _shown() else None

    def update(self, progress: "SearchProgress") -> None:
        """What a search tells: kept until the line is written the next time, so that it costs the search nothing."""
        self._last = progress

    def clear(self) -> None:
        """No more lines; what was there is wiped off."""
        self._end.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def __enter__(self) -> "ProgressLine":
        if _shown():
            self._thread = Thread(target=self._run, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: "TracebackType | None"
    ) -> None:
        self.clear()

    def _run(self) -> None:
        if self._end.wait(SHOWN_AFTER):
            return
        from shutil import get_terminal_size

        while True:
            width = get_terminal_size().columns - 1
            _write(f"\r{self._text()[:width]}\x1b[K")
            if self._end.wait(REDRAWN_EVERY):
                _write("\r\x1b[K")
                return

    def _text(self) -> str:
        seconds = f"{self._doing}: {time.monotonic() - self._started:.0f} s"
        last = self._last
        return seconds if last is None else f"{seconds}, {last.words}"


def _shown() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
