"""The arguments of a domain's `<qemu:commandline>`, each with its element; and what they lack, written into them."""

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Final

from ..layout.layout import Layout, Seat
from ..pci.address import as_addr
from ..pci.machine_types import Family
from ..pci.qemu_properties import VIRTIO_SWITCHES, Scalar
from ..qemu_arguments import (
    INTEL_IOMMU,
    CommandLine,
    DeviceArgument,
    Effects,
    completed,
    device_type,
    effects,
    is_elsewhere,
    read_command_line,
)
from ..records import record
from .override import qemu_tag
from .splice import Edits, Element, SourceError

UNADDRESSED: Final = frozenset({"amd-iommu"})
"""Models that get no address where they have none: some versions of libvirt refuse one; QEMU gives the first slot."""


@record
class Argument:
    """A PCI device or controller of the command line."""

    id: str
    element: Element
    """The `<qemu:arg>` of its value."""
    device: DeviceArgument


@record
class Arguments:
    """What the command line of a domain says."""

    line: CommandLine
    effects: Effects
    parts: list[Argument] = field(default_factory=list)
    """Its PCI devices and controllers."""
    unread: list[str] = field(default_factory=list)
    viommu: bool = False


def arguments_of(root: Element, family: Family) -> Arguments:
    """What the domain's `<qemu:commandline>` says; nothing where it has none."""
    elements = [arg for line in root.all(qemu_tag("commandline")) for arg in line.all(qemu_tag("arg"))]
    line = read_command_line([element.get("value") for element in elements])
    result = Arguments(line, effects(line, family))
    result.unread += [f"qemu:commandline {words}" for words in result.effects.unread]
    for number, (word, device) in enumerate(line.devices):
        kind = device_type(device.driver)
        if kind == INTEL_IOMMU:
            result.viommu = True
            result.effects.chipset["caching_mode"] = result.effects.caching_mode(device)
        elif kind in UNADDRESSED or not is_elsewhere(kind):
            name = device.id or f"commandline{number}"
            result.parts.append(Argument(name, elements[word], device))
    return result


def without_arguments(layout: Layout, arguments: Arguments) -> Layout:
    """What of the layout the domain's own elements say."""
    ids = {part.id for part in arguments.parts}
    return layout.model_copy(
        update={
            "controllers": tuple(one for one in layout.controllers if one.id not in ids),
            "devices": tuple(one for one in layout.devices if one.id not in ids),
        }
    )


def write_arguments(edits: Edits, arguments: Arguments, layout: Layout, indexes: Mapping[str, int]) -> Iterator[str]:
    """Completes the arguments of devices that do not say where they sit; a line on each. `indexes` are those of the
    domain's controllers. Raises SourceError where an argument names a controller that has another index now."""
    seats: dict[str, Seat] = {one.id: one for one in (*layout.controllers, *layout.devices)}
    for part in arguments.parts:
        seat = seats.get(part.id)
        if seat is None:
            continue
        bus = f"pci.{indexes[seat.bus]}" if seat.bus in indexes else seat.bus
        if part.device.bus not in (None, bus):
            raise SourceError(f"qemu:commandline -device {part.device.driver}: bus {part.device.bus} is now {bus}")
        missing = _missing(part.device, arguments, seat, bus)
        if missing:
            value = completed(part.element.get("value"), missing)
            edits.set(part.element, value=value)
            yield f"qemu:commandline -device {part.device.driver}: is now {value}"


def _missing(device: DeviceArgument, arguments: Arguments, seat: Seat, bus: str) -> dict[str, Scalar]:
    if device.driver in UNADDRESSED:
        return {}
    known = {*arguments.effects.properties(device.driver), *device.properties, *VIRTIO_SWITCHES}
    missing: dict[str, Scalar] = {}
    if device.slot is None:
        missing |= {} if device.bus else {"bus": bus}
        missing |= {"addr": as_addr(seat.slot, seat.function)}
    if seat.multifunction and not device.multifunction:
        missing["multifunction"] = True
    return missing | {name: value for name, value in seat.properties.items() if name not in known}
