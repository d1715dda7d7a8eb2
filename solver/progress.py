"""What a search tells while it runs."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..schema.records import record

if TYPE_CHECKING:
    from ..schema.request.fields import Term


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """Where a search stands. CP-SAT is asked one model after the other; `best` and `bound` are of the one in hand."""

    seconds: float
    """Since the search began, of wall clock."""
    models: int
    """How many models CP-SAT has been asked, this one included."""
    term: "Term | None" = None
    """The term of the objective that is made least; None where any solution will do."""
    best: int | None = None
    """What the best solution so far costs of that term, in its own unit; None before the first one."""
    bound: int | None = None
    """What is proved that any costs at least; None before the first bound."""

    @property
    def gap(self) -> int | None:
        """How much better a solution might be, as far as is proved; None where either is not known."""
        return None if self.best is None or self.bound is None else self.best - self.bound

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s, {self.words}"

    @property
    def words(self) -> str:
        """The same without the time."""
        words = []
        if self.term is not None:
            from ..schema.layout.layout import TERM_WORDS  # pydantic, which `qslot --help` does not wait for

            known = {"best": self.best, "at least": self.bound, "gap": self.gap}
            told = ", ".join(f"{name} {value}" for name, value in known.items() if value is not None)
            words.append(f"{TERM_WORDS[self.term]}: {told or 'nothing found yet'}")
        return ", ".join([*words, f"model {self.models}"])


Tell = Callable[[SearchProgress], object]
"""Is told of every model, better solution and better bound; may be called from a thread of CP-SAT's."""


@record
class Watch:
    """Tells a callback how a search stands. What the callback raises ends the model in hand, and then the search."""

    tell: Tell
    started: float = field(default_factory=time.monotonic)
    models: int = 0
    _term: "Term | None" = None
    _offset: int = 0
    _best: int | None = None
    _bound: int | None = None
    _end: Callable[[], object] = bool
    _error: BaseException | None = None

    def begin(self, term: "Term | None", offset: int, end: Callable[[], object]) -> None:
        """A model, of whose objective `offset` is what CP-SAT is not told; `end` stops it."""
        self.models += 1
        self._term, self._offset, self._end = term, offset, end
        self._best = self._bound = None
        self._say()

    def solution(self, objective: float) -> None:
        """A better one."""
        self._best = round(objective) + self._offset
        self._say()

    def bound(self, bound: float) -> None:
        """A better one, of the objective that CP-SAT is told."""
        self._bound = round(bound) + self._offset
        self._say()

    def finish(self) -> None:
        """The model is answered. Raises what the callback raised."""
        error, self._error, self._end = self._error, None, bool
        if error is not None:
            raise error

    def _say(self) -> None:
        """Never raises: CP-SAT's threads could not bear it."""
        if self._error is not None:
            return
        seconds = time.monotonic() - self.started
        try:
            self.tell(SearchProgress(seconds, self.models, self._term, self._best, self._bound))
        except BaseException as error:
            self._error = error
            self._end()
