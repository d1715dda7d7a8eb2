"""What a device of a request is, with catalogue, machine and group taken into account."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

from ..catalog import DeviceModel, VirtioModel, default_hotplug, find
from ..catalog.virtual_functions import COUNTED_BY, PHYSICAL, VirtualFunctions, virtual_functions
from ..pci.controllers import Connector, Need, VirtioMode
from ..pci.machine import Machine
from ..pci.qemu_properties import Scalar
from ..pci.qemu_versions import Version as QemuVersion
from ..records import record
from .device import Device, Hotplug

SCSI_OFF_SINCE = (2, 5)
"""Machine types before it have `scsi=on` of virtio-blk where nothing else is said."""
NO_SCSI_SINCE = (9, 1)
"""The QEMU that has that property of virtio-blk no more, whatever the machine type (commit a271b8d7b2)."""
MODERN_SINCE = (2, 7)
"""Machine types before it have `disable-modern=on` where nothing else is said (QEMU's hw_compat_2_6)."""

ONE_MODE_SINCE = (5, 1)
"""On machine types before it the plain type of vhost-vsock, modern alone since, has the mode of its slot."""

STRICTNESS: dict[Hotplug, int] = {"never": 0, "preferred": 1, "required": 2}

SOFT_SLOTS = {"video": (0x01,), "usb2": (0x1D, 0x1A), "audio": (0x1B,)}
"""Where q35 guests expect the first video, the first two USB 2 groups and the first ich9 audio (as libvirt does)."""


@record(frozen=True)
class ResolvedDevice:
    """One device, resolved. `modes` is empty for what is not virtio; several modes mean that placement decides."""

    device: Device
    model: DeviceModel
    connector: Connector
    """On this machine and in the asked virtio mode: everything but integrated devices is conventional on pc."""
    modes: tuple[VirtioMode, ...]
    hotplug: Hotplug
    """The strictest of the group's."""
    chipset_place: int | None
    """The slot of pcie.0 where guests expect it, for the few kinds in SOFT_SLOTS."""
    version: tuple[int, int] | None = None
    """The machine type's: older ones have other BARs."""
    qemu: QemuVersion | None = None
    """The QEMU's: those of few models have other BARs in older ones, whatever the machine type."""
    shares_iommu_group: bool = False
    """Whether the guest has a vIOMMU, and another host device of the same IOMMU group."""

    @property
    def is_legacy_by_machine(self) -> bool:
        """Whether it is plain virtio that an old machine type makes legacy in every slot."""
        told = self.device.fixed_mode is not None and self.device.virtio_by != "slot"
        return not told and self.modes == (VirtioMode.LEGACY,)

    @property
    def slot_decides(self) -> VirtioMode | None:
        """The mode that it must have and nothing but its slot says: its place is then one that makes it so."""
        if self.device.virtio_by != "slot" or self.model.virtio is None or not self.model.virtio.plain_varies:
            return None
        return None if self.device.fixed_mode is VirtioMode.LEGACY else self.device.fixed_mode

    def io_bytes(self, mode: VirtioMode | None) -> int:
        """Sum of its IO BARs in that mode, in bytes; a virtual function has none."""
        if self.is_virtual:
            return 0
        if self.device.bars is not None:
            return sum(bar.size for bar in self.device.bars if bar.kind == "io")
        return _io_bytes(self.model.name, mode, tuple(self.device.properties.items()), self.version, self.qemu)

    @property
    def has_scsi_passthrough(self) -> bool:
        """A virtio disk of an old machine type and QEMU, where `scsi` is on unless it says otherwise: QEMU refuses that
        with virtio 1.0, and one that lacks the property refuses that (measured: tests/real/test_machine_versions.py).
        """
        if self.model.name != "virtio-blk" or self.version is None or self.qemu is None:
            return False
        return self.version < SCSI_OFF_SINCE and self.qemu < NO_SCSI_SINCE

    @property
    def virtual_functions(self) -> VirtualFunctions | None:
        """Those that QEMU creates along with it, if any."""
        return virtual_functions(self.model.name, self.device.properties)

    @property
    def asks_for_virtual(self) -> bool:
        """Whether the request asks for these, and so for PCI Express; an igb has them unasked."""
        counted = self.model.name in COUNTED_BY and self.virtual_functions is not None
        return self.device.vfs is not None or counted

    @property
    def is_virtual(self) -> bool:
        """Whether it is a virtual function that the request lists by itself."""
        return PHYSICAL in self.device.properties

    @property
    def is_assigned(self) -> bool:
        """Whether it is a device of the host that VFIO hands over, so that it is of an IOMMU group."""
        return is_assigned(self.model)


@lru_cache(maxsize=4096)
def _io_bytes(
    model: str,
    mode: VirtioMode | None,
    properties: tuple[tuple[str, Scalar], ...],
    version: tuple[int, int] | None,
    qemu: QemuVersion | None,
) -> int:
    """The catalogue's answer, remembered: guests have many devices of few kinds."""
    return find(model).io_bytes(mode, dict(properties), version, qemu)


def mode_on(resolved: ResolvedDevice, *, behind_port: bool) -> VirtioMode | None:
    """The virtio mode a device has there: its only one, or QEMU's own choice by bus."""
    if len(resolved.modes) <= 1:
        return resolved.modes[0] if resolved.modes else None
    return VirtioMode.MODERN if behind_port else VirtioMode.TRANSITIONAL


def plain_mode(machine: Machine, virtio: VirtioModel, *, behind_port: bool) -> VirtioMode:
    """The mode that QEMU's plain device has there, if nothing but machine type and slot tells it."""
    old = machine.version is not None and machine.version < ONE_MODE_SINCE
    if len(virtio.modes) == 1 and not (old and virtio.plain_varies):
        return virtio.modes[0]
    if plain_is_legacy(machine):
        return VirtioMode.LEGACY
    return VirtioMode.MODERN if behind_port else VirtioMode.TRANSITIONAL


def resolved_devices(
    devices: Sequence[Device],
    groups: Mapping[str, Sequence[Device]],
    machine: Machine,
    *,
    as_libvirt: bool = False,
    viommu: bool = False,
) -> dict[str, ResolvedDevice]:
    """All devices of a request, resolved, by id; `as_libvirt` is preset libvirt, `viommu`: the guest has one. Raises
    UnknownModel."""
    # where pci.0 takes no hot-plug libvirt puts devices there all the same, so that preferring it asks for nothing
    unheeded = as_libvirt and machine.family == "pc" and not machine.root_hotplug
    models = {device.id: model_of(device) for device in devices}
    needs = {device.id: own_hotplug(device, models[device.id]) for device in devices}
    needs |= {name: "never" for name, need in needs.items() if unheeded and need == "preferred"}
    strictest: dict[str, Hotplug] = {}
    for group, members in groups.items():
        strictest[group] = max((needs[member.id] for member in members), key=STRICTNESS.__getitem__)
    soft = {} if machine.family == "pc" else _soft_slots(devices, models)
    iommu_groups = Counter(device.iommu_group for device in devices if viommu and device.iommu_group is not None)
    result = {}
    for device in devices:
        model = models[device.id]
        modes = _modes(machine, device, model)
        hotplug = needs[device.id] if device.group is None else strictest[device.group]
        shares = device.iommu_group is not None and iommu_groups[device.iommu_group] > 1
        connector = _connector(machine, device, model, modes, shares_iommu_group=shares)
        result[device.id] = ResolvedDevice(
            device, model, connector, modes, hotplug, soft.get(device.id), machine.version, machine.qemu, shares
        )
    return result


def model_of(device: Device) -> DeviceModel:
    """Its catalogue entry, or what stands for it where the device describes itself. Raises UnknownModel."""
    return find(device.model, described=device.bars is not None and device.connect is not None)


def is_assigned(model: DeviceModel) -> bool:
    """Whether devices of the model are the host's, handed over by VFIO: `vfio-pci`, `vfio-pci-nohotplug`."""
    return model.driver.startswith("vfio-pci")


def is_integrated(device: Device) -> bool:
    """Whether it sits on the root bus alone, by its model or because the request says so."""
    return Connector.INTEGRATED in (model_of(device).connector, device.connect)


def own_hotplug(device: Device, model: DeviceModel) -> Hotplug:
    """What it says of hot-plug itself, or the catalogue of its model; its group may ask for more."""
    return device.hotplug or default_hotplug(model)


def _modes(machine: Machine, device: Device, model: DeviceModel) -> tuple[VirtioMode, ...]:
    if model.virtio is None:
        return ()
    if device.fixed_mode is not None:
        return (device.fixed_mode,)
    if plain_is_legacy(machine) and len(model.virtio.modes) > 1:
        return (VirtioMode.LEGACY,)
    return model.virtio.modes


def plain_is_legacy(machine: Machine) -> bool:
    """Whether a virtio device that is not told its mode is legacy in every slot."""
    return machine.version is not None and machine.version < MODERN_SINCE


def _connector(
    machine: Machine, device: Device, model: DeviceModel, modes: tuple[VirtioMode, ...], *, shares_iommu_group: bool
) -> Connector:
    if Connector.INTEGRATED in (model.connector, device.connect):
        return Connector.INTEGRATED
    if machine.family == "pc":
        return Connector.CONVENTIONAL
    if modes and VirtioMode.MODERN not in modes:
        return Connector.CONVENTIONAL
    own = model.connector if device.connect is None else Connector(device.connect)
    # vfio-pci hides the express capability on a conventional bus, where alone such a group has one address space
    return Connector.HYBRID if shares_iommu_group and own is Connector.EXPRESS else own


def _soft_slots(devices: Sequence[Device], models: Mapping[str, DeviceModel]) -> dict[str, int]:
    """Claims to chipset places on q35: the first video, the first two USB 2 groups, the first ich9 audio."""
    claims: dict[str, list[str]] = {kind: [] for kind in SOFT_SLOTS}
    members: dict[str, list[str]] = {}
    for device in devices:
        kind = _claim(device, models[device.id])
        if kind is not None:
            unit = device.id if device.group is None else f"group {device.group}"
            members.setdefault(unit, []).append(device.id)
            if unit not in claims[kind]:
                claims[kind].append(unit)
    result: dict[str, int] = {}
    for kind, units in claims.items():
        for unit, slot in zip(units, SOFT_SLOTS[kind], strict=False):
            result |= dict.fromkeys(members[unit], slot)
    return result


def _claim(device: Device, model: DeviceModel) -> str | None:
    if model.category == "video":
        return "video"
    if device.model.startswith(("ich9-usb-uhci", "ich9-usb-ehci")):
        return "usb2"
    return "audio" if device.model == "ich9-intel-hda" else None


def needs_of(device: Device) -> Need:
    """The connect type of an endpoint for a pinned address."""
    model = model_of(device)
    connector = Connector(device.connect) if device.connect else model.connector
    return Need.EXPRESS if connector is Connector.EXPRESS else Need.CONVENTIONAL
