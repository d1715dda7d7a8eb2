"""Layout -> the domain XML that it was planned for, with every address and controller filled in, all else as it was."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final

from ..catalog import find
from ..layout.layout import Layout, PlacedController, PlacedDevice, Seat
from ..layout.topology import Topology, topology_of
from ..pci.controllers import VirtioMode
from ..pci.machine import Machine
from ..pci.qemu_properties import VIRTIO_SWITCHES, as_json, integer, is_on
from ..records import record
from ..request.resolved import plain_mode
from .addresses import PciAddress
from .arguments import arguments_of, without_arguments, write_arguments
from .controllers import LIBVIRT_NAMES, RANGES, ROOTS, TARGETS, DomainController, root_controller
from .domain import Domain, DomainDevice, read_domain
from .indexes import indexes_of
from .override import add_overrides
from .splice import Edits, Element, SourceError, indented, written

WRITTEN: Final = {
    VirtioMode.TRANSITIONAL: "virtio-transitional",
    VirtioMode.MODERN: "virtio-non-transitional",
}
EXPRESSED: Final = frozenset({*TARGETS.values(), "hotplug", "numa_node", "slot"})
"""Properties of controllers that domain XML has attributes for, or that libvirt needs not be told."""


@record(frozen=True)
class Written:
    """The document, and what of the input was written otherwise, a line each."""

    data: bytes
    rewritten: tuple[str, ...]


def write(layout: Layout, data: bytes, *, explicit_virtio: bool = False) -> Written:
    """A virtio model stays as it is written wherever that makes the mode that was planned: plain `virtio`, too, in a
    slot whose mode that is. `explicit_virtio` states every mode.

    Raises SourceError where `data` is not the domain that the layout was planned for.
    """
    domain = read_domain(data)
    family = layout.machine_model.family
    if family != domain.family:
        raise SourceError(
            f"this domain is of machine {domain.family}, the plan of {family}: its controllers, and perhaps its disks, "
            "must be others; `qslot plan ... --json -o PLAN.json` and `qslot convert PLAN.json NEW.xml` write it anew"
        )
    arguments = arguments_of(domain.root, domain.family)
    own = without_arguments(layout, arguments)
    strangers = {part.id for part in domain.parts} ^ {device.id for device in own.devices}
    if strangers:
        raise SourceError(f"not the domain that the layout was planned for: {', '.join(sorted(strangers))}")
    writer = _Writer(domain, own, Edits(data), indexes_of(domain, own), explicit_virtio)
    writer.run()
    writer.rewritten += write_arguments(writer.edits, arguments, layout, writer.indexes)
    return Written(writer.edits.apply(), tuple(writer.rewritten))


@record
class _Writer:
    domain: Domain
    layout: Layout
    edits: Edits
    indexes: dict[str, int]
    explicit_virtio: bool
    rewritten: list[str] = field(default_factory=list)
    machine_model: Machine = field(init=False)
    topology: Topology = field(init=False)
    added: list[str] = field(default_factory=list)
    """XML of controllers and devices that the domain does not list."""

    def __post_init__(self) -> None:
        self.machine_model = self.layout.machine_model
        self.topology = topology_of(self.machine_model, self.layout)

    def run(self) -> None:
        self.machine()
        for element, place in self.domain.fixed:
            self.locate(self.edits, element, place, multifunction=False)
        self.controllers()
        self.devices()
        if self.added:
            self.append()
        stated = {f"pci.{bridge.index}": bridge.properties for bridge in self.domain.bridges}
        properties = {
            f"pci.{self.indexes[one.id]}": extra
            for one in self.layout.controllers
            if (extra := _unexpressed(one, stated.get(one.id, {})))
        }
        add_overrides(self.edits, self.domain.root, self.domain.properties, properties | self.switches())

    def switches(self) -> dict[str, dict[str, Any]]:
        """Properties that tell virtio modes, of devices whose mode plain virtio would not have there."""
        switched = {part.id for part in self.domain.parts if part.kind.switch is not None}
        return {
            seat.id: {name: as_json(name, seat.properties[name]) for name in VIRTIO_SWITCHES}
            for seat in self.layout.devices
            if seat.id in switched
            and {*VIRTIO_SWITCHES} <= seat.properties.keys()
            and (self.explicit_virtio or seat.virtio is not plain_virtio(seat, self.machine_model, self.topology))
        }

    def machine(self) -> None:
        """Hosts may have decided its version, where the domain names a family alone."""
        kind = self.domain.root.first("os", "type")
        if kind is not None and self.layout.machine != self.domain.machine:
            self.rewritten.append(f"machine {self.domain.machine} is now {self.layout.machine}")
            self.edits.set(kind, machine=self.layout.machine)

    def append(self) -> None:
        text = "\n".join(self.added)
        if self.domain.devices.start == self.domain.devices.end:
            self.edits.append(self.domain.root, f"<devices>\n{indented(text)}\n</devices>")
        else:
            self.edits.append(self.domain.devices, text)

    def place(self, seat: Seat) -> PciAddress:
        return PciAddress(self.indexes.get(seat.bus, 0), seat.slot, seat.function)

    def locate(self, edits: Edits, element: Element, place: PciAddress, *, multifunction: bool) -> None:
        """Gives an element its address, where it has none; function 0 says so where it is not alone."""
        address = element.first("address")
        if address is None:
            edits.append(element, address_text(place, multifunction=multifunction))
            return
        if any(int(address.get(name, "0"), 0) != int(value, 0) for name, value in place.attributes.items()):
            state_address(edits, address, place)
        if multifunction and address.get("multifunction") != "on":
            if "multifunction" in address.attributes:
                self.rewritten.append(f"{element.tag} at {place}: multifunction is on, as its slot has other functions")
            edits.set(address, multifunction="on")

    # ---- controllers

    def controllers(self) -> None:
        listed = {f"pci.{bridge.index}": bridge for bridge in self.domain.bridges}
        self.root_bus()
        for controller in self.layout.controllers:
            bridge = listed.get(controller.id)
            if bridge is None or bridge.element is None:
                self.added.append(self.controller(controller))
            else:
                self.complete(bridge, bridge.element, controller)

    def root_bus(self) -> None:
        """The root bus's own element, where something sits behind it or it is to take no hot-plug."""
        element = root_controller(self.domain.devices)
        chipset = self.layout.platform.chipset
        off = self.domain.family == "pc" and self.domain.root_hotplug and not chipset.root_hotplug
        text = "<target hotplug='off'/>"
        if element is None and (off or self.layout.controllers):
            inside = f">\n  {text}\n</controller>" if off else "/>"
            self.added.append(f"<controller type='pci' index='0' model='{ROOTS[self.domain.family][0]}'{inside}")
        elif element is not None and off:
            target = element.first("target")
            if target is None:
                self.edits.append(element, text)
            else:
                self.edits.set(target, hotplug="off")

    def controller(self, one: PlacedController) -> str:
        targets, node = _targets(one), one.properties.get("numa_node")
        lines = [f"  <model name='{one.model}'/>"]
        if targets or node is not None:
            inside = "/>" if node is None else f">\n    <node>{node}</node>\n  </target>"
            lines.append(f"  <target{written(targets)}{inside}")
        lines.append(f"  {address_text(self.place(one), multifunction=one.multifunction)}")
        start = f"<controller type='pci' index='{self.indexes[one.id]}' model='{LIBVIRT_NAMES[one.model]}'>"
        return "\n".join([start, *lines, "</controller>"])

    def complete(self, bridge: DomainController, element: Element, one: PlacedController) -> None:
        index = self.indexes[one.id]
        if index != bridge.index or not element.get("index"):
            if element.get("index"):
                self.rewritten.append(f"controller pci {bridge.index} is now {index}, as it sits on a later one")
            self.edits.set(element, index=str(index))
        target = element.first("target")
        missing = {name: value for name, value in _targets(one).items() if target is None or not target.get(name)}
        if target is not None:
            self.edits.set(target, **missing)
        elif missing:
            self.edits.append(element, f"<target{written(missing)}/>")
        self.locate(self.edits, element, self.place(one), multifunction=one.multifunction)

    # ---- devices

    def devices(self) -> None:
        seats = {device.id: device for device in self.layout.devices}
        for part in self.domain.parts:
            seat = seats[part.id]
            edits = Edits(part.added.encode()) if part.added else self.edits
            if seat.driver.endswith("-transitional") and not part.switched:
                self.virtio(part, edits, seat)
            self.locate(edits, part.source, self.place(seat), multifunction=seat.multifunction)
            if part.added:
                self.added.append(edits.apply().decode())

    def virtio(self, part: DomainDevice, edits: Edits, seat: PlacedDevice) -> None:
        """States the mode where what the element says would make another one in that slot, or where that is asked."""
        if part.kind.switch is None or seat.virtio not in WRITTEN:
            return
        element, name = part.kind.switch
        stated, plain = part.kind.mode, plain_virtio(seat, self.machine_model, self.topology)
        means = plain if stated is None else stated
        if means == seat.virtio and not (self.explicit_virtio and stated is None):
            return
        if not part.added:
            there = f"plain virtio is {plain} there" if stated is None else "its mode is to change"
            why = "as is asked" if means == seat.virtio else there
            self.rewritten.append(
                f"{part.id}: {name} {element.get(name) or 'virtio'} is now {WRITTEN[seat.virtio]}: {why}"
            )
        edits.set(element, **{name: WRITTEN[seat.virtio]})


def plain_virtio(seat: PlacedDevice, machine: Machine, topology: Topology) -> VirtioMode | None:
    """The mode that plain virtio has in that slot; None of what is no virtio."""
    virtio, bus = find(seat.model, described=True).virtio, topology.buses.get(seat.bus)
    behind_port = bus is not None and bus.is_port
    return None if virtio is None else plain_mode(machine, virtio, behind_port=behind_port)


def address_text(place: PciAddress, *, multifunction: bool = False) -> str:
    """The element that says where a device sits."""
    many = " multifunction='on'" if multifunction else ""
    return f"<address type='pci' domain='0x0000' {place}{many}/>"


def state_address(edits: Edits, address: Element, place: PciAddress) -> None:
    """Makes an `<address>` that is there say that place."""
    edits.set(address, **{"type": "pci", "domain": "0x0000", **place.attributes})


def _targets(one: PlacedController) -> dict[str, str]:
    """Attributes of `<target>`."""
    found: dict[str, str] = {}
    for attribute, option in TARGETS.items():
        value = integer(one.properties, option)
        if value is None:
            continue
        least, most = RANGES[attribute]
        if not least <= value <= most:
            raise SourceError(
                f"{one.id}: {option} {value} has no place in domain XML, whose {attribute} is {least} to {most}: "
                f"give another {option}, or leave more numbers free"
            )
        found[attribute] = f"{value:#x}" if attribute == "port" else str(value)
    if not is_on(one.properties, "hotplug"):
        found["hotplug"] = "off"
    return found


def _unexpressed(one: PlacedController, stated: Mapping[str, Any]) -> dict[str, Any]:
    """Properties that only an override passes on: not `stated` by the domain's attributes, which libvirt 10.3 and newer
    have for a mem-reserve. An SHPC that is on is QEMU's default."""
    return {
        name: value
        for name, value in one.properties.items()
        if name not in EXPRESSED and stated.get(name) != value and not (name == "shpc" and value is True)
    }
