"""Laws that hold for every guest, whatever its best layout is."""

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from qslot.schema import Guest, Infeasible, Layout, Solved
from qslot.schema.verify import verify
from qslot.solver import Options, solve

from ..strategies import guests, small_guests

PATIENCE = Options(time_limit=2)


def plan(guest: Guest) -> Layout | None:
    """None where there is no layout; what was not decided in time says nothing."""
    outcome = solve(guest, PATIENCE)
    assume(isinstance(outcome, Solved | Infeasible))
    return outcome.layout if isinstance(outcome, Solved) else None


def costs(layout: Layout | None) -> list[int]:
    return [1 << 60] if layout is None else [term.value for term in layout.objective]


@given(guests())
def test_a_solved_layout_breaks_no_rule_and_is_proved(guest: Guest) -> None:
    layout = plan(guest)
    assume(layout is not None)
    assert layout is not None
    assert [finding for finding in verify(guest, layout) if finding.severity == "error"] == []
    assert layout.status == "optimal"
    assert all(term.value == term.bound for term in layout.objective)


@given(small_guests(), st.randoms(use_true_random=False))
def test_the_order_of_the_request_changes_no_cost(guest: Guest, rng: Any) -> None:
    """Except where order means something: members of a group, pins without a function, who is first at a soft place."""
    assume(not guest.groups and all(d.address is None or d.address.function is not None for d in guest.devices))
    assume(sum(d.model in ("VGA", "virtio-vga", "virtio-gpu", "bochs-display") for d in guest.devices) < 2)
    data = guest.model_dump(mode="json")
    rng.shuffle(data["devices"])
    assert costs(plan(Guest.model_validate(data))) == costs(plan(guest))


@given(small_guests(), st.data())
def test_more_room_is_never_dearer(guest: Guest, data: st.DataObject) -> None:
    request = guest.model_dump(mode="json")
    ways = [name for name in ("reserve", "spare") if request[name]]
    ways += [name for name in ("max_controllers", "max_depth") if request["policy"][name] is not None]
    assume(ways)
    way = data.draw(st.sampled_from(ways))
    if way in ("reserve", "spare"):
        request[way].pop(data.draw(st.integers(0, len(request[way]) - 1)))
    else:
        request["policy"][way] += 1
    assert costs(plan(Guest.model_validate(request))) <= costs(plan(guest))


@given(small_guests())
def test_a_layout_pinned_back_stays(guest: Guest) -> None:
    layout = plan(guest)
    assume(layout is not None and not guest.spare)
    assert layout is not None
    again = plan(Guest.model_validate(pinned_back(guest, layout)))
    assert again is not None
    assert {d.id: d.address for d in again.devices} == {d.id: d.address for d in layout.devices}
    assert {c.id: c.address for c in again.controllers} == {c.id: c.address for c in layout.controllers}


def pinned_back(guest: Guest, layout: Layout) -> dict[str, Any]:
    """The request with every address pinned, and what the planner created demanded as it is."""
    request = guest.model_dump(mode="json")
    seats = {seat.id: str(seat.address) for seat in (*layout.controllers, *layout.devices)}
    for device in request["devices"]:
        device["address"] = seats[device["id"]]
    hotplug = {controller.id: controller.hotplug for controller in guest.controllers}
    request["controllers"] = [
        {
            "id": one.id,
            "model": one.model,
            "address": seats[one.id],
            "hotplug": hotplug.get(one.id, True),
            "properties": {name: value for name, value in one.properties.items() if name != "hotplug"},
        }
        for one in layout.controllers
    ]
    return request


@given(guests(), st.integers(0, 1000))
def test_workers_and_seed_change_no_byte(guest: Guest, seed: int) -> None:
    layout = plan(guest)
    assume(layout is not None)
    other = solve(guest, Options(time_limit=60, workers=2, seed=seed))
    assert isinstance(other, Solved)
    assert layout is not None
    assert other.layout.model_dump_json() == layout.model_dump_json()


@given(guests())
def test_round_trip_as_json(guest: Guest) -> None:
    again = Guest.model_validate_json(guest.model_dump_json())
    assert again == guest
    assert again.sha256 == guest.sha256
    layout = plan(guest)
    if layout is not None:
        assert Layout.model_validate_json(layout.model_dump_json()) == layout
