"""What lets a guest have the answer of another: names decide nothing, neither what is found nor what is wrong."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from qslot.schema import Guest, Infeasible, Layout, Solved
from qslot.schema.finding import Finding
from qslot.schema.formats.written import to_json
from qslot.schema.verify import verify
from qslot.solver import solve
from qslot.solver.fleet.normal_form import GIVEN_NAME, normal_form
from qslot.solver.fleet.solve_many import solve_many
from qslot.solver.fleet.template import put_back, template_of
from qslot.solver.fleet.work import as_task
from qslot.testing import guests

from ..renaming import GROUP, Names, renamed_finding, renamed_guest, renamed_layout


@st.composite
def names(draw: st.DrawFn, guest: Guest) -> dict[str, str]:
    """Other ids for all parts, in any order of the alphabet; those that look like qslot's own stay."""
    ids = [part.id for part in guest.parts if not GIVEN_NAME.fullmatch(part.id)]
    numbers = draw(st.permutations(range(len(ids))))
    return {one: f"{draw(st.sampled_from('abxyzAZ'))}-{number}" for one, number in zip(ids, numbers, strict=True)}


@st.composite
def pairs(draw: st.DrawFn, of: st.SearchStrategy[Guest]) -> tuple[Guest, Guest, Names]:
    """A guest, the same with other names and neutral properties, and the names."""
    guest = draw(of)
    chosen = draw(names(guest))
    other = renamed_guest(guest, chosen)
    devices = tuple(
        device.model_copy(update={"properties": {**device.properties, **draw(_neutral(device.model))}})
        for device in other.devices
    )
    return guest, other.model_copy(update={"devices": devices}).validated(), chosen


def _neutral(model: str) -> st.SearchStrategy[dict[str, str]]:
    kinds = {"virtio-net": ("mac", "netdev"), "virtio-blk": ("drive", "serial"), "e1000": ("mac",)}
    values = st.text('0123456789abcdef:\\"{},', min_size=1, max_size=8)
    return st.dictionaries(st.sampled_from(kinds.get(model, ("netdev",))), values, max_size=2 if model in kinds else 0)


@given(pairs(guests(most=5, small=True)))
def test_the_answer_of_another_guest_of_the_form_is_the_own_one(pair: tuple[Guest, Guest, Names]) -> None:
    """Byte for byte, as a fresh solve has it; and it is the other's answer that is given."""
    guest, other, _ = pair
    assert normal_form(guest).key == normal_form(other).key
    first, second = solve_many([guest, other])
    fresh = solve(other)
    assert to_json(second) == to_json(fresh)
    assert to_json(first) == to_json(solve(guest))
    template = template_of(guest, first) if isinstance(first, Solved | Infeasible) else None
    if template is not None:
        assert (
            put_back(template, normal_form(other))[1] == put_back(str(template_of(other, fresh)), normal_form(other))[1]
        )


@given(pairs(guests(most=40)))
def test_a_guest_that_is_sent_to_a_worker_is_the_same_there(pair: tuple[Guest, Guest, Names]) -> None:
    for guest in pair[:2]:
        there = Guest.model_validate_json(as_task(guest).guest)
        assert normal_form(there) == normal_form(guest)


@given(pairs(guests(most=5, small=True)), st.integers(0, 31), st.integers(0, 7))
def test_verify_does_not_look_at_names(pair: tuple[Guest, Guest, Names], slot: int, function: int) -> None:
    """Of a right layout, and of one in which a device sits elsewhere."""
    guest, _, chosen = pair
    other = renamed_guest(guest, chosen)
    outcome = solve(guest)
    if not isinstance(outcome, Solved):
        return
    for layout in (outcome.layout, *_disturbed(outcome.layout, slot, function)):
        found = verify(guest, layout)
        there = verify(other, renamed_layout(layout, chosen, other.sha256))
        assert [renamed_finding(one, chosen) for one in found] == [_without_groups(one) for one in there]


def _disturbed(layout: Layout, slot: int, function: int) -> Iterator[Layout]:
    for place, device in enumerate(layout.devices[:2]):
        moved = device.model_copy(update={"slot": slot, "function": function})
        devices = (*layout.devices[:place], moved, *layout.devices[place + 1 :])
        yield layout.model_copy(update={"devices": devices})


def _without_groups(finding: Finding) -> str:
    return str(finding).replace(GROUP, "")
