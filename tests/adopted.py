"""What an adopted guest is held against: the layout that it was started with."""

from typing import Any

from qslot.schema import Layout
from qslot.schema.catalog import find
from qslot.schema.formats.standalone import imitated
from qslot.schema.layout.layout import PlacedController, PlacedDevice
from qslot.schema.pci.ram import MEMORY_UNIT
from qslot.schema.pci.size import align

OF_PLATFORM = ("max_memory", "pci_hole64", "numa_nodes")
OF_MACHINE = ("taken", "closed", "acpi", "root_hotplug", "acpi_bridge_hotplug")


def facts(layout: Layout, started: Layout, *, stated: bool) -> dict[str, Any]:
    """What both must agree on, by id; of devices that were imitated, or got stand-in backends, only what stayed.
    `stated`: also the properties of devices as they were stated, which a running QEMU does not tell."""
    substituted = set(imitated(started))
    own = {one.id: [*one.properties] for one in (*started.controllers, *started.devices)}
    kept = [one for one in layout.devices if one.id not in substituted]
    found: dict[str, Any] = {
        "machine": layout.machine,
        "firmware": layout.firmware.name,
        "platform": {name: getattr(layout.platform, name) for name in OF_PLATFORM},
        "memory": align(layout.platform.memory, MEMORY_UNIT),
        "chipset": {name: getattr(layout.machine_model, name) for name in OF_MACHINE},
        "controllers": {one.id: (seat(one), told(one, own.get(one.id, [])), one.numa) for one in layout.controllers},
        "devices": {one.id: seat(one) for one in layout.devices},
        "kinds": {one.id: (one.model, one.virtio, bars(layout, one)) for one in kept},
        "addresses": layout.guest_addresses,
        "names": {name: named for name, named in layout.guest_names.items() if name not in substituted and named},
    }
    if stated:
        found["properties"] = {one.id: told(one, own.get(one.id, [])) for one in kept}
    return found


def seat(one: PlacedController | PlacedDevice) -> tuple[object, ...]:
    return one.bus, one.slot, one.function, one.multifunction


def told(one: PlacedController | PlacedDevice, names: list[str]) -> dict[str, Any]:
    return {name: one.properties.get(name) for name in names}


def bars(layout: Layout, one: PlacedDevice) -> object:
    model = find(one.model, described=True)
    if model.self_described or model.backend_sized:
        return None
    versions = layout.machine_model.version, layout.qemu_version
    return model.bars(one.virtio, one.properties, *versions), model.rom_bytes(one.properties, *versions)
