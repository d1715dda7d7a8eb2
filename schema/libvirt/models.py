"""What each device of a domain is to QEMU: its model in the catalogue, its virtio mode, what sizes its BARs.

Source: libvirt 9.0's domain XML format, held against the devices that it gives addresses to.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from typing import Any, Final, TypeVar

from ..records import record
from .addresses import host_address
from .disks import disk_bus
from .kinds import (
    CONTROLLER_TYPES,
    FILESYSTEM,
    HOSTDEV,
    INPUT,
    IOMMU,
    MEMORY,
    MODE_OF_MODEL,
    NETWORK,
    PANIC,
    SCSI,
    SERIAL,
    SHMEM,
    SOUND,
    USB,
    VIDEO,
    VIRTIO_INPUT,
    WATCHDOG,
    Kinds,
)
from .splice import Element, SourceError


@record(frozen=True)
class QemuDevice:
    """A PCI device. `switch` is where its virtio model is written: element and attribute, None where it has none."""

    model: str
    mode: str | None = None
    switch: tuple[Element, str] | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the request's device: connect, bars."""


VHOST: Final = ("vdpa", "vhostuser")
"""Types of interfaces that are virtio alone; libvirt 9.0 wants the model said of vhostuser."""

Reader = Callable[[Element], QemuDevice | None]


class UnknownKindError(SourceError):
    """A device whose model, type or bus is not known: whether it is a PCI device, its address alone can say."""


def kind_of(device: Element) -> QemuDevice | None:
    """None for what is no PCI device. Raises UnknownKindError for a model that is not known."""
    reader = READERS.get(device.tag)
    return None if reader is None else reader(device)


def _virtio(model: str, value: str, element: Element, name: str = "model", *, also: Iterable[str] = ()) -> QemuDevice:
    """A virtio device whose model attribute says the mode; a missing one is plain `virtio`. `also` are other models."""
    _known(dict.fromkeys(("", *MODE_OF_MODEL)), value, f"{element.tag} model", also)
    return QemuDevice(model, MODE_OF_MODEL[value or "virtio"], (element, name))


def disk(device: Element) -> QemuDevice | None:
    """Of a virtio disk its device; None for one on another bus, which is no PCI device."""
    if disk_bus(device) != "virtio":
        return None
    return _virtio("vhost-user-blk" if device.get("type") == "vhostuser" else "virtio-blk", device.get("model"), device)


def interface(device: Element) -> QemuDevice | None:
    """Of an interface its network card: where no model is said rtl8139, or virtio for a vhost backend, which takes no
    other; None for a USB one. Raises UnknownKindError for an unknown model."""
    sort, model = device.get("type"), device.first("model")
    if sort == "hostdev":
        return _host(device)
    name = device.value("model", name="type") or ("virtio" if sort in VHOST else "rtl8139")
    if name == "virtio" and (model is None or sort == "vdpa"):
        # libvirt refuses any other word there, so that the slot alone can say the mode
        return QemuDevice("virtio-net", properties=_virtio_net(device), more={"virtio_by": "slot"})
    if name in MODE_OF_MODEL and model is not None:
        return QemuDevice("virtio-net", MODE_OF_MODEL[name], (model, "type"), _virtio_net(device))
    return _device_of(NETWORK, name, "interface model", also=MODE_OF_MODEL)


def _virtio_net(device: Element) -> dict[str, Any]:
    """What sizes BARs: more queues have more vectors; each of these features has a longer configuration in IO space."""
    properties: dict[str, Any] = {}
    queues = device.value("driver", name="queues")
    if queues.isdecimal() and int(queues) > 1:
        properties |= {"mq": True, "vectors": 2 * int(queues) + 2}
    if (mtu := device.value("mtu", name="size")).isdecimal():
        properties["host_mtu"] = int(mtu)
    return properties


def controller(device: Element) -> QemuDevice | None:
    """Of a SCSI, serial, USB, SATA, NVMe or IDE controller its device; None for others. Raises UnknownKindError."""
    sort, model = device.get("type"), device.get("model")
    if sort == "scsi":
        modes = {"virtio-scsi": None, **MODE_OF_MODEL}
        if model in modes:
            return QemuDevice("virtio-scsi", modes[model], (device, "model"))
        return _device_of(SCSI, model, "SCSI controller model", also=modes)
    if sort == "virtio-serial":
        return _virtio("virtio-serial", model, device)
    if sort == "usb":
        return _device_of(USB, model, "USB controller model")
    return _device_of(CONTROLLER_TYPES, sort, "controller type")


def _device_of(models: Kinds, name: str, what: str, *, also: Iterable[str] = ()) -> QemuDevice | None:
    """The device that a table has for a name; None where it has nothing, for what is no PCI device. `also` are names
    that are known beside the table's."""
    model = _known(models, name, what, also)
    return None if model is None else QemuDevice(model)


Known = TypeVar("Known")


def _known(models: Mapping[str, Known], name: str, what: str, also: Iterable[str] = ()) -> Known:
    if name not in models:
        told = f"{what} {name[:40]!r} is not known" if name else f"no {what} is said"
        raise UnknownKindError(f"{told}: {', '.join(filter(None, (*also, *models)))}")
    return models[name]


def video(device: Element) -> QemuDevice | None:
    """As the first video; `secondary` turns it into what a further one is."""
    model = device.first("model")
    name = device.value("model", name="type") or "cirrus"
    name = "cirrus" if name == "default" else name
    known = _known(VIDEO, name, "video model")
    if known is None:
        return None
    if name == "virtio":
        vhost = device.value("driver", name="name") == "vhostuser"
        gl = model is not None and model.value("acceleration", name="accel3d") == "yes" and not vhost
        if device.value("model", name="device") == "virtio-gpu":
            return QemuDevice("virtio-gpu")
        return QemuDevice("vhost-user-vga" if vhost else "virtio-vga-gl" if gl else "virtio-vga")
    sizes = {"vga": {"vram": "vgamem_mb"}, "qxl": {"ram": "ram_size_mb", "vram": "vram_size_mb", "vgamem": "vgamem_mb"}}
    properties = {
        option: int(model.get(attribute)) // 1024
        for attribute, option in sizes.get(name, {}).items()
        if model is not None and model.get(attribute).isdecimal()
    }
    return QemuDevice(known, properties=properties)


def with_primary_first(devices: Element) -> list[Element]:
    """Elements in their order, but that a video which is said to be the primary one stands before other videos."""
    ranked = iter(sorted(devices.all("video"), key=lambda video: video.value("model", name="primary") != "yes"))
    return [next(ranked) if one.tag == "video" else one for one in devices.children]


def _by_model(models: Kinds, tag: str) -> Reader:
    """The reader of an element whose attribute `model` says all; None in the table is for what is no PCI device."""
    return lambda device: _device_of(models, device.get("model"), f"{tag} model")


def memballoon(device: Element) -> QemuDevice | None:
    """The virtio balloon, unless the model is none."""
    return (
        None if device.get("model") == "none" else _virtio("virtio-balloon", device.get("model"), device, also=["none"])
    )


def filesystem(device: Element) -> QemuDevice | None:
    """Of a shared folder vhost-user-fs (virtiofs) or virtio-9p."""
    known = _known(FILESYSTEM, device.value("driver", name="type"), "filesystem driver")
    if known != "virtio-9p":
        return None if known is None else QemuDevice(known)
    kind = _virtio("virtio-9p", device.get("model"), device)
    tag = device.value("target", name="dir")  # in the configuration, so in the IO BAR's size
    return replace(kind, properties={"mount_tag": tag}) if tag else kind


def input_(device: Element) -> QemuDevice | None:
    """Of a virtio keyboard, mouse, tablet or event device its device; None for one on another bus. Raises SourceError
    for a model."""
    if _known(INPUT, device.get("bus"), "input bus") is None:
        return None
    if device.get("model", "virtio") != "virtio":
        raise SourceError(f"input model {device.get('model')!r}: virtio input devices have no such models")
    return _device_of(VIRTIO_INPUT, device.get("type"), "virtio input type")


def shmem(device: Element) -> QemuDevice | None:
    """Of shared memory an ivshmem device with BARs as large as that memory."""
    name = device.value("model", name="type") or "ivshmem-plain"
    size = device.first("size")
    bars = [
        {"bar": 0, "kind": "mem32", "size": 256},
        {"bar": 2, "kind": "mem64", "size": 4 << 20 if size is None else bytes_of(size), "prefetchable": True},
    ]
    if name == "ivshmem-doorbell":
        bars.insert(1, {"bar": 1, "kind": "mem32", "size": 4096})
    known = _device_of(SHMEM, name, "shmem model")
    return known and replace(known, more={"bars": bars})


def panic(device: Element) -> QemuDevice | None:
    """Of a pvpanic its device, on the root bus alone: libvirt refuses it elsewhere; None for others, which are no PCI
    devices."""
    known = _device_of(PANIC, device.get("model"), "panic model")
    return known and replace(known, more={"connect": "integrated"})


def serial(device: Element) -> QemuDevice | None:
    """Of a serial port a pci-serial; None for one that is not PCI."""
    if device.value("target", "model", name="name") == "pci-serial":
        return QemuDevice("pci-serial")
    return _device_of(SERIAL, device.value("target", name="type"), "serial target type")


def _host(device: Element) -> QemuDevice:
    """A device of the host, by its address there if it has one. A ROM that is off, or not enabled, is none."""
    host = host_address(device)
    no_rom = device.value("rom", name="bar") == "off" or device.value("rom", name="enabled") == "no"
    properties = {} if host is None else {"host": str(host)}
    return QemuDevice("vfio-pci", properties=properties, more={"rom": 0} if no_rom else {})


def hostdev(device: Element) -> QemuDevice | None:
    """Of a PCI or mediated device of the host a vfio-pci, of a SCSI host a vhost-scsi; None for others, and for one
    that is unassigned. Raises UnknownKindError."""
    modes = {"subsystem": True, "capabilities": False}
    assigned = _known(modes, device.get("mode", "subsystem"), "hostdev mode")
    if device.value("address", name="type") == "unassigned" or not assigned:
        return None
    sort = _known(HOSTDEV, device.get("type"), "hostdev type")
    if sort == "vhost-scsi":
        return _virtio("vhost-scsi", device.get("model"), device)
    return _host(device) if sort == "vfio-pci" else None


READERS: Final[dict[str, Reader]] = {
    "disk": disk,
    "interface": interface,
    "controller": controller,
    "video": video,
    "sound": _by_model(SOUND, "sound"),
    "memballoon": memballoon,
    "rng": lambda device: _virtio("virtio-rng", device.get("model"), device),
    "watchdog": _by_model(WATCHDOG, "watchdog"),
    "filesystem": filesystem,
    "vsock": lambda device: _virtio("vhost-vsock", device.get("model"), device),
    "input": input_,
    "shmem": shmem,
    "serial": serial,
    "hostdev": hostdev,
    "iommu": _by_model(IOMMU, "iommu"),
    "memory": _by_model(MEMORY, "memory"),
    "panic": panic,
    "crypto": _by_model({"virtio": "virtio-crypto"}, "crypto"),
    "pstore": _by_model({"": "acpi-erst"}, "pstore"),
}

MEMORY_UNITS: Final = {
    "b": 1,
    "bytes": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    **{f"{letter}{tail}": 1 << 10 * n for n, letter in enumerate("kmgt", 1) for tail in ("", "ib")},
}


def bytes_of(element: Element, default: str = "b") -> int:
    """A scaled size: `<memory unit='KiB'>219136</memory>`. Raises SourceError."""
    return scaled(element, element.text, default)


def scaled(element: Element, number: str, default: str) -> int:
    """A number that an element says, in the unit that it says. Raises SourceError."""
    unit = element.get("unit", default).lower()
    if not number.isdecimal() or unit not in MEMORY_UNITS:
        raise SourceError(f"{element.tag} {number!r} {unit}: not a size")
    return int(number) * MEMORY_UNITS[unit]
