"""What was planned for and the written domain XML does not say: said beside it, by overrides or options."""

from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import ValidationError

from ..layout.layout import Layout
from ..pci.machine import Chipset
from ..pci.qemu_properties import VIRTIO_SWITCHES, Properties, as_text
from ..request.device import Controller, Device
from ..request.guest import Guest
from ..request.problems import problems
from .domain import read_domain
from .indexes import indexes_of
from .read import guest_data, read

ONLY_PLANNED: Final = "not in the XML, only planned for: "
PLATFORM: Final = ("memory", "phys_bits", "pci_hole64", "numa_nodes", "needs")
"""Fields of a guest that domain XML says, too."""


def unsaid(request: Guest, layout: Layout, before: bytes, written: bytes) -> tuple[str, ...]:
    """A line for each field that would be another in the guest that `written` starts. `before` is the document that
    the layout was planned for."""
    try:
        there = read(written)
    except ValidationError as error:
        return tuple(f"the XML by itself is refused: {one}" for one in problems(error, guest_data(written), Guest))
    lines = [f"firmware: {request.firmware.name}"] if there.firmware.name != request.firmware.name else []
    lines += _fields("", request, there, PLATFORM)
    lines += _fields("chipset.", request.protected_chipset, there.chipset, Chipset.model_fields)
    devices = {one.id: one for one in there.devices}
    lines += [line for one in request.devices for line in _device(one, devices[one.id])]
    indexes = indexes_of(read_domain(before), layout)
    controllers = {one.id: one for one in there.controllers}
    for controller in request.controllers:
        lines += _controller(controller, controllers[f"pci.{indexes[controller.id]}"])
    return tuple(f"{ONLY_PLANNED}{line}" for line in lines)


def _device(asked: Device, there: Device) -> Iterator[str]:
    who = f"devices.{asked.id}"
    yield from _fields(f"{who}.", asked, there, ("model",))
    if asked.fixed_mode not in (None, there.fixed_mode):
        yield f"{who}.virtio: {asked.virtio}"
    yield from _properties(who, asked.properties, there.properties)


def _controller(asked: Controller, there: Controller) -> Iterator[str]:
    who = f"controllers.{asked.id}"
    yield from _fields(f"{who}.", asked, there, ("model", "hotplug", "numa"))
    yield from _properties(who, asked.properties, there.properties)


def _fields(who: str, asked: object, there: object, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        value = getattr(asked, name)
        if value not in (None, getattr(there, name)):
            yield f"{who}{name}: {', '.join(value) if isinstance(value, tuple) else as_text(value)}"


def _properties(who: str, asked: Properties, there: Properties) -> Iterator[str]:
    for name, value in asked.items():
        if name not in VIRTIO_SWITCHES and there.get(name) != value:
            yield f"{who}.properties.{name}: {as_text(value)}"
