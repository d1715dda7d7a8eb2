"""One device more, or less, in a domain that runs: the element for `virsh attach-device`, or for `detach-device`.

Source: libvirt 9.0, 11.3 and 12.8, whose embedded driver ran a QEMU: tests/real/test_libvirt_hotplug.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..catalog import models, named_by_qemu
from ..errors import InputError
from ..host_devices import of_this_machine, with_host_devices
from ..layout.layout import Layout, PlacedDevice
from ..layout.topology import topology_of
from ..libvirt import SourceError
from ..libvirt.addresses import PciAddress
from ..libvirt.attach import addressed, live_alias, names_in, requested_device
from ..libvirt.domain import Domain, read_domain
from ..libvirt.elements import DeviceElement, element_of, told_once, why_no_element
from ..libvirt.live import why_not_live
from ..libvirt.splice import parse
from ..libvirt.watchdogs import why_other_action, with_their_action
from ..libvirt.write import plain_virtio
from ..words import named
from .hotplug import HotplugStep, plug, unplug
from .placed import PlacedGuest

INDEX: Final = "pci."
"""How libvirt names controllers: this and their index."""


def attach(placed: PlacedGuest, device: Sequence[Mapping[str, Any]] | str) -> HotplugStep:
    """The element with its address, for a device as a request has it or for an element without address. Raises
    InputError where no slot takes it, and for what libvirt does not plug, with the reason."""
    layout = placed.layout
    domain = None if placed.domain is None else read_domain(placed.domain)
    used = {one.id for one in layout.devices} if domain is None else names_in(domain)
    try:
        if isinstance(device, str):
            source = parse(device.encode())
            _live(why_not_live(source))
            fields = requested_device(device, layout.machine, live_alias(source, used))
            step = plug(layout, with_host_devices({"devices": [fields]}, of_this_machine(), assume=True)["devices"])
            written = DeviceElement(device if device.endswith("\n") else f"{device}\n")
        else:
            _live(_FUNCTIONS if len(device) > 1 else None)
            for one in device:
                _live(_why_no_element(str(one.get("model"))))
            step = plug(layout, device)
            _live(why_no_element(_plugged(step).model))
            machine = layout.machine_model
            plain = plain_virtio(_plugged(step), machine, topology_of(machine, layout))
            written = element_of(_plugged(step), used, plain=plain)
            written = written if domain is None else with_their_action(written, domain)
        _live(why_not_live(parse(written.text.encode())))
        _live(_why_no_second(written.text, domain))
        seat = _plugged(step)
        element = addressed(written.text, PciAddress(_index(seat.bus, layout), seat.slot, seat.function))
    except SourceError as error:
        raise InputError("device", [str(error)]) from None
    alias = live_alias(parse(element.encode()), used)
    named_otherwise = [] if alias == seat.id else [f"libvirt will call it {alias}, not {seat.id}"]
    notes = (*_read(domain), *written.stand_ins, *named_otherwise, *_attaching(domain, seat), *step.notes)
    return step.model_copy(update={"commands": (), "element": element, "notes": notes})


def detach(placed: PlacedGuest, device: str) -> HotplugStep:
    """The element for `virsh detach-device`, as the domain has it. Raises InputError for what cannot be unplugged while
    the guest runs, or not by libvirt."""
    step = unplug(placed.layout, device)
    if placed.domain is None:
        words = "a layout does not say what libvirt calls its devices: give the domain that runs (virsh dumpxml)"
        raise InputError("device", [words])
    domain = read_domain(placed.domain)
    part = next((one for one in domain.parts if one.id == device), None)
    if part is None or part.added:
        raise InputError("device", [f"{device} is no element of the domain: libvirt does not take it out"])
    if len(step.devices) > 1:
        words = f"{named(step.devices)} share a slot: libvirt detaches no function of several; unplug them over QMP"
        raise InputError("device", [words])
    if why := why_not_live(part.source):
        raise InputError("device", [f"{device}: {why}"])
    text = placed.domain[part.source.start : part.source.end].decode()
    waiting = (
        f"virsh detach-device {_name(domain)} FILE --live only asks the guest, which must agree: wait for libvirt's "
        "event device-removed (QEMU's DEVICE_DELETED); device-removal-failed says that the guest refused"
    )
    notes = (*_read(domain), waiting, *step.notes[1:])
    return step.model_copy(update={"commands": (), "element": f"{text}\n", "notes": notes})


_FUNCTIONS: Final = (
    "libvirt plugs function 0 alone into a guest that runs, not the functions of one slot: plug them over QMP"
)


def _live(why: str | None) -> None:
    if why is not None:
        raise SourceError(why)


def _why_no_second(text: str, domain: Domain | None) -> str | None:
    if domain is None:
        return None
    for tag in told_once(text) & {part.source.tag for part in domain.parts}:
        return f"the domain has a <{tag}>, and libvirt takes no other"
    return why_other_action(text, domain)


def _why_no_element(name: str) -> str | None:
    """Of a model by its name or QEMU's; what is no model at all, the request refuses."""
    known = named_by_qemu(name)
    model = name if known is None else known[0]
    return why_no_element(model) if model in models() else None


def _plugged(step: HotplugStep) -> PlacedDevice:
    return next(one for one in step.layout.devices if one.id in step.devices)


def _index(bus: str, layout: Layout) -> int:
    """What libvirt calls the bus. Raises SourceError where only the domain could say it."""
    number = bus.removeprefix(INDEX)
    if bus == layout.machine_model.root:
        return 0
    if bus.startswith(INDEX) and number.isdecimal():
        return int(number)
    raise SourceError(f"a layout does not say what libvirt calls {bus}: give the domain that runs (virsh dumpxml)")


def _name(domain: Domain | None) -> str:
    name = None if domain is None else domain.root.first("name")
    return "DOMAIN" if name is None or not name.text else name.text


def _read(domain: Domain | None) -> Iterator[str]:
    """Which definition of a domain was read: of one that runs libvirt states its number."""
    if domain is None:
        return
    if number := domain.root.get("id"):
        yield f"read the live definition of {_name(domain)}, which runs as {number}"
    else:
        yield (
            f"read a stored definition of {_name(domain)}: where it runs with other devices, give what runs "
            f"(virsh dumpxml {_name(domain)})"
        )


def _attaching(domain: Domain | None, seat: PlacedDevice) -> Iterator[str]:
    live = f"virsh attach-device {_name(domain)} FILE --live"
    yield f"{live}; with --config, too, the stored definition takes it there if {seat.bus} is in it and that slot free"
