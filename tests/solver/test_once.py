"""What a solve works out once: a layout is read several times, what follows from it is not."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from qslot.schema import Guest, Layout
from qslot.schema.firmware import ovmf, seabios
from qslot.schema.layout.layout import Replanned
from qslot.schema.previous import standing
from qslot.schema.request import fields
from qslot.schema.verify import context, objective
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
    """Predicted are the previous layout, and the next one where it is planned and where it is judged. Devices are
    resolved of the request that the previous layout pins, and of the one in which all that were there stay."""
    previous, asked = solve(guest()).require(), guest(number=5)
    counts = counted(monkeypatch, (seabios, "predict"), (standing.Standing, "_listing"), (fields, "resolved_devices"))
    assert solve(asked, previous=previous).require().replanned == Replanned()
    assert counts == {"predict": 3, "_listing": 1, "resolved_devices": 2}


def test_what_a_layout_says_of_itself_changes_nothing_that_is_derived() -> None:
    asked = guest()
    layout: Layout = solve(asked).require()
    known = context_of(asked, layout.model_copy(update={"unmet": None, "objective": ()}))
    first = unmet_preferences(known)
    assert unmet_preferences(known.with_statements(layout)) is first
    assert unmet_preferences(context_of(asked, layout)) == first
