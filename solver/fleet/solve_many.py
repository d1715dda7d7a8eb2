"""Many guests: answers in the order of the guests, each form solved once, whoever does the work."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from typing import Final, NamedTuple, Self

from ...schema.errors import ArgumentError, QslotError, expect
from ...schema.layout.layout import Layout
from ...schema.layout.outcome import Outcome, RefusedGuest
from ...schema.request.guest import Guest, valid
from ..options import Options
from .cache import AnswerCache
from .normal_form import NormalForm, normal_form
from .pool import Pool, Result, Solving
from .template import OUTCOMES, put_back
from .work import Task, as_task

AHEAD: Final = 512
"""Guests that are looked at before the first of them is answered, so that a hard one does not let workers wait."""

REFUSED: Final = "refused"
"""The word for `RefusedGuest`, beside those of outcomes."""

Request = Guest | tuple[Guest, Layout]


class KnownGuest(NamedTuple):
    """A guest of a fleet whose form is known."""

    name: str
    """As its owner calls it."""
    form: NormalForm
    task: Task

    @classmethod
    def of(cls, name: str, guest: Guest, previous: Layout | None = None, *, limited: bool) -> Self:
        """What is to be known of a valid guest, beside its previous layout, if there is one."""
        return cls(name, normal_form(guest, previous, limited=limited), as_task(guest, previous))


class UnreadableGuest(NamedTuple):
    """What should have been a guest."""

    name: str
    refused: RefusedGuest


class Answered(NamedTuple):
    """An answer as text: for whom, its word, and its JSON."""

    name: str
    form: NormalForm | None
    word: str
    text: str


def solve_many(
    guests: Iterable[Request],
    executor: Executor | None = None,
    options: Options | None = None,
    cache: AnswerCache | None = None,
) -> Iterator[Outcome | RefusedGuest]:
    """The answer of `solve` to each guest, or to each pair of a guest and its previous layout, in order, as they come.

    `executor` does the work: a pool of threads or processes, or of a Dask cluster (`Client.get_executor()`); without
    one it is done here. Guests are taken as they are needed, some hundred ahead, and those of one form are solved once;
    `cache` keeps what is proved for later calls. What is no valid guest, or makes a worker fail, is answered by a
    RefusedGuest, and the others go on. `options` hold for each guest by itself; when `options.stop` is called, answers
    end with those that are there without a gap. All that is finished is in the cache, also where the iterator is closed
    early. Raises ArgumentError for arguments of another type.
    """
    expect("executor", executor, (Executor, type(None)), "an executor of concurrent.futures, or None")
    options = expect("options", Options() if options is None else options, Options, "Options, or None")
    cache = expect("cache", AnswerCache() if cache is None else cache, AnswerCache, "an AnswerCache, or None")
    if executor is not None and options.model_file is not None:
        raise ArgumentError("options", options, "model_file is written by one process only: leave out the executor")
    if executor is not None and options.progress is not None:
        raise ArgumentError("options", options, "progress is told in one thread only: leave out the executor")
    if isinstance(guests, Guest) or not isinstance(guests, Iterable):
        raise ArgumentError("guests", guests, "give a list of Guests, or whatever else they can be taken from in turn")
    limited = options.time_limit is not None
    looked_at = (_known(str(place), one, limited=limited) for place, one in enumerate(guests))
    return _outcomes(answers(looked_at, executor, options, cache))


def _outcomes(answered: Iterator[Answered]) -> Iterator[Outcome | RefusedGuest]:
    for place, one in enumerate(answered):
        if one.name != str(place):
            return  # stopped, with a gap
        kind = RefusedGuest if one.word == REFUSED else OUTCOMES[one.word]
        yield kind.model_validate_json(one.text)


def _known(name: str, request: Request, *, limited: bool) -> KnownGuest | UnreadableGuest:
    try:
        guest, previous = request if isinstance(request, tuple) else (request, None)
        guest = valid(guest)
        if previous is not None:
            expect("previous", previous, Layout, "a Layout, as qslot.read_layout(file) gives one")
        return KnownGuest.of(name, guest, previous, limited=limited)
    except (QslotError, ValueError) as error:
        return UnreadableGuest(name, RefusedGuest(message=str(error)))


def answers(
    guests: Iterable[KnownGuest | UnreadableGuest], executor: Executor | None, options: Options, cache: AnswerCache
) -> Iterator[Answered]:
    """What `solve_many` does, with guests by name and answers as text."""
    pool = Pool(executor, options, cache)
    waiting: deque[_Waiting] = deque()
    try:
        for one in guests:
            if pool.stopped:
                break
            waiting.append(_begun(one, pool, cache))
            while waiting and (waiting[0].is_ready or len(waiting) > AHEAD) and not pool.stopped:
                yield waiting.popleft().answer(pool)
        while waiting:
            first = waiting.popleft()
            if pool.wait(first.solving):
                yield first.answer(pool)
    finally:
        pool.close()


class _Waiting(NamedTuple):
    """A guest that is being answered: at once, or by what is being solved."""

    guest: KnownGuest | UnreadableGuest
    template: str = ""
    """Where the answer is known."""
    solving: Solving | None = None

    @property
    def is_ready(self) -> bool:
        return self.solving is None or self.solving.is_done

    def answer(self, pool: Pool) -> Answered:
        if isinstance(self.guest, UnreadableGuest):
            return Answered(self.guest.name, None, REFUSED, self.guest.refused.model_dump_json())
        name, form, task = self.guest
        if self.solving is None:
            return Answered(name, form, *put_back(self.template, form))
        result = pool.result(self.solving)
        if isinstance(result, Result) and result.template is not None:
            return Answered(name, form, *put_back(result.template, form))
        if isinstance(result, Result) and self.solving.task is not task:  # what is not proved is nobody else's answer
            result = pool.result(pool.solve_alone(form.key, task))
        if isinstance(result, RefusedGuest):
            return Answered(name, form, REFUSED, result.model_dump_json())
        return Answered(name, form, result.word, result.text)


def _begun(one: KnownGuest | UnreadableGuest, pool: Pool, cache: AnswerCache) -> _Waiting:
    if isinstance(one, UnreadableGuest):
        return _Waiting(one)
    template = cache.get(one.form.key)
    if template is not None:
        return _Waiting(one, template)
    return _Waiting(one, solving=pool.solve(one.form.key, one.task))
