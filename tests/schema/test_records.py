"""Records: as dataclasses, but for what is said in schema/records.py."""

from dataclasses import field, fields, replace

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
