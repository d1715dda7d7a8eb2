"""Checks between the parts of a request. Each refusal names field, value and mend; all that do not follow from others
are told at once."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from ..catalog import exclusive
from ..pci.controllers import MEMORY_RESERVES
from ..pci.qemu_properties import MOST_BYTES, integer
from ..pci.ram import address_end
from .bars import requested
from .fields import GuestFields
from .part_checks import check_controller, check_model, check_node, check_wishes
from .pin_checks import check_nesting, check_pins, check_reserve
from .problems import CONTRADICTION
from .refusal import Refused, Where, controllers, devices, devices_of, field_of
from .resolved import model_of


def check(guest: GuestFields) -> None:
    """Raises pydantic.ValidationError with every contradiction that no other one may be the cause of."""
    for step in (_parts, _wishes, _whole):
        found = [refused for one in step(guest) if (refused := _refusal(one)) is not None]
        if found:
            raise ValidationError.from_exception_data("Guest", [_details(one) for one in found])


def _refusal(check: Callable[[], None]) -> Refused | None:
    try:
        check()
    except Refused as refused:
        return refused
    return None


def _details(refused: Refused) -> InitErrorDetails:
    kind = PydanticCustomError(CONTRADICTION, "{text}", {"text": str(refused), "mend": refused.mend})
    return InitErrorDetails(type=kind, loc=refused.where.loc, input=refused.where.value)


def _parts(guest: GuestFields) -> Iterator[Callable[[], None]]:
    """Each part by itself."""
    yield from (partial(one, guest) for one in (_firmware, _addresses, _ids))
    yield from (partial(check_controller, guest, *one) for one in controllers(guest))
    yield from (partial(check_model, guest, *one) for one in devices(guest))


def _wishes(guest: GuestFields) -> Iterator[Callable[[], None]]:
    """What parts say of others, once each is known."""
    known = {device.id for device in guest.devices}
    yield from (partial(check_wishes, guest, *one, known) for one in devices(guest))
    yield partial(_groups, guest)
    yield partial(check_pins, guest)


def _whole(guest: GuestFields) -> Iterator[Callable[[], None]]:
    """What only holds of all together."""
    yield from (partial(one, guest) for one in (check_nesting, _chassis, _spare))
    yield from (partial(check_reserve, guest, pin) for pin in guest.reserve)
    yield partial(_amounts, guest)


def _firmware(guest: GuestFields) -> None:
    # measured: its clock is the power management timer, without which it waits for ever
    if guest.firmware.name == "ovmf" and guest.machine_model.family == "pc" and not guest.chipset.acpi:
        raise Refused(
            field_of(guest, "chipset", "acpi"),
            "OVMF never boots on machine pc without ACPI: leave acpi on, or use seabios",
        )


def _addresses(guest: GuestFields) -> None:
    end = address_end(guest.machine_model, guest.memory, guest.pci_hole64)
    if guest.phys_bits is not None and end > 1 << guest.phys_bits:
        raise Refused(
            Where(("phys_bits",), f"phys_bits {guest.phys_bits}", guest.phys_bits),
            f"QEMU starts no CPU whose addresses end before memory and pci_hole64 do, "
            f"here at {end:#x}: at least {(end - 1).bit_length()}, or less memory or a smaller pci_hole64",
        )


def _ids(guest: GuestFields) -> None:
    counts = Counter([guest.machine_model.root, *(c.id for c in guest.controllers), *(d.id for d in guest.devices)])
    for name, count in counts.items():
        if count > 1:
            raise Refused(
                Where((), f"id {name!r} is used {count} times", name),
                "give each device and controller an id of its own",
            )


def _groups(guest: GuestFields) -> None:
    for name, members in guest.groups.items():
        where = Where(("devices",), f"group {name!r}", name)
        if len(members) > 8:
            raise Refused(where, f"{len(members)} members, but a slot has 8 functions")
        if len({member.numa for member in members} - {None}) > 1:
            raise Refused(where, "its members ask for different NUMA nodes, but share one slot")
        slots = {(m.address.bus, m.address.slot) for m in members if m.address and m.address.bus is not None}
        if len(slots) > 1:
            raise Refused(where, "its members are pinned to different slots, but share one")
        functions = Counter(m.address.function for m in members if m.address and m.address.function is not None)
        twice = [function for function, count in functions.items() if count > 1]
        if twice:
            raise Refused(where, f"two members are pinned to function {twice[0]}")
    balloons = [device.id for device in guest.devices if model_of(device).category == "balloon"]
    if len(balloons) > 1:
        raise Refused(devices_of(balloons), "QEMU takes one balloon a guest")
    for models in exclusive(guest.machine_model.version):
        same = [device.id for device in guest.devices if device.model in models]
        if len(same) > 1:
            raise Refused(
                devices_of(same),
                f"QEMU takes one {' or '.join(sorted(models))} a guest on {guest.machine}: leave the others out",
            )


def _chassis(guest: GuestFields) -> None:
    seen: dict[tuple[object, ...], str] = {}
    for where, controller in controllers(guest):
        properties = controller.properties
        keys: list[tuple[object, ...]] = [
            (name, properties[name]) for name in ("chassis_nr", "bus_nr") if name in properties
        ]
        if "chassis" in properties and "slot" in properties:
            keys.append(("chassis and slot", properties["chassis"], properties["slot"]))
        for key in keys:
            if key in seen:
                raise Refused(where / "properties", f"{key[0]} {key[1]} is also that of {seen[key]}")
            seen[key] = controller.id


def _spare(guest: GuestFields) -> None:
    for index, spare in enumerate(guest.spare):
        where = Where(("spare", index), f"spare[{index}]", spare)
        if spare.kind == "pcie" and guest.machine_model.family == "pc":
            raise Refused(where, f"machine {guest.machine} has no PCI Express slots: ask for kind pci")
        check_node(guest, where / "numa", spare.numa)
    if "secure-boot" in guest.needs and (guest.machine_model.family == "pc" or guest.firmware.name != "ovmf"):
        raise Refused(field_of(guest, "needs"), "secure-boot takes machine q35 and firmware ovmf")


def _amounts(guest: GuestFields) -> None:
    total = guest.memory + (guest.pci_hole64 or 0) + sum(one.count * one.memory for one in guest.spare)
    for controller in guest.controllers:
        total += sum(integer(controller.properties, name) or 0 for name in MEMORY_RESERVES)
    for resolved in guest.resolved.values():
        modes = resolved.modes or (None,)
        total += resolved.device.rom or 0
        total += max(sum(bar.size for bar in requested(resolved, mode)) for mode in modes)
    if total > MOST_BYTES:
        raise Refused(
            field_of(guest, "memory"),
            f"RAM, BARs, reserves and spare slots come to {total} bytes, more than the {MOST_BYTES} that can be "
            "counted: ask for less",
        )
