"""The request that states only some of its facts, or is otherwise less than it was.

What comes out is not validated, and need not be: whatever is left out leaves nothing dangling.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ..pci.address import Pin
from ..pci.controllers import CONTROLLERS, VirtioMode
from ..request.device import Controller, Device, Part
from ..request.guest import Guest
from ..request.resolved import model_of
from .facts import BINDING, FactCounts, spare_id


@dataclass(frozen=True, slots=True)
class Relaxation:
    """A request of which only some facts must hold. Its layouts are those of `stated`, of `whole` and of all between.

    What only `whole` lists may be there or not, what only `whole` asks for may be so or not.
    """

    whole: Guest
    stated: Guest

    @classmethod
    def of(cls, guest: Guest, kept: FactCounts) -> "Relaxation":
        """The relaxation in which only the facts kept are stated."""
        return cls(guest, restricted(guest, kept))

    @property
    def optional_devices(self) -> tuple[Device, ...]:
        """Devices that may be absent, and that nothing is asked of."""
        there = {one.id for one in self.stated.devices}
        return tuple(_device(one, set()) for one in self.whole.devices if one.id not in there)

    @property
    def optional_controllers(self) -> tuple[Controller, ...]:
        """Listed controllers that are not among the facts: they may be there or not, and state nothing."""
        there = {one.id for one in self.stated.controllers}
        return tuple(_controller(one, set()) for one in self.whole.controllers if one.id not in there)


def restricted(guest: Guest, kept: FactCounts) -> Guest:
    """The guest with the first so many of each fact, and with what they cannot be stated without.

    A wish keeps its device, a pin keeps the controllers above; what nobody keeps is not there. Limits of the firmware
    cannot be left out.
    """
    wishes: dict[str, set[str]] = defaultdict(set)
    rules: set[str] = set()
    counts: dict[str, int] = {}
    for fact, number in kept.items():
        if number and not fact.subjects:
            rules.add(fact.rule)
        if fact.rule == "spare":
            counts[fact.subjects[0]] = number
        elif number and fact.rule in ("near", "near-switch"):
            wishes[fact.subjects[0]].add(fact.rule)
            for other in fact.subjects[1:]:
                wishes[other].add("complete")
        else:
            for one in fact.subjects[: number if fact.count > 1 else None] if number else ():
                wishes[one].add(fact.rule)
    devices = tuple(_device(device, wishes[device.id]) for device in guest.devices if wishes.get(device.id))
    reserve = tuple(pin for pin in guest.reserve if str(pin._replace(function=None)) in wishes)
    named = {one.address.bus for one in devices if one.address is not None} | {pin.bus for pin in reserve}
    return guest.model_copy(
        update={
            "devices": devices,
            "reserve": reserve,
            "controllers": _controllers(guest, wishes, named),
            "spare": tuple(
                one.model_copy(update={"count": count})
                for n, one in enumerate(guest.spare)
                if (count := counts.get(spare_id(n), 0))
            ),
            "needs": tuple(one for one in guest.needs if one != "viommu" or "viommu-host-device" in rules),
            "policy": guest.policy.model_copy(update=_without(OF_THE_POLICY, rules)),
        }
    )


Dropped = tuple[tuple[str, str, object], ...]
"""Of wishes: the rule, the field that says it, and what that holds without."""

OF_DEVICES: Final[Dropped] = (
    ("numa", "numa", None),
    ("near", "near", ()),
    ("near-switch", "near_switch", ()),
    ("group", "group", None),
    ("pin", "address", None),
)
OF_CONTROLLERS: Final[Dropped] = (("hotplug", "hotplug", True), ("pin", "address", None))
OF_THE_POLICY: Final[Dropped] = (
    ("max-controllers", "max_controllers", None),
    ("max-depth", "max_depth", None),
    ("preset", "preset", "default"),
)


def _without(dropped: Dropped, wishes: set[str]) -> dict[str, object]:
    return {field: nothing for rule, field, nothing in dropped if rule not in wishes}


def _device(device: Device, wishes: set[str]) -> Device:
    dropped = _without(OF_DEVICES, wishes)
    if "hotplug" not in wishes and device.hotplug == "required":
        dropped["hotplug"] = "preferred"
    if "as-requested" not in wishes and device.demands_mode:
        dropped["virtio"] = "auto"
    return device.model_copy(update=dropped)


def _controllers(guest: Guest, wishes: Mapping[str, set[str]], named: Iterable[str | None]) -> tuple[Controller, ...]:
    pins: dict[str | None, str | None] = {
        one.id: one.address.bus
        for one in guest.controllers
        if one.address is not None and "pin" in wishes.get(one.id, ())
    }
    there: set[str | None] = {*named, *(one.id for one in guest.controllers if one.id in wishes)}
    while above := {pins[name] for name in there & pins.keys()} - there:
        there |= above
    return tuple(_controller(one, wishes.get(one.id, set())) for one in guest.controllers if one.id in there)


def _controller(one: Controller, wishes: set[str]) -> Controller:
    dropped = _without(OF_CONTROLLERS, wishes)
    if "numa" not in wishes and not CONTROLLERS[one.model].is_expander:
        dropped["numa"] = None
    if "as-requested" not in wishes:
        dropped["properties"] = {name: value for name, value in one.properties.items() if name not in BINDING}
    return one.model_copy(update=dropped)


def left_out(guest: Guest, names: Iterable[str]) -> Guest:
    """The guest without these devices and controllers. Nothing may be pinned inside the controllers."""
    gone = set(names)
    devices = tuple(
        one.model_copy(
            update={
                "near": tuple(other for other in one.near if other not in gone),
                "near_switch": tuple(other for other in one.near_switch if other not in gone),
            }
        )
        for one in guest.devices
        if one.id not in gone
    )
    controllers = tuple(one for one in guest.controllers if one.id not in gone)
    return guest.model_copy(update={"devices": devices, "controllers": controllers})


def modern(guest: Guest, names: Iterable[str]) -> Guest:
    """The guest with these virtio devices in the mode that needs no IO, as far as their models have it."""
    chosen = set(names)

    def changed(one: Device) -> Device:
        model = model_of(one).virtio if one.id in chosen else None
        able = model is not None and VirtioMode.MODERN in model.modes
        return one.model_copy(update={"virtio": "modern"}) if able else one

    return guest.model_copy(update={"devices": tuple(map(changed, guest.devices))})


def any_function(guest: Guest) -> Guest:
    """The guest with the slots of its pins, but without their functions."""

    def freed(part: Part) -> Part:
        pin = part.address
        if pin is None:
            return part
        return part.model_copy(update={"address": None if pin.bus is None else Pin(pin.bus, pin.slot, None)})

    return guest.model_copy(
        update={"devices": tuple(map(freed, guest.devices)), "controllers": tuple(map(freed, guest.controllers))}
    )
