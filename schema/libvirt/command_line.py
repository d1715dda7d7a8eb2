"""`<qemu:commandline>`: arguments that libvirt hands to QEMU behind its own, and what they make of the domain.

Their devices are planned with the others, where they say they are; one that says nothing gets an address that is free,
as QEMU would give it the first that it finds. What is not understood is told.
"""

from collections.abc import Iterator
from typing import Any, Final

from ..catalog import excluded, models
from ..pci.address import Pin
from ..pci.controllers import CONTROLLERS
from ..pci.machine import Chipset, Machine, machine_of
from ..pci.machine_types import Family
from ..pci.qemu_properties import VIRTIO_SWITCHES, Properties, switched_mode
from ..qemu_arguments import (
    SEAT,
    DeviceArgument,
    QemuArgumentError,
    UnknownDevice,
    controller_model,
    device_fields,
    device_type,
    undescribed,
)
from ..request.resolved import SOFT_SLOTS
from .arguments import UNADDRESSED, Argument, Arguments, arguments_of
from .override import qemu_tag
from .splice import Element

CAPABILITIES: Final = ("add", "del")
"""Elements that make libvirt take QEMU for another one."""

Data = dict[str, Any]


def with_command_line(data: Data, root: Element, family: Family) -> Data:
    """The request of a domain, with what its command line adds to it, and changes of it."""
    if root.first(qemu_tag("commandline")) is None and root.first(qemu_tag("capabilities")) is None:
        return data
    arguments = arguments_of(root, family)
    result = {**data, **arguments.effects.fields, "chipset": {**data["chipset"], **arguments.effects.chipset}}
    if arguments.viommu and "viommu" not in data["needs"]:
        result["needs"] = [*data["needs"], "viommu"]
    adder = _Adder(result, arguments, machine_of(family, Chipset.model_validate(result["chipset"])))
    adder.run()
    unread = [*arguments.unread, *adder.unread, *_capabilities(root)]
    return result | ({"unread": [*data.get("unread", ()), *unread]} if unread else {})


def _capabilities(root: Element) -> Iterator[str]:
    for element in root.all(qemu_tag("capabilities")):
        for sort in CAPABILITIES:
            for one in element.all(qemu_tag(sort)):
                name = one.get("capability")
                yield f"qemu:capabilities {sort} {name}: libvirt may tell QEMU otherwise of devices then"


class _Adder:
    """Puts globals, settings and devices of a command line into a request."""

    def __init__(self, data: Data, arguments: Arguments, machine: Machine) -> None:
        self.data, self.arguments, self.machine = data, arguments, machine
        self.unread: list[str] = []
        self.controllers = {
            part.id: CONTROLLERS[controller_model(part.device)]
            for part in arguments.parts
            if controller_model(part.device) in CONTROLLERS
        }

    def run(self) -> None:
        self.data["controllers"] = [self.with_globals_of_controllers(one) for one in self.data["controllers"]]
        self.data["devices"] = [self.with_globals(one) for one in self.data["devices"]]
        self.tell_of_new_controllers()
        self.tell_of_settings()
        buses = {self.machine.root: self.machine.bus}
        buses |= {one["id"]: CONTROLLERS[one["model"]].bus for one in self.data["controllers"]}
        self.buses = buses | {name: model.bus for name, model in self.controllers.items()}
        self.pins = [Pin.parse(pin) for pin in self.stated()]
        for part in self.arguments.parts:
            self.add(part)
        self.keep_free()

    def stated(self) -> Iterator[str]:
        """Addresses with a bus that anything states."""
        for one in (*self.data["controllers"], *self.data["devices"]):
            if ":" in one.get("address", ""):
                yield one["address"]
        yield from self.data.get("reserve", ())
        for part in self.arguments.parts:
            if part.device.slot is not None:
                yield self.address(part.device, part.device.slot)

    def address(self, device: DeviceArgument, slot: int) -> str:
        return f"{device.bus or self.machine.root}:{slot:02x}.{device.function}"

    # ---- what changes others

    def with_globals(self, device: Data) -> Data:
        """A device of the domain with the properties that it does not state itself, and with those that are set."""
        entry = models().get(device["model"])
        driver = device["model"] if entry is None else entry.driver
        given = self.arguments.effects.properties(driver) | self.settings(device["id"])
        more = {name: value for name, value in given.items() if name not in {*SEAT, *VIRTIO_SWITCHES}}
        result = {**device, "properties": {**more, **device.get("properties", {})}} if more else dict(device)
        plain = entry is not None and entry.virtio is not None and "virtio" not in device
        if plain and (mode := switched_mode(given)) is not None:
            result |= {"virtio": mode, "virtio_by": "property"}
        return result

    def settings(self, name: str) -> Properties:
        return {key: value for key, value in self.arguments.line.settings.get(name, {}).items() if key not in SEAT}

    def with_globals_of_controllers(self, controller: Data) -> Data:
        model = CONTROLLERS[controller["model"]]
        given = self.arguments.effects.properties(model.name) | self.settings(controller["id"])
        more = {name: value for name, value in given.items() if name in model.properties and name not in controller}
        return {**controller, "properties": {**more, **controller.get("properties", {})}} if more else controller

    def tell_of_new_controllers(self) -> None:
        """A global property of a type of controllers is that of new ones, too, which a request has no word for."""
        told = {
            one
            for model in CONTROLLERS.values()
            for one in self.arguments.effects.globals
            if one.property in self.arguments.effects.properties(model.name) and one.property in model.properties
        }
        for one in sorted(told):
            self.unread.append(
                f"qemu:commandline -global {one}: controllers that the plan adds have it, too, and "
                "are planned without it"
            )

    def tell_of_settings(self) -> None:
        known = {one["id"] for one in (*self.data["controllers"], *self.data["devices"])}
        for name, given in self.arguments.line.settings.items():
            own = {*SEAT} & given.keys() if name in known else set()
            if own or name not in known | {part.id for part in self.arguments.parts}:
                words = ", ".join(sorted(own)) or "no device of that id is known here"
                self.unread.append(f"qemu:commandline -set device.{name}: {words}")

    # ---- devices

    def add(self, part: Argument) -> None:
        device, line = part.device, self.arguments.line
        words = f"qemu:commandline -device {device.driver}"
        if device.bus is not None and device.bus not in self.buses:
            self.unread.append(f"{words}: bus {device.bus} is none of this domain: not planned")
            return
        properties = {**self.arguments.effects.properties(device.driver), **device.properties}
        try:
            model = controller_model(device)
            if model in CONTROLLERS:
                self.data["controllers"].append(self.placed(part, {"model": model, "properties": properties}))
            else:
                fields = device_fields(device, properties, line.memory_backends)
                self.data["devices"].append(self.placed(part, {**fields, "hotplug": "never"}))
        except UnknownDevice as unknown:
            self.strange(part, f"{words}: {unknown}")
        except QemuArgumentError as error:
            self.unread.append(f"qemu:commandline {error}: not planned")

    def placed(self, part: Argument, fields: Data) -> Data:
        slot = part.device.slot
        if slot is None and part.device.driver not in UNADDRESSED:
            slot = self.free_slot(part.device.bus or self.machine.root)
        if slot is None:
            return {"id": part.id, **fields}
        address = self.address(part.device, slot)
        self.pins.append(Pin.parse(address))
        return {"id": part.id, **fields, "address": address}

    def strange(self, part: Argument, words: str) -> None:
        """A device of a type that is not planned: what is known of it is its address."""
        device, bus = part.device, part.device.bus or self.machine.root
        if device.slot is None:
            self.unread.append(
                f"{words}: if it is of PCI, it takes the first slot that is free, and is not in the plan"
            )
        elif device_type(device.driver) in excluded():
            self.unread.append(f"{words}: its address is left free")
            self.reserve(self.address(device, device.slot))
        else:
            fields = undescribed(device.driver, behind_port=self.is_port(bus))
            self.data["devices"].append(self.placed(part, fields))

    def is_port(self, bus: str) -> bool:
        return any(one["id"] == bus and CONTROLLERS[one["model"]].is_port for one in self.data["controllers"])

    def free_slot(self, bus: str) -> int | None:
        """The last one that nothing states, and that no device of a guest is expected in."""
        model = self.buses[bus]
        taken = {pin.slot for pin in self.pins if pin.bus == bus}
        if bus == self.machine.root:
            taken |= {
                self.machine.chipset_slot,
                *self.machine.closed,
                *(slot for one in SOFT_SLOTS.values() for slot in one),
            }
        slots = range(model.last_slot, model.first_slot - 1, -1)
        return next((slot for slot in slots if slot not in taken), None)

    def keep_free(self) -> None:
        """libvirt knows none of the buses that the command line brings: nothing of the domain can sit there."""
        taken = {(pin.bus, pin.slot) for pin in self.pins}
        free = [
            f"{name}:{slot:02x}"
            for name, model in self.controllers.items()
            for slot in range(model.bus.first_slot, model.bus.last_slot + 1)
            if (name, slot) not in taken
        ]
        if free:
            self.reserve(*free)

    def reserve(self, *addresses: str) -> None:
        self.data["reserve"] = [*self.data.get("reserve", ()), *addresses]
