"""A request as a QEMU's command line: what it states, and what it leaves open left to QEMU."""

from collections.abc import Iterable, Iterator, Mapping

from ..layout.layout import HASH_VERSION, Layout, Platform, Versions
from ..pci.address import ROUTING_IDS, Pin, as_addr
from ..pci.qemu_properties import Properties, as_text
from ..qemu_arguments.values import option_text
from ..request.device import Controller
from ..request.guest import Guest
from ..request.resolved import ResolvedDevice
from ..verify.requested import emission as spelled
from .placed import announces, emitted_properties, foreign_slots, shared_slots
from .standalone import machine_words, memory_words

PROGRAM = "qemu-system-x86_64"
OVMF_IMAGE = "OVMF_CODE.fd"
"""Stands for the image, which a request does not name."""


def layout_line(layout: Layout) -> list[str]:
    """The words for a layout, without what its devices lean on: disks, networks."""
    from .qemu import arguments

    return [*_machine(layout, needs=()), *arguments(layout)]


def request_line(guest: Guest) -> list[str]:
    """The words for a request. An address without a slot is left out."""
    bare = Layout(
        status="feasible",
        machine=guest.machine,
        firmware=guest.firmware,
        platform=Platform.of(guest),
        controllers=(),
        devices=(),
        input_sha256="",
        versions=Versions(qslot="", hash=HASH_VERSION),
    )
    parts = [*map(_controller, _parents_first(guest.controllers)), *map(_device, guest.resolved.values())]
    seats = _seats({name: pin for _, name, pin, _ in parts if pin is not None})
    shared = shared_slots(seats.values()) | foreign_slots((one, seats.get(one.id)) for one in guest.devices)
    values = (_text(driver, name, seats.get(name), more, shared=shared) for driver, name, _, more in parts)
    return [*_machine(bare, needs=guest.needs), *(word for value in values for word in ("-device", value))]


def _machine(layout: Layout, needs: Iterable[str]) -> list[str]:
    words = [PROGRAM, "-nodefaults", *machine_words(layout), *memory_words(layout)]
    if layout.firmware.name == "ovmf":
        words += ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={OVMF_IMAGE}"]
    if "secure-boot" in needs:
        words += ["-machine", "smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on"]
    if "viommu" in needs:
        caching = ",caching-mode=on" if layout.platform.chipset.caching_mode else ""
        words += ["-device", f"intel-iommu{caching}"]
    return words


def _parents_first(controllers: Iterable[Controller]) -> Iterator[Controller]:
    waiting = list(controllers)
    while waiting:
        unplaced = {one.id for one in waiting}
        ready = next((one for one in waiting if one.address is None or one.address.bus not in unplaced), waiting[0])
        waiting.remove(ready)
        yield ready


def _controller(one: Controller) -> tuple[str, str, Pin | None, Properties]:
    return one.model, one.id, one.address, emitted_properties(one)


def _device(one: ResolvedDevice) -> tuple[str, str, Pin | None, Properties]:
    mode = one.device.fixed_mode
    driver, switches = (one.model.driver, {}) if mode is None else spelled(one, mode)
    return driver, one.device.id, one.device.address, {**switches, **one.device.properties}


def _seats(pins: Mapping[str, Pin]) -> dict[str, Pin]:
    """Those with a slot, by id; any function of it becomes the first that nobody else has."""
    whole = {name: pin for name, pin in pins.items() if pin.bus is not None and pin.slot is not None}
    taken = {pin for pin in whole.values() if pin.function is not None}
    for name, pin in whole.items():
        if pin.function is None:
            free = next(one for number in range(ROUTING_IDS) if (one := pin._replace(function=number)) not in taken)
            whole[name] = free
            taken.add(free)
    return whole


def _text(
    driver: str, name: str, pin: Pin | None, properties: Properties, *, shared: set[tuple[str | None, int | None]]
) -> str:
    seat = {}
    if pin is not None:
        seat = {"bus": pin.bus, "addr": as_addr(pin.slot or 0, pin.function or 0)}
        seat |= {"multifunction": "on"} if announces(pin, shared) else {}
    told = {key: as_text(value) for key, value in properties.items()}
    return option_text({"driver": driver, "id": name, **seat, **told}).removeprefix("driver=")
