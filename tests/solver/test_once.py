"""What a solve works out once: a layout is read several times, what follows from it is not."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from qslot.schema import Guest, Layout
from qslot.schema.firmware import ovmf, seabios
from qslot.schema.verify import context, objective
from qslot.schema.verify.context import context_of
from qslot.schema.verify.objective import unmet_preferences
from qslot.solver import solve


def guest(firmware: str = "seabios") -> Guest:
    devices = [{"id": f"net{number}", "model": "virtio-net"} for number in range(4)]
    return Guest.model_validate({"machine": "pc-q35-7.2", "firmware": firmware, "devices": devices})


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


def test_what_a_layout_says_of_itself_changes_nothing_that_is_derived() -> None:
    asked = guest()
    layout: Layout = solve(asked).require()
    known = context_of(asked, layout.model_copy(update={"unmet": None, "objective": ()}))
    first = unmet_preferences(known)
    assert unmet_preferences(known.with_statements(layout)) is first
    assert unmet_preferences(context_of(asked, layout)) == first
