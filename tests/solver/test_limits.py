"""What a limit does to an answer, and how large a guest may be."""

import time
from random import Random

import pytest

from qslot.schema import Guest, Infeasible, Solved, Undecided
from qslot.schema.verify import verify
from qslot.solver import Options, solve

from .ask import Data, device, devices, only, pc, planned, policy, q35

GUESTS: dict[str, Data] = {
    "easy": q35(*devices(30, "nvme")),
    "io": q35(*devices(48, "rtl8139")),
    "switches": q35(*devices(12, "nvme"), *(device(f"r{n}", "rtl8139") for n in range(5)), reserve=only("01.0")),
    "bridges": pc(*devices(100, "virtio-net")),
}


@pytest.mark.parametrize("seconds", [1e-6, 0.001, 0.01, 0.05])
@pytest.mark.parametrize("name", GUESTS)
def test_a_limit_never_makes_a_guest_impossible(name: str, seconds: float) -> None:
    request = Guest.model_validate(GUESTS[name])
    outcome = solve(request, Options(time_limit=seconds))
    assert not isinstance(outcome, Infeasible)
    layout = outcome.layout
    if isinstance(outcome, Undecided) and layout is not None:
        assert [finding for finding in verify(request, layout) if finding.severity == "error"] == []
    if isinstance(outcome, Solved):
        assert outcome.layout == planned(request)


@pytest.mark.parametrize("name", GUESTS)
def test_bounds_under_a_limit_are_bounds(name: str) -> None:
    request = Guest.model_validate(GUESTS[name])
    best = {term.term: term.value for term in planned(request).objective}
    outcome = solve(request, Options(time_limit=1e-62))
    if isinstance(outcome, Undecided) and outcome.bound:
        first = next(term for term in outcome.bound if best[term.term])
        assert first.bound <= best[first.term]


def test_a_limit_does_not_hide_a_contradiction_between_pins() -> None:
    request = Guest.model_validate(q35(device("a", "nvme", hotplug="required", address="pcie.0:05")))
    assert isinstance(solve(request, Options(time_limit=1e-6)), Infeasible)


def timed(data: Data, seconds: float) -> Solved | Infeasible | Undecided:
    request = Guest.model_validate(data)
    start = time.monotonic()
    outcome = solve(request, Options(time_limit=120))
    assert time.monotonic() - start < seconds
    return outcome


@pytest.mark.parametrize(
    ("name", "data"),
    [
        # 30 * 8 functions on pci.0 and 31 * 8 a bridge, of which there may be 255
        ("cold on pc", pc(*devices(10_000, "virtio-rng", virtio="modern"))),
        ("hot-plugged on pc", pc(*devices(7_000, "virtio-net", virtio="modern", hotplug="required"))),
        (
            "of six kinds",
            pc(*(device(f"d{n}", model, hotplug="never") for n, model in enumerate(["pvpanic-pci", "nvme"] * 5_000))),
        ),
    ],
)
def test_thousands_of_devices_are_planned(name: str, data: Data) -> None:
    assert isinstance(timed(data, 60), Solved), name


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("express", q35(*devices(10_000, "nvme", hotplug="required"))),
        ("io", q35(*devices(10_000, "rtl8139"))),
        ("hot-plugged on pc", pc(*devices(10_000, "virtio-net", virtio="modern", hotplug="required"))),
        ("controllers", pc(*devices(10_000, "virtio-rng", virtio="modern"), policy=policy(max_controllers=30))),
    ],
)
def test_ten_thousand_devices_are_proved_impossible(name: str, data: Data) -> None:
    assert isinstance(timed(data, 60), Infeasible), name


def test_many_sets_of_functions_are_answered_without_proof() -> None:
    """There are exponentially many ways to share a slot; not all are looked at, and the answer says so."""
    rng = Random(7)
    devices = [
        {"id": f"g{g}f{f}", "model": "virtio-net", "group": f"g{g}", "address": f".{f}", "hotplug": "never"}
        for g in range(40)
        for f in rng.sample(range(8), rng.randint(1, 3))
    ]
    fillers = [{"id": f"d{n}", "model": "virtio-rng", "hotplug": "never"} for n in range(30)]
    guest = Guest.model_validate({"machine": "q35", "devices": [*devices, *fillers]})
    outcome = solve(guest)
    assert isinstance(outcome, Undecided)
    assert outcome.layout is not None
    assert all(term.bound <= term.value for term in outcome.bound)
