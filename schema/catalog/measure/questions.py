"""What to ask QEMU: stand-ins for backends, categories, and the properties on which BARs depend."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ...pci.size import MIB

NOMINAL: Final = 4 * MIB
"""Bytes of a stand-in memory backend."""

MEMORY_BACKEND: Final = ("-object", f"memory-backend-ram,id=back,size={NOMINAL},share=on")
CAN_BUS: Final = ("-object", "can-bus,id=back")
BMC: Final = ("-device", "ipmi-bmc-sim,id=back")
AUDIO: Final = ("-audiodev", "none,id=back")

STAND_INS: Final[dict[str, tuple[tuple[str, ...], dict[str, str]]]] = {
    "AC97": (AUDIO, {"audiodev": "back"}),
    "ES1370": (AUDIO, {"audiodev": "back"}),
    "acpi-erst": (MEMORY_BACKEND, {"memdev": "back"}),
    "ctucan_pci": (CAN_BUS, {"canbus0": "back", "canbus1": "back"}),
    "ivshmem-plain": (MEMORY_BACKEND, {"memdev": "back"}),
    "kvaser_pci": (CAN_BUS, {"canbus": "back"}),
    "mioe3680_pci": (CAN_BUS, {"canbus0": "back", "canbus1": "back"}),
    "nvme": ((), {"serial": "x"}),
    "pci-ipmi-bt": (BMC, {"bmc": "back"}),
    "pci-ipmi-kcs": (BMC, {"bmc": "back"}),
    "pcm3680_pci": (CAN_BUS, {"canbus0": "back", "canbus1": "back"}),
    "vhost-user-fs": ((), {"tag": "x"}),
    "virtio-9p": (("-fsdev", "synth,id=back"), {"fsdev": "back", "mount_tag": "x"}),
    "virtio-blk": (("-blockdev", f"null-co,node-name=back,size={MIB},read-zeroes=on"), {"drive": "back"}),
    "virtio-crypto": (("-object", "cryptodev-backend-builtin,id=back"), {"cryptodev": "back"}),
    "virtio-mem": (MEMORY_BACKEND, {"memdev": "back"}),
    "virtio-pmem": (MEMORY_BACKEND, {"memdev": "back"}),
    "virtio-sound": (AUDIO, {"audiodev": "back"}),
}
"""Arguments and properties without which QEMU refuses a model. QEMU has no default audio from 9.0 on."""

VHOST_USER: Final = "vhost-user-"
"""How models begin whose `chardev` is a backend outside QEMU: measure/vhost_user.py."""

CATEGORY_OF_CLASS: Final = {
    0x0100: "scsi",
    0x0101: "ide",
    0x0104: "scsi",  # RAID
    0x0106: "sata",
    0x0107: "scsi",  # SAS
    0x0108: "nvme",
    0x0109: "block",  # UFS
    0x0401: "audio",
    0x0403: "audio",
    0x0700: "serial",
    0x0C03: "usb",
}
"""Category by PCI class and subclass; by class alone below."""
BASE_CLASSES: Final = {0x02: "network", 0x03: "video"}

CATEGORIES: Final = {
    "AMDVI-PCI": "iommu",
    "i6300esb": "watchdog",
    "ivshmem-plain": "shmem",
    "pvpanic-pci": "panic",
    "pvscsi": "scsi",
    "vhost-user-blk": "block",
    "vhost-user-fs": "filesystem",
    "vhost-user-input": "input",
    "vhost-user-rng": "rng",
    "vhost-user-scsi": "scsi",
    "vhost-user-vsock": "vsock",
    "virtio-9p": "filesystem",
    "virtio-balloon": "balloon",
    "virtio-blk": "block",
    "virtio-crypto": "crypto",
    "virtio-iommu": "iommu",
    "virtio-keyboard": "input",
    "virtio-mem": "memory",
    "virtio-mouse": "input",
    "virtio-multitouch": "input",
    "virtio-net": "network",
    "virtio-pmem": "memory",
    "virtio-rng": "rng",
    "virtio-scsi": "scsi",
    "virtio-serial": "serial",
    "virtio-tablet": "input",
}
"""Where the class says nothing or something else: virtio's classes are those of its oldest devices."""

INTEGRATED: Final = frozenset({"AMDVI-PCI", "virtio-iommu"})
"""Only accepted on a root bus ("virtio-iommu-pci must be plugged on the root bus"), or of use there alone."""
BACKEND_SIZED: Final = {"ivshmem-plain": (2,), "nvme": (4,)}

VIRTIO_MODES: Final = {
    "legacy": {"disable-legacy": "off", "disable-modern": "on"},
    "transitional": {"disable-legacy": "off", "disable-modern": "off"},
    "modern": {"disable-legacy": "on", "disable-modern": "off"},
}


@dataclass(frozen=True, slots=True)
class Question:
    """Whether BARs change under a condition (as in a rule's `when`); `sample` gives values to conditions like `*`."""

    when: Mapping[str, Any]
    sample: Mapping[str, Any]


def _asks(*conditions: Mapping[str, Any], **sample: Any) -> tuple[Question, ...]:
    return tuple(Question(when, {**when, **{k: v for k, v in sample.items() if k in when}}) for when in conditions)


EVERY_VIRTIO: Final = _asks({"vectors": 0}, {"page-per-vq": True}, {"modern-pio-notify": True})
"""Asked of each virtio model that has the property."""

HOST_MEMORY: Final = _asks(
    {"hostmem": ">=1"},
    {"hostmem": ">=1", "vectors": 0},
    {"hostmem": ">=1", "page-per-vq": True},
    {"hostmem": ">=1", "page-per-vq": True, "vectors": 0},
    hostmem=NOMINAL,
)
"""With it and modern-pio-notify a virtio-gpu ends QEMU: both want BAR 2."""

QUESTIONS: Final[dict[str, tuple[Question, ...]]] = {
    "ati-vga": _asks({"model": "rv100"}),
    "VGA": _asks({"mmio": False}),
    "nvme": (Question({"pmrdev": "*"}, {"pmrdev": "back"}),),
    # IO follows the size of the configuration space, which ends with the last field that a feature needs, plus 24
    # bytes, or 20 without MSI-X: hence the pairs with vectors=0
    "virtio-balloon": _asks({"page-poison": False}, {"page-poison": False, "qemu-4-0-config-size": True}),
    "virtio-blk": _asks({"discard": False, "write-zeroes": False}, {"discard": False}, {"write-zeroes": False}),
    "virtio-gpu": HOST_MEMORY,
    "virtio-net": _asks(
        {"mq": True},
        {"host_mtu": ">=1"},
        {"mq": True, "vectors": 0},
        {"host_mtu": ">=1", "vectors": 0},
        {"rss": True},
        {"hash": True},
        {"speed": ">=0"},
        {"duplex": "*"},
        {"rss": True, "vectors": 0},
        {"speed": ">=0", "vectors": 0},
        host_mtu=1500,
        speed=1000,
        duplex="full",
    ),
    "virtio-serial": _asks({"emergency-write": False}, {"emergency-write": False, "vectors": 0}),
    "virtio-vga": HOST_MEMORY,
}
"""In this order: a later rule wins over earlier ones. Those about properties that a QEMU does not have are not asked
there."""


@dataclass(frozen=True, slots=True)
class SizeQuestion:
    """A size rule (keys as in a rule of devices.json, without `sized`) and values at which QEMU must agree with it."""

    bar: int
    rule: Mapping[str, Any]
    values: tuple[Any, ...]
    extra: Mapping[str, Any]
    """Other properties set in these measurements."""
    sized: tuple[Any, ...] | None = None
    """The BAR, where the model by default has none of that number or a larger one than the least possible."""

    @property
    def samples(self) -> list[dict[str, Any]]:
        """The properties of each measurement."""
        return [{**self.extra, self.rule["by"]: value} for value in self.values]


def _sizes(
    bar: int, *values: Any, sized: tuple[Any, ...] | None = None, extra: Mapping[str, Any] | None = None, **rule: Any
) -> SizeQuestion:
    return SizeQuestion(bar, rule, values, rule.get("when", {}) if extra is None else extra, sized)


VECTOR_STEPS: Final = ((1, 4096), (255, 8192), (509, 16384), (1017, 32768), (2033, 65536))
"""MSI-X table and pending bits in a BAR of their own: vectors from which on it has so many bytes."""

VGA_MEMORY: Final = (_sizes(0, 1, 3, 64, 600, sized=(0, "mem32", MIB, True), by="vgamem_mb", unit=MIB, most=512 * MIB),)
QXL_MEMORY: Final = (
    _sizes(0, 33554433, 134217728, sized=(0, "mem32", 4096, False), by="ram_size", unit=1),
    _sizes(0, 1, 20, 128, sized=(0, "mem32", 4096, False), by="ram_size_mb", unit=MIB),
    _sizes(
        0,
        *(1, 17, 64, 100, 256, 512),
        sized=(0, "mem32", 2 * MIB, False),
        by="vgamem_mb",
        unit=2 * MIB,
        most=512 * MIB,
        default=16,
        grows=True,
    ),
    _sizes(1, 33554432, 67108864, sized=(1, "mem32", 4096, False), by="vram_size", unit=1),
    _sizes(1, 3, 32, 128, sized=(1, "mem32", 4096, False), by="vram_size_mb", unit=MIB),
    _sizes(4, 0, 32, 100, 256, sized=(4, "mem64", 4096, True), by="vram64_size_mb", unit=MIB, beyond=1),
)

NVME_SPLIT: Final = (
    _sizes(
        0,
        *(1, 64, 511, 512, 1535, 1536, 2047),
        sized=(0, "mem64", 8192, False),
        by="max_ioqpairs",
        steps=((1, 8192), (512, 16384), (1536, 32768)),
        default=64,
        when={"msix-exclusive-bar": True},
    ),
    _sizes(
        4,
        *(1, 254, 255, 508, 509, 1016, 1017, 2032, 2033, 2048),
        sized=(4, "mem32", 4096, False),
        by="msix_qsize",
        steps=VECTOR_STEPS,
        default=65,
        when={"msix-exclusive-bar": True},
    ),
)
"""MSI-X apart from the registers, as machine types before 6.0 have it."""

GPU_MEMORY: Final = (
    _sizes(4, 1, 4096, 8 << 30, sized=(4, "mem64", 1, True), by="hostmem", unit=1, when={"hostmem": ">=1"}),
)

MEMORY_SIZES: Final[dict[str, tuple[SizeQuestion, ...]]] = {
    "VGA": VGA_MEMORY,
    "ati-vga": (
        *VGA_MEMORY,
        _sizes(
            0,
            *(16 * MIB, 32 * MIB, 256 * MIB),
            sized=(0, "mem32", 16 * MIB, True),
            by="x-linear-aper-size",
            unit=1,
        ),
    ),
    "secondary-vga": VGA_MEMORY,
    "vmware-svga": (_sizes(1, 1, 3, 64, 600, sized=(1, "mem32", MIB, True), by="vgamem_mb", unit=MIB, most=512 * MIB),),
    "bochs-display": (_sizes(0, "8M", "17M", "256M", sized=(0, "mem32", 4 * MIB, True), by="vgamem", unit=1),),
    "qxl": QXL_MEMORY,
    "qxl-vga": QXL_MEMORY,
    "nvme": (
        _sizes(2, 1, 64, 512, sized=(2, "mem64", MIB, True), by="cmb_size_mb", unit=MIB, when={"cmb_size_mb": ">=1"}),
        # Set together, both large, they may need one step more than these two rules say
        _sizes(0, 1, 511, 512, 2047, by="max_ioqpairs", steps=((1, 16384), (512, 32768)), grows=True),
        _sizes(
            0,
            *(1, 256, 257, 1280, 1281, 2048),
            by="msix_qsize",
            steps=((1, 16384), (257, 32768), (1281, 65536)),
            grows=True,
        ),
        *NVME_SPLIT,
    ),
    "pci-testdev": (_sizes(2, "4M", "16M", sized=(2, "mem64", 4096, True), by="membar", unit=1),),
    "virtio-gpu": GPU_MEMORY,
    "virtio-vga": (
        *GPU_MEMORY,
        _sizes(
            1,
            *(1, 300),
            sized=(1, "mem32", 4096, False),
            by="vectors",
            steps=VECTOR_STEPS,
            when={"hostmem": ">=1", "vectors": ">=1"},
            extra={"hostmem": NOMINAL},
        ),
    ),
    "virtio-9p": (
        _sizes(0, "x", "x" * 6, "x" * 7, "x" * 31, by="mount_tag", steps=((0, 32), (7, 64))),
        _sizes(0, "x" * 10, "x" * 11, by="mount_tag", steps=((0, 32), (11, 64)), when={"vectors": 0}),
    ),
}
"""Sizes that follow a value; those that follow it on some QEMUs only have no rule on others. Left out: a virtio-blk or
virtio-scsi of more than 250 queues, whose vectors QEMU counts from the queues (8 KiB instead of 4 KiB), and qxl's old
revisions."""
