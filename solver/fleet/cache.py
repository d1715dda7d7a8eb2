"""Answers that are kept: in memory, within bounds, and in a file that processes share."""

import sqlite3
import zlib
from collections import OrderedDict
from contextlib import closing
from pathlib import Path
from threading import RLock
from typing import Final, Self

from ...schema.errors import InputError, expect

BYTES_IN_MEMORY: Final = 64 << 20
"""Bytes of answers in memory; a guest of 30 devices takes about 10 KiB."""
WAIT: Final = 30.0
"""Seconds that a process waits for another one that writes."""
FORMAT: Final = 1
"""Of the file; it has nothing to do with what is in it."""


class AnswerCache:
    """Proved answers by normal form, for `solve_many`: the last ones in `memory` bytes, all of them in the SQLite file
    `path`, if there is one.

    The file may be shared by processes of one machine, and deleted at any time. What other versions of qslot, its
    tables or OR-Tools answered is not found in it. Raises InputError for a file that is none of this kind. Use it as a
    context manager, or `close` it.
    """

    def __init__(self, path: str | Path | None = None, *, memory: int = BYTES_IN_MEMORY) -> None:
        self._known: OrderedDict[str, bytes] = OrderedDict()
        self._most, self._size, self._lock = memory, 0, RLock()
        self.path = None if path is None else Path(expect("path", path, (str, Path), "a file's name, or None"))
        self._file = None if self.path is None else _opened(self.path)
        self.trouble: str | None = None
        """Why the file takes no more answers, if it does not; memory still does."""

    def get(self, key: str) -> str | None:
        """The template of that form, if it is known."""
        with self._lock:
            packed = self._known.get(key)
            if packed is not None:
                self._known.move_to_end(key)
            elif (packed := self._filed(key)) is not None:
                self._remember(key, packed)
        return None if packed is None else zlib.decompress(packed).decode()

    def put(self, key: str, template: str) -> None:
        """Keeps it."""
        packed = zlib.compress(template.encode(), 1)
        with self._lock:
            self._remember(key, packed)
            if self._file is None or self.trouble is not None:
                return
            try:
                with self._file:
                    self._file.execute("INSERT OR IGNORE INTO answers VALUES (?, ?)", (key, packed))
            except sqlite3.Error as error:
                self.trouble = f"{self.path}: {error}"

    def close(self) -> None:
        """Closes the file; what is in memory stays."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        """How many are in memory."""
        return len(self._known)

    def _filed(self, key: str) -> bytes | None:
        if self._file is None:
            return None
        try:
            row = self._file.execute("SELECT answer FROM answers WHERE form = ?", (key,)).fetchone()
            if row is not None:
                zlib.decompress(row[0])  # which holds a checksum
        except (sqlite3.Error, zlib.error, TypeError) as error:
            self.trouble = f"{self.path}: {error}"
            return None
        return None if row is None else bytes(row[0])

    def _remember(self, key: str, packed: bytes) -> None:
        self._size += len(packed) - len(self._known.pop(key, b""))
        self._known[key] = packed
        while self._size > self._most:
            _, oldest = self._known.popitem(last=False)
            self._size -= len(oldest)


def _opened(path: Path) -> sqlite3.Connection:
    """Writers append to a log of their own, so that readers need not wait."""
    try:
        file = sqlite3.connect(path, timeout=WAIT, check_same_thread=False)
        try:
            with closing(file.execute("PRAGMA user_version")) as found:
                version = found.fetchone()[0]
            with closing(file.execute("SELECT count(*) FROM sqlite_master")) as found:
                empty = found.fetchone()[0] == 0
            if version != FORMAT and not (version == 0 and empty):
                raise sqlite3.DatabaseError("a database, but none that qslot made")
            file.execute("PRAGMA journal_mode = WAL")
            file.execute("PRAGMA synchronous = NORMAL")
            with file:
                file.execute("CREATE TABLE IF NOT EXISTS answers (form TEXT PRIMARY KEY, answer BLOB) WITHOUT ROWID")
                file.execute(f"PRAGMA user_version = {FORMAT}")
        except BaseException:
            file.close()
            raise
    except sqlite3.Error as error:
        raise InputError(str(path), [f"no file of answers: {error}; name another one, or delete it"]) from None
    return file
