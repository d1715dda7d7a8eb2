"""Checks between the parts of a request. Each failure is one ValueError that names field, value and mend."""

import re
from collections import Counter

from ..catalog import UnknownModel, exclusive
from ..pci.address import Pin
from ..pci.controllers import CONTROLLERS, MEMORY_RESERVES, BusModel, Connector, Need, VirtioMode, pin_accepts
from ..pci.machine import Machine
from ..pci.qemu_properties import MOST_BYTES, VIRTIO_SWITCHES, Scalar, as_text, integer, unfit
from ..pci.ram import address_end
from .bars import requested
from .device import FIELD_OF, Controller, Device, Part
from .fields import GuestFields
from .problems import nearest
from .resolved import model_of, plain_is_legacy


def check(guest: GuestFields) -> None:
    """Raises ValueError at the first contradiction."""
    _firmware(guest)
    _addresses(guest)
    _ids(guest)
    for controller in guest.controllers:
        _controller(guest, controller)
    known = {device.id for device in guest.devices}
    for device in guest.devices:
        _model(guest, device)
        _device_wishes(guest, device, known)
    _groups(guest)
    _pins(guest)
    _nesting(guest)
    _chassis(guest)
    _spare(guest)
    for pin in guest.reserve:
        _reserve(guest, pin)
    _amounts(guest)


def needs_of(device: Device) -> Need:
    """The connect type of an endpoint for a pinned address."""
    model = model_of(device)
    connector = Connector(device.connect) if device.connect else model.connector
    return Need.EXPRESS if connector is Connector.EXPRESS else Need.CONVENTIONAL


def _firmware(guest: GuestFields) -> None:
    # measured: its clock is the power management timer, without which it waits for ever
    if guest.firmware.name == "ovmf" and guest.machine_model.family == "pc" and not guest.chipset.acpi:
        raise ValueError("chipset.acpi: OVMF never boots on machine pc without ACPI: leave acpi on, or use seabios")


def _addresses(guest: GuestFields) -> None:
    end = address_end(guest.machine_model, guest.memory, guest.pci_hole64)
    if guest.phys_bits is not None and end > 1 << guest.phys_bits:
        raise ValueError(
            f"phys_bits {guest.phys_bits}: QEMU starts no CPU whose addresses end before memory and pci_hole64 do, "
            f"here at {end:#x}: at least {(end - 1).bit_length()}, or less memory or a smaller pci_hole64"
        )


def _ids(guest: GuestFields) -> None:
    counts = Counter([guest.machine_model.root, *(c.id for c in guest.controllers), *(d.id for d in guest.devices)])
    for name, count in counts.items():
        if count > 1:
            raise ValueError(f"id {name!r} is used {count} times: give each device and controller an id of its own")


def _controller(guest: GuestFields, controller: Controller) -> None:
    where = f"controllers.{controller.id}"
    model = CONTROLLERS.get(controller.model)
    if model is None:
        raise ValueError(
            f"{where}.model: {controller.model!r} is not a controller{nearest(controller.model, CONTROLLERS)}"
        )
    if model.machine not in (None, guest.machine_model.family):
        raise ValueError(
            f"{where}.model: {controller.model} exists only on machine {model.machine}, not on {guest.machine}"
        )
    if not controller.hotplug and not model.is_port:
        raise ValueError(
            f"{where}.hotplug: only root and downstream ports can switch hot-plug off, not {controller.model}"
        )
    if {"pref32-reserve", "pref64-reserve"} <= set(controller.properties):
        raise ValueError(f"{where}.properties: QEMU refuses pref32-reserve together with pref64-reserve: keep one")
    for name, value in controller.properties.items():
        if name not in model.properties:
            raise ValueError(
                f"{where}.properties.{name}: {controller.model} has no such property to set"
                f"{nearest(name, model.properties)}"
            )
        _value(where, name, value)
        if name in FIELD_OF:
            field, stated = FIELD_OF[name], as_text(getattr(controller, FIELD_OF[name]))
            raise ValueError(f"{where}: {field} is {stated}, but properties.{name} is {as_text(value)}: keep one")
    _node(guest, f"{where}.numa", controller.numa)


def _value(where: str, name: str, value: Scalar) -> None:
    words = unfit(name, value)
    if words is not None:
        raise ValueError(f"{where}.properties.{name}: {value!r} is not {words}")


def _model(guest: GuestFields, device: Device) -> None:
    where = f"devices.{device.id}"
    if device.model in CONTROLLERS:
        raise ValueError(f"{where}.model: {device.model} is a controller: list it under controllers")
    try:
        model = model_of(device)
    except UnknownModel as unknown:
        if unknown.reason:
            raise ValueError(f"{where}.model: {unknown}") from None
        hint = f"nearest: {', '.join(unknown.nearest)}; " if unknown.nearest else ""
        raise ValueError(
            f"{where}.model: {device.model!r} is not in the catalogue; {hint}a device that it does not know "
            "needs connect and bars, a host device is vfio-pci with these"
        ) from None
    if not _TYPE.fullmatch(model.driver):
        raise ValueError(f"{where}.model: {device.model!r} is no name of a QEMU device type")
    if model.self_described and (device.bars is None or device.connect is None):
        raise ValueError(
            f"{where}: {device.model} takes its BARs from the host: give connect (express, hybrid ...) and bars"
        )
    _virtio(where, device, None if model.virtio is None else model.virtio.modes)
    _virtio_by_slot(guest.machine_model, where, device)
    for name, value in device.properties.items():
        if name in _OWNED or not _PROPERTY.fullmatch(name):
            raise ValueError(f"{where}.properties.{name}: {_OWNED.get(name, 'this is no name of a QEMU property')}")
        _value(where, name, value)


_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_PROPERTY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_OWNED = {
    **dict.fromkeys(("driver", "id"), "the plan names each device: say id and model"),
    **dict.fromkeys(("bus", "addr", "multifunction"), "the plan decides this: say address to pin it"),
    **dict.fromkeys(VIRTIO_SWITCHES, "the plan spells the mode out: say virtio"),
}
"""Properties that the layout itself writes."""


def _virtio(where: str, device: Device, modes: tuple[VirtioMode, ...] | None) -> None:
    if device.virtio == "auto-by-os":
        raise ValueError(f"{where}.virtio: auto-by-os needs the guest's OS: plan with --os")
    if modes is None and device.virtio is not None:
        raise ValueError(f"{where}.virtio: {device.model} is not a virtio device: leave virtio out")
    if modes is not None and device.fixed_mode is not None and device.fixed_mode not in modes:
        allowed = ", ".join(modes)
        raise ValueError(f"{where}.virtio: {device.model} knows only {allowed}, not {device.virtio}")


def _virtio_by_slot(machine: Machine, where: str, device: Device) -> None:
    """Legacy only is what plain virtio is in all slots of old machine types, and in none of the others."""
    mode = device.fixed_mode
    if device.virtio_by == "slot" and mode is not None and plain_is_legacy(machine) is not (mode is VirtioMode.LEGACY):
        raise ValueError(
            f"{where}.virtio_by: no slot of {machine.name} makes a plain virtio device {mode}: say type or property"
        )


def _device_wishes(guest: GuestFields, device: Device, known: set[str]) -> None:
    where = f"devices.{device.id}"
    model = model_of(device)
    if device.hotplug == "required" and not model.hotpluggable:
        raise ValueError(f"{where}.hotplug: QEMU cannot hot-plug {device.model}: say preferred or never")
    _node(guest, f"{where}.numa", device.numa)
    for field, wishes in (("near", device.near), ("near_switch", device.near_switch)):
        for other in wishes:
            if other not in known or other == device.id:
                raise ValueError(f"{where}.{field}: {other!r} is not another device{nearest(other, known)}")
    if device.near_switch and guest.machine_model.family == "pc":
        raise ValueError(f"{where}.near_switch: machine {guest.machine} has no PCI Express switches")


def _node(guest: GuestFields, where: str, node: int | None) -> None:
    if node is not None and node >= guest.numa_nodes:
        raise ValueError(f"{where}: node {node} does not exist: numa_nodes is {guest.numa_nodes}")


def _groups(guest: GuestFields) -> None:
    for name, members in guest.groups.items():
        if len(members) > 8:
            raise ValueError(f"group {name!r} has {len(members)} members, a slot has 8 functions")
        if len({member.numa for member in members} - {None}) > 1:
            raise ValueError(f"group {name!r}: its members ask for different NUMA nodes, but share one slot")
        slots = {(m.address.bus, m.address.slot) for m in members if m.address and m.address.bus is not None}
        if len(slots) > 1:
            raise ValueError(f"group {name!r}: its members are pinned to different slots, but share one")
        functions = Counter(m.address.function for m in members if m.address and m.address.function is not None)
        twice = [function for function, count in functions.items() if count > 1]
        if twice:
            raise ValueError(f"group {name!r}: two members are pinned to function {twice[0]}")
    balloons = [device.id for device in guest.devices if model_of(device).category == "balloon"]
    if len(balloons) > 1:
        raise ValueError(f"devices {', '.join(balloons)}: QEMU takes one balloon a guest")
    for models in exclusive(guest.machine_model.version):
        same = [device.id for device in guest.devices if device.model in models]
        if len(same) > 1:
            raise ValueError(
                f"devices {', '.join(same)}: QEMU takes one {' or '.join(sorted(models))} a guest on {guest.machine}: "
                "leave the others out"
            )


def bus_models(guest: GuestFields) -> dict[str, BusModel]:
    """Every bus that a request can name: the root bus and its controllers'."""
    platform = guest.machine_model
    return {platform.root: platform.bus} | {c.id: CONTROLLERS[c.model].bus for c in guest.controllers}


def _pins(guest: GuestFields) -> None:
    buses = bus_models(guest)
    seen: dict[Pin, str] = {}
    reserved = set(guest.reserve)
    for item in guest.parts:
        pin = item.address
        if pin is None or pin.bus is None or pin.slot is None:
            continue
        where = f"{'devices' if isinstance(item, Device) else 'controllers'}.{item.id}.address"
        _slot_exists(guest, where, pin, buses)
        for part in _sharing(guest, item):
            _accepts(guest, where, part, pin, buses[pin.bus])
        if Pin(pin.bus, pin.slot, None) in reserved or pin in reserved:
            raise ValueError(f"{where}: {pin} is also listed under reserve: drop one of the two")
        if pin.function is not None and pin in seen:
            raise ValueError(f"{where}: {pin} is also the address of {seen[pin]}: give one of them another")
        seen[pin] = item.id


def _slot_exists(guest: GuestFields, where: str, pin: Pin, buses: dict[str, BusModel]) -> None:
    if pin.bus not in buses:
        raise ValueError(f"{where}: {pin} names no bus of this guest{nearest(str(pin.bus), buses)}")
    assert pin.slot is not None
    bus = buses[pin.bus]
    if not bus.first_slot <= pin.slot <= bus.last_slot:
        raise ValueError(f"{where}: {pin}: slots of {pin.bus} are {bus.first_slot:02x} to {bus.last_slot:02x}")
    if pin.bus == guest.machine_model.root:
        taken = guest.machine_model.taken
        functions = range(8) if pin.function is None else [pin.function]
        if pin.slot in guest.machine_model.closed or all((pin.slot, function) in taken for function in functions):
            holder = taken.get((pin.slot, pin.function or 0), "the chipset")
            raise ValueError(f"{where}: {pin} belongs to the {holder}: choose another slot")


def _sharing(guest: GuestFields, item: Part) -> tuple[Part, ...]:
    """Who goes where the item goes: it, or its whole group."""
    return guest.groups[item.group] if isinstance(item, Device) and item.group is not None else (item,)


def _accepts(guest: GuestFields, where: str, item: Part, pin: Pin, bus: BusModel) -> None:
    needs = needs_of(item) if isinstance(item, Device) else CONTROLLERS[item.model].needs
    if (
        isinstance(item, Device)
        and model_of(item).connector is Connector.INTEGRATED
        and pin.bus != guest.machine_model.root
    ):
        raise ValueError(f"{where}: {item.model} sits only on the root bus {guest.machine_model.root}")
    if not pin_accepts(bus, needs):
        raise ValueError(f"{where}: bus {pin.bus} takes no {item.model}")


def _nesting(guest: GuestFields) -> None:
    parent = {c.id: c.address.bus for c in guest.controllers if c.address is not None and c.address.bus is not None}
    for start in parent:
        path = [start]
        while (above := parent.get(path[-1])) is not None:
            if above in path:
                raise ValueError(
                    f"controllers.{start}.address: {' inside '.join([*path, above])} never reaches the root bus"
                )
            path.append(above)


def _chassis(guest: GuestFields) -> None:
    seen: dict[tuple[object, ...], str] = {}
    for controller in guest.controllers:
        properties = controller.properties
        keys: list[tuple[object, ...]] = [
            (name, properties[name]) for name in ("chassis_nr", "bus_nr") if name in properties
        ]
        if "chassis" in properties and "slot" in properties:
            keys.append(("chassis and slot", properties["chassis"], properties["slot"]))
        for key in keys:
            if key in seen:
                raise ValueError(
                    f"controllers.{controller.id}.properties: {key[0]} {key[1]} is also that of {seen[key]}"
                )
            seen[key] = controller.id


def _spare(guest: GuestFields) -> None:
    for index, spare in enumerate(guest.spare):
        where = f"spare[{index}]"
        if spare.kind == "pcie" and guest.machine_model.family == "pc":
            raise ValueError(f"{where}: machine {guest.machine} has no PCI Express slots: ask for kind pci")
        _node(guest, f"{where}.numa", spare.numa)
    if "secure-boot" in guest.needs and (guest.machine_model.family == "pc" or guest.firmware.name != "ovmf"):
        raise ValueError("needs: secure-boot takes machine q35 and firmware ovmf")


def _amounts(guest: GuestFields) -> None:
    total = guest.memory + (guest.pci_hole64 or 0) + sum(one.count * one.memory for one in guest.spare)
    for controller in guest.controllers:
        total += sum(integer(controller.properties, name) or 0 for name in MEMORY_RESERVES)
    for resolved in guest.resolved.values():
        modes = resolved.modes or (None,)
        total += resolved.device.rom or 0
        total += max(sum(bar.size for bar in requested(resolved, mode)) for mode in modes)
    if total > MOST_BYTES:
        raise ValueError(
            f"memory: RAM, BARs, reserves and spare slots come to {total} bytes, more than the {MOST_BYTES} that can "
            "be counted: ask for less"
        )


def _reserve(guest: GuestFields, pin: Pin) -> None:
    buses = bus_models(guest)
    if pin.bus is None or pin.slot is None:
        raise ValueError(f"reserve: {str(pin)!r} names no slot: write BUS:SLOT or BUS:SLOT.FUNCTION")
    if pin.bus not in buses:
        raise ValueError(f"reserve: {str(pin)!r} names no bus of this guest{nearest(pin.bus, buses)}")
