"""PCI controllers of a domain: what each is to QEMU, and which ones libvirt would add for indexes that are left out."""

from collections.abc import Iterable
from dataclasses import field
from typing import Any, Final

from ..pci.controllers import CONTROLLERS
from ..pci.machine_types import Family
from ..pci.size import KIB
from ..records import record
from .addresses import PciAddress, address_of
from .splice import Element, SourceError

MODELS: Final = {
    "pci-bridge": "pci-bridge",
    "pci-expander-bus": "pxb",
    "pcie-expander-bus": "pxb-pcie",
    "dmi-to-pci-bridge": "i82801b11-bridge",
    "pcie-to-pci-bridge": "pcie-pci-bridge",
    "pcie-root-port": "pcie-root-port",
    "pcie-switch-upstream-port": "x3130-upstream",
    "pcie-switch-downstream-port": "xio3130-downstream",
}
"""From libvirt's names to QEMU's."""
LIBVIRT_NAMES: Final = {qemu: libvirt for libvirt, qemu in MODELS.items()} | {"ioh3420": "pcie-root-port"}
"""And back."""
TARGETS: Final = {"chassisNr": "chassis_nr", "chassis": "chassis", "port": "port", "busNr": "bus_nr"}
"""Attributes of `<target>`, and the QEMU properties that they are."""
RANGES: Final = {"chassisNr": (1, 255), "chassis": (0, 255), "port": (0, 255), "busNr": (1, 254)}
"""What libvirt takes of each, both ends included (measured: tests/real/test_composed_domains.py)."""
ROOTS: Final[dict[Family, tuple[str, str]]] = {"q35": ("pcie-root", "pcie.0"), "pc": ("pci-root", "pci.0")}


@record
class DomainController:
    """A PCI controller. Without an element it stands for an index that the domain leaves out."""

    index: int
    model: str
    element: Element | None = None
    address: PciAddress | None = None
    node: int | None = None
    hotplug: bool | None = None
    """What `<target hotplug>` says, if anything: without it a port takes hot-plug."""
    properties: dict[str, Any] = field(default_factory=dict)


def root_of(family: Family) -> str:
    """QEMU's name of the root bus."""
    return ROOTS[family][1]


def root_controller(devices: Element) -> Element | None:
    """The controller element of the root bus, where the domain lists it."""
    return next((one for one in _listed(devices) if one.get("model") in ("pci-root", "pcie-root")), None)


def root_hotplug(devices: Element) -> bool:
    """What `<target hotplug>` says of the root bus. Raises SourceError for pcie-root, which has no such thing."""
    root = root_controller(devices)
    if root is None or root.value("target", name="hotplug") != "off":
        return True
    if root.get("model") != "pci-root":
        raise SourceError("controller pci 0: hotplug goes with pci-root, not with pcie-root: leave it out")
    return False


def _listed(devices: Element) -> list[Element]:
    return [one for one in devices.all("controller") if one.get("type") == "pci"]


def bridges_of(devices: Element, family: Family, used: Iterable[PciAddress]) -> list[DomainController]:
    """All but the root, by index. Indexes up to the highest one that is listed, or that an address names, have one."""
    bridges: dict[int, DomainController] = {}
    for element, index in _indexed(devices, family):
        if index in bridges:
            raise SourceError(f"two PCI controllers with index {index}")
        bridges[index] = _bridge(element, index, family)
    places = [*used, *(one.address for one in bridges.values() if one.address is not None)]
    for place in places:
        if place.bus and place.bus not in bridges:
            bridges[place.bus] = DomainController(place.bus, _needed(place, family))
    for index in range(1, max(bridges, default=0)):
        if index not in bridges:
            bridges[index] = DomainController(index, "pcie-root-port" if family == "q35" else "pci-bridge")
    return [bridges[index] for index in sorted(bridges)]


def _needed(place: PciAddress, family: Family) -> str:
    """What a bus must be that nobody lists but an address names."""
    if family == "pc":
        return "pci-bridge"
    if place.slot == 0:
        return "pcie-root-port"
    if place.bus == 1:
        raise SourceError(f"address {place}: bus 1 would be a port, which has slot 0 only: list its controllers")
    return "pcie-pci-bridge"


def _indexed(devices: Element, family: Family) -> list[tuple[Element, int]]:
    """The listed ones with their index; those without one have the lowest that is not used."""
    root = ROOTS[family][0]
    listed = _listed(devices)
    used = {_index(one) for one in listed if one.get("index")}
    result = []
    for element in listed:
        model = element.get("model")
        stated = element.get("index")
        index = _index(element) if stated else next(number for number in range(257) if number not in used)
        used.add(index)
        if model in ("pci-root", "pcie-root") or index == 0:
            if model != root or index != 0:
                raise SourceError(
                    f"controller pci {index}, {model}: index 0 of this machine is the {root}, and no other"
                )
            if element.first("address") is not None:
                raise SourceError(f"controller pci 0: {root} is the root, so it has no address")
            continue
        result.append((element, index))
    return result


def _index(element: Element) -> int:
    text = element.get("index")
    if not text.isdecimal() or int(text) > 255:
        raise SourceError(f"controller pci: index {text!r} is not 0 to 255")
    return int(text)


def _bridge(element: Element, index: int, family: Family) -> DomainController:
    model = element.get("model")
    if model not in MODELS:
        raise SourceError(f"controller pci {index}: model {model!r} is not known: {', '.join(MODELS)}")
    name = element.value("model", name="name") or MODELS[model]
    if LIBVIRT_NAMES.get(name) != model:
        raise SourceError(f"controller pci {index}: {name!r} is no {model}")
    if model == ("pcie-expander-bus" if family == "pc" else "pci-expander-bus"):
        raise SourceError(f"controller pci {index}: {model} does not go with this machine")
    if family == "pc" and CONTROLLERS[name].is_pci_express:
        raise SourceError(
            f"controller pci {index}: libvirt takes no {model} on pc, whose pci-root has no PCI Express: change the "
            "machine to q35, or leave it out"
        )
    bridge = DomainController(index, name, element, address_of(element))
    target = element.first("target")
    if target is not None:
        for attribute, option in TARGETS.items():
            if attribute in target.attributes:
                bridge.properties[option] = _target(index, attribute, target.get(attribute), RANGES[attribute])
        if "memReserve" in target.attributes:
            bridge.properties["mem-reserve"] = KIB * _number(index, "memReserve", target.get("memReserve"))
        if "hotplug" in target.attributes:
            bridge.hotplug = target.get("hotplug") != "off"
        node = target.first("node")
        bridge.node = None if node is None else _target(index, "node", node.text, (0, 255))
    return bridge


def _target(index: int, attribute: str, text: str, ends: tuple[int, int]) -> int:
    value, (least, most) = _number(index, attribute, text), ends
    if not least <= value <= most:
        raise SourceError(f"controller pci {index}: {attribute} {value} is not {least} to {most}")
    return value


def _number(index: int, attribute: str, text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise SourceError(f"controller pci {index}: {attribute} {text!r} is not a number") from None
