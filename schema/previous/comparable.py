"""Whether a layout can have stood before a guest's next one."""

from ..errors import InputError
from ..layout.layout import Layout
from ..request.guest import Guest
from ..words import named


def comparable(previous: Layout, guest: Guest, name: str) -> Layout:
    """The layout. Raises InputError, which names the input by `name`, where it is another guest's: of several devices
    none is in this one; or where its machine is of another family, though nothing may move."""
    there = [device.id for device in previous.devices]
    if guest.policy.frozen and previous.machine_model.family != guest.machine_model.family:
        why = f"machine {previous.machine}, but the guest's is {guest.machine}: nothing can stay where it is"
        raise InputError(name, [f"{why}, as policy.frozen asks: leave that out"])
    if len(there) > 1 and guest.devices and {*there}.isdisjoint(device.id for device in guest.devices):
        raise InputError(name, [f"another guest's layout: none of its devices ({named(there)}) is in this guest"])
    return previous
