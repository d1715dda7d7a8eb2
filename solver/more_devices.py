"""How many devices more: while the guest runs by what it has free, at its next start by planning."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from ..schema.errors import ArgumentError, InputError, expect
from ..schema.explanation.restrict import Relaxation
from ..schema.finding import Finding
from ..schema.hotplug.capacity import GuestCapacity, MoreDevices, free_buses
from ..schema.hotplug.fit import how_many
from ..schema.hotplug.room import free_slots
from ..schema.layout.layout import Layout
from ..schema.layout.outcome import Infeasible, known_layout
from ..schema.request.guest import Guest
from ..schema.request.problems import problems
from ..schema.request.stated import request_of
from .options import Options
from .search.cpsat import Limits
from .search.feasibility import SEEDS, prove_infeasible, seated
from .search.shortage import shortages
from .solving import solve

Data = dict[str, Any]

MOST_SEARCHED: Final = 300
"""Devices of a guest of which the whole search is asked how many more fit; of larger ones it would take minutes."""
LOOK_EFFORT: Final = 0.5
"""In OR-Tools' deterministic seconds: of each look, and of each proof by sums."""
MOST_ASKED: Final = 1 << 15
"""Devices more; no guest has as many."""
COARSE: Final = 32
"""Of larger guests the number that is known to fit is as close as one part of so many to what first seatings tell."""

OF_ONE: Final = frozenset({"id", "address", "group"})
"""Fields that several devices cannot have alike."""


def capacity(
    layout: Layout, model: str | None = None, needs: Mapping[str, Any] | None = None, options: Options | None = None
) -> GuestCapacity:
    """Free hot-pluggable slots with their room; of a `model` also how many more fit. `needs` are further fields of such
    a device: `{"virtio": "transitional"}`.

    While the guest runs, each goes into a free slot of its own with room for it; at the next start all that is there
    stays where it is, and controllers are added. That one more does not fit then is proved by solving; where thousands
    fit, it may be that only so many more are proved not to. Raises ArgumentError, and InputError for a device that
    cannot be.
    """
    expect("layout", layout, Layout, "a Layout, as qslot.read_placed(file).layout gives one")
    free = free_buses(free_slots(layout))
    if model is None:
        return GuestCapacity(free=free)
    expect("model", model, str, "a model's name, as `qslot catalog` lists them")
    for name in OF_ONE & {*expect("needs", needs or {}, Mapping, "a mapping, as in {'virtio': 'modern'}")}:
        raise ArgumentError("needs", name, f"{name} is of one device alone: leave it out")
    growing = _Growing(layout, {**(needs or {}), "model": model}, options)
    one = growing.guest(1).resolved[growing.name(1)]
    hot, obstacles = how_many(layout, one) if one.model.hotpluggable else (0, {})
    allowed = growing.allowed(hot)
    ends = {str(why): count for why, count in obstacles.items()} | ({"rule": hot - allowed} if allowed < hot else {})
    most = growing.most()
    return GuestCapacity(
        free=free,
        more=MoreDevices(
            model=one.model.name,
            hot=allowed,
            hot_end=ends,
            cold=most.fits,
            cold_proved=most.fits + 1 == most.refused,
            cold_most=None if most.refused is None else most.refused - 1,
            cold_end=most.why,
        ),
    )


class _Most(NamedTuple):
    """So many fit; so many do not, if that is known of any, and why."""

    fits: int
    refused: int | None = None
    why: tuple[str, ...] = ()


class _Growing:
    """The guest of a layout, everything pinned where it is, with ever more devices of one kind."""

    def __init__(self, layout: Layout, fields: Data, options: Options | None) -> None:
        self._request = {**request_of(layout.model_dump(mode="json")), "spare": []}
        self._fields, self._options = fields, options
        used = [one["id"] for part in ("controllers", "devices") for one in self._request[part]]
        self._prefix = "more"
        while any(one.startswith(self._prefix) for one in used):  # whatever number follows, nobody has that id
            self._prefix += "-more"

    def _quick(self) -> Limits:
        """Of one look, or proof: the same number is told on every machine."""
        return replace(Limits.of(self._options).steady, effort=LOOK_EFFORT)

    def name(self, number: int) -> str:
        """Of the n-th device more."""
        return f"{self._prefix}{number}"

    def guest(self, count: int) -> Guest:
        """With so many more. Raises InputError for a device that cannot be."""
        more = [{"id": self.name(number), **self._fields} for number in range(1, count + 1)]
        request = {**self._request, "devices": [*self._request["devices"], *more]}
        try:
            return Guest.model_validate(request)
        except ValidationError as error:
            told = (str(one).removeprefix(f"devices.{self.name(1)}.") for one in problems(error, request, Guest))
            raise InputError("such a device", list(told)) from None

    def allowed(self, most: int) -> int:
        """How many of so many a request may list at all: a guest has one balloon."""
        fits, fails = 0, most + 1
        while fails - fits > 1:
            between = most if fits == 0 and fails > most else (fits + fails) // 2
            try:
                self.guest(between)
            except InputError:
                fails = between
            else:
                fits = between
        return fits

    def most(self) -> _Most:
        """How many fit, and how many do not, closer and closer: looks are cheap, proofs by sums are cheaper, and the
        whole search is asked of guests that it answers in seconds."""
        fits = self._fits_at_least()
        refused = self._refused_from(fits)
        if refused is None:
            return _Most(fits)
        fits = self._looked_at(fits, refused)
        while refused - fits > 1 and self._is_small(fits + 1):
            between = (fits + refused) // 2
            outcome = solve(self.guest(between), self._options)
            if known_layout(outcome) is not None:
                fits = between
            elif isinstance(outcome, Infeasible):
                refused = between
            else:
                break
        return _Most(fits, refused, self._why_refused(refused))

    def _fits_at_least(self) -> int:
        """The largest power of two of which a first seating verifies."""
        fits, count = 0, 1
        while self._fits(count):
            fits, count = count, 2 * count
        return fits

    def _refused_from(self, fits: int) -> int | None:
        """The least number that the sums of a model prove not to fit; None where they prove it of none."""
        refused = 2 * fits or 1
        while not self._is_refused(refused):
            fits, refused = refused, 2 * refused
            if refused > MOST_ASKED:
                return None
        while refused - fits > 1:
            between = (fits + refused) // 2
            fits, refused = (fits, between) if self._is_refused(between) else (between, refused)
        return refused

    def _looked_at(self, fits: int, refused: int) -> int:
        """The most of which a first seating verifies: of guests too large for the whole search about so many."""
        if refused - fits > 1 and self._fits(refused - 1):
            return refused - 1
        fails = refused
        while fails - fits > (1 if self._is_small(fails) else 1 + fits // COARSE):
            between = (fits + fails) // 2
            fits, fails = (between, fails) if self._fits(between) else (fits, between)
        return fits

    def _is_small(self, count: int) -> bool:
        """Whether the whole search answers of that guest in seconds."""
        return len(self._request["devices"]) + count <= MOST_SEARCHED

    def _fits(self, count: int) -> bool:
        try:
            seeds = SEEDS if self._is_small(count) else 1
            return bool(seated(self.guest(count), self._quick(), seeds=seeds))
        except InputError:  # several of them contradict each other, as two balloons do
            if count == 1:
                raise
            return False

    def _is_refused(self, count: int) -> bool:
        try:
            guest = self.guest(count)
        except InputError:
            return True
        return prove_infeasible(Relaxation(guest, guest), self._quick()) is not None

    def _why_refused(self, count: int) -> tuple[str, ...]:
        try:
            guest = self.guest(count)
        except InputError as refused:
            return tuple(str(refused).splitlines())
        if not self._is_small(count):
            return _words(shortages(guest, self._quick()))
        last = solve(guest, self._options)
        return _words(last.findings) if isinstance(last, Infeasible) else ()


def _words(findings: Iterable[Finding]) -> tuple[str, ...]:
    """What runs out; not who uses it, which is everybody."""
    return tuple(str(one.model_copy(update={"subjects": ()})).removeprefix("error ") for one in findings)
