"""One element of domain XML by itself: read as a device, named as libvirt would name it, and given its address."""

import re
from collections.abc import Collection
from typing import Any, Final

from .addresses import PciAddress, address_of
from .collector import ALIASES
from .disks import disk_number
from .domain_model import Domain
from .elements import free_index
from .read import guest_data
from .same_devices import OWN_ALIAS
from .splice import Edits, Element, SourceError, parse
from .write import address_text, state_address

ALONE: Final = (
    "<domain type='kvm'><os><type machine='{}'>hvm</type></os><features><acpi/></features>"
    "<devices><controller type='usb' model='none'/><memballoon model='none'/>{}</devices></domain>"
)
"""A domain with nothing but one device."""


def requested_device(text: str, machine: str, name: str) -> dict[str, Any]:
    """The device that an element asks for, as a request has it, of that id. Raises SourceError for what is none."""
    source = parse(text.encode())
    place = address_of(source)
    if place is not None and place.function:
        raise SourceError("libvirt plugs function 0 alone into a guest that runs: leave out the address")
    found = guest_data(ALONE.format(machine, text[source.start :]).encode())
    devices: list[dict[str, Any]] = found["devices"]
    if not devices or source.tag == "domain":
        raise SourceError(f"<{source.tag}> is no PCI device as it stands there: it takes no slot")
    if found.get("unread"):
        raise SourceError("; ".join(found["unread"]))
    return {**devices[0], "id": name}


def addressed(text: str, place: PciAddress) -> str:
    """The element with that PCI address, all else as it was."""
    data = text.encode()
    element, edits = parse(data), Edits(data)
    address = element.first("address")
    if address is None:
        edits.append(element, address_text(place))
    else:
        state_address(edits, address, place)
    return edits.apply().decode()


def names_in(domain: Domain) -> set[str]:
    """Aliases of its devices of all kinds, and what the guest may call its disks."""
    children = domain.devices.children
    aliases = {one.value("alias", name="name") for one in children}
    return {*aliases, *(one.value("target", name="dev") for one in children), *(part.id for part in domain.parts)} - {
        ""
    }


def live_alias(element: Element, used: Collection[str]) -> str:
    """What libvirt calls it once it is plugged: a user's own alias, which begins with `ua-`, is kept; else it is the
    number after the highest of its kind."""
    stated = element.value("alias", name="name")
    if stated.startswith(OWN_ALIAS):
        return stated
    if element.tag == "controller":
        sort = element.get("type")
        return f"{sort}{element.get('index') or free_index(sort, used)}"
    base = ALIASES.get(element.tag, element.tag)
    if element.tag == "disk":
        return f"{base}{disk_number(element)}"
    if (element.tag, element.get("model")) == ("memory", "virtio-pmem"):
        base = "virtiopmem"
    numbers = [int(found[1]) for name in used if (found := re.fullmatch(rf"{base}(\d+)", name))]
    return f"{base}{max(numbers, default=-1) + 1}"
