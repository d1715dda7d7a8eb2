"""How many devices more: while the guest runs by what it has free, at its next start by planning."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from ..schema.errors import ArgumentError, InputError, expect
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
from .search.feasibility import feasible
from .solving import solve

Data = dict[str, Any]

OF_ONE: Final = frozenset({"id", "address", "group"})
"""Fields that several devices cannot have alike."""


def capacity(
    layout: Layout, model: str | None = None, needs: Mapping[str, Any] | None = None, options: Options | None = None
) -> GuestCapacity:
    """Free hot-pluggable slots with their room; of a `model` also how many more fit. `needs` are further fields of such
    a device: `{"virtio": "transitional"}`.

    While the guest runs, each goes into a free slot of its own with room for it; at the next start all that is there
    stays where it is, and controllers are added. That one more does not fit then is proved by solving. Raises
    ArgumentError, and InputError for a device that cannot be.
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
    fitting, last = growing.most()
    return GuestCapacity(
        free=free,
        more=MoreDevices(
            model=one.model.name,
            hot=allowed,
            hot_end=ends,
            cold=fitting,
            cold_proved=last is not None,
            cold_end=last or (),
        ),
    )


class _Growing:
    """The guest of a layout, everything pinned where it is, with ever more devices of one kind."""

    def __init__(self, layout: Layout, fields: Data, options: Options | None) -> None:
        self._request = {**request_of(layout.model_dump(mode="json")), "spare": []}
        self._fields, self._options, self._limits = fields, options, Limits.of(options)
        used = [one["id"] for part in ("controllers", "devices") for one in self._request[part]]
        self._prefix = "more"
        while any(one.startswith(self._prefix) for one in used):  # whatever number follows, nobody has that id
            self._prefix += "-more"

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

    def most(self) -> tuple[int, tuple[str, ...] | None]:
        """How many fit; and what one more would break, None where that is not proved."""
        fits, fails = 0, 1
        while self._fits(fails):
            fits, fails = fails, 2 * fails
        while True:
            while fails - fits > 1:
                between = (fits + fails) // 2
                fits, fails = (between, fails) if self._fits(between) else (fits, between)
            try:
                last = solve(self.guest(fails), self._options)
            except InputError as refused:
                return fits, tuple(str(refused).splitlines())
            if known_layout(last) is None:
                return fits, _words(last) if isinstance(last, Infeasible) else None
            fits, fails = fails, fails + 1  # the whole search finds what a first look does not

    def _fits(self, count: int) -> bool:
        try:
            return feasible(self.guest(count), self._limits)
        except InputError:  # several of them contradict each other, as two balloons do
            if count == 1:
                raise
            return False


def _words(proved: Infeasible) -> tuple[str, ...]:
    """What runs out; not who uses it, which is everybody."""
    return tuple(str(one.model_copy(update={"subjects": ()})).removeprefix("error ") for one in proved.findings)
