"""Guests for Hypothesis: the generator of `tests/generator`, driven by Hypothesis so that failures shrink."""

from collections.abc import Callable

from hypothesis import assume
from hypothesis import strategies as st

from qslot.schema import Guest

from .generator import Draw, HypothesisDraw, Size, any_size, draw_request, small_size, valid


def small_guests() -> st.SearchStrategy[Guest]:
    """Up to five devices and whatever makes their seats scarce."""
    return _guests(small_size)


def guests() -> st.SearchStrategy[Guest]:
    """Up to 40 devices, all features."""
    return _guests(any_size)


@st.composite
def _guests(draw: st.DrawFn, size: Callable[[Draw], Size]) -> Guest:
    source = HypothesisDraw(draw)
    guest = valid(draw_request(source, size(source)))
    assume(guest is not None)
    assert guest is not None
    return guest
