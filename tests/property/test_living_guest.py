"""A guest that lives: devices are asked for, taken back, plugged and unplugged while it runs, and it is planned again.

Each state verifies; a plan beside the last one moves as few as the oracle finds, on guests that it can judge.

The whole, 500 runs of 50 steps, is `HYPOTHESIS_PROFILE=ci python -m pytest tests/property/test_living_guest.py`. With
`-k "[0] or [1] or [2] or [3]"` it is 100 of them, in about a minute on an idle machine.
"""

from typing import Any, Final

import pytest
from hypothesis import seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from qslot.schema import Guest, Infeasible, Layout, Outcome
from qslot.schema.errors import InputError
from qslot.schema.formats.hotplug import plug, unplug
from qslot.schema.layout.outcome import known_layout
from qslot.schema.verify import verify
from qslot.solver import solve

from ..opinions.previous import MOST, least
from ..profile import sample
from ..reference import NoAnswer

PARTS: Final = sample(2, ci=20)
RUNS: Final = sample(2, ci=25)
STEPS: Final = sample(25, ci=50)
MOST_DEVICES: Final = 9
NODES: Final = 3_000
"""Of each of the oracle's searches; a tree with more is not judged."""

MODELS: Final = ("virtio-net", "e1000", "virtio-blk", "nvme", "virtio-scsi", "virtio-rng", "e1000e", "usb-ehci", "VGA")
PLUGGED: Final = ("virtio-net", "e1000", "virtio-blk", "nvme", "e1000e")
HOTPLUG: Final = ("preferred", "required", "never")


class LivingGuest(RuleBasedStateMachine):
    """`asked` is the request, which may be ahead of `layout`, with which the guest runs."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[str, Any] = {}
        self.layout: Layout | None = None
        self.number = 0

    @initialize(machine=st.sampled_from(("pc", "q35")), firmware=st.sampled_from(("seabios", "ovmf")))
    def start(self, machine: str, firmware: str) -> None:
        self.asked = {"machine": machine, "firmware": firmware, "devices": []}
        for model in ("VGA", "virtio-net", "virtio-blk"):
            self._ask(model)
        self.layout = solve(self.guest).require()

    @property
    def guest(self) -> Guest:
        return Guest.model_validate(self.asked)

    @property
    def devices(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.asked["devices"]
        return found

    def _ask(self, model: str, at: int = 0, **more: Any) -> dict[str, Any]:
        self.number += 1
        one = {"id": f"d{self.number}", "model": model, **more}
        self.devices.insert(at % (len(self.devices) + 1), one)
        return one

    @precondition(lambda self: len(self.devices) < MOST_DEVICES)
    @rule(model=st.sampled_from(MODELS), hotplug=st.sampled_from((None, *HOTPLUG)), at=st.integers(0, 8))
    def add(self, model: str, hotplug: str | None, at: int) -> None:
        self._ask(model, at, **({} if hotplug is None else {"hotplug": hotplug}))
        self._unless_invalid()

    @precondition(lambda self: self.devices)
    @rule(which=st.integers(0, 8))
    def remove(self, which: int) -> None:
        del self.devices[which % len(self.devices)]

    def _unless_invalid(self) -> None:
        """A device that the guest cannot have beside the others is not asked for."""
        try:
            _ = self.guest
        except ValueError:
            self.devices[:] = [one for one in self.devices if one["id"] != f"d{self.number}"]

    @precondition(lambda self: len(self.devices) < MOST_DEVICES)
    @rule(model=st.sampled_from(PLUGGED))
    def hot_plug(self, model: str) -> None:
        assert self.layout is not None
        one = {"id": f"d{self.number + 1}", "model": model}
        try:
            self.layout = plug(self.layout, [one]).layout
        except InputError:
            return
        self._ask(model)

    @precondition(lambda self: self.layout and self.layout.devices)
    @rule(which=st.integers(0, 8))
    def hot_unplug(self, which: int) -> None:
        assert self.layout is not None
        try:
            step = unplug(self.layout, self.layout.devices[which % len(self.layout.devices)].id)
        except InputError:
            return
        self.layout = step.layout
        self.devices[:] = [one for one in self.devices if one["id"] not in step.devices]

    @rule(prune=st.booleans())
    def plan_again(self, prune: bool) -> None:
        self._plan({**self.asked, "policy": {"prune": prune}})

    @precondition(lambda self: self.layout and self.layout.devices)
    @rule(taken=st.lists(st.integers(0, 8), min_size=1, max_size=2))
    def plan_again_without_seats(self, taken: list[int]) -> None:
        """Seats of before are reserved, so that somebody must move."""
        assert self.layout is not None
        seats = [str(one.address) for one in self.layout.devices]
        reserved = dict.fromkeys(seats[where % len(seats)] for where in taken)
        self._plan({**self.asked, "reserve": list(reserved)})

    @precondition(lambda self: self.devices and self.layout and self.layout.devices)
    @rule(which=st.integers(0, 8), where=st.integers(0, 8))
    def plan_again_with_a_pin(self, which: int, where: int) -> None:
        """To a seat of before, perhaps another's."""
        assert self.layout is not None
        seat = str(self.layout.devices[where % len(self.layout.devices)].address)
        devices = [dict(one) for one in self.devices]
        devices[which % len(devices)]["address"] = seat
        self._plan({**self.asked, "devices": devices})

    def _plan(self, request: dict[str, Any]) -> None:
        assert self.layout is not None
        try:
            guest = Guest.model_validate(request)
        except ValueError:  # a bus that is gone
            return
        try:
            outcome = solve(guest, previous=self.layout)
        except InputError as error:
            assert "another guest's layout" in str(error)  # noqa: PT017 - all were replaced
            outcome = solve(guest)
        else:
            self._judge(guest, self.layout, outcome)
        layout = known_layout(outcome)
        if layout is None:
            self._as_it_runs()
        else:
            self.layout = layout

    def _judge(self, guest: Guest, previous: Layout, outcome: Outcome) -> None:
        layout = known_layout(outcome)
        if layout is not None:
            assert [str(one) for one in verify(guest, layout, previous) if one.severity == "error"] == []
        try:
            known = least(guest, previous, NODES) if len(guest.devices) <= MOST else None
        except NoAnswer:
            return
        if len(guest.devices) > MOST:
            return
        if known is None or isinstance(outcome, Infeasible):
            assert (layout is None, known is None) == (True, True), (outcome, known)
        elif layout is not None:
            moved = next(one for one in layout.objective if one.term == "moved")
            assert moved.value == known.moved == moved.bound, guest.model_dump_json(exclude_defaults=True)

    def _as_it_runs(self) -> None:
        """What cannot be is not asked for any longer."""
        assert self.layout is not None
        models = {one.id: one.model for one in self.layout.devices}
        self.asked |= {"devices": [{"id": name, "model": model} for name, model in models.items()]}

    @invariant()
    def every_state_verifies(self) -> None:
        if self.layout is not None:
            found = (one for one in verify(Guest.from_layout(self.layout), self.layout) if one.severity == "error")
            assert [
                str(one) for one in found if one.severity == "error" and one.rule not in ("hash", "objective")
            ] == []


@pytest.mark.parametrize("part", range(PARTS))
def test_a_guest_that_lives(part: int) -> None:
    profile = settings(max_examples=RUNS, stateful_step_count=STEPS, database=None)
    run_state_machine_as_test(seed(part)(LivingGuest), settings=profile)
