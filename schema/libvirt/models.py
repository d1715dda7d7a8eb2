"""What each device of a domain is to QEMU: its model in the catalogue, its virtio mode, what sizes its BARs.

Source: libvirt 9.0's domain XML format, held against the devices that it gives addresses to.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from .splice import Element, SourceError

MODE_OF_MODEL: Final = {"virtio": None, "virtio-transitional": "transitional", "virtio-non-transitional": "modern"}
"""virtio models in domain XML; plain `virtio` leaves the mode to the slot."""


@dataclass(frozen=True, slots=True)
class QemuDevice:
    """A PCI device. `switch` is where its virtio model is written: element and attribute, None where it has none."""

    model: str
    mode: str | None = None
    switch: tuple[Element, str] | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the request's device: connect, bars."""


Reader = Callable[[Element], QemuDevice | None]


def kind_of(device: Element) -> QemuDevice | None:
    """None for what is no PCI device. Raises SourceError for a model that is not known."""
    reader = READERS.get(device.tag)
    return None if reader is None else reader(device)


def _virtio(model: str, value: str, element: Element, name: str = "model") -> QemuDevice:
    """A virtio device whose model attribute says the mode; a missing one is plain `virtio`."""
    if value not in ("", *MODE_OF_MODEL):
        raise SourceError(f"{element.tag} model {value!r} is not known: {', '.join(MODE_OF_MODEL)}")
    return QemuDevice(model, MODE_OF_MODEL[value or "virtio"], (element, name))


def disk(device: Element) -> QemuDevice | None:
    """Of a virtio disk its device; None for one on another bus, which is no PCI device."""
    if disk_bus(device) != "virtio":
        return None
    return _virtio("vhost-user-blk" if device.get("type") == "vhostuser" else "virtio-blk", device.get("model"), device)


def disk_bus(device: Element) -> str:
    """Stated, or by the first letters of the name that the guest may give it."""
    target = device.first("target")
    if target is None:
        return ""
    prefixes = {"hd": "ide", "sd": "scsi", "vd": "virtio", "xvd": "xen", "fd": "fdc", "ub": "usb"}
    dev = target.get("dev")
    return target.get("bus") or next((bus for prefix, bus in prefixes.items() if dev.startswith(prefix)), "")


MOST_DISKS: Final = 1 << 14


def disk_number(device: Element) -> int:
    """By the name that the guest may give it: `vda` is 0, `vdaa` 26."""
    number = 0
    name = device.value("target", name="dev")
    for letter in name.removeprefix("x")[2:].rstrip("0123456789"):
        number = number * 26 + ord(letter) - ord("a") + 1
        if not 0 < number <= MOST_DISKS:
            raise SourceError(f"disk {name[:40]!r}: not a name such as vda or sdb")
    return max(0, number - 1)


NETWORK: Final = {
    "ne2k_pci",
    "pcnet",
    "rtl8139",
    "e1000",
    "e1000e",
    "e1000-82544gc",
    "e1000-82545em",
    "vmxnet3",
    "igb",
} | {
    *("i82550", "i82551", "i82557a", "i82557b", "i82557c", "i82558a", "i82558b", "i82559a", "i82559b", "i82559c"),
    *("i82559er", "i82562", "i82801", "tulip", "rocker"),
}


def interface(device: Element) -> QemuDevice | None:
    """Of an interface its network card, rtl8139 where no model is said; None for a USB one. Raises SourceError for an
    unknown model."""
    if device.get("type") == "hostdev":
        return HOST
    model = device.first("model")
    name = device.value("model", name="type") or "rtl8139"
    if name in MODE_OF_MODEL:
        assert model is not None
        return QemuDevice("virtio-net", MODE_OF_MODEL[name], (model, "type"), _virtio_net(device))
    if name == "usb-net":
        return None
    if name not in NETWORK:
        raise SourceError(f"interface model {name!r} is not known")
    return QemuDevice(name)


def _virtio_net(device: Element) -> dict[str, Any]:
    """What sizes BARs: more queues have more vectors; each of these features has a longer configuration in IO space."""
    properties: dict[str, Any] = {}
    queues = device.value("driver", name="queues")
    if queues.isdecimal() and int(queues) > 1:
        properties |= {"mq": True, "vectors": 2 * int(queues) + 2}
    if (mtu := device.value("mtu", name="size")).isdecimal():
        properties["host_mtu"] = int(mtu)
    return properties


SCSI: Final = {
    **dict.fromkeys(("", "auto", "lsilogic"), "lsi53c895a"),
    "lsisas1068": "mptsas1068",
    "lsisas1078": "megasas",
    "vmpvscsi": "pvscsi",
    "am53c974": "am53c974",
    "dc390": "dc390",
}
USB: Final = {
    **dict.fromkeys(("", "piix3-uhci"), "piix3-usb-uhci"),
    "piix4-uhci": "piix4-usb-uhci",
    "ehci": "usb-ehci",
    "pci-ohci": "pci-ohci",
    "qemu-xhci": "qemu-xhci",
    "nec-xhci": "nec-usb-xhci",
    **{f"ich9-{name}": f"ich9-usb-{name}" for name in ("ehci1", "uhci1", "uhci2", "uhci3")},
}
COMPANIONS: Final = {"ich9-usb-ehci1": 7, "ich9-usb-uhci1": 0, "ich9-usb-uhci2": 1, "ich9-usb-uhci3": 2}
"""Functions of a USB 2 controller in its slot."""


def controller(device: Element) -> QemuDevice | None:
    """Of a SCSI, serial, USB, SATA or IDE controller its device; None for others. Raises SourceError for a model."""
    sort, model = device.get("type"), device.get("model")
    if sort == "scsi":
        if model in ("virtio-scsi", *MODE_OF_MODEL):
            mode = {"virtio-scsi": None, **MODE_OF_MODEL}[model]
            return QemuDevice("virtio-scsi", mode, (device, "model"))
        return QemuDevice(_known(SCSI, model, "SCSI controller"))
    if sort == "virtio-serial":
        return _virtio("virtio-serial", model, device)
    if sort == "usb":
        return None if model == "none" else QemuDevice(_known(USB, model, "USB controller"))
    if sort == "sata":
        return QemuDevice("ich9-ahci")
    return QemuDevice("piix3-ide") if sort == "ide" else None


def _known(models: Mapping[str, str], name: str, what: str) -> str:
    if name not in models:
        raise SourceError(f"{what} model {name!r} is not known: {', '.join(filter(None, models))}")
    return models[name]


def video(device: Element) -> QemuDevice | None:
    """As the first video; `secondary` turns it into what a further one is."""
    model = device.first("model")
    name = device.value("model", name="type") or "cirrus"
    if name in ("none", "ramfb"):
        return None
    if name == "virtio":
        vhost = device.value("driver", name="name") == "vhostuser"
        gl = model is not None and model.value("acceleration", name="accel3d") == "yes" and not vhost
        return QemuDevice("vhost-user-vga" if vhost else "virtio-vga-gl" if gl else "virtio-vga")
    known = {"vga": "VGA", "cirrus": "cirrus-vga", "vmvga": "vmware-svga", "qxl": "qxl-vga", "bochs": "bochs-display"}
    sizes = {"vga": {"vram": "vgamem_mb"}, "qxl": {"ram": "ram_size_mb", "vram": "vram_size_mb", "vgamem": "vgamem_mb"}}
    properties = {
        option: int(model.get(attribute)) // 1024
        for attribute, option in sizes.get(name, {}).items()
        if model is not None and model.get(attribute).isdecimal()
    }
    return QemuDevice(_known(known, name, "video"), properties=properties)


SECONDARY: Final = {
    "VGA": "secondary-vga",
    "qxl-vga": "qxl",
    "virtio-vga": "virtio-gpu",
    "virtio-vga-gl": "virtio-gpu-gl",
    "vhost-user-vga": "vhost-user-gpu",
}
"""What a video is that is not the first."""


def sound(device: Element) -> QemuDevice | None:
    """Of a sound card its device; None for one that is not PCI."""
    known = {"ac97": "AC97", "es1370": "ES1370", "ich6": "intel-hda", "ich9": "ich9-intel-hda"}
    name = known.get(device.get("model"))
    return None if name is None else QemuDevice(name)


def memballoon(device: Element) -> QemuDevice | None:
    """The virtio balloon, unless the model is none."""
    return None if device.get("model") == "none" else _virtio("virtio-balloon", device.get("model"), device)


def watchdog(device: Element) -> QemuDevice | None:
    """The i6300esb; None for watchdogs that are not PCI."""
    return QemuDevice("i6300esb") if device.get("model") == "i6300esb" else None


def filesystem(device: Element) -> QemuDevice | None:
    """Of a shared folder vhost-user-fs (virtiofs) or virtio-9p."""
    if device.value("driver", name="type") == "virtiofs":
        return QemuDevice("vhost-user-fs")
    kind = _virtio("virtio-9p", device.get("model"), device)
    tag = device.value("target", name="dir")  # in the configuration, so in the IO BAR's size
    return replace(kind, properties={"mount_tag": tag}) if tag else kind


def input_(device: Element) -> QemuDevice | None:
    """Of a virtio keyboard, mouse, tablet or event device its device; None for one on another bus. Raises SourceError
    for a model."""
    if device.get("bus") != "virtio":
        return None
    if device.get("model", "virtio") != "virtio":
        raise SourceError(f"input model {device.get('model')!r}: virtio input devices have no such models")
    known = {name: f"virtio-{name}" for name in ("keyboard", "mouse", "tablet")} | {"passthrough": "virtio-input-host"}
    return QemuDevice(_known(known, device.get("type"), "virtio input"))


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
    return QemuDevice(_known({n: n for n in ("ivshmem-plain", "ivshmem-doorbell")}, name, "shmem"), more={"bars": bars})


def serial(device: Element) -> QemuDevice | None:
    """Of a serial port a pci-serial; None for one that is not PCI."""
    pci = "pci-serial" in (device.value("target", name="type"), device.value("target", "model", name="name"))
    return QemuDevice("pci-serial") if pci else None


HOST: Final = QemuDevice("vfio-pci", more={"connect": "express", "bars": []})
"""A host's device: what it is the domain does not say; libvirt, too, takes it for PCI Express where it cannot look."""


def hostdev(device: Element) -> QemuDevice | None:
    """Of a PCI or mediated device of the host a vfio-pci, of a SCSI host a vhost-scsi; None for others, and for one
    that is unassigned."""
    if device.value("address", name="type") == "unassigned" or device.get("mode", "subsystem") != "subsystem":
        return None
    if device.get("type") in ("pci", "mdev"):
        return HOST
    return _virtio("vhost-scsi", device.get("model"), device) if device.get("type") == "scsi_host" else None


def iommu(device: Element) -> QemuDevice | None:
    """Of a virtio IOMMU its device; None for IOMMUs that are not PCI devices of the plan."""
    return QemuDevice("virtio-iommu") if device.get("model") == "virtio" else None


def memory(device: Element) -> QemuDevice | None:
    """Of a virtio memory device its device; None for DIMMs."""
    return QemuDevice(device.get("model")) if device.get("model") in ("virtio-mem", "virtio-pmem") else None


def panic(device: Element) -> QemuDevice | None:
    """Of a pvpanic its PCI device; None for other panic devices."""
    return QemuDevice("pvpanic-pci") if device.get("model") == "pvpanic" else None


READERS: Final[dict[str, Reader]] = {
    "disk": disk,
    "interface": interface,
    "controller": controller,
    "video": video,
    "sound": sound,
    "memballoon": memballoon,
    "rng": lambda device: _virtio("virtio-rng", device.get("model"), device),
    "watchdog": watchdog,
    "filesystem": filesystem,
    "vsock": lambda device: _virtio("vhost-vsock", device.get("model"), device),
    "input": input_,
    "shmem": shmem,
    "serial": serial,
    "hostdev": hostdev,
    "iommu": iommu,
    "memory": memory,
    "panic": panic,
    "crypto": lambda device: QemuDevice("virtio-crypto") if device.get("model") == "virtio" else None,
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
    unit = element.get("unit", default).lower()
    if not element.text.isdecimal() or unit not in MEMORY_UNITS:
        raise SourceError(f"{element.tag} {element.text!r} {unit}: not a size")
    return int(element.text) * MEMORY_UNITS[unit]
