"""How many virtual functions a device asks for, and whether QEMU gives it so many."""

from collections import Counter

from ..catalog.nvme_queues import CONTROLLERS_OF_SUBSYSTEM, SUBSYSTEM, SUBSYSTEM_SERIAL, refused_queues
from ..catalog.virtual_functions import ALWAYS_THERE, COUNTED_BY, PHYSICAL, virtual_functions
from ..pci.qemu_properties import as_text, integer
from .device import Device
from .fields import GuestFields
from .refusal import Refused, Where, devices
from .resolved import is_assigned, model_of


def check_count(guest: GuestFields, where: Where, device: Device) -> None:
    """Of one device of a known model: the wish `vfs`, and the properties by which QEMU creates them."""
    if device.vfs is not None:
        _wish(where, device, device.vfs)
    if device.model not in COUNTED_BY:
        return
    refused = refused_queues(device.properties, guest.qemu_version)
    if refused is not None:
        name, words = refused
        raise Refused(where / "properties" / name, words)


def _wish(where: Where, device: Device, number: int) -> None:
    model = model_of(device)
    if device.model in COUNTED_BY:
        name = COUNTED_BY[device.model][0]
        if (stated := integer(device.properties, name)) != number:
            raise Refused(where / "vfs", f"{number}, but properties.{name} is {stated}: keep one")
        return
    if device.model in ALWAYS_THERE:
        most = ALWAYS_THERE[device.model].number
        words = f"{number}, but QEMU's {device.model} always has {most}: say {most} or less" if number > most else ""
    elif model.virtio is not None:
        words = (
            "each virtual function of a virtio device has a backend of its own: list them as devices of one group with "
            f"it, each with the property {PHYSICAL}: {device.id}"
        )
    elif is_assigned(model):
        words = (
            "QEMU hides SR-IOV of host devices from the guest: create virtual functions on the host, and hand these "
            "over as devices of their own"
        )
    else:
        known = ", ".join(sorted((*ALWAYS_THERE, *COUNTED_BY)))
        words = f"QEMU's {device.model} has no virtual functions: leave it out, or take {known}"
    if words:
        raise Refused(where / "vfs", words)


def check_subsystems(guest: GuestFields) -> None:
    """An nvme-subsys has room for the nvme devices in it and their virtual functions, and one serial for them all."""
    held: Counter[str] = Counter()
    serials: dict[str, tuple[str, str]] = {}
    for where, device in devices(guest):
        if device.model not in COUNTED_BY or SUBSYSTEM not in device.properties:
            continue
        name = as_text(device.properties[SUBSYSTEM])
        if SUBSYSTEM_SERIAL in device.properties:
            serial = as_text(device.properties[SUBSYSTEM_SERIAL])
            known, whose = serials.setdefault(name, (serial, device.id))
            if serial != known:
                raise Refused(
                    where / "properties" / SUBSYSTEM_SERIAL,
                    f"{serial!r}, but {whose} of the same nvme-subsys {name} has {known!r}, and QEMU takes one serial "
                    "for all of them: say the same, or give it a subsystem of its own",
                )
        virtual = virtual_functions(device.model, device.properties)
        held[name] += 1 + (0 if virtual is None else virtual.number)
        if held[name] > CONTROLLERS_OF_SUBSYSTEM:
            raise Refused(
                where / "properties" / SUBSYSTEM,
                f"{name} would have {held[name]} controllers with it and its virtual functions, but an nvme-subsys has "
                f"{CONTROLLERS_OF_SUBSYSTEM} at most: give it one of its own",
            )
