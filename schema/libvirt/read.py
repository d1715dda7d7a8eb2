"""Domain XML -> Guest."""

from typing import Any

from ..pci.qemu_properties import VIRTIO_SWITCHES
from ..request.guest import Guest
from .addresses import PciAddress
from .controllers import DomainController, root_controller, root_of
from .domain import Domain, DomainDevice, read_domain
from .models import bytes_of
from .splice import Element


def guest_data(data: bytes) -> dict[str, Any]:
    """What the domain asks for, as a request that is still to be validated. Raises SourceError."""
    domain = read_domain(data)
    root, first = domain.root, root_controller(domain.devices)
    memory = root.first("memory")
    acpi = root.first("features", "acpi") is not None
    result: dict[str, Any] = {
        "machine": domain.machine,
        "firmware": "ovmf" if _is_uefi(root) else "seabios",
        "memory": 128 << 20 if memory is None else bytes_of(memory, "kib"),
        "chipset": {"acpi": acpi, "usb": domain.usb, "root_hotplug": domain.root_hotplug},
        "numa_nodes": sum(1 for _ in _cells(root)),
        "controllers": [_controller(domain, bridge) for bridge in domain.bridges],
        "devices": [_device(domain, part) for part in domain.parts],
    }
    bits = root.first("cpu", "maxphysaddr")
    if bits is not None and bits.get("mode") == "emulate" and bits.get("bits").isdecimal():
        result["phys_bits"] = int(bits.get("bits"))
    hole = None if first is None else first.first("pcihole64")
    if hole is not None:
        result["pci_hole64"] = bytes_of(hole, "kib")
    needs = []
    if root.value("os", "loader", name="secure") == "yes":
        needs.append("secure-boot")
    if any(one.get("model") in ("intel", "amd") for one in domain.devices.all("iommu")):
        needs.append("viommu")
    return result | {"needs": needs}


def _is_uefi(root: Element) -> bool:
    system = root.first("os")
    return system is not None and (system.get("firmware") == "efi" or system.value("loader", name="type") == "pflash")


def _cells(root: Element) -> "list[Element]":
    numa = root.first("cpu", "numa")
    return [] if numa is None else list(numa.all("cell"))


def _bus_name(domain: Domain, index: int) -> str:
    return root_of(domain.family) if index == 0 else f"pci.{index}"


def _pin(domain: Domain, place: PciAddress) -> str:
    return f"{_bus_name(domain, place.bus)}:{place.slot:02x}.{place.function}"


def _controller(domain: Domain, bridge: DomainController) -> dict[str, Any]:
    name = _bus_name(domain, bridge.index)
    result: dict[str, Any] = {"id": name, "model": bridge.model}
    if bridge.address is not None:
        result["address"] = _pin(domain, bridge.address)
    if bridge.node is not None:
        result["numa"] = bridge.node
    if not bridge.hotplug:
        result["hotplug"] = False
    properties = bridge.properties | domain.properties.get(name, {})
    return result | ({"properties": properties} if properties else {})


def _device(domain: Domain, part: DomainDevice) -> dict[str, Any]:
    result: dict[str, Any] = {"id": part.id, "model": part.kind.model, **part.kind.more}
    if part.kind.mode is not None:
        result["virtio"] = part.kind.mode
    if part.group is not None:
        result["group"] = part.group
    if part.address is not None:
        result["address"] = _pin(domain, part.address)
    elif part.function is not None:
        result["address"] = f".{part.function}"
    if part.chipset_place or not domain.root_hotplug:
        result["hotplug"] = "never"
    properties = {**part.kind.properties, **domain.properties.get(part.id, {})}
    if part.switched:
        properties = {name: value for name, value in properties.items() if name not in VIRTIO_SWITCHES}
    return result | ({"properties": properties} if properties else {})


def read(data: bytes) -> Guest:
    """The guest that a domain asks for. Raises SourceError, or pydantic.ValidationError."""
    return Guest.model_validate(guest_data(data))
