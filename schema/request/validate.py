"""Checks between the parts of a request. Each refusal names field, value and mend; all that do not follow from others
are told at once."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from ..catalog import VIOMMUS, exclusive
from ..catalog.virtual_functions import PHYSICAL
from ..pci.address import FUNCTIONS, ROUTING_IDS
from ..pci.controllers import MEMORY_RESERVES
from ..pci.machine_types import MachineType, machine_type
from ..pci.qemu_properties import MOST_BYTES, has_control_character, integer, is_on
from ..pci.qemu_versions import has_type, is_range_known, oldest_type, version_text
from .bars import most_bytes
from .fields import GuestFields
from .part_checks import check_controller, check_model, check_node, check_wishes
from .paths import path_of
from .pin_checks import check_nesting, check_pins, check_reserve
from .problems import CONTRADICTION, nearest
from .ram_checks import check_addresses, check_cpu, check_ovmf_addresses, check_plugged
from .refusal import Refused, Where, controllers, device_named, devices, field_of, places
from .resolved import is_assigned, model_of
from .virtual_counts import check_count, check_subsystems
from .virtual_functions import check_created, check_listed


def check(guest: GuestFields) -> None:
    """Raises pydantic.ValidationError with every contradiction that no other one may be the cause of."""
    for step in (_parts, _wishes, _whole):
        found = [refused for one in step(guest) if (refused := _refusal(one)) is not None]
        if found:
            raise ValidationError.from_exception_data("Guest", [_details(guest, one) for one in found])


def _refusal(check: Callable[[], None]) -> Refused | None:
    try:
        check()
    except Refused as refused:
        return refused
    return None


def _details(guest: GuestFields, refused: Refused) -> InitErrorDetails:
    text = f"{path_of(refused.where.loc, guest)}: {refused.mend}"
    kind = PydanticCustomError(CONTRADICTION, "{text}", {"text": text, "mend": refused.mend})
    return InitErrorDetails(type=kind, loc=refused.where.loc, input=refused.where.value)


def _parts(guest: GuestFields) -> Iterator[Callable[[], None]]:
    """Each part by itself."""
    checks = (_machine, _firmware, check_cpu, check_plugged, check_addresses, check_ovmf_addresses, _ids)
    yield from (partial(one, guest) for one in checks)
    yield from (partial(check_controller, guest, *one) for one in controllers(guest))
    yield from (partial(check_model, guest, *one) for one in devices(guest))


def _wishes(guest: GuestFields) -> Iterator[Callable[[], None]]:
    """What parts say of others, once each is known."""
    known = {device.id for device in guest.devices}
    yield from (partial(check_wishes, guest, *one, known) for one in devices(guest))
    yield from (partial(check_count, guest, *one) for one in devices(guest))
    yield partial(_groups, guest)
    yield partial(_order, guest, known)
    yield partial(check_pins, guest)


def _whole(guest: GuestFields) -> Iterator[Callable[[], None]]:
    """What only holds of all together."""
    yield from (partial(one, guest) for one in (check_nesting, _chassis, _spare))
    yield from (partial(check_reserve, guest, pin) for pin in guest.reserve)
    yield partial(check_subsystems, guest)
    yield partial(check_listed, guest)
    yield partial(check_created, guest)
    yield partial(_eject, guest)
    yield partial(_viommu, guest)
    yield partial(_amounts, guest)


def _order(guest: GuestFields, known: set[str]) -> None:
    """Names devices, each once."""
    for name, times in Counter(guest.order).items():
        if name not in known:
            raise Refused(field_of(guest, "order"), f"{name!r} is no device{nearest(name, known)}")
        if times > 1:
            raise Refused(field_of(guest, "order"), f"names {name} {times} times: keep one")


def _eject(guest: GuestFields) -> None:
    """Not where a port's hot-plug decides its window of IO ports, which plans count before they know who is there."""
    if guest.policy.eject == "protect" and guest.machine_model.port_io_reserve:
        raise Refused(
            field_of(guest, "policy", "eject"),
            "'protect' is not planned for pc-q35-6.1, whose ports open IO windows for hot-plug: name another version, "
            "or say chipset: {bridge_hotplug: false}",
        )


def _machine(guest: GuestFields) -> None:
    """Whose version is known, or said."""
    names = {"machine": guest.machine} if guest.machine_as is None else {"machine_as": guest.machine_as}
    for field, name in names.items():
        known = machine_type(name)
        if known is None or not known.known:
            like = f"pc-{'q35' if guest.machine_model.family == 'q35' else 'i440fx'}-8.2"
            raise Refused(
                field_of(guest, field),
                f"{name!r} is a machine type whose version is not known: say which of QEMU's own it stands for by "
                f"machine_as: {like}, or --machine-as {like}",
            )
        if known.family != guest.machine_model.family:
            raise Refused(field_of(guest, field), f"{name!r} is no machine like {guest.machine!r}")
        if guest.qemu:
            _has_machine(guest, field_of(guest, field), known)


def _has_machine(guest: GuestFields, where: Where, known: MachineType) -> None:
    """Of the QEMU stated; which old machine types a distribution's has is its own affair."""
    qemu, version = guest.qemu_version, known.version
    if version is None or has_type(qemu, known.family, version):
        return
    oldest = oldest_type(qemu, known.family)
    if version < oldest and (known.vendor is not None or not is_range_known(qemu)):
        return
    chip = "pc-q35" if known.family == "q35" else "pc-i440fx"
    there = f"{chip}-{version_text(oldest)} to {chip}-{version_text(qemu[:2])}"
    stands = f", which is {known.upstream}," if known.name != known.upstream else ""
    raise Refused(
        where, f"QEMU {guest.qemu} has no {known.name!r}{stands} but {there}: take one of these, or a QEMU that has it"
    )


def _firmware(guest: GuestFields) -> None:
    if guest.firmware.name == "ovmf" and not guest.cpu.long_mode:  # measured: tests/real/test_ovmf_addresses.py
        where = field_of(guest, "cpu", "long_mode")
        raise Refused(where, "false, but OVMF never boots on a 32-bit CPU: say a 64-bit cpu, or use seabios")
    # measured (tests/real/test_machine.py): its clock is the power management timer, without which it waits for ever
    if guest.firmware.name == "ovmf" and guest.machine_model.family == "pc" and not guest.chipset.acpi:
        raise Refused(
            field_of(guest, "chipset", "acpi"),
            "OVMF never boots on machine pc without ACPI: leave acpi on, or use seabios",
        )


def _ids(guest: GuestFields) -> None:
    counts = Counter([guest.machine_model.root, *(part.id for part in guest.parts)])
    seen = {guest.machine_model.root}
    for place, part in places(guest):
        if part.id == "type":  # of the object in which QEMU keeps them
            raise Refused(place / "id", "QEMU takes nothing that is called type: rename it")
        if part.id in seen:
            used = f"{part.id!r} is used {counts[part.id]} times"
            raise Refused(place / "id", f"{used}: give each device and controller an id of its own")
        seen.add(part.id)


def _groups(guest: GuestFields) -> None:
    for name, members in guest.groups.items():
        where = device_named(guest, members[0].id) / "group"
        if has_control_character(name):
            raise Refused(where, "its name has a control character: leave it out")
        if (own := sum(PHYSICAL not in member.properties for member in members)) > FUNCTIONS:
            raise Refused(where, f"{name!r} has {own} members, but a slot has 8 functions")
        if len(members) > ROUTING_IDS:
            raise Refused(where, f"{name!r} has {len(members)} members, but a bus has {ROUTING_IDS} functions")
        if len({member.numa for member in members} - {None}) > 1:
            raise Refused(where, f"members of {name!r} ask for different NUMA nodes, but share one slot")
        slots = {(m.address.bus, m.address.slot) for m in members if m.address and m.address.bus is not None}
        if len(slots) > 1:
            raise Refused(where, f"members of {name!r} are pinned to different slots, but share one")
        functions = Counter(m.address.function for m in members if m.address and m.address.function is not None)
        twice = [function for function, count in functions.items() if count > 1]
        if twice:
            raise Refused(where, f"two members of {name!r} are pinned to function {twice[0]}")
    balloons = [device.id for device in guest.devices if model_of(device).category == "balloon"]
    if len(balloons) > 1:
        raise Refused(
            device_named(guest, balloons[1]) / "model",
            f"QEMU takes one balloon a guest, here are {', '.join(balloons)}: leave the others out",
        )
    for models in exclusive(guest.machine_model.version):
        same = [device.id for device in guest.devices if device.model in models]
        if len(same) > 1:
            raise Refused(
                device_named(guest, same[1]) / "model",
                f"QEMU takes one {' or '.join(sorted(models))} a guest on {guest.machine}, here are "
                f"{', '.join(same)}: leave the others out",
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
        where = Where(("spare", index), spare)
        if spare.kind == "pcie" and spare.count and guest.machine_model.family == "pc":
            raise Refused(where, f"slots of ports are kept on q35 only, not on {guest.machine}: ask for kind pci")
        check_node(guest, where, spare.numa)
    if "viommu" in guest.needs and guest.machine_model.family == "pc":
        raise Refused(field_of(guest, "needs"), "an intel-iommu takes machine q35; on pc list a virtio-iommu instead")
    if "secure-boot" in guest.needs and (guest.machine_model.family == "pc" or guest.firmware.name != "ovmf"):
        raise Refused(field_of(guest, "needs"), "secure-boot takes machine q35 and firmware ovmf")


def _viommu(guest: GuestFields) -> None:
    listed = [device for device in guest.devices if device.model in VIOMMUS]
    if listed and "viommu" in guest.needs:
        raise Refused(
            field_of(guest, "needs"),
            f"viommu is an intel-iommu, and QEMU takes one vIOMMU a guest: leave it out, {listed[0].id} is one",
        )
    assigned = [device.id for device in guest.devices if is_assigned(model_of(device))]
    amd = [
        one.id for one in listed if one.model == "amd-iommu" and not is_on(one.properties, "dma-remap", default=False)
    ]
    if amd and assigned:
        raise Refused(
            device_named(guest, assigned[0]) / "model",
            "with an amd-iommu QEMU takes no device of the host; from QEMU 11 on it does where the amd-iommu says "
            f"dma-remap=on: add that to the properties of {amd[0]}, or take an intel-iommu (needs: [viommu])",
        )


def _amounts(guest: GuestFields) -> None:
    total = (
        max(guest.memory, guest.max_memory or 0)
        + (guest.pci_hole64 or 0)
        + sum(one.count * one.memory for one in guest.spare)
    )
    for controller in guest.controllers:
        total += sum(integer(controller.properties, name) or 0 for name in MEMORY_RESERVES)
    total += sum((resolved.device.rom or 0) + most_bytes(resolved) for resolved in guest.resolved.values())
    if total > MOST_BYTES:
        raise Refused(
            field_of(guest, "memory"),
            f"RAM, BARs, reserves and spare slots come to {total} bytes, more than the {MOST_BYTES} that can be "
            "counted: ask for less",
        )
