"""What a device connects to, and whose address space it must have."""

from ...schema.pci.controllers import VirtioMode
from ...schema.request.guest import Guest
from ...schema.request.resolved import ResolvedDevice


def connector_of(guest: Guest, one: ResolvedDevice) -> str:
    """The row of the table "What goes where" that the device is in."""
    if "integrated" in (one.model.connector, one.device.connect):
        return "integrated"
    if guest.machine_model.family == "pc":
        return "conventional"
    own = "legacy virtio" if is_legacy_virtio(one) else str(one.device.connect or one.model.connector)
    return "hybrid" if own == "express" and has_group_mates(guest, one) else own


def iommu_group(guest: Guest, one: ResolvedDevice) -> str | None:
    """Whose address space it must have, if the guest has a vIOMMU and it is a device of the host; a name by itself
    where the request does not say the group."""
    if not guest.has_viommu or not one.is_assigned:
        return None
    number = one.device.iommu_group
    return f"device {one.device.id}" if number is None else f"group {number}"


def has_group_mates(guest: Guest, one: ResolvedDevice) -> bool:
    """Whether another device of the host is of its IOMMU group."""
    group = iommu_group(guest, one)
    return group is not None and any(
        other is not one and iommu_group(guest, other) == group for other in guest.resolved.values()
    )


def is_legacy_virtio(one: ResolvedDevice) -> bool:
    """Fixed to a mode that is not modern."""
    return bool(one.modes) and VirtioMode.MODERN not in one.modes
