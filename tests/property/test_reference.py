"""The oracle itself: its shortcuts lose nothing, and the checker, another reading of the rules, agrees with it."""

import pytest
from qslot.schema.cost import objective
from qslot.schema.verify import verify

from ..generate import tiny_guest
from ..reference import NoAnswer, Search, best_layout
from ..reference import search as reference_search


def test_shortcuts_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without them the search looks at every tree of controllers that can be created on the way to a seat."""
    monkeypatch.setattr(reference_search, "NODES", 2_000)
    compared = 0
    for seed in range(50_000, 50_120):
        quick = Search(tiny_guest(seed))
        if len(quick.free) > 5:
            continue
        try:
            plain = Search(tiny_guest(seed), prune=False).run()
        except NoAnswer:
            continue
        assert quick.run() == plain, seed
        compared += 1
    assert compared > 80


def test_the_checker_finds_nothing_in_the_oracles_layouts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference_search, "NODES", 4_000)
    written = 0
    for seed in range(60_000, 60_200):
        guest = tiny_guest(seed)
        try:
            layout = best_layout(guest)
        except NoAnswer:
            continue
        if layout is not None:
            assert [str(finding) for finding in verify(guest, layout) if finding.severity == "error"] == [], seed
            assert objective(guest, layout) == {term.term: term.value for term in layout.objective}, seed
            written += 1
    assert written > 120
