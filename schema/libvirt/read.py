"""Domain XML -> Guest."""

from typing import Any

from ..host_devices import NO_HOST, with_host_devices
from ..pci.qemu_properties import VIRTIO_SWITCHES
from ..request.guest import Guest
from .addresses import PciAddress
from .command_line import with_command_line
from .controllers import DomainController, root_controller, root_of
from .domain import Domain, DomainDevice, read_domain
from .implicit import adds_intel_iommu
from .processor import numa_cells, processor, ram_of
from .splice import Element


def guest_data(data: bytes) -> dict[str, Any]:
    """What the domain asks for, as a request that is still to be validated: what a domain cannot say of the host's
    devices, `with_host_devices` adds. Raises SourceError."""
    domain = read_domain(data)
    root, first = domain.root, root_controller(domain.devices)
    ram = ram_of(root, first)
    acpi = root.first("features", "acpi") is not None
    result: dict[str, Any] = {
        "machine": domain.machine,
        "firmware": "ovmf" if _is_uefi(root) else "seabios",
        **{name: value for name, value in ram._asdict().items() if value is not None},
        "chipset": {"acpi": acpi, "usb": domain.usb, "root_hotplug": domain.root_hotplug},
        "numa_nodes": sum(1 for _ in numa_cells(root)),
        "controllers": [_controller(domain, bridge) for bridge in domain.bridges],
        "devices": [_device(domain, part) for part in domain.parts],
    }
    result |= processor(root)
    needs = []
    if adds_intel_iommu(root, domain.devices, domain.family):
        needs.append("viommu")
    if root.value("os", "loader", name="secure") == "yes":
        needs.append("secure-boot")
    for one in domain.devices.all("iommu"):
        if one.get("model") == "intel":
            needs.append("viommu")
            result["chipset"]["caching_mode"] = one.value("driver", name="caching_mode") == "on"
    if domain.reserved:
        result["reserve"] = [_pin(domain, place) for place in domain.reserved]
    if domain.unread:
        result["unread"] = domain.unread
    return with_command_line(result | {"needs": needs}, root, domain.family)


def _is_uefi(root: Element) -> bool:
    system = root.first("os")
    return system is not None and (system.get("firmware") == "efi" or system.value("loader", name="type") == "pflash")


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
    if bridge.hotplug is not None:
        result["hotplug"] = bridge.hotplug
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
    properties = {**part.kind.properties, **_acpi_index(part), **domain.properties.get(part.id, {})}
    if part.source.value("driver", name="iommu") == "on":
        properties.setdefault("iommu_platform", True)
    if part.switched:
        properties = {name: value for name, value in properties.items() if name not in VIRTIO_SWITCHES}
    return result | ({"properties": properties} if properties else {})


def _acpi_index(part: DomainDevice) -> dict[str, Any]:
    index = part.source.value("acpi", name="index")
    return {"acpi-index": int(index)} if index.isdecimal() else {}


def read(data: bytes) -> Guest:
    """The guest that a domain asks for, of whose host nothing is known. Raises SourceError, or
    pydantic.ValidationError."""
    return Guest.model_validate(with_host_devices(guest_data(data), NO_HOST, assume=True))
