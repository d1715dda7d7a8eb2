"""What a search tells while it runs: true, in order, and without changing the answer."""

import logging
import pickle
from itertools import groupby, pairwise

import pytest

import qslot
from qslot.solver.model.linear import LinearExpr, LinearModel
from qslot.solver.progress import Watch
from qslot.solver.search.cpsat import CpSatModel, Limits, Status
from qslot.testing.generator import small_guest

GAPS = qslot.Guest(
    machine="pc",
    devices=[
        qslot.Device(id="d0", model="nvme"),
        qslot.Device(id="d1", model="virtio-net", virtio="legacy"),
    ],
    controllers=[qslot.Controller(id=f"e{n}", model="pci-bridge") for n in range(3)],
)


def knapsack() -> tuple[LinearModel, LinearExpr]:
    """Large enough to be improved in several steps."""
    model = LinearModel()
    items = [model.variable(0, 1) for _ in range(40)]
    weight = LinearExpr()
    cost = LinearExpr({}, 7)
    for number, item in enumerate(items):
        weight = weight + item * (13 + number * 7 % 31)
        cost = cost + item * (11 + number * 5 % 23)
    model.add_range(400, weight, 10_000)
    return model, cost


@pytest.mark.parametrize("documented", [False, True])
def test_solutions_fall_and_bounds_rise_to_the_least(documented: bool) -> None:
    told: list[qslot.SearchProgress] = []
    model, cost = knapsack()
    limits = Limits(watch=Watch(told.append))
    result = CpSatModel(model, limits, documented=documented).minimize(cost, term="controllers")
    assert result.answer is Status.OPTIMAL
    assert (told[0].models, told[0].best, told[0].gap) == (1, None, None)
    best = [one.best for one in told if one.best is not None]
    bounds = [one.bound for one in told if one.bound is not None]
    assert best == sorted(best, reverse=True)
    assert bounds == sorted(bounds)
    assert best[-1] == result.bound
    assert all(bound <= result.bound for bound in bounds)
    assert all(one.seconds <= two.seconds for one, two in pairwise(told))


@pytest.mark.parametrize("seed", range(12))
def test_who_listens_changes_nothing(seed: int) -> None:
    told: list[qslot.SearchProgress] = []
    guest = small_guest(seed)
    outcome = qslot.explain(guest, qslot.Options(progress=told.append))
    assert outcome == qslot.explain(guest)
    for _, group in groupby(told, key=lambda one: one.models):
        of_one_model = list(group)
        assert len({one.term for one in of_one_model}) == 1
    layout = getattr(outcome, "layout", None)
    last = {one.term: one.best for one in told if one.best is not None}
    if layout is not None and layout.status == "optimal":
        for term in layout.objective:
            assert last.get(term.term, term.value) >= term.bound


class _Stop(Exception):  # noqa: N818 - no error
    pass


@pytest.mark.parametrize("documented", [False, True])
def test_what_the_callback_raises_comes_out(documented: bool) -> None:
    def refuse(_: qslot.SearchProgress) -> None:
        raise _Stop

    model, cost = knapsack()
    with pytest.raises(_Stop):
        CpSatModel(model, Limits(watch=Watch(refuse)), documented=documented).minimize(cost, term="controllers")
    with pytest.raises(_Stop):
        qslot.solve(GAPS, qslot.Options(progress=refuse))


def test_words() -> None:
    some = qslot.SearchProgress(12.4, 3, "io_windows", 8192, 4096)
    assert str(some) == "12 s, bytes of IO windows: best 8192, at least 4096, gap 4096, model 3"
    assert str(qslot.SearchProgress(0.2, 1)) == "0 s, model 1"
    assert pickle.loads(pickle.dumps(some)) == some


def test_options_refuse_what_cannot_be_called() -> None:
    with pytest.raises(qslot.OptionError, match="takes a SearchProgress"):
        qslot.Options(progress=5)  # type: ignore[arg-type]


def test_the_log_has_the_name_of_the_library(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="qslot"):
        qslot.solve(GAPS)
    assert caplog.records
    assert {one.name.partition(".")[0] for one in caplog.records} == {"qslot"}
    assert any("Solved" in one.message and one.levelno == logging.INFO for one in caplog.records)
