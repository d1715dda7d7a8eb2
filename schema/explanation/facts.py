"""What a request states, fact by fact.

Facts are what an explanation names: wishes about devices, the devices themselves, limits of policy and firmware. Like
devices are one fact with a count, of which the first few can be kept: "at least 48 of these 300".
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ..finding import Finding
from ..pci.address import FUNCTIONS, Pin
from ..pci.controllers import CONTROLLERS, RESERVES
from ..pci.qemu_properties import TEXT, Scalar, as_text
from ..request.device import Controller, Device
from ..request.guest import Guest

ENOUGH_SLOTS: Final = "address-unique"
"""As a fact: that a bus has no more slots than it has."""
CAPACITY_RULES: Final = (ENOUGH_SLOTS, "io-space", "memory-space", "bus-numbers")
"""Rules that are nobody's wish. No request can be without them; a solver can look what would be if there were none."""

BINDING: Final = RESERVES | {"bus_nr", "shpc"}
"""Properties of demanded controllers that decide what fits."""


@dataclass(frozen=True, slots=True, eq=False)
class Fact:
    """`rule` is the code of the rule that it sets going, `value` what is asked for, as the request says it.

    `subjects` are ids of devices or controllers, or reserved addresses; without any it is a limit. `count` is how many
    there are of it.
    """

    rule: str
    subjects: tuple[str, ...] = ()
    value: Scalar | None = None
    count: int = 1


FactCounts = Mapping[Fact, int]
"""How many are kept of each fact; of those that are missing, none."""


def facts_of(guest: Guest) -> tuple[Fact, ...]:
    """Every fact, in the order in which an explanation would rather do without them: limits last."""
    return (
        *_reserved(guest),
        *(Fact("spare", (spare_id(n),), one.kind, one.count) for n, one in enumerate(guest.spare) if one.count),
        *_near(guest),
        *_there(guest),
        *_device_wishes(guest),
        *_controller_wishes(guest),
        *_policy(guest),
        *(Fact(rule) for rule in CAPACITY_RULES),
    )


def spare_id(number: int) -> str:
    """How facts name an entry of the list of spare slots."""
    return f"spare[{number}]"


def _counted(rule: str, sorts: Mapping[object, list[str]], value: Scalar | None = None) -> Iterator[Fact]:
    for ids in sorts.values():
        yield Fact(rule, tuple(ids), value, len(ids))


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
    yield from _counted("reserve", alike)


def _near(guest: Guest) -> Iterator[Fact]:
    for device in guest.devices:
        for rule, others in (("near", device.near), ("near-switch", device.near_switch)):
            if others:
                yield Fact(rule, (device.id, *others), None, 1)


def _there(guest: Guest) -> Iterator[Fact]:
    """That what is listed must be in the layout. What is pinned, or pinned inside, is one of a kind."""
    named = {one.address.bus for one in guest.parts if one.address is not None}
    for parts in (guest.devices, guest.controllers):
        alike: dict[object, list[str]] = defaultdict(list)
        for part in parts:
            single = part.address is not None or part.id in named
            alike[part.id if single else _sort(part)].append(part.id)
        yield from _counted("complete", alike)


def _sort(part: Device | Controller) -> object:
    """Equal for parts that differ in nothing but names."""
    fields = part.model_dump(exclude={"id", "properties"})
    properties = sorted((name, value) for name, value in part.properties.items() if name not in TEXT)
    return (*(str(value) for value in fields.values()), *properties)


def _device_wishes(guest: Guest) -> Iterator[Fact]:
    for group, members in guest.groups.items():
        yield Fact("group", tuple(member.id for member in members), group, 1)
    alike: dict[tuple[str, Scalar | None], dict[object, list[str]]] = defaultdict(lambda: defaultdict(list))
    for device in guest.devices:
        sort = device.id if device.address is not None else _sort(device)
        for rule, value in _wishes(device):
            alike[rule, value][sort].append(device.id)
    for (rule, value), sorts in alike.items():
        yield from _counted(rule, sorts, value)


def _wishes(part: Device) -> Iterator[tuple[str, Scalar | None]]:
    if part.numa is not None:
        yield "numa", part.numa
    if part.hotplug == "required":
        yield "hotplug", None
    if part.demands_mode:
        yield "as-requested", str(part.virtio)
    if part.address is not None:
        yield "pin", str(part.address)


def _controller_wishes(guest: Guest) -> Iterator[Fact]:
    for one in guest.controllers:
        if one.numa is not None and not CONTROLLERS[one.model].is_expander:
            yield Fact("numa", (one.id,), one.numa)
        if not one.hotplug:
            yield Fact("hotplug", (one.id,), "off")
        if stated := {name: value for name, value in one.properties.items() if name in BINDING}:
            words = ", ".join(f"{name}={as_text(value)}" for name, value in stated.items())
            yield Fact("as-requested", (one.id,), words)
        if one.address is not None:
            yield Fact("pin", (one.id,), str(one.address))


def _policy(guest: Guest) -> Iterator[Fact]:
    policy = guest.policy
    if policy.preset == "libvirt":
        yield Fact("preset", (), policy.preset)
    if "viommu" in guest.needs:
        yield Fact("viommu-host-device")
    for rule, limit in (("max-depth", policy.max_depth), ("max-controllers", policy.max_controllers)):
        if limit is not None:
            yield Fact(rule, (), limit)


def named(guest: Guest, findings: Iterable[Finding]) -> dict[Fact, int]:
    """The facts that an explanation of this guest names, and how many of each."""
    found = {
        (one.rule, one.subjects if one.rule not in CAPACITY_RULES else ()): one.details.get("least") for one in findings
    }
    facts = ((fact, found.get((fact.rule, fact.subjects), 0)) for fact in facts_of(guest))
    return {fact: fact.count if least is None else int(least) for fact, least in facts if least != 0}
