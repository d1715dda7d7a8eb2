"""Functions of one card of the host: which devices of a guest are such, and one slot for them.

Drivers of a card may look for its other functions in its own slot. What an IOMMU keeps apart is no such card: virtual
functions, and functions of cards that are made to be shared out.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..pci.address import FUNCTIONS, Pin
from ..pci.host_address import HostAddress
from .device import Device


class HostFunction(NamedTuple):
    """A device of a request that is a function of the host, by its place in the list."""

    place: int
    host: HostAddress
    iommu_group: int | None
    group: str | None
    pin: Pin | None


def host_cards(devices: Iterable[object]) -> list[list[HostFunction]]:
    """Those of which the request has several functions. Devices may be as a file has them, not yet validated; what is
    not as it should be is passed over."""
    slots: dict[str, list[HostFunction]] = defaultdict(list)
    for place, device in enumerate(devices):
        one = _function(place, _fields(device))
        if one is not None:
            slots[one.host.card].append(one)
    return [card for members in slots.values() for card in _cards(members) if len(card) > 1]


def in_one_slot(devices: Sequence[object], *, wanted: bool) -> list[object]:
    """The devices, with a group for each card whose functions are pinned to one slot; or, where `wanted`, may sit in
    one. They have the function numbers that they have on the host, if function 0 is among them."""
    result = list(devices)
    for card in host_cards(devices):
        if _may_be_a_group(card, wanted=wanted):
            for place, fields in _members(card):
                result[place] = _with(result[place], fields)
    return result


def _may_be_a_group(card: Sequence[HostFunction], *, wanted: bool) -> bool:
    slots = [one.pin[:2] for one in card if one.pin is not None and one.pin.bus is not None]
    fits = len(card) <= FUNCTIONS and len(set(slots)) < 2 and all(one.group is None for one in card)
    return fits and (wanted or len(slots) == len(card))


def _members(card: Sequence[HostFunction]) -> Iterator[tuple[int, dict[str, str]]]:
    """Each member's place in the list, and what makes it one; pins that are stated stay."""
    keeps_numbers = any(one.host.function == 0 for one in card)
    pinned = any(one.pin is not None for one in card)
    for number, one in enumerate(sorted(card, key=lambda member: member.host)):
        function = one.host.function if keeps_numbers else number
        yield one.place, {"group": one.host.card} | ({} if pinned else {"address": f".{function}"})


def _cards(functions: list[HostFunction]) -> list[list[HostFunction]]:
    """Functions of one slot of the host, parted by IOMMU groups where those are known to differ."""
    known = {one.iommu_group for one in functions} - {None}
    if len(known) < 2:
        return [functions]
    return [[one for one in functions if one.iommu_group == number] for number in sorted(known, key=str)]


def _fields(device: object) -> Mapping[str, Any]:
    if isinstance(device, Device):
        return device.__dict__
    return device if isinstance(device, Mapping) else {}


def _function(place: int, fields: Mapping[str, Any]) -> HostFunction | None:
    properties = fields.get("properties")
    if not properties or not isinstance(properties, Mapping) or not isinstance(host := properties.get("host"), str):
        return None
    address, group = HostAddress.parse(host), fields.get("iommu_group")
    if address is None:
        return None
    try:
        pin = Pin.parse(fields["address"]) if isinstance(fields.get("address"), str) else fields.get("address")
    except ValueError:
        return None
    return HostFunction(place, address, group if isinstance(group, int) else None, fields.get("group"), pin)


def _with(device: object, fields: Mapping[str, Any]) -> object:
    if isinstance(device, Device):
        return Device.model_validate({**dict(device), **fields})
    assert isinstance(device, Mapping)
    return {**device, **fields}
