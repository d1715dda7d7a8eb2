"""Records: as dataclasses, but for what is said in schema/records.py."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from typing import Any, ClassVar, Final

import pytest

from qslot.schema.records import record


@record(frozen=True)
class Place:
    """A value."""

    bus: str
    slot: int = 0
    seen: list[str] = field(default_factory=list, compare=False, repr=False)


@record(frozen=True)
class Nothing:
    """A value without fields: there is one."""


@record(frozen=True)
class Named:
    """One that says itself how it is shown."""

    name: str

    def __repr__(self) -> str:
        return self.name


@record
class Draft:
    """What changes has no hash."""

    slot: int


@record(eq=False)
class Thing:
    """Nothing but itself is equal to it."""

    slot: int


def test_equal_fields_make_equal_values() -> None:
    assert Place("rp1", 2, ["a"]) == Place("rp1", 2)
    assert Place("rp1", 2) != Place("rp1", 3)
    assert len({Place("rp1", 2, ["a"]), Place("rp1", 2), Place("rp1")}) == 2
    assert Nothing() == Nothing()
    assert len({Nothing(), Nothing()}) == 1
    assert len({Place("rp1"), Named("rp1")}) == 2


def test_what_changes_is_no_key() -> None:
    draft = Draft(1)
    draft.slot = 2
    assert draft == Draft(2)
    assert Draft.__hash__ is None


def test_things_are_themselves() -> None:
    one = Thing(1)
    assert one != Thing(1)
    assert len({one, Thing(1)}) == 2


def test_shown_and_read_as_dataclasses_are() -> None:
    assert repr(Place("rp1", 2, ["a"])) == "Place(bus='rp1', slot=2)"
    assert repr(Named("rp1")) == "rp1"
    assert [one.name for one in fields(Place)] == ["bus", "slot", "seen"]
    assert replace(Place("rp1"), slot=3) == Place("rp1", 3)


class Parts:
    """How many parts there are."""

    def __post_init__(self) -> None:
        self.count = len(self.parts)  # type: ignore[attr-defined]


def all_sorts(made: Callable[[type], type]) -> type:
    """A class with fields of every sort, as a record or as a dataclass."""

    class Sorts(Parts):
        name: str
        place: tuple[int, int] = (1, 2)
        parts: list[str] = field(default_factory=list)
        shared: ClassVar[int] = 7
        count: int = field(init=False)
        found: dict[str, int] = field(init=False, default_factory=dict)
        _: KW_ONLY
        named: int
        also: str = "x"

    return made(Sorts)


class Below:
    """A field more than the record above it."""

    def __new__(cls, made: Callable[[type], type]) -> Any:
        return made(type("Below", (all_sorts(made),), {"__annotations__": {"last": "int"}, "last": 3}))


CALLS: Final[tuple[tuple[tuple[Any, ...], dict[str, Any]], ...]] = (
    ((), {}),
    (("a",), {}),
    (("a",), {"named": 1}),
    (("a", (3, 4), ["p"]), {"named": 1, "also": "y"}),
    ((), {"name": "a", "parts": ["p", "q"], "named": 2}),
    (("a", (3, 4), [], 5), {"named": 1}),
    (("a", (3, 4), [], 5, 6), {"named": 1}),
    (("a",), {"named": 1, "count": 2}),
    (("a",), {"named": 1, "unknown": 2}),
)


@pytest.mark.parametrize(("given", "by_name"), CALLS)
@pytest.mark.parametrize("kind", [all_sorts, Below])
def test_made_as_dataclasses_are(kind: Any, given: tuple[Any, ...], by_name: dict[str, Any]) -> None:
    made: list[Any] = []
    for decorator in (record, dataclass):
        try:
            made.append(vars(kind(decorator)(*given, **by_name)))
        except TypeError as error:
            made.append(str(error).rpartition("__init__()")[2])
    assert made[0] == made[1]


def test_each_gets_what_is_its_own() -> None:
    sorts = all_sorts(record)
    one, other = sorts("a", named=1), sorts("b", named=1)
    one.parts.append("p")
    assert (other.parts, one.found is other.found) == ([], False)
