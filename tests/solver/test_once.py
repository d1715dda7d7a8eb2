"""What a solve works out once: a layout is read several times, what follows from it is not."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from qslot.schema import Guest, Layout
from qslot.schema.firmware import ovmf, seabios
from qslot.schema.layout.layout import Replanned
from qslot.schema.previous import changes, standing, standing_of
from qslot.schema.request import fields
from qslot.schema.verify import context, objective, verify_context
from qslot.schema.verify.context import context_of
from qslot.schema.verify.objective import unmet_preferences
from qslot.solver import solve


def guest(firmware: str = "seabios", number: int = 4, **fields: Any) -> Guest:
    devices = [{"id": f"net{number}", "model": "virtio-net"} for number in range(number)]
    return Guest.model_validate({"machine": "pc-q35-7.2", "firmware": firmware, "devices": devices, **fields})


def counted(monkeypatch: pytest.MonkeyPatch, *functions: tuple[Any, str]) -> Counter[str]:
    """How often each is called from now on."""
    calls: Counter[str] = Counter()

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            calls[name] += 1
            return function(*arguments, **options)

        return call

    for module, name in functions:
        monkeypatch.setattr(module, name, counting(name, getattr(module, name)))
    return calls


@pytest.mark.parametrize(("firmware", "module"), [("seabios", seabios), ("ovmf", ovmf)])
def test_a_solve_derives_each_thing_once(monkeypatch: pytest.MonkeyPatch, firmware: str, module: Any) -> None:
    asked = guest(firmware)
    counts = counted(monkeypatch, (objective, "reasons"), (module, "predict"), (context, "topology_of"))
    solve(asked).require()
    assert counts == {"reasons": len(asked.devices), "predict": 1, "topology_of": 1}


def test_where_ovmf_may_be_short_of_memory_one_prediction_does_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = guest("ovmf", 2, spare=[{"kind": "pcie", "memory": "1GiB"}])
    counts = counted(monkeypatch, (ovmf, "predict"), (context, "memory_is_ample"))
    solve(asked).require()
    assert counts == {"predict": 1, "memory_is_ample": 1}


def test_planning_again_derives_each_thing_once_a_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Predicted are the previous layout and the next one, which is judged by what it was planned with. Devices are
    resolved of the request that the previous layout pins, and of the one in which all that were there stay."""
    previous, asked = solve(guest()).require(), guest(number=5)
    counts = counted(
        monkeypatch,
        (seabios, "predict"),
        (context, "topology_of"),
        (changes, "topology_of"),
        (standing.Standing, "_listing"),
        (fields, "resolved_devices"),
    )
    assert solve(asked, previous=previous).require().replanned == Replanned()
    assert counts == {"predict": 2, "topology_of": 3, "_listing": 1, "resolved_devices": 2}


MORE = {"id": "new", "model": "virtio-blk"}
MOVED = {"id": "net0", "model": "virtio-net", "address": "pcie.0:1e.0"}


@pytest.mark.parametrize("firmware", ["seabios", "ovmf"])
@pytest.mark.parametrize("first", [[], [MORE], [MOVED], [MORE, MOVED]], ids=["same", "more", "moved", "both"])
def test_what_the_search_worked_out_is_what_the_checker_would(firmware: str, first: list[dict[str, Any]]) -> None:
    """Of who stays; and where another request is asked, or another layout, nothing is taken over."""
    previous, own = solve(guest(firmware)).require(), {one["id"] for one in first}
    there = [one for one in guest(firmware).model_dump(mode="json")["devices"] if one["id"] not in own]
    asked = guest(firmware, devices=[*first, *there])
    beside = standing_of(asked, previous)
    stay = beside.keeping(beside.seats)
    planned = context_of(stay, solve(stay).require())
    assert planned.prediction is not None
    layout = planned.layout.model_copy(update={"input_sha256": asked.sha256})
    taken, anew = context_of(asked, layout, beside, [planned]), context_of(asked, layout, beside)
    assert taken.prediction is planned.prediction
    for name in ("guest", "asked", "standing", "paths", "topology", "items", "places", "spares", "prediction", "names"):
        assert getattr(taken, name) == getattr(anew, name) or name == "topology"
    assert (taken.topology.buses, taken.topology.slots) == (anew.topology.buses, anew.topology.slots)
    assert (taken.io, taken.memory, taken.replanned) == (anew.io, anew.memory, anew.replanned)
    assert verify_context(taken) == verify_context(anew)
    other = layout.model_copy(update={"devices": tuple(one.model_copy() for one in layout.devices)})
    assert context_of(asked, other, beside, [planned]).prediction is not planned.prediction
    unlike = context_of(stay.model_copy(), layout)
    assert context_of(asked, layout, beside, [unlike]).prediction is not unlike.prediction


def test_what_a_layout_says_of_itself_changes_nothing_that_is_derived() -> None:
    asked = guest()
    layout: Layout = solve(asked).require()
    known = context_of(asked, layout.model_copy(update={"unmet": None, "objective": ()}))
    first = unmet_preferences(known)
    assert unmet_preferences(known.with_statements(layout)) is first
    assert unmet_preferences(context_of(asked, layout)) == first
