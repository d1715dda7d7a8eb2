"""The request that states only some of its facts, or is otherwise less than it was.

What comes out is not validated, and need not be: whatever is left out leaves nothing dangling.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from typing import Final, TypeVar

from ..base import Frozen
from ..catalog.virtual_functions import PHYSICAL
from ..pci.address import Pin
from ..pci.controllers import VirtioMode
from ..records import record
from ..request.device import Controller, Device, Part
from ..request.guest import Guest
from ..request.resolved import model_of
from .conflict import Fact
from .facts import spare_id
from .wishes import Wish, wish_of, wishes_of

Stating = TypeVar("Stating", bound=Frozen)


@record(frozen=True)
class Relaxation:
    """A request of which only some facts must hold. Its layouts are those of `stated`, of `whole` and of all between.

    What only `whole` lists may be there or not, what only `whole` asks for may be so or not.
    """

    whole: Guest
    stated: Guest

    @classmethod
    def of(cls, guest: Guest, facts: Iterable[Fact]) -> "Relaxation":
        """The relaxation in which only the facts kept are stated."""
        return cls(guest, restricted(guest, facts))

    @property
    def optional_devices(self) -> tuple[Device, ...]:
        """Devices that may be absent, and that nothing is asked of."""
        there = {one.id for one in self.stated.devices}
        return tuple(_stating(one, OF_DEVICES, set()) for one in self.whole.devices if one.id not in there)

    @property
    def optional_controllers(self) -> tuple[Controller, ...]:
        """Listed controllers that are not among the facts: they may be there or not, and state nothing."""
        there = {one.id for one in self.stated.controllers}
        return tuple(_stating(one, OF_CONTROLLERS, set()) for one in self.whole.controllers if one.id not in there)


def restricted(guest: Guest, facts: Iterable[Fact]) -> Guest:
    """The guest with the first so many of each fact, and with what they cannot be stated without.

    A wish keeps its device, a pin keeps the controllers above; what nobody keeps is not there. Limits of the platform
    cannot be left out.
    """
    facts = tuple(facts)
    kept = _kept(facts)
    limits = {fact.rule for fact in facts if not fact.subjects}
    spare = {fact.subjects[0]: {"count": fact.least} for fact in facts if fact.whose == "spare"}
    devices = tuple(_device(one, kept[one.id]) for one in guest.devices if one.id in kept)
    reserve = tuple(pin for pin in guest.reserve if str(pin._replace(function=None)) in kept)
    named = {one.address.bus for one in devices if one.address is not None} | {pin.bus for pin in reserve}
    lists = {
        "devices": devices,
        "reserve": reserve,
        "controllers": _controllers(guest, kept, named),
        "spare": tuple(
            one.model_copy(update=spare[spare_id(n)]) for n, one in enumerate(guest.spare) if spare_id(n) in spare
        ),
        "policy": _stating(guest.policy, OF_POLICY, limits),
        "order": guest.order if any(fact.rule == "order" for fact in facts) else (),
    }
    return _stating(guest, OF_GUEST, limits).model_copy(update=lists)


def _kept(facts: Iterable[Fact]) -> dict[str, set[str]]:
    """Of each device, controller and reserved slot that something is kept of: the rules of that."""
    kept: dict[str, set[str]] = defaultdict(set)
    for fact in facts:
        if fact.whose in ("device", "controller") and wish_of(fact).form == "others":
            kept[fact.subjects[0]].add(fact.rule)
            for other in fact.subjects[1:]:
                kept[other].add("complete")
        else:
            for one in fact.first_subjects:
                kept[one].add(fact.rule)
    return dict(kept)


OF_DEVICES: Final = wishes_of("device", "each", "alike", "others", "group")
OF_CONTROLLERS: Final = wishes_of("controller", "each")
OF_POLICY: Final = wishes_of("policy", "each")
OF_GUEST: Final = wishes_of("guest", "each")


def _device(one: Device, kept: Set[str]) -> Device:
    """A listed virtual function whose slot nothing says is one no more: its physical one need not be there."""
    stating = _stating(one, OF_DEVICES, kept)
    if PHYSICAL not in one.properties or stating.group is not None or stating.address is not None:
        return stating
    return stating.model_copy(update={"properties": {n: v for n, v in one.properties.items() if n != PHYSICAL}})


def _stating(part: Stating, wishes: Iterable[Wish], kept: Set[str]) -> Stating:
    """The part with those of its wishes whose rules are kept."""
    dropped = {w.field: w.without(part) for w in wishes if w.rule not in kept and w.stated_by(part)}
    return part.model_copy(update=dropped)


def _controllers(guest: Guest, kept: Mapping[str, Set[str]], named: Iterable[str | None]) -> tuple[Controller, ...]:
    pins: dict[str | None, str | None] = {
        one.id: one.address.bus
        for one in guest.controllers
        if one.address is not None and "pin" in kept.get(one.id, ())
    }
    there: set[str | None] = {*named, *(one.id for one in guest.controllers if one.id in kept)}
    while above := {pins[name] for name in there & pins.keys()} - there:
        there |= above
    return tuple(_stating(one, OF_CONTROLLERS, kept.get(one.id, set())) for one in guest.controllers if one.id in there)


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
    order = tuple(name for name in guest.order if name not in gone)
    return guest.model_copy(update={"devices": devices, "controllers": controllers, "order": order})


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
