"""Strategies for what becomes of guests: asked for anew, plugged and unplugged, on hosts, in fleets, as domain XML."""

from typing import Final, NamedTuple

from hypothesis import assume
from hypothesis import strategies as st

from ..schema import Guest, Layout
from ..schema.environment.host import Host, host_of_versions
from ..schema.errors import ArgumentError
from ..schema.formats.hotplug import HotplugStep
from ..schema.libvirt.compose import compose
from ..schema.libvirt.splice import SourceError
from .generator.hotplug_steps import draw_step
from .generator.successor import successor
from .scarcity import solved
from .strategies import HypothesisDraw, guests, layout_of, layouts

_QEMUS: Final = ("11.1", "10.0", "8.2", "7.2", "6.2", "5.2", "4.2", "4.0", "3.1", "2.12", "2.6", "2.4")
_LIBVIRTS: Final = ("12.8", "11.3", "9.0", "8.2", "8.1", "5.2", "5.1", "4.0")
"""Newest first; the others have less."""


class GuestChange(NamedTuple):
    """A guest that was planned, and what is asked of it next: `qslot.solve(after, previous=layout)`."""

    before: Guest
    layout: Layout
    """The best of `before`."""
    after: Guest


def frozen(guest: Guest) -> Guest:
    """The guest, of which nothing that was there may move."""
    return guest.model_copy(update={"policy": guest.policy.model_copy(update={"frozen": True})}).validated()


class HotplugSequence(NamedTuple):
    """A guest that runs, and what happens to it."""

    layout: Layout
    """With which it was started."""
    steps: tuple[HotplugStep, ...]
    """Each made of the layout before it."""


@st.composite
def changes(draw: st.DrawFn, of: st.SearchStrategy[Guest] | None = None) -> GuestChange:
    """Guests with one to three changes: devices added, removed, with other wishes; seats of before reserved or given to
    others; in a tenth nothing may move. `of` draws the guest before, by default one of up to five devices. Guests
    without a layout are not drawn."""
    before = draw(guests(most=5, small=True) if of is None else of)
    layout = layout_of(solved(before))
    source = HypothesisDraw(draw)
    after = successor(source, before, layout)
    if after is not None and source.chance(0.1):
        after = frozen(after)
    assume(after is not None and after != before)
    assert after is not None
    return GuestChange(before, layout, after)


@st.composite
def hotplug_sequences(
    draw: st.DrawFn, of: st.SearchStrategy[Layout] | None = None, *, most: int = 6
) -> HotplugSequence:
    """Up to `most` steps, each a device that is plugged into a free slot, perhaps with another, or one unplugged. `of`
    draws the layout at the start. Raises ArgumentError for a number below 1."""
    if most < 1:
        raise ArgumentError("most", most, "a sequence has at least one step")
    source = HypothesisDraw(draw)
    first = layout = draw(layouts() if of is None else of)
    steps: list[HotplugStep] = []
    for number in range(source.integer(1, most)):
        step = draw_step(source, layout, number)
        if step is not None:
            steps.append(step)
            layout = step.layout
    assume(steps)
    return HotplugSequence(first, tuple(steps))


@st.composite
def fleets(draw: st.DrawFn, of: st.SearchStrategy[Guest] | None = None, *, most: int = 8) -> tuple[Guest, ...]:
    """One to `most` guests for `qslot.solve_many`: many alike, as fleets are, some the same but for their ids, some of
    their own. Raises ArgumentError for a number below 1."""
    if most < 1:
        raise ArgumentError("most", most, "a fleet has at least one guest")
    source, one = HypothesisDraw(draw), guests(most=5, small=True) if of is None else of
    fleet = [draw(one)]
    for _ in range(source.integer(0, most - 1)):
        like = source.choice(fleet)
        fleet.append(draw(one) if source.chance(0.3) else _renamed(like) if source.chance(0.5) else like)
    return tuple(fleet)


def _renamed(guest: Guest) -> Guest:
    """The same with other ids, where nothing but devices speaks of them."""
    data = guest.model_dump(mode="json", exclude_defaults=True)
    names = {one["id"]: f"other-{one['id']}" for one in data.get("devices", ())}
    told = ("near", "near_switch")
    for one in data.get("devices", ()):
        one["id"] = names[one["id"]]
        one |= {field: [names[name] for name in one[field]] for field in told if field in one}
        if "sriov-pf" in one.get("properties", {}):
            return guest
    data |= {"order": [names[name] for name in data["order"]]} if "order" in data else {}
    return Guest.model_validate(data)


@st.composite
def hosts(draw: st.DrawFn) -> Host:
    """Hosts by the versions of their QEMU and, of most, libvirt: what `--host qemu=7.2,libvirt=9.0` says of one."""
    source = HypothesisDraw(draw)
    qemu = f"qemu={source.choice(_QEMUS)}"
    return host_of_versions(f"{qemu},libvirt={source.choice(_LIBVIRTS)}" if source.chance(0.7) else qemu)


@st.composite
def domains(draw: st.DrawFn, of: st.SearchStrategy[Layout] | None = None, *, addressed: bool | None = None) -> str:
    """Domain XML that libvirt defines, of layouts that it has words for: `addressed` with every address and controller
    (True), without (False), or either (None). `of` draws the layout."""
    layout = draw(layouts() if of is None else of)
    whole = HypothesisDraw(draw).chance(0.5) if addressed is None else addressed
    try:
        composed = compose(layout)
    except SourceError:
        composed = None
    assume(composed is not None)
    assert composed is not None
    return (composed.data if whole else composed.before).decode()
