"""Whether a controller, or a device, says what can be."""

import re

from ..catalog import DeviceModel, UnknownModel, named_by_qemu
from ..catalog.versions import NEWER_PROPERTIES
from ..pci.controller_properties import NATIVE_HOTPLUG, UNPLANNED, impossible_ids, property_names, unfit_for
from ..pci.controllers import CONTROLLERS, VirtioMode
from ..pci.machine import Machine
from ..pci.qemu_properties import (
    VIRTIO_SWITCHES,
    Scalar,
    as_text,
    canonical,
    has_control_character,
    unfit,
)
from ..pci.qemu_versions import version_text
from .device import FIELD_OF, Controller, Device
from .fields import GuestFields
from .problems import nearest, short
from .refusal import Refused, Where
from .resolved import is_assigned, model_of, plain_is_legacy


def check_controller(guest: GuestFields, where: Where, controller: Controller) -> None:
    """Model, hot-plug and properties of a listed controller."""
    model = CONTROLLERS.get(controller.model)
    if model is None:
        raise Refused(
            where / "model", f"{controller.model!r} is not a controller{nearest(controller.model, CONTROLLERS)}"
        )
    if controller.id in impossible_ids(controller.model):
        words = (
            f"QEMU ends at a {controller.model} that is called like one of its properties, {controller.id}: rename it"
        )
        raise Refused(where / "id", words)
    if model.machine not in (None, guest.machine_model.family):
        words = f"{controller.model} is planned on machine {model.machine} only, not on {guest.machine}"
        raise Refused(where / "model", words)
    if not controller.hotplug and not model.is_port:
        raise Refused(
            where / "hotplug", f"only root and downstream ports can switch hot-plug off, not {controller.model}"
        )
    if {"pref32-reserve", "pref64-reserve"} <= set(controller.properties):
        raise Refused(where / "properties", "QEMU refuses pref32-reserve together with pref64-reserve: keep one")
    for name, value in controller.properties.items():
        _property(where, controller, name, value)
        if name in FIELD_OF:
            field, stated = FIELD_OF[name], as_text(getattr(controller, FIELD_OF[name]))
            raise Refused(where, f"{field} is {stated}, but properties.{name} is {as_text(value)}: keep one")
    check_node(guest, where, controller.numa)


def _property(where: Where, controller: Controller, name: str, value: Scalar) -> None:
    """Whether the model has it, and takes that value; and whether it can be planned."""
    known = property_names(controller.model)
    words = _control_characters(value) or _OWNED.get(name) or UNPLANNED.get(name)
    if words is None and name not in known:
        words = f"{controller.model} has no such property to set{nearest(name, known)}"
    if words is None and (takes := unfit_for(controller.model, name, value)) is not None:
        words = f"{value!r} is not {takes}"
    if words is None and controller.hotplug and NATIVE_HOTPLUG.get(name) == canonical(name, value):
        words = "whether ACPI alone plugs there is not planned: say hotplug: false, too"
    if words is not None:
        raise Refused(where / "properties" / name, words)


def _value(where: Where, name: str, value: Scalar) -> None:
    words = _control_characters(value)
    if words is None and (takes := unfit(name, value)) is not None:
        words = f"{value!r} is not {takes}"
    if words is not None:
        raise Refused(where / "properties" / name, words)


def _control_characters(value: Scalar) -> str | None:
    """What is wrong where it has one."""
    return f"{short(value)} has a control character: leave it out" if has_control_character(value) else None


def check_model(guest: GuestFields, where: Where, device: Device) -> None:
    """Model, virtio mode and properties of a device."""
    model = _model(where, device)
    if guest.qemu and not model.in_qemu(guest.qemu_version):
        raise Refused(
            where / "model",
            f"QEMU {guest.qemu} has no {device.model}, which is there {model.releases}: take another model or QEMU",
        )
    if not _TYPE.fullmatch(model.driver):
        raise Refused(where / "model", f"{device.model!r} is no name of a QEMU device type")
    if model.self_described and (device.bars is None or device.connect is None):
        raise Refused(
            where,
            f"{device.model} takes its BARs from the host: name it (properties: host) and read them there with "
            "--host-devices, or give connect (express, hybrid ...) and bars, or unknown_bars",
        )
    if device.iommu_group is not None and not is_assigned(model):
        raise Refused(where / "iommu_group", f"{device.model} is no device of the host: leave iommu_group out")
    if device.model == "amd-iommu" and guest.machine_model.family == "pc":
        raise Refused(where / "model", f"amd-iommu exists only on machine q35, not on {guest.machine}")
    if model.brings is not None:
        _companion(where, device)
    _virtio(where, device, None if model.virtio is None else model.virtio.modes)
    _virtio_by_slot(guest.machine_model, where, device)
    for name, value in device.properties.items():
        if name in _OWNED or not _PROPERTY.fullmatch(name):
            raise Refused(where / "properties" / name, f"{_OWNED.get(name, 'this is no name of a QEMU property')}")
        _value(where, name, value)
        since = NEWER_PROPERTIES.get(device.model, {}).get(name)
        if since is not None and guest.qemu and guest.qemu_version < since:
            raise Refused(
                where / "properties" / name,
                f"QEMU {guest.qemu}'s {device.model} has no {name}, which is there from QEMU {version_text(since)} on: "
                "leave it out, or take another QEMU",
            )


def _model(where: Where, device: Device) -> DeviceModel:
    """Its catalogue entry."""
    if device.model in CONTROLLERS:
        raise Refused(where / "model", f"{device.model} is a controller: list it under controllers")
    try:
        return model_of(device)
    except UnknownModel as unknown:
        if (named := named_by_qemu(device.model)) is not None:
            raise Refused(where / "virtio", f"{device.model} is {named[1]}, not {device.virtio}: keep one") from None
        if unknown.reason:
            raise Refused(where / "model", f"{unknown}") from None
        hint = f"nearest: {', '.join(unknown.nearest)}; " if unknown.nearest else ""
        raise Refused(
            where / "model",
            f"{device.model!r} is not in the catalogue; {hint}a device that it does not know "
            "needs connect and bars, a host device is vfio-pci with these",
        ) from None


def _companion(where: Where, device: Device) -> None:
    if device.group is not None:
        raise Refused(where / "group", f"what {device.model} brings along shares its slot with nobody: leave group out")
    if device.address is not None and (device.address.bus is None or device.address.function not in (None, 0)):
        raise Refused(
            where / "address", f"what {device.model} brings along is function 0 of a slot: pin it to pcie.0:SLOT"
        )


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
    if device.goes_through_iommu and device.fixed_mode not in (None, VirtioMode.MODERN):
        raise Refused(
            where / "virtio",
            f"QEMU takes iommu_platform=on of modern devices alone, not of {device.virtio} ones: leave one of both out",
        )


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
    check_node(guest, where, device.numa)
    for field, wishes in (("near", device.near), ("near_switch", device.near_switch)):
        for other in wishes:
            if other not in known or other == device.id:
                raise Refused(where / field, f"{other!r} is not another device{nearest(other, known)}")
    if device.near_switch and guest.machine_model.family == "pc":
        raise Refused(where / "near_switch", f"switches for it are planned on machine q35 only, not on {guest.machine}")


def check_node(guest: GuestFields, where: Where, node: int | None) -> None:
    """The NUMA node that the part there asks for is one of the guest's."""
    if node is not None and node >= guest.numa_nodes:
        raise Refused(where / "numa", f"node {node} does not exist: numa_nodes is {guest.numa_nodes}")
