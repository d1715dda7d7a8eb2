"""Which controllers of a previous layout a request lists itself."""

from collections.abc import Iterator

from ..layout.layout import Layout, PlacedController
from ..pci.address import Address, Pin
from ..request.device import Controller
from ..request.guest import Guest


def listed_already(guest: Guest, previous: Layout) -> dict[str, str]:
    """By id of a listed controller, the previous controller that it is.

    One with a slot is the one of its model that was there. One without is what had its id and model: a layout names
    its controllers as the request does that it was planned for.
    """
    found = {guest.machine_model.root: guest.machine_model.root}
    while True:  # what hangs on a controller is known once that is
        more = next(_by_place(guest, previous, found), None) or next(_by_id(guest, previous, found), None)
        if more is None:
            del found[guest.machine_model.root]
            return found
        found[more[0]] = more[1]


def _by_place(guest: Guest, previous: Layout, found: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Whose slot is stated, on a bus that is known."""
    for one in _unknown(guest, found):
        if one.address is not None and one.address.bus in found:
            pin = one.address._replace(bus=found[str(one.address.bus)])
            same = [old for old in _left(previous, found) if _is(one, pin, old)]
            if same:
                yield one.id, min(same, key=lambda old: (old.id != one.id, old.function)).id


def _by_id(guest: Guest, previous: Layout, found: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Whose slot is open."""
    for one in _unknown(guest, found):
        pin = one.address or Pin(None, None, None)
        if pin.bus is None and any(old.id == one.id and _is(one, pin, old) for old in _left(previous, found)):
            yield one.id, one.id


def _unknown(guest: Guest, found: dict[str, str]) -> Iterator[Controller]:
    return (one for one in guest.controllers if one.id not in found)


def _left(previous: Layout, found: dict[str, str]) -> Iterator[PlacedController]:
    known = set(found.values())
    return (one for one in previous.controllers if one.id not in known)


def _is(one: Controller, pin: Pin, old: PlacedController) -> bool:
    """Whether that is the model, and the place that the pin means."""
    return one.model == old.model and means(pin, old.address)


def means(pin: Pin, seat: Address) -> bool:
    """Whether the seat is one that the pin means."""
    return all(asked in (None, there) for asked, there in zip(pin, seat, strict=True))
