"""What OVMF loses of IO by alignment and by its own reserves, as rows: they hold of any layout that fits."""

import pytest

from qslot.schema import Layout
from qslot.solver.model import io_space
from qslot.solver.model.linear import LinearExpr

from ..profile import sample
from .held import Rows
from .io_guests import io_guest


def without_what_is_lost(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(io_space, "io_blocks", lambda *_: ())
    patch.setattr(io_space, "_padded", lambda *_: ())
    patch.setattr(io_space, "_lost", lambda *_: LinearExpr())


def lean_first(layout: Layout) -> tuple[Layout, Layout]:
    """Without reserves that OVMF may make by itself, and with them."""
    controllers = [
        one.model_copy(
            update={"properties": {k: v for k, v in one.properties.items() if (k, v) != ("io-reserve", 4096)}}
        )
        for one in layout.controllers
    ]
    return layout.model_copy(update={"controllers": tuple(controllers), "io_windows": ()}), layout


@pytest.mark.parametrize("first", range(0, sample(60, ci=120), 30))
def test_rows_hold_of_any_layout_that_fits(first: int) -> None:
    rows = Rows(without=without_what_is_lost, variants=lean_first)
    assert sum(rows.hold(io_guest(seed), seed) for seed in range(first, first + 30)) > 5
