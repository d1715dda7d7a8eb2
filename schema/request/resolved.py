"""What a device of a request is, with catalogue, machine and group taken into account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..catalog import DeviceModel, default_hotplug, find
from ..pci.controllers import Connector, Need, VirtioMode
from ..pci.machine import Machine
from ..pci.qemu_properties import Scalar
from .device import Device, Hotplug

SCSI_OFF_SINCE = (2, 5)
MODERN_SINCE = (2, 7)
"""Machine types before it have `disable-modern=on` where nothing else is said (QEMU's hw_compat_2_6)."""

STRICTNESS: dict[Hotplug, int] = {"never": 0, "preferred": 1, "required": 2}

SOFT_SLOTS = {"video": (0x01,), "usb2": (0x1D, 0x1A), "audio": (0x1B,)}
"""Where q35 guests expect the first video, the first two USB 2 groups and the first ich9 audio (as libvirt does)."""


@dataclass(frozen=True, slots=True)
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

    @property
    def slot_decides(self) -> VirtioMode | None:
        """The mode that it must have and nothing but its slot says: its place is then one that makes it so."""
        if self.device.virtio_by != "slot" or self.model.virtio is None or not self.model.virtio.plain_varies:
            return None
        return None if self.device.fixed_mode is VirtioMode.LEGACY else self.device.fixed_mode

    def io_bytes(self, mode: VirtioMode | None) -> int:
        """Sum of its IO BARs in that mode, in bytes."""
        if self.device.bars is not None:
            return sum(bar.size for bar in self.device.bars if bar.kind == "io")
        return _io_bytes(self.model.name, mode, tuple(self.device.properties.items()), self.version)

    @property
    def has_scsi_passthrough(self) -> bool:
        """A virtio disk of an old machine type, where `scsi` is on unless it says otherwise: QEMU refuses that with
        virtio 1.0 (measured)."""
        return self.model.name == "virtio-blk" and self.version is not None and self.version < SCSI_OFF_SINCE

    @property
    def is_host_device(self) -> bool:
        """Whether it is a device of the host."""
        return self.model.category == "host"


@lru_cache(maxsize=4096)
def _io_bytes(
    model: str, mode: VirtioMode | None, properties: tuple[tuple[str, Scalar], ...], version: tuple[int, int] | None
) -> int:
    """The catalogue's answer, remembered: guests have many devices of few kinds."""
    return find(model).io_bytes(mode, dict(properties), version)


def mode_on(resolved: ResolvedDevice, *, behind_port: bool) -> VirtioMode | None:
    """The virtio mode a device has there: its only one, or QEMU's own choice by bus."""
    if len(resolved.modes) <= 1:
        return resolved.modes[0] if resolved.modes else None
    return VirtioMode.MODERN if behind_port else VirtioMode.TRANSITIONAL


def resolved_devices(
    devices: Sequence[Device], groups: Mapping[str, Sequence[Device]], machine: Machine
) -> dict[str, ResolvedDevice]:
    """All devices of a request, resolved, by id. Raises UnknownModel."""
    strictest: dict[str, Hotplug] = {}
    for group, members in groups.items():
        strictest[group] = max((own_hotplug(member) for member in members), key=STRICTNESS.__getitem__)
    soft = {} if machine.family == "pc" else _soft_slots(devices)
    result = {}
    for device in devices:
        model = model_of(device)
        modes = _modes(machine, device, model)
        hotplug = own_hotplug(device) if device.group is None else strictest[device.group]
        connector = _connector(machine, device, model, modes)
        result[device.id] = ResolvedDevice(
            device, model, connector, modes, hotplug, soft.get(device.id), machine.version
        )
    return result


def model_of(device: Device) -> DeviceModel:
    """Its catalogue entry, or what stands for it where the device describes itself. Raises UnknownModel."""
    return find(device.model, described=device.bars is not None and device.connect is not None)


def own_hotplug(device: Device) -> Hotplug:
    """What it says of hot-plug itself, or the catalogue of its model; its group may ask for more."""
    return device.hotplug or default_hotplug(model_of(device))


def _modes(machine: Machine, device: Device, model: DeviceModel) -> tuple[VirtioMode, ...]:
    if model.virtio is None:
        return ()
    if device.fixed_mode is not None:
        return (device.fixed_mode,)
    if device.virtio_by == "slot" and plain_is_legacy(machine) and len(model.virtio.modes) > 1:
        return (VirtioMode.LEGACY,)
    return model.virtio.modes


def plain_is_legacy(machine: Machine) -> bool:
    """Whether a virtio device that is not told its mode is legacy in every slot."""
    return machine.version is not None and machine.version < MODERN_SINCE


def _connector(machine: Machine, device: Device, model: DeviceModel, modes: tuple[VirtioMode, ...]) -> Connector:
    if model.connector is Connector.INTEGRATED:
        return Connector.INTEGRATED
    if machine.family == "pc":
        return Connector.CONVENTIONAL
    if modes and VirtioMode.MODERN not in modes:
        return Connector.CONVENTIONAL
    return model.connector if device.connect is None else Connector(device.connect)


def _soft_slots(devices: Sequence[Device]) -> dict[str, int]:
    """Claims to chipset places on q35: the first video, the first two USB 2 groups, the first ich9 audio."""
    claims: dict[str, list[str]] = {kind: [] for kind in SOFT_SLOTS}
    members: dict[str, list[str]] = {}
    for device in devices:
        kind = _claim(device)
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


def _claim(device: Device) -> str | None:
    model = model_of(device)
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
