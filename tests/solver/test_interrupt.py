"""Whoever stops a search, by Ctrl-C or from another thread, gets the best layout so far."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from qslot.schema import Guest, Undecided
from qslot.schema.request.fields import Term
from qslot.schema.verify import verify
from qslot.solver import Options, Stop, solve
from qslot.solver.model.linear import LinearExpr
from qslot.solver.search.cpsat import CpSatModel, Limits, SolveResult

from .ask import Data, device, pc, planned

ROOT = Path(__file__).parents[2]

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
    stop, minimize = Stop(), CpSatModel.minimize

    def once(self: CpSatModel, what: LinearExpr, hint: Sequence[int] = (), term: Term | None = None) -> SolveResult:
        result = minimize(self, what, hint, term)
        if result.values:
            stop()
        return result

    best = {term.term: term.value for term in planned(BRIDGES).objective}
    monkeypatch.setattr(CpSatModel, "minimize", once)
    monkeypatch.setattr(sys.modules["qslot.solver.solving"], "within_reach", lambda _: False)  # counted, term by term
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


def run(script: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """In a process of its own: test runners have their own ways with signals."""
    return subprocess.run(
        [sys.executable, "-c", script, *words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_python_keeps_its_interrupts() -> None:
    """What happened before: OR-Tools took SIGINT for the first solve, and left it to kill the process."""
    done = run(
        "import signal\n"
        "from qslot.schema import Guest\n"
        "from qslot.solver import solve\n"
        "solve(Guest(machine='pc', devices=[{'id': 'a', 'model': 'nvme'}]))\n"
        "try:\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "except KeyboardInterrupt:\n"
        "    print('caught')\n"
    )
    assert (done.returncode, done.stdout) == (0, "caught\n"), done.stderr


INTERRUPTED = """
import os, signal, sys, time
import qslot.solver
from qslot.schema import Undecided
from qslot.solver.cli import qslot as command
from tests.layouts import small_layout

def solve(guest, options, previous=None):
    time.sleep(0.2)  # until the command waits
    os.kill(os.getpid(), signal.SIGINT)
    while not options.stop.asked:
        time.sleep(0.01)
    return Undecided(layout=small_layout() if sys.argv[1] == "found" else None)

qslot.solver.explain = solve
command(["plan", "examples/rhel6-q35.yaml"])
"""


@pytest.mark.parametrize("known", ["found", "nothing"])
def test_the_command(known: str) -> None:
    done = run(INTERRUPTED, known)
    assert done.returncode == 4, done.stderr
    assert "interrupted: finishing with the best so far" in done.stderr
    assert ("pcie.0" in done.stdout) == (known == "found")


BEFORE_IT_BEGINS = """
import signal
from qslot.solver.cli import common, qslot as command

class Thread(common.Thread):
    def start(self):
        signal.raise_signal(signal.SIGINT)
        super().start()

common.Thread = Thread
command(["plan", "examples/rhel6-q35.yaml"])
"""


def test_before_the_search_has_begun() -> None:
    """What happened before: the command waited for ever, for a thread that the interrupt had kept from starting."""
    done = run(BEFORE_IT_BEGINS)
    assert done.returncode == 4, done.stderr
    assert done.stderr.startswith("interrupted: finishing with the best so far\n")
