"""Guests for Hypothesis: the generator of `tests/generate.py`, driven by Hypothesis so that failures shrink."""

from hypothesis import strategies as st
from qslot.schema import Guest

from .generate import request, tiny_request, valid


def tiny_guests() -> st.SearchStrategy[Guest]:
    """Up to five devices and whatever makes their seats scarce."""
    return _guests(st.randoms(use_true_random=False).map(tiny_request))


def guests() -> st.SearchStrategy[Guest]:
    """Up to 40 devices, all features."""
    return _guests(st.randoms(use_true_random=False).map(request))


def _guests(requests: st.SearchStrategy[dict[str, object]]) -> st.SearchStrategy[Guest]:
    return requests.map(valid).filter(lambda guest: guest is not None).map(_certain)


def _certain(guest: Guest | None) -> Guest:
    assert guest is not None
    return guest
