"""The PCI functions of a command line, each at the address that QEMU gives it."""

from collections.abc import Iterator
from dataclasses import field
from typing import Final, NamedTuple

from ..catalog import excluded, models, named_by_qemu
from ..pci.address import SLOTS, Address
from ..pci.controllers import CONTROLLERS
from ..pci.machine import Machine
from ..records import record
from .command_line import CommandLine
from .device import DeviceArgument
from .device_types import device_type, is_elsewhere, is_pci

COMPANION_OF: Final = "pci-id"
"""Property by which an amd-iommu of QEMU 11 names the PCI function that is its own."""


OPEN_EXPANDER: Final = "pxb-pcie"
NO_BUS: Final = "(the inside of a pxb)"
"""QEMU takes the first bus that it finds for a device that names none: that of the latest expander. A pxb's own is an
inner one, on which nothing is planned."""


class PciFunction(NamedTuple):
    """A device of the command line that is of PCI, or may be."""

    id: str
    """Its own, or one that nobody has."""
    device: DeviceArgument
    kind: str
    """Its device type."""
    address: Address | None
    """None where QEMU finds no slot for it, and does not start."""
    stated: bool
    """Whether the command line says where it sits."""


LIBVIRTS_USB: Final = ("usb", "piix3-usb-uhci", Address("pci.0", 1, 2))
"""Id, type and place by which libvirt makes, by `-device`, what a pc has in its chipset with `usb=on`."""


@record
class PciFunctions:
    """All of them, in the order in which QEMU creates them, and the buses that they offer."""

    found: list[PciFunction] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def controller_model(device: DeviceArgument) -> str:
    """Its device type, which is a controller's where `CONTROLLERS` has it."""
    return "pci-bridge" if device.driver == "pci-bridge-seat" else device_type(device.driver)


def pci_functions(line: CommandLine, machine: Machine) -> PciFunctions:
    """What says no slot gets the first whose function 0 is free, as QEMU does it."""
    result = PciFunctions()
    names = _names(line)
    taken = {Address(machine.root, slot, function) for slot, function in machine.taken}
    buses = {machine.root}
    bus_by_default = machine.root
    companions = {str(device.properties.get(COMPANION_OF, "")) for _, device in line.devices}
    by_name = {device.id: device for _, device in line.devices if device.id in companions}
    for (_, device), name in zip(line.devices, names, strict=True):
        kind = controller_model(device)
        own = by_name.get(str(device.properties.get(COMPANION_OF, "")))
        if device.id in by_name or (is_elsewhere(kind) and not _brings(kind)):
            continue
        seat = device if own is None else own
        if seat.slot is None and not _is_known(kind):
            result.unread.append(f"-device {device.driver}: no device type that is known here: not planned")
            continue
        bus = seat.bus or (machine.root if _brings(kind) else bus_by_default)
        if bus not in buses:
            result.unread.append(f"-device {device.driver}: bus {bus} is none that is known here: not planned")
            continue
        address = Address(bus, seat.slot, seat.function) if seat.slot is not None else first_free(bus, taken)
        if address is not None:
            taken.add(address)
        if kind in CONTROLLERS:
            buses.add(name)
            if CONTROLLERS[kind].is_expander:
                bus_by_default = name if kind == OPEN_EXPANDER else NO_BUS
        stated = seat.slot is not None or (seat.bus is not None and seat.bus != machine.root)
        result.found.append(PciFunction(name if own is None else str(own.id), device, kind, address, stated))
    return result


def first_free(bus: str, taken: set[Address]) -> Address | None:
    """Function 0 of the first slot where that is free; what else is in the slot does not matter to QEMU."""
    return next((one for slot in range(SLOTS) if (one := Address(bus, slot, 0)) not in taken), None)


def _is_known(kind: str) -> bool:
    return is_pci(kind) or kind in excluded() or kind in models() or named_by_qemu(kind) is not None


def _brings(kind: str) -> bool:
    """Whether a device that is not of PCI brings a PCI function along."""
    model = models().get(kind)
    return model is not None and model.brings is not None


def _names(line: CommandLine) -> Iterator[str]:
    """Ids in the order of the devices: of one without, its model and the least number that no other has."""
    known = {one.device.id for one in line.devices}
    for _, device in line.devices:
        if device.id is not None:
            yield device.id
            continue
        kind = device_type(device.driver)
        name = next(free for free in nameless(kind) if free not in known)
        known.add(name)
        yield name


def nameless(kind: str) -> Iterator[str]:
    """Ids for a device without one: its model and a number."""
    model = (named_by_qemu(kind) or (kind,))[0]
    number = 0
    while True:
        yield f"{model}-{number}"
        number += 1
