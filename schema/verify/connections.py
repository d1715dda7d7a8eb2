"""Rules about what goes where, and about single things."""

from collections.abc import Iterator

from ..catalog import exclusive
from ..finding import Finding
from ..layout.topology import Bus
from ..pci.controllers import CONTROLLERS, Connector, VirtioMode
from ..pci.qemu_properties import Scalar
from ..request.resolved import needs_of
from .context import Context, SeatedDevice
from .ejecting import turned_off


def connect(known: Context) -> Iterator[Finding]:
    """Controllers, then devices, on a bus that does not provide what they need."""
    demanded = {controller.id: controller for controller in known.guest.controllers}
    for controller in known.layout.controllers:
        kind = CONTROLLERS.get(controller.model)
        bus = known.topology.buses.get(controller.bus)
        if kind is None or kind.machine not in (None, known.machine.family) or bus is None:
            continue  # other rules: machine-model, tree
        pin = demanded[controller.id].address if controller.id in demanded else None
        pinned = pin is not None and pin.bus is not None
        if not kind.needs.meets(bus.model.takes_by_pin if pinned else bus.model.provides):
            yield _misplaced(controller.id, controller.model, bus)
    for name, place in known.places.items():
        if place.resolved.connector is not Connector.INTEGRATED and not _takes(known, place):
            yield _misplaced(name, place.resolved.device.model, place.bus)


def _misplaced(name: str, model: str, bus: Bus) -> Finding:
    return Finding(rule="connect", subjects=(name,), details={"model": model, "bus": bus.id})


def _takes(known: Context, place: SeatedDevice) -> bool:
    bus, resolved = place.bus, place.resolved
    if place.item.pinned:
        return bus.model.takes_by_pin.meets(needs_of(resolved.device))
    if bus.is_root:
        return True
    if bus.is_conventional:
        return resolved.connector is not Connector.EXPRESS
    legacy_virtio = known.machine.family == "q35" and bool(resolved.modes) and VirtioMode.MODERN not in resolved.modes
    return bus.is_port and (resolved.connector is not Connector.CONVENTIONAL or legacy_virtio)


def virtio_slot(known: Context) -> Iterator[Finding]:
    """Devices whose slot makes another mode than the request says."""
    for name, place in known.places.items():
        device = place.resolved.device
        virtio = place.resolved.model.virtio
        if virtio is None or not virtio.plain_varies or device.virtio_by != "slot":
            continue
        made = "modern" if place.bus.is_port else "transitional"
        if device.virtio in ("transitional", "modern") and device.virtio != made:
            yield Finding(rule="virtio-slot", subjects=(name,), details={"bus": place.bus.id, "mode": made})


def integrated(known: Context) -> Iterator[Finding]:
    """Integrated devices that are not on the root bus."""
    for name, place in known.places.items():
        if place.resolved.connector is Connector.INTEGRATED and not place.bus.is_root:
            yield Finding(rule="integrated", subjects=(name,), details={"bus": place.bus.id})


def single_balloon(known: Context) -> Iterator[Finding]:
    """Counts what the layout holds: a request with two balloons is refused before it gets here."""
    models = {resolved.device.model for resolved in known.resolved.values() if resolved.model.category == "balloon"}
    balloons = tuple(device.id for device in known.layout.devices if device.model in models)
    if len(balloons) > 1:
        yield Finding(rule="single-balloon", subjects=balloons, details={"count": len(balloons)})


def single_model(known: Context) -> Iterator[Finding]:
    """Counts what the layout holds, as for balloons."""
    for models in exclusive(known.machine.version):
        same = tuple(device.id for device in known.layout.devices if device.model in models)
        if len(same) > 1:
            numbers: dict[str, Scalar] = {"models": ", ".join(sorted(models)), "count": len(same)}
            yield Finding(rule="single-model", subjects=same, details=numbers)


def preset(known: Context) -> Iterator[Finding]:
    """Of devices whose slot is open."""
    if known.guest.policy.preset != "libvirt":
        return
    for name, place in known.places.items():
        if not place.item.pinned and (place.shared or not _as_libvirt(known, place)):
            yield _misplaced(name, place.resolved.device.model, place.bus).model_copy(update={"rule": "preset"})


def _as_libvirt(known: Context, place: SeatedDevice) -> bool:
    if place.resolved.chipset_place is not None or place.resolved.connector is Connector.INTEGRATED:
        return place.bus.is_root
    hot = place.bus.takes_hotplug or place.bus.id in turned_off(known)
    if known.machine.family == "pc":
        return place.bus.is_root or hot
    if place.resolved.shares_iommu_group:
        return hot
    # libvirt takes plain virtio for PCI Express, whatever the machine type makes of it
    wants_port = place.resolved.connector is not Connector.CONVENTIONAL or place.resolved.is_legacy_by_machine
    return hot and place.bus.is_port == wants_port
