"""What differs between two layouts, and what of it is the guest's ABI."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast

from ..base import Frozen
from ..errors import expect
from ..layout.layout import Layout, PlacedController, PlacedDevice, Seat
from ..pci.machine import Chipset
from ..pci.qemu_properties import Scalar
from ..previous import same_controllers
from .difference import WINDOW_KINDS, Differing, LayoutDiff, PartDifference, WindowDifference
from .following import following
from .guest_abi import MACHINE_ROWS, MODE_WORDS, OUTSIDE_ABI, PART_ROWS, UNLISTED, effective, row_of
from .known import Known
from .trade import trade


def diff(old: Layout, new: Layout) -> LayoutDiff:
    """What differs from the old layout to the new one: where devices sit, by the three identities that guests know them
    by (path; guest address; slot number or acpi-index), controllers, modes, properties, windows; whether the guest's
    ABI does; and how a running guest can follow.

    Devices are the same where their ids are, controllers where their paths are. Raises ArgumentError for what is no
    layout, UnknownModel for a model that nothing describes.
    """
    expect("old", old, Layout, "a Layout, as qslot.read_placed(file).layout gives one")
    expect("new", new, Layout, "a Layout, as qslot.read_placed(file).layout gives one")
    was, now = Known(old), Known(new)
    same = same_controllers(old, new)
    machine = tuple(_machine(old, new))
    controllers = tuple(_controllers(was, now, same))
    devices = tuple(_devices(was, now))
    return LayoutDiff(
        machine=machine,
        controllers=controllers,
        devices=devices,
        windows=tuple(_windows(was, now, same)),
        renamed={before: after for after, before in same.items() if before != after},
        following=following(was, now, same, machine, controllers, devices),
        trade=trade(was, now, devices),
    )


def _machine(old: Layout, new: Layout) -> Iterator[Differing]:
    before, after = (_fields(layout) for layout in (old, new))
    if old.firmware.name != new.firmware.name:
        del before["firmware.version"], after["firmware.version"]
    for name in before:
        if before[name] != after[name]:
            verdict = None if name in OUTSIDE_ABI else MACHINE_ROWS.get(name, UNLISTED).verdict
            yield Differing(what=name, old=before[name], new=after[name], verdict=verdict)


def _fields(layout: Layout) -> dict[str, Scalar | None]:
    """By name, as MACHINE_ROWS has it; of a field with fields of its own, those that are not at their defaults."""
    platform = layout.platform
    simple = {name: _told(getattr(platform, name)) for name in type(platform).model_fields if name != "chipset"}
    chipset = {f"chipset.{name}": getattr(platform.chipset, name) for name in Chipset.model_fields}
    firmware = {"firmware": layout.firmware.name, "firmware.version": layout.firmware.version}
    return {"machine": layout.machine, **firmware, **simple, **chipset}


def _told(value: Any) -> Scalar | None:
    if not isinstance(value, Frozen):
        return cast("Scalar | None", value)
    return ", ".join(f"{name} {one}" for name, one in value.model_dump(mode="json", exclude_defaults=True).items())


def _controllers(was: Known, now: Known, same: Mapping[str, str]) -> Iterator[PartDifference]:
    for one in now.layout.controllers:
        before = was.controllers.get(same.get(one.id, ""))
        if before is None:
            yield _alone(one, now, is_new=True)
        elif differing := tuple(_seat(was, now, before, one)):
            yield _part(before, one, differing)
    gone = was.controllers.keys() - set(same.values())
    yield from (_alone(one, was, is_new=False) for one in was.layout.controllers if one.id in gone)


def _devices(was: Known, now: Known) -> Iterator[PartDifference]:
    for one in now.layout.devices:
        before = was.devices.get(one.id)
        if before is None:
            yield _alone(one, now, is_new=True)
        elif differing := (*_identities(was, now, before, one), *_kind(before, one), *_seat(was, now, before, one)):
            yield _part(before, one, differing)
    yield from (_alone(one, was, is_new=False) for one in was.layout.devices if one.id not in now.devices)


def _part(before: Seat, after: Seat, differing: tuple[Differing, ...]) -> PartDifference:
    return PartDifference(
        kind=_sort(after), id=after.id, old_id=before.id, new_id=after.id, model=after.model, differing=differing
    )


def _sort(seat: Seat) -> Literal["device", "controller"]:
    return "controller" if isinstance(seat, PlacedController) else "device"


def _alone(seat: Seat, known: Known, *, is_new: bool) -> PartDifference:
    path, verdict = known.path(seat), PART_ROWS["presence"].verdict
    old, new = (None, path) if is_new else (path, None)
    return PartDifference(
        kind=_sort(seat),
        id=seat.id,
        old_id=None if is_new else seat.id,
        new_id=seat.id if is_new else None,
        model=seat.model,
        differing=(
            Differing(what="path", old=old, new=new),
            Differing(what="presence", old=not is_new, new=is_new, verdict=verdict),
        ),
    )


def _identities(was: Known, now: Known, before: PlacedDevice, after: PlacedDevice) -> Iterator[Differing]:
    if (
        was.paths.get(before.id) != now.paths.get(after.id)
        or was.layout.machine_model.root != now.layout.machine_model.root
    ):
        where = was.path(before), now.path(after)
        if where[0] == where[1]:  # models differ on the way
            where = was.path(before, models=True), now.path(after, models=True)
        yield Differing(what="path", old=where[0], new=where[1], verdict=PART_ROWS["path"].verdict)
    old, new = was.identities(before), now.identities(after)
    for name, value in new.items():
        if old[name] != value:
            yield Differing(what=name, old=old[name], new=value)


def _kind(before: PlacedDevice, after: PlacedDevice) -> Iterator[Differing]:
    """What the device is."""
    told = "model" if before.model != after.model else "virtio" if before.virtio != after.virtio else "driver"
    for name in (told, "rom"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield Differing(what=name, old=old, new=new, verdict=PART_ROWS[name].verdict)
    if before.bars != after.bars:
        old, new = ("; ".join(map(str, one.bars or ())) for one in (before, after))
        yield Differing(what="bars", old=old or None, new=new or None, verdict=PART_ROWS["bars"].verdict)


def _seat(was: Known, now: Known, before: Seat, after: Seat) -> Iterator[Differing]:
    """`multifunction`, and properties."""
    if before.multifunction != after.multifunction:
        verdict = PART_ROWS["multifunction"].verdict
        yield Differing(what="multifunction", old=before.multifunction, new=after.multifunction, verdict=verdict)
    names = (before.properties.keys() | after.properties.keys()) - MODE_WORDS
    for name in sorted(names):
        old = effective(before, name, was.layout.machine_model)
        new = effective(after, name, now.layout.machine_model)
        if old != new:
            row = row_of(name)
            yield Differing(what=name, old=old, new=new, verdict=None if row is None else row.verdict)


def _windows(was: Known, now: Known, same: Mapping[str, str]) -> Iterator[WindowDifference]:
    """IO windows that are elsewhere or of another size; of memory those of another size alone, as all of it moves where
    one grows."""
    old, new = (known.windows for known in (was, now))
    for after, before in same.items():
        for kind in WINDOW_KINDS:
            one, other = old[kind].get(before), new[kind].get(after)
            if one != other and (kind == "io" or (one and one.size) != (other and other.size)):
                yield WindowDifference(controller=after, kind=kind, old=one, new=other)
