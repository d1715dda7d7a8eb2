"""What words of domain XML stand for: models of the catalogue; None is for what is no PCI device of a guest on x86.

Source: libvirt 9.0's schema of domains, held against the devices that it gives addresses to; of what later versions
have (sound `virtio` from 10.4, controllers `nvme` from 11.5, watchdog `itco`, panic `pvpanic` from 9.1) their
documentation.
"""

from typing import Final

Kinds = dict[str, str | None]

MODE_OF_MODEL: Final = {"virtio": None, "virtio-transitional": "transitional", "virtio-non-transitional": "modern"}
"""virtio models in domain XML; plain `virtio` leaves the mode to the slot."""

_NETWORK: Final = """ne2k_pci pcnet rtl8139 e1000 e1000e e1000-82544gc e1000-82545em vmxnet3 igb i82550 i82551 i82557a
i82557b i82557c i82558a i82558b i82559a i82559b i82559c i82559er i82562 i82801 tulip rocker"""
NETWORK: Final[Kinds] = {**{name: name for name in _NETWORK.split()}, "usb-net": None}
SCSI: Final[Kinds] = {
    **dict.fromkeys(("", "auto", "lsilogic"), "lsi53c895a"),
    "lsisas1068": "mptsas1068",
    "lsisas1078": "megasas",
    "vmpvscsi": "pvscsi",
    "am53c974": "am53c974",
    "dc390": "dc390",
}
USB: Final[Kinds] = {
    "none": None,
    **dict.fromkeys(("", "piix3-uhci"), "piix3-usb-uhci"),
    "piix4-uhci": "piix4-usb-uhci",
    "ehci": "usb-ehci",
    "pci-ohci": "pci-ohci",
    "qemu-xhci": "qemu-xhci",
    "nec-xhci": "nec-usb-xhci",
    **{f"ich9-{name}": f"ich9-usb-{name}" for name in ("ehci1", "uhci1", "uhci2", "uhci3")},
}
CONTROLLER_TYPES: Final[Kinds] = {
    "sata": "ich9-ahci",
    "ide": "piix3-ide",
    "nvme": "nvme",
    **dict.fromkeys(("pci", "fdc", "ccid", "isa", "xenbus")),
    **dict.fromkeys(("scsi", "usb", "virtio-serial")),
}
"""Of the last three the model says more."""
VIDEO: Final[Kinds] = {
    "vga": "VGA",
    "cirrus": "cirrus-vga",
    "vmvga": "vmware-svga",
    "qxl": "qxl-vga",
    "bochs": "bochs-display",
    "virtio": "virtio-vga",
    **dict.fromkeys(("none", "ramfb")),
}
SOUND: Final[Kinds] = {
    "ac97": "AC97",
    "es1370": "ES1370",
    "ich6": "intel-hda",
    "ich9": "ich9-intel-hda",
    "virtio": "virtio-sound",
    **dict.fromkeys(("sb16", "pcspk", "ich7", "usb")),
}
WATCHDOG: Final[Kinds] = {"i6300esb": "i6300esb", **dict.fromkeys(("ib700", "itco", "diag288"))}
FILESYSTEM: Final[Kinds] = {
    **dict.fromkeys(("", "path", "handle", "loop", "nbd", "ploop"), "virtio-9p"),
    "virtiofs": "vhost-user-fs",
    "mtp": None,
}
"""By its driver's type."""
INPUT: Final[Kinds] = {
    "virtio": "virtio-keyboard",
    **dict.fromkeys(("", "usb", "ps2", "xen", "parallels", "none")),
}
"""By its bus; of virtio the type says more."""
VIRTIO_INPUT: Final[Kinds] = {
    **{name: f"virtio-{name}" for name in ("keyboard", "mouse", "tablet")},
    "passthrough": "virtio-input-host",
}
SHMEM: Final[Kinds] = {name: name for name in ("ivshmem-plain", "ivshmem-doorbell")}
MEMORY: Final[Kinds] = {
    "virtio-mem": "virtio-mem",
    "virtio-pmem": "virtio-pmem",
    **dict.fromkeys(("dimm", "nvdimm", "sgx-epc")),
}
IOMMU: Final[Kinds] = {"virtio": "virtio-iommu", "amd": "amd-iommu", "intel": None}
PANIC: Final[Kinds] = {"pvpanic": "pvpanic-pci", **dict.fromkeys(("", "isa", "hyperv", "pseries", "s390"))}
SERIAL: Final[Kinds] = {
    "pci-serial": "pci-serial",
    **dict.fromkeys(("", "serial", "isa-serial", "usb-serial", "pci", "isa-debug")),
    **dict.fromkeys(("spapr-vio-serial", "system-serial", "sclp-serial")),
}
"""By its target's type."""
HOSTDEV: Final[Kinds] = {
    **dict.fromkeys(("pci", "mdev"), "vfio-pci"),
    "scsi_host": "vhost-scsi",
    **dict.fromkeys(("usb", "scsi")),
}
SECONDARY: Final = {
    "VGA": "secondary-vga",
    "qxl-vga": "qxl",
    "virtio-vga": "virtio-gpu",
    "virtio-vga-gl": "virtio-gpu-gl",
    "vhost-user-vga": "vhost-user-gpu",
}
"""What a video is that is not the first."""
COMPANIONS: Final = {"ich9-usb-ehci1": 7, "ich9-usb-uhci1": 0, "ich9-usb-uhci2": 1, "ich9-usb-uhci3": 2}
"""Functions of a USB 2 controller in its slot."""
