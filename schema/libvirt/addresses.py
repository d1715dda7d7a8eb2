"""PCI addresses in domain XML: `<address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>`."""

from typing import NamedTuple

from ..pci.host_address import HostAddress
from .splice import Element, SourceError

LARGEST = {"domain": 0, "bus": 0xFF, "slot": 0x1F, "function": 7}


class PciAddress(NamedTuple):
    """`bus` is the index of a PCI controller, not a bus number that the guest would see."""

    bus: int
    slot: int
    function: int

    @property
    def attributes(self) -> dict[str, str]:
        """As `<address>` states it."""
        return {"bus": f"{self.bus:#04x}", "slot": f"{self.slot:#04x}", "function": f"{self.function:#x}"}

    def __str__(self) -> str:
        return " ".join(f"{name}='{value}'" for name, value in self.attributes.items())


def address_of(device: Element) -> PciAddress | None:
    """Where it is to sit, if that is said. Raises SourceError for numbers out of range.

    Slot 0 of bus 0, whatever its function, is libvirt's way to say nothing.
    """
    address = device.first("address")
    if address is None or address.get("type") != "pci" or set(address.attributes) <= {"type", "multifunction"}:
        return None
    values = {name: number_of(address, name, device.tag) for name in LARGEST}
    for name, value in values.items():
        if not 0 <= value <= LARGEST[name]:
            raise SourceError(f"{device.tag}: address {name} {address.get(name)}: at most {LARGEST[name]:#x}")
    found = PciAddress(values["bus"], values["slot"], values["function"])
    return None if found[:2] == (0, 0) else found


def host_address(device: Element) -> HostAddress | None:
    """The host's address of a device that the guest is given; None where it has none, as mediated devices. Raises
    SourceError."""
    source = device.first("source", "address")
    if source is None or source.get("uuid") or source.get("type", "pci") != "pci":
        return None
    found = HostAddress(*(number_of(source, name, device.tag) for name in HostAddress._fields))
    if not found.is_possible:
        raise SourceError(f"{device.tag}: the host's address {found} is none of PCI")
    return found


def takes_pci_address(device: Element) -> bool:
    """Whether its address, if it has one, is of PCI: not a port of a USB bus, nor on a mainframe's channel."""
    return device.value("address", name="type") in ("", "pci")


def number_of(address: Element, name: str, device: str) -> int:
    """A part of an address, 0 where it is not given. Raises SourceError, which names the device."""
    text = address.get(name, "0")
    try:
        return int(text, 0)
    except ValueError:
        raise SourceError(f"{device}: address {name} {text!r} is not a number") from None
