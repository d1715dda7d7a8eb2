"""A running QEMU -> a request with everything where it is."""

from typing import Any, Final

from ..catalog import DeviceModel, excluded, models, named_by_qemu
from ..pci.address import Address
from ..pci.controllers import CONTROLLERS
from ..pci.machine import Chipset, machine_of
from ..pci.machine_types import machine_type
from ..pci.qemu_properties import VIRTIO_SWITCHES, Properties, switched_mode
from ..pci.qemu_versions import version_number
from ..qemu.errors import ProbeError
from ..qemu.monitor import Monitor
from ..qemu_arguments import INTEL_IOMMU, DeviceArgument, QemuArgumentError, UnknownDevice, device_fields, undescribed
from ..qemu_arguments.functions import LIBVIRTS_USB
from ..request.resolved import plain_mode
from .machine import HOST_BRIDGE, chipset, firmware, machine_name, needs, processor, ram, version_of
from .objects import QemuObject, objects_of_kinds, pci_objects
from .properties import PropertyReader

Data = dict[str, Any]

UNKNOWABLE: Final = (
    "a running QEMU does not tell which release its firmware is, nor which properties were stated: read are those on "
    "which a plan depends, where they are not at their defaults"
)
COMPANIONS_BY_KIND: Final = {"AMDVI-PCI": "amd-iommu"}
"""PCI functions that are the seat of another device."""


def guest_data(address: str) -> Data:
    """What the QEMU that listens there is, as a request that is still to be validated. Raises ProbeError."""
    with Monitor(address) as monitor:
        return _RunningGuest(monitor).data()


class _RunningGuest:
    """What is asked in one session."""

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor
        self.unread: list[str] = [UNKNOWABLE]
        self.name = machine_name(monitor)
        known = machine_type(self.name)
        if known is None:
            raise ProbeError(f"{monitor.address}: machine {self.name}: neither a q35 nor an i440fx machine")
        self.family = known.family
        self.objects = pci_objects(monitor)
        self.switches = chipset(monitor, self.name, self.family, self.objects)
        self.machine = machine_of(self.name, Chipset.model_validate(self.switches))
        self.qemu = version_of(monitor)
        self.properties = PropertyReader(monitor, known.version, version_number(self.qemu))
        # a pxb has a pci-bridge of the machine's inside, which offers its bus
        self.controllers = {one.path: one for one in self.objects if one.kind in CONTROLLERS and not one.of_machine}

    def data(self) -> Data:
        others = objects_of_kinds(self.monitor, {INTEL_IOMMU, *COMPANIONS_BY_KIND.values()})
        result: Data = {
            "machine": self.name,
            "qemu": self.qemu,
            "firmware": firmware(self.monitor, self.unread),
            **ram(self.monitor, self.family),
            **processor(self.monitor),
            "chipset": self.switches,
            "needs": needs(self.monitor, {kind for kind, _ in others}),
            "controllers": [],
            "devices": [],
            "reserve": [],
        }
        if "viommu" in result["needs"]:
            path = next(path for kind, path in others if kind == INTEL_IOMMU)
            result["chipset"]["caching_mode"] = self.monitor.get(path, "caching-mode") is True
        for one in self.objects:
            self.add(result, one, dict(others))
        return result | {"unread": self.unread}

    def add(self, result: Data, one: QemuObject, others: dict[str, str]) -> None:
        bus = self.bus(one)
        if bus is None:
            if not one.of_machine:
                self.unread.append(f"{one.id} ({one.kind}): sits on {one.bus}, which is no bus that is known here")
            return
        if one.of_machine and bus == self.machine.root and (one.slot, one.function) in self.machine.taken:
            return
        address = Address(bus, one.slot, one.function)
        if (one.id, one.kind, address) == LIBVIRTS_USB and self.family == "pc":
            result["chipset"]["usb"] = True
            return
        if one.kind in CONTROLLERS:
            given = self.properties.of_controller(one)
            part = {"id": one.id, "model": one.kind, "address": str(address), "properties": given}
            result["controllers"].append(part)
        elif one.kind in COMPANIONS_BY_KIND:
            kind = COMPANIONS_BY_KIND[one.kind]
            own = others.get(kind, "").rpartition("/")[2]
            name = own if one.of_machine and "[" not in own and own else one.id
            result["devices"].append({"id": name, "model": kind, "address": str(address)})
        elif one.kind in excluded():
            self.unread.append(f"{one.id} ({one.kind}): {excluded()[one.kind]}: its address is left free")
            result["reserve"].append(str(address))
        else:
            result["devices"].append({"id": one.id, **self.device(one, bus), "address": str(address)})

    def bus(self, one: QemuObject) -> str | None:
        """The id of what offers the bus, or the root bus. An expander's is below another object, by its id."""
        above, _, name = one.bus.rpartition("/")
        if one.bus == f"{HOST_BRIDGE[self.family]}/{self.machine.root}":
            return self.machine.root
        if above in self.controllers:
            return self.controllers[above].id
        expanders = {part.id for part in self.controllers.values() if CONTROLLERS[part.kind].is_expander}
        return name if name in expanders else None

    def device(self, one: QemuObject, bus: str) -> Data:
        """Fields of a request's device, without id and address."""
        model = models().get((named_by_qemu(one.kind) or (one.kind,))[0])
        behind_port = any(part.id == bus and CONTROLLERS[part.kind].is_port for part in self.controllers.values())
        if model is None:
            self.unread.append(
                f"{one.id} ({one.kind}): no device type that is known here: nothing is known of its BARs"
            )
            return undescribed(one.kind, behind_port=behind_port)
        given, backends = self.properties.of_device(one, model)
        try:
            argument = DeviceArgument(one.kind)
            return device_fields(argument, self.as_by_slot(model, given, behind_port=behind_port), backends)
        except (UnknownDevice, QemuArgumentError) as error:
            self.unread.append(f"{one.id}: {error}")
            return undescribed(one.kind, behind_port=behind_port)

    def as_by_slot(self, model: DeviceModel, given: Properties, *, behind_port: bool) -> Properties:
        """Without the switches of plain virtio where they are what its slot makes them."""
        virtio = model.virtio
        if virtio is None or not {*VIRTIO_SWITCHES} <= given.keys():
            return given
        if switched_mode(given) != plain_mode(self.machine, virtio, behind_port=behind_port):
            return given
        return {name: one for name, one in given.items() if name not in VIRTIO_SWITCHES}
