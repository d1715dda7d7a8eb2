"""What a request states, fact by fact: its wishes (wishes.py), the devices themselves, the limits of its platform.

Like devices are one fact with a number, of which the first few can be kept: "at least 48 of these 300".
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ..pci.address import FUNCTIONS, Pin
from ..pci.qemu_properties import TEXT, Scalar
from ..request.device import Device, Part
from ..request.guest import Guest
from .conflict import CAPACITY_RULES, Fact, Facts, Whose
from .wishes import WISHES, wishes_of

SHARED_OUT: Final = ("io-space", "memory-space")
"""Capacities that the firmware decides."""


def facts_of(guest: Guest) -> Facts:
    """Every fact, in the order in which an explanation would rather do without them: limits last."""
    return (
        *_reserved(guest),
        *_spare(guest),
        *_others(guest),
        *_order(guest),
        *_there(guest),
        *_groups(guest),
        *_alike(guest),
        *_each(guest),
        *_limits(guest),
    )


def spare_id(number: int) -> str:
    """How facts name an entry of the list of spare slots."""
    return f"spare[{number}]"


def _reserved(guest: Guest) -> Iterator[Fact]:
    """Slots of one bus with the same functions reserved are alike, but for the chipset's and those with pins."""
    platform = guest.machine_model
    masks: dict[tuple[str, int], int] = defaultdict(int)
    for pin in guest.reserve:
        if pin.bus is not None and pin.slot is not None:
            masks[pin.bus, pin.slot] |= (1 << FUNCTIONS) - 1 if pin.function is None else 1 << pin.function
    pinned = {one.address[:2] for one in guest.parts if one.address is not None}
    alike: dict[object, list[str]] = defaultdict(list)
    for (bus, slot), mask in masks.items():
        own = (bus, slot) in pinned or (bus, slot) == (platform.root, platform.chipset_slot)
        alike[bus, mask, slot if own else None].append(str(Pin(bus, slot, None)))
    for slots in alike.values():
        yield Fact(rule="reserve", whose="guest", subjects=tuple(slots), least=len(slots), count=len(slots))


def _spare(guest: Guest) -> Iterator[Fact]:
    for number, one in enumerate(guest.spare):
        if one.count:
            yield Fact(
                rule="spare",
                whose="spare",
                subjects=(spare_id(number),),
                model=one.kind,
                value=one.kind,
                least=one.count,
                count=one.count,
                one_of_several=len(guest.spare) > 1,
            )


def _others(guest: Guest) -> Iterator[Fact]:
    """Wishes that name other devices."""
    wishes = wishes_of("device", "others")
    for device in guest.devices:
        for wish in wishes:
            if wish.stated_by(device):
                subjects = (device.id, *getattr(device, wish.field))
                yield Fact(rule=wish.rule, whose="device", subjects=subjects, value=wish.value(device))


def _order(guest: Guest) -> Iterator[Fact]:
    if guest.order:
        yield Fact(rule="order", whose="guest", subjects=tuple(guest.order))


def _there(guest: Guest) -> Iterator[Fact]:
    """That what is listed must be in the layout. What is pinned, or pinned inside, is one of a kind."""
    named = {one.address.bus for one in guest.parts if one.address is not None}
    lists: dict[Whose, Sequence[Part]] = {"device": guest.devices, "controller": guest.controllers}
    for whose, parts in lists.items():
        alike: dict[object, list[Part]] = defaultdict(list)
        for part in parts:
            alike[part.id if part.id in named else _sort(part)].append(part)
        yield from _counted("complete", whose, alike)


def _groups(guest: Guest) -> Iterator[Fact]:
    for wish in wishes_of("device", "group"):
        for group, members in guest.groups.items():
            yield Fact(rule=wish.rule, whose="device", subjects=tuple(one.id for one in members), value=group)


def _alike(guest: Guest) -> Iterator[Fact]:
    """Wishes of devices that are counted, device by device."""
    alike: dict[tuple[str, Scalar | None], dict[object, list[Device]]] = defaultdict(lambda: defaultdict(list))
    wishes = wishes_of("device", "alike")
    for device in guest.devices:
        sort = _sort(device)
        for wish in wishes:
            if wish.stated_by(device):
                alike[wish.rule, wish.value(device)][sort].append(device)
    for (rule, value), sorts in alike.items():
        yield from _counted(rule, "device", sorts, value)


def _counted(
    rule: str, whose: Whose, sorts: Mapping[object, Sequence[Part]], value: Scalar | None = None
) -> Iterator[Fact]:
    for parts in sorts.values():
        yield Fact(
            rule=rule,
            whose=whose,
            subjects=tuple(one.id for one in parts),
            model=parts[0].model,
            value=value,
            least=len(parts),
            count=len(parts),
        )


def _sort(part: Part) -> object:
    """Equal for parts that differ in nothing but names; what is pinned has no like."""
    if part.address is not None:
        return part.id
    fields = part.model_dump(exclude={"id", "properties"})
    properties = sorted((name, value) for name, value in part.properties.items() if name not in TEXT)
    return (*(str(value) for value in fields.values()), *properties)


def _each(guest: Guest) -> Iterator[Fact]:
    """Wishes of controllers, controller by controller."""
    wishes = wishes_of("controller", "each")
    for one in guest.controllers:
        for wish in wishes:
            if wish.stated_by(one):
                yield Fact(
                    rule=wish.rule, whose="controller", subjects=(one.id,), model=one.model, value=wish.value(one)
                )


def _limits(guest: Guest) -> Iterator[Fact]:
    """What is about nobody in particular."""
    stating: dict[Whose, object] = {"policy": guest.policy, "guest": guest}
    for wish in WISHES:
        if wish.form == "each" and wish.whose in stating and wish.stated_by(stating[wish.whose]):
            yield Fact(rule=wish.rule, whose=wish.whose, value=wish.value(stating[wish.whose]))
    for rule in CAPACITY_RULES:
        yield Fact(rule=rule, whose="platform", value=guest.firmware.name if rule in SHARED_OUT else None)
