"""What the decoder makes without validation is what validation would make of it."""

from hypothesis import given
from hypothesis import strategies as st

from qslot.schema import Guest, Infeasible, Layout
from qslot.solver import Options, solve
from qslot.testing import guests


@given(guest=st.one_of(guests(most=40), guests(most=5, small=True)))
def test_a_layout_is_valid_as_it_is(guest: Guest) -> None:
    outcome = solve(guest, Options(time_limit=2))
    layout = None if isinstance(outcome, Infeasible) else outcome.layout
    if layout is None:
        return
    read = Layout.model_validate(layout.model_dump())
    assert read == layout
    assert read.model_dump_json() == layout.model_dump_json()
    for mine, validated in zip((*layout.controllers, *layout.devices), (*read.controllers, *read.devices), strict=True):
        assert [(name, type(value), value) for name, value in mine] == [
            (name, type(value), value) for name, value in validated
        ]
        assert list(mine.properties.items()) == list(validated.properties.items())
        assert [type(value) for value in mine.properties.values()] == [
            type(value) for value in validated.properties.values()
        ]
        assert mine.model_fields_set == set(type(mine).model_fields)
