"""The guests of many files, read and brought into their normal form; by worker processes, if there are any."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Final

from ..fleet.solve_many import KnownGuest, UnreadableGuest
from .request import RequestOptions

Guests = list[KnownGuest | UnreadableGuest]

CHUNK: Final = 16
"""Files that a worker reads at once."""
CHUNKS_AHEAD: Final = 8
"""Chunks that are asked for before the first of them is needed."""


def read_guests(files: Sequence[str], request: RequestOptions, limited: bool) -> Guests:
    """The guest of each file, or what is wrong with it."""
    return [_read(file, request, limited=limited) for file in files]


def _read(file: str, request: RequestOptions, *, limited: bool) -> KnownGuest | UnreadableGuest:
    from qslot.schema.errors import QslotError
    from qslot.schema.layout.outcome import RefusedGuest

    from .exits import CliError

    try:
        guest, _ = request.read(file)
        return KnownGuest.of(file, guest, limited=limited)
    except (QslotError, CliError) as error:
        return UnreadableGuest(file, RefusedGuest(message=str(error)))


def read_ahead(
    files: Sequence[str], request: RequestOptions, executor: Executor, *, limited: bool
) -> Iterator[KnownGuest | UnreadableGuest]:
    """The same by the executor, in order."""
    waiting: deque[tuple[Sequence[str], Future[Guests]]] = deque()
    for start in range(0, len(files), CHUNK):
        chunk = files[start : start + CHUNK]
        waiting.append((chunk, executor.submit(read_guests, chunk, request, limited)))
        if len(waiting) > CHUNKS_AHEAD:
            yield from _result(*waiting.popleft(), request, limited=limited)
    while waiting:
        yield from _result(*waiting.popleft(), request, limited=limited)


def _result(
    chunk: Sequence[str],
    future: Future[Guests],
    request: RequestOptions,
    *,
    limited: bool,
) -> Guests:
    """Where the worker was lost, by another guest perhaps, its files are read here."""
    try:
        return future.result()
    except BrokenExecutor:
        return read_guests(chunk, request, limited)
