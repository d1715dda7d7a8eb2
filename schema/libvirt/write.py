"""Layout -> the domain XML that it was planned for, with every address and controller filled in, all else as it was."""

from dataclasses import dataclass, field
from typing import Any, Final

from ..layout.layout import Layout, PlacedController, Seat
from ..pci.controllers import VirtioMode
from ..pci.qemu_properties import VIRTIO_SWITCHES, as_json, is_on
from .addresses import PciAddress
from .controllers import LIBVIRT_NAMES, ROOTS, TARGETS, DomainController, root_controller
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


@dataclass(frozen=True, slots=True)
class Written:
    """The document, and what of the input was written otherwise, a line each."""

    data: bytes
    rewritten: tuple[str, ...]


def write(layout: Layout, data: bytes, *, explicit_virtio: bool = False) -> Written:
    """`explicit_virtio`: the virtio model also of devices that have an address already.

    Raises SourceError where `data` is not the domain that the layout was planned for.
    """
    domain = read_domain(data)
    strangers = {part.id for part in domain.parts} ^ {device.id for device in layout.devices}
    if strangers:
        raise SourceError(f"not the domain that the layout was planned for: {', '.join(sorted(strangers))}")
    writer = _Writer(domain, layout, Edits(data), indexes_of(domain, layout), explicit_virtio)
    writer.run()
    return Written(writer.edits.apply(), tuple(writer.rewritten))


@dataclass(slots=True)
class _Writer:
    domain: Domain
    layout: Layout
    edits: Edits
    indexes: dict[str, int]
    explicit_virtio: bool
    rewritten: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    """XML of controllers and devices that the domain does not list."""

    def run(self) -> None:
        self.machine()
        for element, place in self.domain.fixed:
            self.locate(self.edits, element, place, multifunction=False)
        self.controllers()
        self.devices()
        if self.added:
            self.append()
        properties = {
            f"pci.{self.indexes[one.id]}": extra for one in self.layout.controllers if (extra := _unexpressed(one))
        }
        switched = {part.id for part in self.domain.parts if part.kind.switch is not None}
        for device in self.layout.devices:
            if device.id in switched and {*VIRTIO_SWITCHES} <= device.properties.keys():
                properties[device.id] = {name: as_json(name, device.properties[name]) for name in VIRTIO_SWITCHES}
        add_overrides(self.edits, self.domain.root, self.domain.properties, properties)

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
            edits.append(element, _address(place, multifunction=multifunction))
            return
        stated = {"bus": f"{place.bus:#04x}", "slot": f"{place.slot:#04x}", "function": f"{place.function:#x}"}
        if any(int(address.get(name, "0"), 0) != int(value, 0) for name, value in stated.items()):
            edits.set(address, **{"type": "pci", "domain": "0x0000", **stated})
        if multifunction and address.get("multifunction") != "on":
            if "multifunction" in address.attributes:
                self.rewritten.append(f"{element.tag} at {place}: multifunction is on, as its slot has other functions")
            edits.set(address, multifunction="on")

    # ---- controllers

    def controllers(self) -> None:
        listed = {f"pci.{bridge.index}": bridge for bridge in self.domain.bridges}
        if self.layout.controllers and root_controller(self.domain.devices) is None:
            self.added.append(f"<controller type='pci' index='0' model='{ROOTS[self.domain.family][0]}'/>")
        for controller in self.layout.controllers:
            bridge = listed.get(controller.id)
            if bridge is None or bridge.element is None:
                self.added.append(self.controller(controller))
            else:
                self.complete(bridge, bridge.element, controller)

    def controller(self, one: PlacedController) -> str:
        targets, node = _targets(one), one.properties.get("numa_node")
        lines = [f"  <model name='{one.model}'/>"]
        if targets or node is not None:
            inside = "/>" if node is None else f">\n    <node>{node}</node>\n  </target>"
            lines.append(f"  <target{written(targets)}{inside}")
        lines.append(f"  {_address(self.place(one), multifunction=one.multifunction)}")
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
            if seat.driver.endswith("-transitional") and not part.switched and seat.virtio in WRITTEN:
                self.virtio(part, edits, WRITTEN[seat.virtio])
            self.locate(edits, part.source, self.place(seat), multifunction=seat.multifunction)
            if part.added:
                self.added.append(edits.apply().decode())

    def virtio(self, part: DomainDevice, edits: Edits, model: str) -> None:
        """States the mode that the device has in its slot."""
        if part.kind.switch is None:
            return
        element, name = part.kind.switch
        stated = element.get(name)
        if stated == model or (part.address is not None and not self.explicit_virtio):
            return
        if not part.added:
            self.rewritten.append(f"{part.id}: {name} {stated or 'virtio'} is now {model}")
        edits.set(element, **{name: model})


def _address(place: PciAddress, *, multifunction: bool) -> str:
    many = " multifunction='on'" if multifunction else ""
    return f"<address type='pci' domain='0x0000' {place}{many}/>"


def _targets(one: PlacedController) -> dict[str, str]:
    """Attributes of `<target>`."""
    found: dict[str, str] = {}
    for attribute, option in TARGETS.items():
        value = one.properties.get(option)
        if value is not None:
            found[attribute] = f"{value:#x}" if attribute == "port" and isinstance(value, int) else str(value)
    if not is_on(one.properties, "hotplug"):
        found["hotplug"] = "off"
    return found


def _unexpressed(one: PlacedController) -> dict[str, Any]:
    """Properties that only an override passes on; an SHPC that is on is QEMU's default."""
    return {
        name: value
        for name, value in one.properties.items()
        if name not in EXPRESSED and not (name == "shpc" and value is True)
    }
