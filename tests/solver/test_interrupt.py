"""Whoever stops a search, by Ctrl-C or from another thread, gets the best layout so far."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from qslot.schema import Guest, Layout, Undecided
from qslot.schema.verify import verify
from qslot.solver import Options, Stop, solve
from qslot.solver.cli import qslot
from qslot.solver.cpsat import Limits, Program, Result
from qslot.solver.rows import Sum

from tests.layouts import small_layout

from .ask import Data, device, pc, planned

BRIDGES: Data = pc(
    device("d0", "nvme"),
    device("d1", "virtio-net", virtio="legacy"),
    controllers=[
        device("c0", "pci-bridge", address="pci.0:02.1"),
        device("c1", "pci-bridge", properties={"io-reserve": 8192}),
        *(device(f"e{n}", "pci-bridge") for n in range(3)),
    ],
)


def test_the_best_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after the first term: a layout that verifies, and bounds that hold."""
    stop, minimize = Stop(), Program.minimize

    def once(self: Program, what: Sum, hint: Sequence[int] = ()) -> Result:
        result = minimize(self, what, hint)
        if result.values:
            stop()
        return result

    best = {term.term: term.value for term in planned(BRIDGES).objective}
    monkeypatch.setattr(Program, "minimize", once)
    request = Guest.model_validate(BRIDGES)
    outcome = solve(request, Options(stop=stop))
    assert isinstance(outcome, Undecided)
    assert outcome.layout is not None
    assert [one for one in verify(request, outcome.layout) if one.severity == "error"] == []
    assert all(term.bound <= best[term.term] <= term.value and term.gap >= 0 for term in outcome.bound)
    assert any(term.gap for term in outcome.bound)


def test_a_solve_in_hand_ends() -> None:
    ended: list[str] = []
    stop = Stop()
    stop.will_call(lambda: ended.append("now"))
    stop()
    stop.will_call(lambda: ended.append("at once"))
    assert ended == ["now", "at once"]
    assert Limits.of(Options(time_limit=9, stop=stop)).left() == 0


def test_python_keeps_its_interrupts() -> None:
    """What happened before: OR-Tools took SIGINT for the first solve, and left it to kill the process."""
    before = signal.getsignal(signal.SIGINT)
    planned(pc(device("a", "nvme")))
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("layout", [small_layout(), None])
def test_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, layout: Layout | None) -> None:
    def interrupted(_guest: Guest, options: Options) -> Undecided:
        time.sleep(0.2)  # until the command waits
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(500):
            if options.stop is not None and options.stop.asked:
                return Undecided(layout=layout)
            time.sleep(0.01)
        raise TimeoutError

    monkeypatch.setattr("qslot.solver.solve", interrupted)
    path = tmp_path / "guest.yaml"
    path.write_text("machine: q35\n")
    result = CliRunner().invoke(qslot, ["plan", str(path)])
    assert result.exit_code == 4
    assert "interrupted: finishing with the best so far" in result.stderr
    assert ("pcie.0" in result.stdout) == (layout is not None)
