"""Whether a controller, or a device, says what can be."""

import re

from ..catalog import UnknownModel
from ..pci.controllers import CONTROLLERS, VirtioMode
from ..pci.machine import Machine
from ..pci.qemu_properties import VIRTIO_SWITCHES, Scalar, as_text, unfit
from .device import FIELD_OF, Controller, Device
from .fields import GuestFields
from .problems import nearest
from .refusal import Refused, Where
from .resolved import model_of, plain_is_legacy


def check_controller(guest: GuestFields, where: Where, controller: Controller) -> None:
    """Model, hot-plug and properties of a listed controller."""
    model = CONTROLLERS.get(controller.model)
    if model is None:
        raise Refused(
            where / "model", f"{controller.model!r} is not a controller{nearest(controller.model, CONTROLLERS)}"
        )
    if model.machine not in (None, guest.machine_model.family):
        raise Refused(
            where / "model", f"{controller.model} exists only on machine {model.machine}, not on {guest.machine}"
        )
    if not controller.hotplug and not model.is_port:
        raise Refused(
            where / "hotplug", f"only root and downstream ports can switch hot-plug off, not {controller.model}"
        )
    if {"pref32-reserve", "pref64-reserve"} <= set(controller.properties):
        raise Refused(where / "properties", "QEMU refuses pref32-reserve together with pref64-reserve: keep one")
    for name, value in controller.properties.items():
        if name not in model.properties:
            raise Refused(
                where / "properties" / name,
                f"{controller.model} has no such property to set{nearest(name, model.properties)}",
            )
        _value(where, name, value)
        if name in FIELD_OF:
            field, stated = FIELD_OF[name], as_text(getattr(controller, FIELD_OF[name]))
            raise Refused(where, f"{field} is {stated}, but properties.{name} is {as_text(value)}: keep one")
    check_node(guest, where / "numa", controller.numa)


def _value(where: Where, name: str, value: Scalar) -> None:
    words = unfit(name, value)
    if words is not None:
        raise Refused(where / "properties" / name, f"{value!r} is not {words}")


def check_model(guest: GuestFields, where: Where, device: Device) -> None:
    """Model, virtio mode and properties of a device."""
    if device.model in CONTROLLERS:
        raise Refused(where / "model", f"{device.model} is a controller: list it under controllers")
    try:
        model = model_of(device)
    except UnknownModel as unknown:
        if unknown.reason:
            raise Refused(where / "model", f"{unknown}") from None
        hint = f"nearest: {', '.join(unknown.nearest)}; " if unknown.nearest else ""
        raise Refused(
            where / "model",
            f"{device.model!r} is not in the catalogue; {hint}a device that it does not know "
            "needs connect and bars, a host device is vfio-pci with these",
        ) from None
    if not _TYPE.fullmatch(model.driver):
        raise Refused(where / "model", f"{device.model!r} is no name of a QEMU device type")
    if model.self_described and (device.bars is None or device.connect is None):
        raise Refused(
            where, f"{device.model} takes its BARs from the host: give connect (express, hybrid ...) and bars"
        )
    _virtio(where, device, None if model.virtio is None else model.virtio.modes)
    _virtio_by_slot(guest.machine_model, where, device)
    for name, value in device.properties.items():
        if name in _OWNED or not _PROPERTY.fullmatch(name):
            raise Refused(where / "properties" / name, f"{_OWNED.get(name, 'this is no name of a QEMU property')}")
        _value(where, name, value)


_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


_PROPERTY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


_OWNED = {
    **dict.fromkeys(("driver", "id"), "the plan names each device: say id and model"),
    **dict.fromkeys(("bus", "addr", "multifunction"), "the plan decides this: say address to pin it"),
    **dict.fromkeys(VIRTIO_SWITCHES, "the plan spells the mode out: say virtio"),
}
"""Properties that the layout itself writes."""


def _virtio(where: Where, device: Device, modes: tuple[VirtioMode, ...] | None) -> None:
    if device.virtio == "auto-by-os":
        raise Refused(where / "virtio", "auto-by-os needs the guest's OS: plan with --os")
    if modes is None and device.virtio is not None:
        raise Refused(where / "virtio", f"{device.model} is not a virtio device: leave virtio out")
    if modes is not None and device.fixed_mode is not None and device.fixed_mode not in modes:
        allowed = ", ".join(modes)
        raise Refused(where / "virtio", f"{device.model} knows only {allowed}, not {device.virtio}")


def _virtio_by_slot(machine: Machine, where: Where, device: Device) -> None:
    """Legacy only is what plain virtio is in all slots of old machine types, and in none of the others."""
    mode = device.fixed_mode
    if device.virtio_by == "slot" and mode is not None and plain_is_legacy(machine) is not (mode is VirtioMode.LEGACY):
        raise Refused(
            where / "virtio_by", f"no slot of {machine.name} makes a plain virtio device {mode}: say type or property"
        )


def check_wishes(guest: GuestFields, where: Where, device: Device, known: set[str]) -> None:
    """What a device of a known model asks for; `known` are the ids of all devices."""
    model = model_of(device)
    if device.hotplug == "required" and not model.hotpluggable:
        raise Refused(where / "hotplug", f"QEMU cannot hot-plug {device.model}: say preferred or never")
    check_node(guest, where / "numa", device.numa)
    for field, wishes in (("near", device.near), ("near_switch", device.near_switch)):
        for other in wishes:
            if other not in known or other == device.id:
                raise Refused(where / field, f"{other!r} is not another device{nearest(other, known)}")
    if device.near_switch and guest.machine_model.family == "pc":
        raise Refused(where / "near_switch", f"machine {guest.machine} has no PCI Express switches")


def check_node(guest: GuestFields, where: Where, node: int | None) -> None:
    """A NUMA node that is asked for is one of the guest's."""
    if node is not None and node >= guest.numa_nodes:
        raise Refused(where, f"node {node} does not exist: numa_nodes is {guest.numa_nodes}")
