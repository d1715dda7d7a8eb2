"""What a vIOMMU makes of places: whose address space a device has, and who shares one."""

from collections.abc import Iterator

from ..finding import Finding
from ..layout.topology import Bus
from ..pci.qemu_properties import Scalar, is_on
from .context import Context, SeatedDevice


def iommu_group(known: Context) -> Iterator[Finding]:
    """One finding an IOMMU group whose devices are in several address spaces."""
    if not known.guest.has_viommu:
        return
    groups: dict[int, list[SeatedDevice]] = {}
    for place in known.places.values():
        number = place.resolved.device.iommu_group
        if number is not None and place.resolved.is_assigned:
            groups.setdefault(number, []).append(place)
    for number, places in groups.items():
        spaces = {_space_of(place) for place in places}
        if len(spaces) > 1:
            subjects = tuple(place.seat.id for place in places)
            yield Finding(rule="iommu-group", subjects=subjects, details={"group": number, "spaces": len(spaces)})


def spaces_shared(known: Context) -> Iterator[str]:
    """Of each IOMMU group but the first of an address space that several share: its first device there."""
    if not known.guest.has_viommu:
        return
    groups: dict[tuple[str, str], set[int | str]] = {}
    for name, place in known.places.items():
        if not place.resolved.is_assigned:
            continue
        stated = place.resolved.device.iommu_group
        group = name if stated is None else stated
        here = groups.setdefault(_space_of(place), set())
        if here and group not in here:
            yield name
        here.add(group)


def _space_of(place: SeatedDevice) -> tuple[str, str]:
    """Equal for devices in one address space."""
    shared = _shared_space(place.bus)
    return ("its own", place.seat.id) if shared is None else shared


def _shared_space(bus: Bus) -> tuple[str, str] | None:
    """What all on the bus share: the space of the topmost conventional bridge, or of what bypasses the vIOMMU; None
    where each function has its own. A pxb is a conventional bridge, whose own bypass_iommu QEMU 7.2 does not heed."""
    topmost: Bus | None = None
    above: Bus | None = bus
    while above is not None and above.controller is not None:
        if above.is_conventional:
            topmost = above
        elif above.is_expander and is_on(above.controller.properties, "bypass_iommu", default=False):
            return "bypasses it", ""
        above = above.above
    return None if topmost is None else ("below", topmost.id)


def unknown_iommu_group(known: Context) -> Iterator[Finding]:
    """Devices of the host that do not say their IOMMU group, where it might be that of another one."""
    if not known.guest.has_viommu:
        return
    assigned = _assigned(known)
    unknown = tuple(name for name in assigned if known.resolved[name].device.iommu_group is None)
    if unknown and len(assigned) > 1:
        yield Finding(rule="unknown-iommu-group", severity="warning", subjects=unknown)


def caching_mode(known: Context) -> Iterator[Finding]:
    """Devices of the host beside an intel-iommu that is not said to have caching-mode=on."""
    if "viommu" not in known.guest.needs or known.guest.chipset.caching_mode:
        return
    if assigned := _assigned(known):
        yield Finding(rule="caching-mode", severity="warning", subjects=assigned)


def _assigned(known: Context) -> tuple[str, ...]:
    """Devices of the host."""
    return tuple(name for name, one in known.resolved.items() if one.is_assigned)


def iommu_platform(known: Context) -> Iterator[Finding]:
    """Virtio devices that go round the vIOMMU."""
    if not known.guest.has_viommu:
        return
    around = tuple(
        name
        for name, one in known.resolved.items()
        if one.model.virtio is not None and one.model.category != "iommu" and not one.device.goes_through_iommu
    )
    if around:
        details: dict[str, Scalar] = {"missing": "iommu_platform=on"}
        yield Finding(rule="iommu-platform", severity="warning", subjects=around, details=details)
