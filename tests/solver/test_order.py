"""Orders of devices: what puts them in order, what an order costs, what cannot be, and what is not known."""

import pytest
from pydantic import ValidationError

from qslot.schema import Guest, Infeasible, Undecided
from qslot.solver import explain, solve

from ..property.explanations import problems
from .ask import Data, device, devices, pc, planned, policy, q35, seats

NICS = [device("net0", "virtio-net"), device("net1", "e1000")]
TWO = [device("net0", "virtio-net"), device("net1", "virtio-net")]


def costs(data: Data) -> dict[str, int]:
    return {one.term: one.value for one in planned(data).objective}


@pytest.mark.parametrize("firmware", ["seabios", "ovmf"])
def test_an_order_of_bridges_costs_nothing(firmware: str) -> None:
    """A bridge changes its port with a device; names of controllers are still in order."""
    layout = planned(q35(*NICS, order=["net1", "net0"], firmware=firmware))
    assert costs(q35(*NICS, order=["net1", "net0"])) == costs(q35(*NICS))
    assert seats(layout)["p2p1"] == "rp1:00.0"
    assert seats(layout)["rp1"] < seats(layout)["rp2"]


def test_what_is_in_order_already_is_planned_as_without() -> None:
    with_order, without = planned(q35(*NICS, order=["net0", "net1"])), planned(q35(*NICS))
    assert with_order.controllers == without.controllers
    assert with_order.devices == without.devices


def test_an_order_may_cost_a_bridge() -> None:
    """What is below one bridge comes in one piece."""
    three = [device("a", "e1000"), device("b", "e1000"), device("n", "nvme")]
    assert costs(q35(*three, order=["a", "n", "b"]))["controllers"] == costs(q35(*three))["controllers"] + 2


def test_the_most_that_can_be_in_order() -> None:
    eight = devices(12, "virtio-net")
    order = [f"d{number}" for number in (7, 6, 5, 4, 3, 2, 1, 0)]
    layout = planned(q35(*eight, order=order))
    assert [layout.guest_addresses[name] for name in order] == sorted(
        str(layout.guest_addresses[name]) for name in order
    )


@pytest.mark.parametrize(
    ("order", "says"),
    [
        pytest.param(["net0", "net7"], "order: 'net7' is no device; nearest: net", id="nobody"),
        pytest.param(["net0", "net0"], "order: names net0 2 times: keep one", id="twice"),
        pytest.param([f"d{number}" for number in range(9)], "at most 8", id="too many"),
    ],
)
def test_bad_input(order: list[str], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Guest.model_validate(q35(*NICS, *devices(9, "nvme"), order=order))


def test_why_not_names_the_fewest_and_what_they_want() -> None:
    """Everybody else, and the rest of the order, has nothing to do with it."""
    video = device("video", "VGA", address="pcie.0:05.0")
    hot = [device("net0", "virtio-net"), device("net1", "e1000", hotplug="required")]
    outcome = explain(Guest.model_validate(q35(*hot, video, order=["net0", "net1", "video"], policy=policy())))
    assert isinstance(outcome, Infeasible)
    assert outcome.conflict is not None
    assert outcome.conflict.minimal
    assert [(one.rule, one.subjects) for one in outcome.conflict.facts] == [
        ("order", ("net1", "video")),
        ("hotplug", ("net1",)),
        ("pin", ("video",)),
    ]
    assert "hint: hotplug: preferred for net1" in str(outcome)
    assert "hint: leave one of net1 and video out of order" in str(outcome)


def test_what_helps_a_guest_without_the_order_is_no_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing that helps is found: any change would do where the order is not asked for."""
    monkeypatch.setattr("qslot.solver.explanation.out_of_order._helping", lambda *_: iter(()))
    hot = [device("net1", "e1000", hotplug="required"), device("video", "VGA", address="pcie.0:05.0")]
    outcome = explain(Guest.model_validate(q35(*hot, order=["net1", "video"])))
    assert isinstance(outcome, Infeasible)
    assert outcome.conflict is not None
    assert outcome.remedies == ()


def test_it_never_costs_a_move() -> None:
    before = planned(q35(*TWO))
    guest = Guest.model_validate(q35(*TWO, order=["net1", "net0"]))
    for outcome in (solve(guest, previous=before), explain(guest, previous=before)):
        assert isinstance(outcome, Infeasible)
        assert "net1 and net0 are to have ascending guest addresses" in str(outcome)
        assert "moved 0, in-order 1" in str(outcome)


def test_a_kept_order_is_kept_beside_what_was_there() -> None:
    before = q35(*TWO, order=["net1", "net0"])
    after = planned({**q35(device("new", "nvme"), *TWO, order=["net1", "net0"]), "previous": before})
    assert after.replanned is not None
    assert after.replanned.moved == ()


def test_devices_that_must_move_are_put_in_order() -> None:
    """Both seats are taken away."""
    taken = ["pci.0:02", "pci.0:03"]
    two = [device("a", "e1000"), device("b", "e1000")]
    after = planned({**pc(*two, order=["b", "a"], reserve=taken), "previous": pc(*two)})
    assert seats(after)["b"] < seats(after)["a"]


def test_what_is_not_known_is_not_claimed() -> None:
    """Two expanders of one node could keep this order; the planner adds one of each."""
    nodes = [device("a", "nvme", numa=0), device("b", "nvme", numa=1), device("c", "nvme", numa=0)]
    outcome = solve(Guest.model_validate(q35(*nodes, numa_nodes=2, order=["a", "b", "c"])))
    assert isinstance(outcome, Undecided)
    assert outcome.reason == "ordered"


def test_a_large_guest_gets_a_layout_though_not_the_proof() -> None:
    """The order comes back to the bridge: it has one more for each time."""
    mixed = [device(f"d{n}", ("virtio-net", "e1000", "nvme")[n % 3]) for n in range(20)]
    outcome = solve(Guest.model_validate(q35(*mixed, order=["d1", "d2", "d4", "d5", "d7"])))
    assert isinstance(outcome, Undecided)
    assert outcome.reason == "ordered"
    assert outcome.layout is not None
    assert sum(one.model == "pcie-pci-bridge" for one in outcome.layout.controllers) == 3


def test_what_helps_with_something_else_keeps_the_order() -> None:
    """Without the order a third controller would do; with it the bus of the first bridge comes before the port."""
    asked = [device(name, model, hotplug="required") for name, model in (("a", "e1000"), ("n", "nvme"), ("b", "e1000"))]
    guest = Guest.model_validate(q35(*asked, order=["a", "n", "b"], policy=policy(max_controllers=2)))
    outcome = explain(guest)
    assert isinstance(outcome, Infeasible)
    assert list(problems(guest, outcome)) == []
    assert {change.after for one in outcome.remedies for change in one.changes if change.what == "max-controllers"} == {
        5
    }
