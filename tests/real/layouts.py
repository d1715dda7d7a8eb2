"""Layouts by hand, for tests: `layout("q35", port("rp1", 1), at("rp1:0.0", "virtio-net-pci", "net0"))`."""

from typing import Any

from qslot.schema import Chipset, Firmware, Layout, VirtioMode
from qslot.schema.layout.layout import PlacedController, PlacedDevice, Platform, SpareSlot, Versions
from qslot.schema.pci.qemu_properties import Scalar

Seat = PlacedController | PlacedDevice


def layout(machine: str, *seats: Seat, **fields: Any) -> Layout:
    """`fields` are those of Layout; `firmware`, `chipset`, `memory` and `numa_nodes` may be given plainly."""
    platform = Platform(
        memory=fields.pop("memory", 128 << 20),
        numa_nodes=fields.pop("numa_nodes", 0),
        chipset=Chipset(**fields.pop("chipset", {})),
    )
    return Layout(
        status="feasible",
        machine=machine,
        firmware=Firmware.model_validate(fields.pop("firmware", "seabios")),
        platform=platform,
        controllers=tuple(seat for seat in seats if isinstance(seat, PlacedController)),
        devices=tuple(seat for seat in seats if isinstance(seat, PlacedDevice)),
        input_sha256="0" * 64,
        versions=Versions(qslot="0"),
        **fields,
    )


def _place(place: str) -> dict[str, Any]:
    """`bus:slot.function`, hexadecimal slot; a trailing + says multifunction."""
    bus, _, address = place.removesuffix("+").rpartition(":")
    slot, _, function = address.partition(".")
    return {"bus": bus, "slot": int(slot, 16), "function": int(function or 0), "multifunction": place.endswith("+")}


def controller(place: str, model: str, name: str, **properties: Scalar) -> PlacedController:
    """Underscores in property names stand for hyphens but in chassis_nr, bus_nr and numa_node."""
    keep = ("chassis_nr", "bus_nr", "numa_node")
    fixed = {key if key in keep else key.replace("_", "-"): value for key, value in properties.items()}
    return PlacedController(id=name, model=model, properties=fixed, **_place(place))


def at(place: str, driver: str, name: str, mode: VirtioMode | None = None, **properties: Scalar) -> PlacedDevice:
    """A device; its model is the driver's catalogue name."""
    fixed = {key.replace("_", "-"): value for key, value in properties.items()}
    model = driver.removesuffix("-transitional").removesuffix("-non")
    model = model.removesuffix("-pci") if model.startswith(("virtio-", "vhost-")) else model
    return PlacedDevice(id=name, driver=driver, model=model, virtio=mode, properties=fixed, **_place(place))


def spare(kind: Any, bus: str, slot: int) -> SpareSlot:
    return SpareSlot(kind=kind, bus=bus, slot=slot)
