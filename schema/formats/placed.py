"""Layouts that are there already: a layout's file, a domain that states every address, a QEMU's command line, or a
QEMU that runs; checked before they are used.

A layout may have been written by an older qslot, or edited by hand: what does not fit together is refused, and what
follows from where things sit (guest addresses, names, IO windows) is worked out anew.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from ..catalog.virtual_functions import virtual_functions
from ..errors import InputError, expect
from ..firmware import predict
from ..hotplug.seating import seated
from ..layout.known_model import known_model
from ..layout.layout import HASH_VERSION, Layout, PlacedController, PlacedDevice, Platform, Versions
from ..layout.topology import topology_of
from ..libvirt.same_devices import same_devices
from ..linux.interface_names import guest_names
from ..pci.address import Address, Pin
from ..pci.controllers import CONTROLLERS
from ..pci.machine import Machine
from ..pci.qemu_properties import Properties
from ..previous import renamed
from ..request.device import Controller, Device
from ..request.guest import Guest
from ..request.problems import problems
from ..request.stated import request_of
from ..verify import CHECKS
from ..verify.context import context_of
from ..words import named
from .files import read_stated
from .placed_guest import PlacedGuest as PlacedGuest
from .sources import QMP, Source, called, is_xml_text

BASIC_RULES: Final = (
    "complete",
    "tree",
    "machine-model",
    "address-range",
    "address-unique",
    "chipset",
    "function-zero",
)
"""Rules without which nobody can say where a device sits. A guest that runs may break others."""


def read_placed(source: Source) -> PlacedGuest:
    """The layout in a file, or the one that a domain's addresses or a command line make. Raises InputError for what is
    none of these, for a domain that leaves an address open, and for a layout that does not fit together."""
    read, text = read_stated(source)
    if not isinstance(read, Guest):
        return checked(read, called(source))
    domain = text.encode() if is_xml_text(text) else None
    return PlacedGuest(as_stated(read, called(source)), domain, tuple(read.unread), says_versions=read.states_qemu)


def adopt(socket: str | Path) -> PlacedGuest:
    """The layout of a QEMU that runs, by the socket of its monitor (QMP): a path, or `HOST:PORT`. Raises InputError
    where nobody answers there, or another client has the monitor."""
    return read_placed(f"{QMP}{expect('socket', socket, (str, Path), 'the path of a monitor, or HOST:PORT')}")


def read_pair(old: Source, new: Source) -> tuple[PlacedGuest, PlacedGuest]:
    """Two layouts to be compared, with equal ids for equal devices where both are domains.

    A domain says neither the versions of QEMU and firmware nor the device types that libvirt makes of its models, and a
    command line not the first: beside a layout it has that one's. Raises InputError.
    """
    first, second = read_placed(old), read_placed(new)
    if first.domain is not None and second.domain is not None:
        same = same_devices(first.domain, second.domain)
        return first._replace(layout=renamed(first.layout, same)), second
    if not first.says_versions and second.says_versions:
        return first._replace(layout=beside(first.layout, second.layout)), second
    if first.says_versions and not second.says_versions:
        return first, second._replace(layout=beside(second.layout, first.layout))
    return first, second


def beside(domain: Layout, layout: Layout) -> Layout:
    """The layout of a domain, or of a command line, with what only the other says: the versions of QEMU and firmware,
    and by which of its device types QEMU makes a model and mode."""
    kinds = {one.id: (one.model, one.virtio) for one in layout.devices}
    drivers = {one.id: one.driver for one in layout.devices}
    devices = tuple(
        one.model_copy(update={"driver": drivers[one.id]}) if kinds.get(one.id) == (one.model, one.virtio) else one
        for one in domain.devices
    )
    same = domain.firmware.name == layout.firmware.name
    firmware = layout.firmware if same else domain.firmware
    platform = domain.platform.model_copy(update={"qemu": layout.platform.qemu})
    told = {"devices": devices, "firmware": firmware, "platform": platform}
    return with_predictions(domain.model_copy(update=told))


def checked(layout: Layout, name: str) -> PlacedGuest:
    """The layout with what follows from its seats worked out anew, and a warning where it said otherwise. Raises
    InputError, which names the input by `name`."""
    require_sound(layout, name)
    anew = with_predictions(layout)
    stale = [field for field in DERIVED if _contradicts(getattr(layout, field), getattr(anew, field))]
    words = f"{name}: {named(stale)} are not what this layout comes to, and are worked out anew: it was edited, or "
    return PlacedGuest(anew, warnings=(f"{words}another qslot wrote it",) if stale else ())


def require_sound(layout: Layout, name: str) -> None:
    """Raises InputError, which names the input by `name`, for a layout that does not fit together."""
    request = request_of(layout.model_dump(mode="json"))
    try:
        guest = Guest.model_validate(request)
    except ValidationError as error:
        raise InputError(name, [f"not a sound layout: {one}" for one in problems(error, request, Guest)]) from None
    if modeless := [one.id for one in layout.devices if one.virtio is None and _is_virtio(one)]:
        raise InputError(name, [f"not a sound layout: {named(modeless)}: a virtio device without its mode (virtio)"])
    known = context_of(guest, layout)
    if broken := [str(finding) for rule in BASIC_RULES for finding in CHECKS[rule](known)]:
        raise InputError(name, [f"not a sound layout: {one}" for one in broken])


def _is_virtio(device: PlacedDevice) -> bool:
    model = known_model(device)
    return model is not None and model.virtio is not None


DERIVED: Final = ("guest_addresses", "guest_names", "io_windows")
"""Fields of a layout that follow from where things sit."""


def _contradicts(told: object, anew: object) -> bool:
    """What is empty or null says nothing: the first qslot knew no names."""
    if isinstance(told, dict) and isinstance(anew, dict):
        return any(value is not None and value != anew.get(name) for name, value in told.items())
    return bool(told) and told != anew


def with_predictions(layout: Layout) -> Layout:
    """The layout with guest addresses, names and IO windows as they are predicted."""
    prediction = predict(layout, memory=False)
    names = guest_names(layout, prediction, topology_of(layout.machine_model, layout))
    told = {
        "guest_addresses": prediction.guest_addresses,
        "guest_names": names,
        "io_windows": prediction.io_windows,
    }
    return layout.model_copy(update=told)


def as_stated(guest: Guest, name: str) -> Layout:
    """The layout of a guest that pins everything, unplanned and not judged. Raises InputError, which names the input by
    `name`, for a guest that leaves an address open."""
    open_ = [part.id for part in guest.parts if not _is_whole(part.address)]
    if open_:
        what = f"where {named(open_)} would sit is not said: give the definition that libvirt keeps (virsh dumpxml)"
        raise InputError(name, [f"{what}, or plan it first (qslot plan)"])
    shared = shared_slots(part.address for part in guest.parts if part.address is not None)
    shared |= foreign_slots((one, one.address) for one in guest.devices)
    ports = {one.id for one in guest.controllers if CONTROLLERS[one.model].is_port}
    devices = tuple(
        seated(
            one,
            _address(one.device.address),
            behind_port=one.device.address.bus in ports,
            multifunction=announces(one.device.address, shared),
        )
        for one in guest.resolved.values()
        if one.device.address is not None
    )
    layout = Layout(
        status="feasible",
        machine=guest.machine,
        firmware=guest.firmware,
        platform=Platform.of(guest),
        controllers=_parents_first(guest.controllers, guest.machine_model, shared),
        devices=devices,
        input_sha256=guest.sha256,
        versions=Versions(qslot="", hash=HASH_VERSION),
    )
    return with_predictions(layout)


def _is_whole(pin: Pin | None) -> bool:
    return pin is not None and pin.bus is not None and pin.slot is not None


def shared_slots(pins: Iterable[Pin]) -> set[tuple[str | None, int | None]]:
    """Slots in which something sits beside function 0."""
    return {(pin.bus, pin.slot) for pin in pins if pin.function}


def foreign_slots(seats: Iterable[tuple[Device, Pin | None]]) -> set[tuple[str | None, int | None]]:
    """Slots in which virtual functions of a device in another one come to be."""
    return {
        (pin.bus, slot)
        for one, pin in seats
        if pin is not None and pin.slot is not None
        if (virtual := virtual_functions(one.model, one.properties)) is not None
        for slot, _ in virtual.places(pin.slot, pin.function or 0)
        if slot != pin.slot
    }


def _parents_first(
    controllers: Iterable[Controller], machine: Machine, shared: set[tuple[str | None, int | None]]
) -> tuple[PlacedController, ...]:
    nodes: dict[str, int | None] = {machine.root: None}
    waiting = list(controllers)
    placed: list[PlacedController] = []
    while ready := [one for one in waiting if one.address is not None and one.address.bus in nodes]:
        for one in ready:
            assert one.address is not None
            model = CONTROLLERS[one.model]
            nodes[one.id] = one.numa if model.is_expander else nodes[str(one.address.bus)]
            bus, slot, function = _address(one.address)
            placed.append(
                PlacedController(
                    id=one.id,
                    model=one.model,
                    properties=emitted_properties(one),
                    numa=nodes[one.id],
                    multifunction=announces(one.address, shared),
                    bus=bus,
                    slot=slot,
                    function=function,
                )
            )
        waiting = [one for one in waiting if one not in ready]
    return tuple(placed)


def emitted_properties(controller: Controller) -> Properties:
    """A listed controller's properties, with those that QEMU has for its other fields."""
    properties: Properties = dict(controller.properties)
    if not controller.hotplug:
        properties["hotplug"] = False
    if CONTROLLERS[controller.model].is_expander and controller.numa is not None:
        properties["numa_node"] = controller.numa
    return properties


def _address(pin: Pin) -> Address:
    """Of a whole pin."""
    assert pin.bus is not None
    assert pin.slot is not None
    return Address(pin.bus, pin.slot, pin.function or 0)


def announces(pin: Pin, shared: set[tuple[str | None, int | None]]) -> bool:
    """Whether it is the function 0 of a slot in which others sit."""
    return not pin.function and (pin.bus, pin.slot) in shared
