"""Devices, guests and layouts for Hypothesis: the generator, driven so that what fails shrinks."""

from functools import cache
from typing import Literal

from hypothesis import assume
from hypothesis import strategies as st

from ..schema import Device, Guest, Infeasible, Layout, Solved
from ..schema.errors import ArgumentError
from ..schema.pci.machine_types import family_of
from .generator import Draw, Size, Wanted, draw_request, valid
from .generator.devices import draw_device, draw_model
from .generator.draft import Draft
from .generator.order import with_order
from .scarcity import infeasible, solved, tight

Verdict = Literal["feasible", "tight", "infeasible"]
"""Whether a guest has a layout: `tight` is that it has one, and none with one controller fewer."""


class HypothesisDraw(Draw):
    """Draws that Hypothesis chooses, remembers and shrinks."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def integer(self, least: int, most: int) -> int:
        """A number from `least` to `most`; Hypothesis shrinks towards `least`."""
        return self._draw(_integers(least, most))

    def chance(self, share: float) -> bool:
        """True in that share of draws; what never happens is not drawn."""
        return share > 0 and super().chance(share)


@cache
def _integers(least: int, most: int) -> st.SearchStrategy[int]:
    """Made once: it takes as long as a draw, and of few ranges there are many."""
    return st.integers(least, most)


@st.composite
def guests(
    draw: st.DrawFn,
    *,
    family: Literal["q35", "pc"] | None = None,
    machine: str | None = None,
    firmware: Literal["seabios", "ovmf"] | None = None,
    most: int = 8,
    small: bool = False,
    ordered: bool = False,
    verdict: Verdict | None = None,
) -> Guest:
    """Valid guests of one to `most` devices, of which a third has no layout; `small` keeps all else few, too, `ordered`
    asks for some devices in order.

    `family`, `machine` (a machine type, as `pc-q35-7.2`) and `firmware` are drawn where they are not said. With a
    verdict each is solved while it is drawn, and not drawn where that takes over 10 seconds; small ones take
    hundredths. Raises ArgumentError for a number below 1, and a machine that is none or of the other family.
    """
    source = HypothesisDraw(draw)
    sizes = [*(number for number in ((2, 3, 4) if small else (3, 8, 15)) if number < most), most]
    size = Size(source.choice(sizes), small=small)
    data = draw_request(source, size, _wanted(family, machine, firmware, most))
    asked = with_order(source, data) if ordered else data
    guest = None if asked is None else valid(asked)
    assume(guest is not None)
    assert guest is not None
    if verdict is not None:
        guest = _judged(guest, verdict)
        assume(guest is not None)
        assert guest is not None
    return guest


@cache
def _wanted(family: str | None, machine: str | None, firmware: str | None, most: int) -> Wanted:
    if most < 1:
        raise ArgumentError("most", most, "a guest has at least one device")
    if machine is not None:
        if valid({"machine": machine}) is None or family not in (None, family_of(machine)[0]):
            raise ArgumentError("machine", machine, f"this is no machine type{f' of {family}' if family else ''}")
        family = family_of(machine)[0]
    plain = Wanted()
    families = plain.families if family is None else (family,)
    return Wanted(families, plain.firmware if firmware is None else (firmware,), machine)


def _judged(guest: Guest, verdict: Verdict) -> Guest | None:
    if verdict == "feasible":
        return guest if isinstance(solved(guest), Solved) else None
    return tight(guest) if verdict == "tight" else infeasible(guest)


@st.composite
def devices(draw: st.DrawFn, *, model: str | None = None) -> Device:
    """Devices that a guest may have beside others, without an address, each with what its model takes: virtio mode,
    hot-plug need, BARs. Their ids are drawn; where several go into one guest: `st.lists(devices(), unique_by=...)`.
    """
    source = HypothesisDraw(draw)
    themes = frozenset(source.some(("hotplug", "io", "memory", "host"), 0, 2))
    draft = Draft(source, Size(1, small=True), themes=themes)
    name = f"d{source.integer(0, 9999)}"
    data = draw_device(draft, name, draw_model(draft, []) if model is None else model)
    data.pop("address", None)
    return Device.model_validate(data)


@st.composite
def layouts(draw: st.DrawFn, of: st.SearchStrategy[Guest] | None = None) -> Layout:
    """Layouts that keep every rule: the best ones of guests that have one; of `guests(most=5, small=True)` where
    it is not said.

    `qslot.Guest.from_layout(layout)` is a guest that it answers.
    """
    return layout_of(solved(draw(guests(most=5, small=True) if of is None else of)))


def layout_of(outcome: Solved | Infeasible | None) -> Layout:
    """The layout; where there is none, the draw is given up."""
    assume(isinstance(outcome, Solved))
    assert isinstance(outcome, Solved)
    return outcome.layout
