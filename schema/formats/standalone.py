"""A whole QEMU command line for a layout: machine, firmware, memory, and stand-ins for what the devices lean on.

Enough to start QEMU and let the firmware enumerate; not a guest to use: disks read zeroes, networks lead nowhere.
Which devices refuse to start without which backend was measured on QEMU 7.2: tests/real/test_machine.py.
"""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ..catalog import models
from ..catalog.nvme_queues import SUBSYSTEM, SUBSYSTEM_SERIAL
from ..catalog.virtual_functions import virtual_functions
from ..layout.layout import Layout, PlacedDevice, Platform
from ..pci.controllers import VirtioMode
from ..pci.cpu import DEFAULT_MODEL, Cpu, Vendor
from ..pci.machine import Chipset
from ..pci.qemu_properties import Properties, as_text
from ..pci.ram import GIB, MEMORY_UNIT
from ..pci.size import MIB
from .ovmf_image import ovmf_image
from .qemu import Emitted, emission, json_argument, plain_argument, root_switch

VENDOR_IDS: Final[dict[Vendor, str]] = {"amd": "AuthenticAMD", "intel": "GenuineIntel", "other": "HygonGenuine"}
"""What CPUID says; of the others' ids any will do."""

BACKING: Final = 4 * MIB
"""Bytes behind a stand-in memory device, two blocks of virtio-mem; also what the catalogue takes for ivshmem."""

RAM: Final = "standin.ram"
"""Backends of the guest's memory: this and the node's number."""

IMITATION: Final = "edu"
IO_IMITATION: Final = "pci-testdev"
MEMORY_IMITATION: Final = "ivshmem-plain"
"""What sits where a device would need hardware: a memory BAR of 1 MiB; 256 bytes of IO, and with its `membar` 64-bit
memory of any size; such memory without IO."""
SMALL_MEMORY: Final = MIB
"""Bytes of memory BARs that need no imitation of their own."""

NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "AC97": ("audiodev",),
    "ES1370": ("audiodev",),
    "acpi-erst": ("memdev",),
    "ctucan_pci": ("canbus0", "canbus1"),
    "ivshmem-plain": ("memdev",),
    "kvaser_pci": ("canbus",),
    "mioe3680_pci": ("canbus0", "canbus1"),
    "nvme": ("serial",),
    "pci-ipmi-bt": ("bmc",),
    "pci-ipmi-kcs": ("bmc",),
    "pcm3680_pci": ("canbus0", "canbus1"),
    "virtio-9p-pci": ("fsdev", "mount_tag"),
    "virtio-blk-pci": ("drive",),
    "virtio-crypto-pci": ("cryptodev",),
    "virtio-mem-pci": ("memdev",),
    "virtio-pmem-pci": ("memdev",),
    "virtio-sound-pci": ("audiodev",),
}
"""Properties without which QEMU refuses the device, or (audiodev) tries the host's own backend. Drivers without the
`-transitional` and `-non-transitional` suffix."""

NEEDED_BY_VIRTUAL: Final[dict[str, tuple[str, ...]]] = {"nvme": ("subsys",)}
"""The same of a device with virtual functions (QEMU: "subsystem is required for the use of SR-IOV")."""

MEMORY_DEVICES: Final = ("virtio-mem-pci", "virtio-pmem-pci")

BACKENDS: Final[dict[str, tuple[str, str]]] = {
    "audiodev": ("-audiodev", "none,id={id}"),
    "bmc": ("-device", "ipmi-bmc-sim,id={id}"),
    "canbus": ("-object", "can-bus,id={id}"),
    "canbus0": ("-object", "can-bus,id={id}"),
    "canbus1": ("-object", "can-bus,id={id}"),
    "chardev": ("-chardev", "null,id={id}"),
    "chardev1": ("-chardev", "null,id={id}"),
    "chardev2": ("-chardev", "null,id={id}"),
    "chardev3": ("-chardev", "null,id={id}"),
    "chardev4": ("-chardev", "null,id={id}"),
    "cryptodev": ("-object", "cryptodev-backend-builtin,id={id}"),
    # -drive, not -blockdev: a node name has at most 31 characters
    "drive": ("-drive", f"if=none,id={{id}},driver=null-co,read-zeroes=on,size={MIB}"),
    "fsdev": ("-fsdev", "synth,id={id}"),
    "iothread": ("-object", "iothread,id={id}"),
    "memdev": ("-object", "memory-backend-ram,id={id},size={size},reserve=off"),
    "netdev": ("-netdev", "hubport,id={id},hubid={number}"),
    "pmrdev": ("-object", "memory-backend-ram,id={id},size={size},reserve=off"),
    "rng": ("-object", "rng-builtin,id={id}"),
    "subsys": ("-device", "nvme-subsys,id={id}"),
}
"""What stands in for the backend that a property names."""


def standalone(layout: Layout, *, as_json: bool = False, firmware: Path | None = None) -> list[str]:
    """All arguments after QEMU's name; the devices of `imitated(layout)` are imitated.

    `firmware` is an image in place of the one that the machine has installed. Raises FileNotFoundError if that is not
    there, or if the layout's firmware is OVMF and none of its usual places has it.
    """
    stage = _Stage(layout)
    write = json_argument if as_json else plain_argument
    controllers, devices = emission(layout)
    seats = [*controllers, *(stage.furnish(device) for device in devices)]
    return [
        *("-nodefaults", "-no-user-config", "-display", "none"),
        *machine_words(layout),
        *_firmware(layout, firmware),
        *memory_words(layout, memory_devices=stage.memory_devices),
        *stage.backends,
        *(word for seat in seats for word in ("-device", write(seat))),
    ]


def needs_hardware(driver: str) -> bool:
    """Whether QEMU refuses the driver without a host device, a vhost process, an OpenGL display, a server or Xen."""
    if driver.startswith(("vfio-", "vhost-", "cxl-", "pxb-cxl")) or driver.endswith(("-gl", "-gl-pci")):
        return True
    return driver in ("ivshmem-doorbell", "pvrdma", "virtio-input-host-pci", "x-pci-proxy-dev", "xen-platform")


def imitated(layout: Layout) -> list[str]:
    """Ids of the devices in whose place `standalone` puts another, so that every slot stays as planned.

    What takes the place has an IO BAR if the device has one, and one of 64-bit prefetchable memory as large as the
    device's largest, if that is above 1 MiB; but not the device's other BARs.
    """
    return [device.id for device in layout.devices if _is_imitated(device)]


def _is_imitated(device: PlacedDevice) -> bool:
    """Also a device type that only the request knows."""
    return needs_hardware(device.driver) or _plain(device.driver) not in {model.driver for model in models().values()}


def _plain(driver: str) -> str:
    """A virtio driver's name without the suffix that says its mode."""
    return driver.removesuffix("-transitional").removesuffix("-non")


def _has_io(device: PlacedDevice) -> bool:
    legacy = device.virtio in (VirtioMode.LEGACY, VirtioMode.TRANSITIONAL)
    return legacy or any(bar.kind == "io" for bar in device.bars or ())


def _memory_size(device: PlacedDevice) -> int:
    """Bytes of the largest memory BAR that the layout states."""
    return max((bar.size for bar in device.bars or () if bar.kind != "io"), default=0)


@dataclass
class _Stage:
    """Collects backends, one for each id that a property names, while devices are furnished with them."""

    layout: Layout
    backends: list[str] = field(default_factory=list)
    memory_devices: int = 0

    def __post_init__(self) -> None:
        seats = (*self.layout.controllers, *self.layout.devices)
        self._used = {as_text(value) for seat in seats for value in (seat.id, *seat.properties.values())}
        self._made: set[str] = set()
        self._sizes = {device.id: _memory_size(device) for device in self.layout.devices}
        self._imitations = {d.id: _has_io(d) for d in self.layout.devices if _is_imitated(d)}
        self._names = self._fresh_names()
        # QEMU takes one serial a subsystem: that of the members that state it, else one that is made up for all
        both = {SUBSYSTEM, SUBSYSTEM_SERIAL}
        stated = (one.properties for one in self.layout.devices if both <= one.properties.keys())
        self._serials = {as_text(one[SUBSYSTEM]): as_text(one[SUBSYSTEM_SERIAL]) for one in stated}

    def _fresh_names(self) -> Iterator[str]:
        return (name for number in itertools.count() if (name := f"standin{number}") not in self._used)

    def furnish(self, device: Emitted) -> Emitted:
        """The device with every backend it names made, and every one it needs and does not name made up."""
        if device.id in self._imitations:
            return self._imitate(device)
        kind = _plain(device.driver)
        self.memory_devices += kind in MEMORY_DEVICES
        properties = dict(device.properties)
        virtual = virtual_functions(kind, properties)
        for name in (*NEEDED.get(kind, ()), *(NEEDED_BY_VIRTUAL.get(kind, ()) if virtual else ())):
            if name not in properties:
                properties[name] = self._made_up(name, properties)
        for name, value in properties.items():
            if name in BACKENDS:
                self._make(name, as_text(value), self._sizes[device.id] or BACKING)
        return device.model_copy(update={"properties": properties})

    def _made_up(self, name: str, others: Properties) -> str:
        """A value for a property that is not stated."""
        if name == "mount_tag":  # the IO BAR grows with its length: as short as the catalogue takes one not given for
            return f"t{len(self._made)}"
        subsystem = others.get(SUBSYSTEM) if name == SUBSYSTEM_SERIAL else None
        if subsystem is None:
            return next(self._names)
        if as_text(subsystem) not in self._serials:
            self._serials[as_text(subsystem)] = next(self._names)
        return self._serials[as_text(subsystem)]

    def _imitate(self, device: Emitted) -> Emitted:
        size = self._sizes[device.id]
        properties: Properties = {}
        if self._imitations[device.id]:
            driver = IO_IMITATION
            if size > SMALL_MEMORY:
                properties["membar"] = size
        elif size > SMALL_MEMORY:
            driver, properties = MEMORY_IMITATION, {"memdev": next(self._names)}
            self._make("memdev", str(properties["memdev"]), size)
        else:
            driver = IMITATION
        return device.model_copy(update={"driver": driver, "properties": properties})

    def _make(self, name: str, backend: str, size: int) -> None:
        if backend in self._made:
            return
        option, text = BACKENDS[name]
        self.backends += [option, text.format(id=backend.replace(",", ",,"), number=len(self._made), size=size)]
        self._made.add(backend)


def machine_words(layout: Layout) -> list[str]:
    """Chipset options are spelled out only where they differ from QEMU's default: old machine types lack some."""
    chipset, plain = layout.platform.chipset, Chipset()
    family = layout.machine_model.family
    options = ["usb", "acpi", *(("sata", "smbus") if family == "q35" else ())]
    words = [layout.machine.replace(",", ",,")]  # of a layout any text, that may come from anybody
    words += [f"{o}={as_text(getattr(chipset, o))}" for o in options if getattr(chipset, o) != getattr(plain, o)]
    if not layout.platform.numa_nodes:
        words.append(f"memory-backend={RAM}0")
    result = ["-machine", ",".join(words)]
    result += _cpu(layout.platform)
    if layout.platform.pci_hole64 is not None:
        host = "q35-pcihost" if family == "q35" else "i440FX-pcihost"
        result += ["-global", f"{host}.pci-hole64-size={layout.platform.pci_hole64}"]
    result += root_switch(layout)
    if chipset.bridge_hotplug is not None:
        function = "ICH9-LPC" if family == "q35" else "PIIX4_PM"
        result += ["-global", f"{function}.acpi-pci-hotplug-with-bridge-support={as_text(chipset.bridge_hotplug)}"]
    return result


def _cpu(platform: Platform) -> list[str]:
    """What the layout says of the CPU. The host's own takes KVM: in its place is one with the same vendor and bits."""
    cpu, model = platform.cpu, platform.cpu.own_model
    if cpu == Cpu() and platform.phys_bits is None:
        return []
    words = [DEFAULT_MODEL if cpu.model is None else cpu.model.replace(",", ",,")]
    if cpu.vendor_seen != model.vendor:
        words.append(f"vendor={VENDOR_IDS[cpu.vendor_seen]}")
    if cpu.long_mode != model.long_mode:
        words.append(f"lm={as_text(cpu.long_mode)}")
    if platform.pdpe1gb != model.large_pages:
        words.append(f"pdpe1gb={as_text(platform.pdpe1gb)}")
    if platform.phys_bits is not None:
        words.append(f"phys-bits={platform.phys_bits}")
    if cpu.guest_phys_bits is not None:
        words.append(f"guest-phys-bits={cpu.guest_phys_bits}")
    return ["-cpu", ",".join(words)]


def _firmware(layout: Layout, image: Path | None) -> list[str]:
    """SeaBIOS is QEMU's default. OVMF without a variable store keeps its variables in memory, which will do here."""
    if image is not None and not os.path.isfile(image):
        raise FileNotFoundError(f"no firmware image {image}")
    if layout.firmware.name == "seabios":
        return [] if image is None else ["-bios", str(image)]
    file = str(image or ovmf_image()).replace(",", ",,")
    return ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={file}"]


def memory_words(layout: Layout, *, memory_devices: int = 0) -> list[str]:
    """The guest's memory, never reserved on the host; one backend a NUMA node, as equal as pages allow."""
    page, nodes = MEMORY_UNIT, max(1, layout.platform.numa_nodes)
    pages = max(nodes, -(-layout.platform.memory // page))
    words = ["-m", f"{pages * page}B{_to_plug(layout.platform, pages * page, memory_devices)}"]
    for node in range(nodes):
        share = (pages // nodes + (node < pages % nodes)) * page
        name = f"{RAM}{node}"
        words += ["-object", f"memory-backend-ram,id={name},size={share},reserve=off"]
        if layout.platform.numa_nodes:
            words += ["-numa", f"node,nodeid={node},memdev={name}"]
    return words


def _to_plug(platform: Platform, memory: int, memory_devices: int) -> str:
    """What of `-m` says how much can be plugged: as stated, or room for the stand-ins of memory devices."""
    if platform.max_memory is not None:
        return f",maxmem={max(memory, platform.max_memory)}B,slots={platform.memory_slots}"
    # each is aligned to 1 GiB at most
    return f",maxmem={memory + memory_devices * (GIB + BACKING)}B" if memory_devices else ""
