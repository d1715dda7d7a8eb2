"""Whether a layout can have stood before a guest's next one."""

from ..errors import InputError
from ..layout.layout import Layout
from ..request.guest import Guest
from ..words import named


def comparable(previous: Layout, guest: Guest, name: str) -> Layout:
    """The layout. Raises InputError, which names the input by `name`, where it is another guest's: of several devices
    none is in this one; or where its machine is of another family, though nothing may move; or where the policy of
    eject protection would change pci.0 under a guest that has run."""
    there = [device.id for device in previous.devices]
    if guest.policy.frozen and previous.machine_model.family != guest.machine_model.family:
        why = f"machine {previous.machine}, but the guest's is {guest.machine}: nothing can stay where it is"
        raise InputError(name, [f"{why}, as policy.frozen asks: leave that out"])
    switched = guest.machine_model.family == "pc" and not guest.machine_model.root_hotplug
    if guest.policy.eject == "protect" and switched and previous.machine_model.root_hotplug:
        why = "pci.0 takes hot-plug there, and policy.eject: protect would take it away from a guest that has run"
        mend = "its interfaces would get other names: leave eject out, or plan without this layout"
        raise InputError(name, [f"{why}; {mend}"])
    if len(there) > 1 and guest.devices and {*there}.isdisjoint(device.id for device in guest.devices):
        raise InputError(name, [f"another guest's layout: none of its devices ({named(there)}) is in this guest"])
    return previous
