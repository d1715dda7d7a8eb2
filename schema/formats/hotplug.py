"""One device more, or less, in a running guest: its slot, the commands for QEMU's monitor, and the layout then."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..base import Frozen
from ..comparison import diff
from ..errors import ArgumentError, InputError, expect
from ..hotplug.fit import OBSTACLES, SlotFit, fits
from ..hotplug.unplugging import ends_qemu_again, says_deleted, why_it_stays
from ..layout.layout import Layout, PlacedDevice
from ..pci.qemu_versions import Version, version_text
from ..request.guest import Guest
from ..request.stated import request_of
from ..verify import CHECKS
from ..verify.context import context_of
from ..words import named
from .files import validated
from .placed import with_predictions
from .qemu import slot_commands

GIVEN: Final = "a Layout, as qslot.read_placed(file).layout gives one"
RULES_OF_A_SLOT: Final = ("pin", "near", "near-switch", "iommu-group")
"""Rules by which a device may ask for one slot or another, beside what a slot has room for."""


class NoSlotError(InputError):
    """No slot that is free in the running guest takes the devices."""

    def __init__(self, why: str, devices: Sequence[Mapping[str, Any]]) -> None:
        super().__init__("device", [f"no slot that is free in the running guest takes it: {why}"])
        self.devices = devices


class FixedSlotError(InputError):
    """The slot in which the device sits takes no hot-plug."""


class HotplugStep(Frozen):
    """What to tell the running QEMU, and what comes of it."""

    commands: tuple[dict[str, Any], ...]
    """Of QEMU's monitor (QMP), in this order."""
    devices: tuple[str, ...]
    """Ids of the devices that come or go: a slot's functions do so together."""
    layout: Layout
    """The layout then; no proof of its objective goes with it."""
    notes: tuple[str, ...] = ()
    """What to wait for, what the guest sees, and what changes at its next reboot: sentences."""
    element: str | None = None
    """What `virsh attach-device` or `detach-device` takes, where that was asked for: then there are no commands."""


def plug(layout: Layout, devices: Sequence[Mapping[str, Any]]) -> HotplugStep:
    """The devices, fields as a request has them, as the functions of one free slot of the running guest, with the IO
    ports and memory that are reserved there. No controller is added. Raises InputError where no slot takes them, and
    for devices that cannot be."""
    expect("layout", layout, Layout, GIVEN)
    if not devices:
        raise ArgumentError("devices", devices, "none: give one, or the functions of one slot")
    request = request_of(layout.model_dump(mode="json"))
    request |= {"spare": [], "devices": [*request["devices"], *map(dict, devices)]}
    guest = validated(Guest, request, "device")
    added = [guest.resolved[one.id] for one in guest.devices[len(layout.devices) :]]
    if cold := [one.device.id for one in added if not one.model.hotpluggable]:
        raise InputError("device", [f"{named(cold)}: QEMU takes such devices at its start alone"])
    found = list(fits(layout, added))
    fitting = sorted((one for one in found if one.obstacle is None), key=lambda one: one.detour)
    best = next((one for one in fitting if not _against_wishes(guest, layout, one)), None)
    if best is None:
        raise NoSlotError(_why(found), devices)
    after = _with(layout, best)
    reboot = diff(layout, after).following.reboot
    return HotplugStep(
        commands=tuple(slot_commands(best.devices)),
        devices=tuple(one.id for one in best.devices),
        layout=after,
        notes=(*_seen(after, best, reboot), *_at_reboot(reboot)),
    )


def _with(layout: Layout, fit: SlotFit) -> Layout:
    """The layout with the devices there, and that slot no spare one any more."""
    spare = tuple(one for one in layout.spare if (one.bus, one.slot) != (fit.free.bus.id, fit.free.slot))
    return _unproved(layout, devices=(*layout.devices, *fit.devices), spare=spare)


def _against_wishes(guest: Guest, layout: Layout, fit: SlotFit) -> bool:
    """Whether the devices' own pins, or whom they are to be near, speak against that slot."""
    known = context_of(guest, _with(layout, fit))
    mine = {one.id for one in fit.devices}
    return any(mine & {*finding.subjects} for rule in RULES_OF_A_SLOT for finding in CHECKS[rule](known))


def unplug(layout: Layout, device: str) -> HotplugStep:
    """The device's slot given back, with all functions in it. Raises InputError for what cannot be unplugged while the
    guest runs."""
    expect("layout", layout, Layout, GIVEN)
    seat = next((one for one in layout.devices if one.id == device), None)
    if seat is None:
        known = named([one.id for one in layout.devices]) or "none"
        raise InputError("device", [f"{device!r} is none of the layout's devices: {known}"])
    here = [one for one in layout.devices if (one.bus, one.slot) == (seat.bus, seat.slot)]
    gone = {one.id for one in here}
    after = _unproved(layout, devices=tuple(one for one in layout.devices if one.id not in gone))
    following = diff(layout, after).following
    if following.way != "hot-plug":
        raise FixedSlotError("device", list(following.cold))
    if stays := [words for one in here if (words := why_it_stays(one, layout.qemu_version))]:
        raise InputError("device", stays)
    first = next(one for one in here if one.function == 0)
    return HotplugStep(
        commands=({"execute": "device_del", "arguments": {"id": first.id}},),
        devices=tuple(one.id for one in here),
        layout=after,
        notes=(*_awaited(here, layout.qemu_version), *_at_reboot(following.reboot)),
    )


def _awaited(gone: Sequence[PlacedDevice], qemu: Version) -> Iterator[str]:
    """What says that they are gone, in one sentence that comes first, and why that may not be QEMU's event."""
    loud = sorted(one.id for one in gone if says_deleted(one.model, qemu))
    silent = sorted({one.id for one in gone} - {*loud})
    signs = [f"DEVICE_DELETED of {named(loud)}"] if loud else []
    signs += [f"query-pci to list {named(silent)} no more"] if silent else []
    refusal = "the guest must agree, and may refuse (DEVICE_UNPLUG_GUEST_ERROR)"
    yield f"wait for {' and for '.join(signs)}: {refusal}"
    if silent:
        yield f"QEMU {version_text(qemu)} is not known to send DEVICE_DELETED for {named(silent)}"
    for one in gone:
        if ends_qemu_again(one.model, qemu):
            slot = f"{one.bus}:{one.slot:02x}"
            yield f"plug no {one.model} into {slot} again while this QEMU runs: it ends then, and the guest with it"


def _unproved(layout: Layout, **update: object) -> Layout:
    """With other devices: what was said and proved of the whole is not known of it."""
    told = {"status": "feasible", "objective": (), "unmet": None, "warnings": (), **update}
    return with_predictions(layout.model_copy(update=told))


def _why(found: Sequence[SlotFit]) -> str:
    """Why each free slot will not do, a reason once."""
    by_reason: dict[str, list[str]] = {}
    for one in found:
        reason = "not where it is pinned, or near whom it is to be" if one.obstacle is None else OBSTACLES[one.obstacle]
        buses = by_reason.setdefault(reason, [])
        if one.free.bus.id not in buses:
            buses.append(one.free.bus.id)
    return "; ".join(f"{named(buses)}: {reason}" for reason, buses in by_reason.items()) or "none is free"


def _seen(after: Layout, fit: SlotFit, reboot: Sequence[str]) -> Iterator[str]:
    """Where each goes, and what the guest calls it, now and later; what changes later is in `reboot`."""
    for one in fit.devices:
        words = f"{one.id} goes to {one.address}; the guest sees it at {after.guest_addresses.get(one.id)}"
        if name := after.guest_names.get(one.id):
            changes = any(note.startswith(f"{one.id} ") for note in reboot)
            words += f" and calls it {name}, {'after' if changes else 'now and after'} its next reboot"
        yield words


def _at_reboot(changes: Sequence[str]) -> list[str]:
    return [f"at the guest's next reboot: {one}" for one in changes]
