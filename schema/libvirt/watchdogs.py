"""The action of watchdogs: all of a domain have the same, since QEMU has one for the whole guest.

Source: libvirt 11.3 and 12.8, which take several watchdogs and list the one of a q35's chipset, of model `itco`, with
action `reset`; 9.0 takes one, and lists none that it was not given: tests/real/test_libvirt_hotplug.py.
"""

from typing import Final

from .domain_model import Domain
from .elements import DeviceElement
from .splice import Edits, parse

DEFAULT: Final = "reset"
"""The action of a watchdog that states none."""


def why_other_action(text: str, domain: Domain) -> str | None:
    """Why libvirt does not attach this element beside the domain's watchdogs; None where that is no reason."""
    element, action = parse(text.encode()), _action(domain)
    if element.tag != "watchdog" or action in (None, element.get("action", DEFAULT)):
        return None
    return f"the domain has a <watchdog> of action {action}, and libvirt takes no other action beside it"


def with_their_action(written: DeviceElement, domain: Domain) -> DeviceElement:
    """The element, a watchdog with the action that those of the domain have."""
    data = written.text.encode()
    element, action = parse(data), _action(domain)
    if element.tag != "watchdog" or action is None:
        return written
    edits = Edits(data)
    edits.set(element, action=action)
    return DeviceElement(edits.apply().decode(), (f"action {action}: the domain's other watchdog has it",))


def _action(domain: Domain) -> str | None:
    there = domain.devices.first("watchdog")
    return None if there is None else there.get("action", DEFAULT)
