"""The layout before, as a file has it: a layout, or the XML of the domain as it is."""

from collections import Counter
from typing import NamedTuple

from ..errors import InputError
from ..layout.layout import Layout
from ..libvirt.same_devices import numbered_devices, same_devices
from ..previous import comparable, renamed
from ..request.guest import Guest
from ..words import named
from .placed import read_placed
from .sources import Source, called, is_xml_text


class PreviousLayout(NamedTuple):
    """The layout, whose devices are called as the guest calls them. `notes` say, a line each, what could not be
    compared."""

    layout: Layout
    notes: tuple[str, ...] = ()


def read_previous(source: Source, guest: Guest, text: str) -> PreviousLayout:
    """The layout or the domain in a file, for a guest that was read from this text.

    Devices of two domains are the same as `same_devices` has it; a domain's device that has a name only for being the
    n-th of its kind is the layout's n-th only where both have as many. Raises InputError where the file is neither,
    does not fit together, or is another guest's.
    """
    layout, domain, notes, _ = read_placed(source)
    names: dict[str, str] = {}
    if is_xml_text(text) and domain is not None:
        known = same_devices(domain, text.encode())
        names = {one.id: known.get(one.id, f"{one.id}-before") for one in layout.devices}
    elif is_xml_text(text) and (unknown := _numbered_anew(layout, guest, text)):
        names = {name: f"{name}-before" for name in unknown}
        why = "told apart by their order alone, and their number is another: give the domain's XML as the previous one"
        if len(unknown) == len(layout.devices):
            raise InputError(called(source), [f"{named(unknown)}: {why}"])
        notes = (*notes, f"{called(source)}: {named(unknown)}: {why}")
    return PreviousLayout(comparable(renamed(layout, names), guest, called(source)), notes)


def _numbered_anew(layout: Layout, guest: Guest, text: str) -> list[str]:
    """Ids of the layout that may mean another device in the guest."""
    numbered = numbered_devices(text.encode())
    before, after = (Counter(one.model for one in devices) for devices in (layout.devices, guest.devices))
    return [one.id for one in layout.devices if one.id in numbered and before[one.model] != after[one.model]]
