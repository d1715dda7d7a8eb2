"""The closed list of rules: what a layout must keep. Encoder, verifier and explanations all speak of these codes."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """`source` says who enforces it, or where it was measured."""

    code: str
    sentence: str
    source: str


LAYOUT_RULES: Final[tuple[Rule, ...]] = (
    # what stands in the layout
    Rule(
        "complete",
        "every device, demanded controller and spare slot of the request is in the layout, and no other device; "
        "expanders are added only for nodes that something asks for, ioh3420 and i82801b11-bridge never, and no PCI "
        "Express on pc",
        "the request",
    ),
    Rule(
        "tree",
        "every bus is the root bus or offered by a controller that stands earlier, and ids are unique",
        "QEMU: Bus not found",
    ),
    Rule(
        "machine-model",
        "controllers fit the machine: pxb goes with pc, pxb-pcie and i82801b11-bridge with q35",
        "QEMU: pxb devices cannot reside on a PCIe bus",
    ),
    Rule(
        "as-requested",
        "models, virtio modes and properties are those of the request; nothing has a property that nobody asked "
        "for, but for those by which the planner numbers controllers and keeps room",
        "the request",
    ),
    # addresses
    Rule("address-range", "the slot exists on its bus", "QEMU measured; Linux sees only slot 0 behind a port"),
    Rule("address-unique", "no two functions share an address", "QEMU: slot function not available, in use"),
    Rule("chipset", "functions of the chipset, and slots it closes, are left alone", "QEMU measured"),
    Rule("reserve", "reserved addresses are left alone", "the request"),
    Rule("pin", "pinned addresses are honoured", "the request"),
    Rule(
        "function-zero",
        "function 0 of every used slot is present",
        "PCI Local Bus 3.0 3.2.2.3.4; measured: no firmware sees the others without it",
    ),
    Rule(
        "multifunction",
        "function 0 says multifunction=on where another function of its slot is used",
        "QEMU: single function device can't be populated",
    ),
    Rule(
        "slot-sharing",
        "a slot is shared only by root ports, by downstream ports, by pci-bridges, or by endpoints "
        "that are not hot-plugged; pins may mix them",
        "docs/pcie.txt; one hot-plug event a slot",
    ),
    Rule("group", "a group's members are functions of one slot, in listed order unless pinned", "the request"),
    Rule(
        "virtual-functions",
        "nobody has an address that virtual functions of a device take, and none of these is past the end of its bus; "
        "by itself such a device is function 0, behind a port, or on the root bus with nobody else in slots of theirs",
        "QEMU: slot function not available, in use by igbvf; VF addr overflows",
    ),
    Rule(
        "sriov-pf",
        "virtual functions that the request lists are in the slot of their physical function, behind a port, at higher "
        "functions than it, one stride apart",
        "QEMU: VF function number is less than the PF's; inconsistent SR-IOV stride; PCI Express is required",
    ),
    # connections
    Rule("connect", "the bus provides what the device needs", "docs/pcie.txt; libvirt connect types; measured"),
    Rule(
        "virtio-slot",
        "a virtio device whose mode nothing but its slot says sits where that is its mode: modern behind a port, "
        "else transitional",
        "QEMU: disable-legacy=auto, measured",
    ),
    Rule(
        "integrated",
        "virtio-iommu, the PCI half of amd-iommu, and what the request calls integrated sit on the root bus",
        "QEMU: must be plugged on the root bus; libvirt of a pvpanic",
    ),
    Rule(
        "companion",
        "the PCI half of an amd-iommu is alone in its slot: the first of pcie.0 that no pin names, unless its address "
        "is stated",
        "QEMU: AMDVI-PCI takes the first free slot at its turn, measured",
    ),
    Rule("single-balloon", "a guest has one balloon", "QEMU: Only one balloon device is supported"),
    Rule(
        "single-model",
        "a guest has at most one qxl-vga, one vmware-svga and one vIOMMU, and on machine types before 3.0 "
        "one of VGA, cirrus-vga, qxl-vga and vmware-svga",
        "QEMU refuses the second, measured with every pair of displays",
    ),
    Rule(
        "iommu-group",
        "with a vIOMMU all devices of the host that are of one IOMMU group share an address space: below the same "
        "topmost conventional bridge, or below expanders that bypass the vIOMMU",
        "VFIO: group used in multiple address spaces; spaces measured",
    ),
    # needs
    Rule(
        "hotplug",
        "a device that must be hot-pluggable is alone, with its group, in a slot that takes hot-plug",
        "QEMU device_add measured on every bus, Linux guest",
    ),
    Rule(
        "eject",
        "with policy.eject protect, hot-plug is off on pci.0 and at ports with devices that need none, nothing else",
        "QEMU's ACPI tables and device_del, a Linux guest",
    ),
    Rule("numa", "a device or controller with a NUMA node sits below an expander of that node", "the request"),
    Rule("near", "devices near each other have the same root bus", "the request"),
    Rule("near-switch", "they are below the same switch upstream port", "the request"),
    Rule("order", "devices that the request orders have guest addresses that ascend", "the request"),
    Rule("spare", "each spare slot is empty, takes hot-plug, and has the room it promises", "the request"),
    Rule(
        "preset",
        "with preset libvirt each device is alone where libvirt would put such a one: behind a hot-pluggable port "
        "or bridge, or in its chipset place",
        "libvirt's address assignment, measured",
    ),
    # the previous layout
    Rule(
        "kept-controllers",
        "controllers of the previous layout are where they were, with their properties, but for what the request says "
        "otherwise and, with policy.prune, for those in which nothing stays",
        "the request; a running guest knows them",
    ),
    Rule(
        "frozen",
        "with policy.frozen no device of the previous layout moves, nor has another virtio mode",
        "the request",
    ),
    # capacities
    Rule(
        "bus-numbers",
        "at most 256 bus numbers, those of each expander within its range",
        "PCI; SeaBIOS never finishes at the 257th, OVMF programs nothing",
    ),
    Rule("io-space", "IO windows and root BARs fit the firmware's IO space", "SeaBIOS and edk2, measured"),
    Rule(
        "memory-space",
        "memory windows, BARs and reservations fit the memory that the firmware has for them",
        "SeaBIOS and edk2, measured",
    ),
    Rule("max-controllers", "no more controllers than the policy allows", "the request"),
    Rule("max-depth", "no endpoint deeper than the policy allows", "the request"),
    # properties
    Rule(
        "controller-properties",
        "a controller has properties of its model alone, each with a value of its type and in its range",
        "QEMU: Parameter expects, property not found",
    ),
    Rule(
        "chassis",
        "chassis and slot modulo 256 are unique over all ports",
        "QEMU: Can't add chassis slot, error -16",
    ),
    Rule(
        "chassis-nr",
        "every pci-bridge has a chassis_nr of 1 to 255, unique and no expander's bus_nr",
        "QEMU: Bridge chassis not specified; PCI-to-PCI Bridge 1.2 ch. 13",
    ),
    Rule(
        "shpc",
        "shpc=off only where ACPI offers hot-plug, on a bridge without IO device and spare slot",
        "QEMU measured: IO window of empty SHPC bridges",
    ),
    Rule(
        "reserves",
        "io-reserve is 0 only where no IO comes; bus-reserve exceeds the buses below; pref32- and pref64-reserve "
        "exclude each other; memory that the planner reserves is a power of two",
        "QEMU, SeaBIOS measured",
    ),
)
"""What a layout itself must keep; findings are errors."""

ENVIRONMENT_RULES: Final[tuple[Rule, ...]] = (
    Rule("os-machine", "the guest's OS supports the machine type, and boots with the firmware", "osinfo-db"),
    Rule("os-driver", "the guest's OS has a driver for each virtio device in its mode", "osinfo-db, virtio-win"),
    Rule(
        "machine-needs",
        "machine auto is q35 where the request needs what only that has: secure boot, a vIOMMU, the chipset's "
        "AHCI, a PCI Express expander",
        "QEMU: SMM and intel-iommu need q35, pxb-pcie a PCI Express bus",
    ),
    Rule("host-machine", "every host knows the machine type", "libvirt capabilities; QEMU versions"),
    Rule(
        "host-model",
        "every host knows each device, and takes the mode of virtio ones as the plan says it: by the device type, by "
        "properties, or by the slot alone",
        "libvirt capabilities; QEMU 2.4, 4.0 and libvirt 5.2, 8.2",
    ),
    Rule(
        "host-firmware",
        "the firmware of every host boots the layout and loses nothing of it; elsewhere its addresses may be others",
        "QEMU's machine types say how old it is at most, not which firmware it brings",
    ),
    Rule(
        "host-phys-bits",
        "the guest's CPU has no more physical address bits than that of any host",
        "QEMU warns of phys-bits that are not the host's (target/i386/host-cpu.c)",
    ),
)
"""What the guest's OS and the hosts must cope with; of the OS, and of address bits, findings are warnings."""

STATEMENT_RULES: Final[tuple[Rule, ...]] = (
    Rule("objective", "reported values of the objective are the layout's, and no bound exceeds its value", "qslot"),
    Rule("hash", "the layout answers this request", "qslot"),
    Rule("prediction", "guest addresses, names and IO windows stated are those that are predicted", "qslot"),
)
"""What a layout says of itself: its cost, the request it answers, what the firmware makes of it."""

WARNING_RULES: Final[tuple[Rule, ...]] = (
    Rule("wasteful-pin", "a pinned address costs more than automatic placement would", "qslot objective"),
    Rule("shpc-driver", "hot-plug there works only if the guest has an SHPC driver", "QEMU measured, Linux shpchp"),
    Rule(
        "host-files",
        "this property makes QEMU open a file or device of the host",
        "QEMU: romfile, evdev, sysfsdev ... among device-list-properties",
    ),
    Rule(
        "no-acpi",
        "without ACPI (in domain XML: <acpi/> among the <features>) pci.0 takes no hot-plug, and other conventional "
        "buses take it through SHPC alone; these devices are to be hot-pluggable",
        "QEMU measured",
    ),
    Rule(
        "ejectable",
        "with policy.eject protect, the guest can eject devices there that need no hot-plug all the same",
        "QEMU's ACPI tables, a Linux guest",
    ),
    Rule(
        "express-on-pc",
        "QEMU starts PCI Express on pc, libvirt refuses it: the guest has no extended config space there, and hot-plug "
        "only from ACPI; nothing goes behind such a port but by its pin, and q35 has all of it",
        "QEMU and libvirt measured; docs/pcie.txt",
    ),
    Rule("firmware-version", "this firmware version was not measured; the nearest measured one is assumed", "qslot"),
    Rule("qemu-version", "this version of QEMU was not measured; the nearest measured one is assumed", "qslot"),
    Rule(
        "split-card",
        "functions of one card of the host sit in different slots of the guest, where its drivers may not find them",
        "qslot: each function is an endpoint of its own to QEMU and libvirt",
    ),
    Rule(
        "unknown-bars",
        "its BARs are not known (--host-devices tells them) and count as none: that its IO ports and memory find room "
        "is not proved",
        "VFIO: a device of the host brings its own BARs",
    ),
    Rule(
        "unread-input",
        "this part of the input is not in the request: what it does to the guest is not in the plan, and nothing is "
        "proved of it",
        "qslot",
    ),
    Rule(
        "machine-version",
        "devices on this machine type are taken to be those of the upstream version that it stands for",
        "schema/pci/vendor_machines.json",
    ),
    Rule(
        "host-cpu",
        "the firmware places 64-bit memory by the host's CPU, of which not all is said: its BARs may be elsewhere",
        "SeaBIOS and edk2, measured",
    ),
    Rule(
        "out-of-reach",
        "the firmware puts its memory beyond the physical addresses of the guest's CPU, or where RAM is: no guest "
        "reaches it there",
        "SeaBIOS, a Linux guest",
    ),
    Rule(
        "companion-order",
        "QEMU puts the PCI half of an amd-iommu there only if it is created after what takes the slots before; where "
        "one of these is empty it must be told the address, which it takes from version 11 on",
        "QEMU 7.2 measured, QEMU 11",
    ),
    Rule(
        "unknown-iommu-group",
        "with a vIOMMU QEMU refuses devices of one IOMMU group in several address spaces; without iommu_group each "
        "counts as a group of its own",
        "VFIO: group used in multiple address spaces",
    ),
    Rule(
        "caching-mode",
        "devices of the host need an intel-iommu with caching-mode=on: say chipset.caching_mode if it has that",
        "QEMU: requires caching mode",
    ),
    Rule(
        "boot-disk",
        "the disk that the guest found first in the previous layout is no longer first: without a bootindex, as "
        "libvirt gives one, the firmware may start from another",
        "SeaBIOS and edk2 try what they find first",
    ),
    Rule(
        "iommu-platform",
        "virtio devices bypass a vIOMMU without the property iommu_platform=on",
        "virtio 1.1: VIRTIO_F_ACCESS_PLATFORM",
    ),
)
"""What a reader of a layout should know; a layout that breaks these is one all the same."""

RULES: Final[dict[str, Rule]] = {
    rule.code: rule for rule in (*LAYOUT_RULES, *ENVIRONMENT_RULES, *STATEMENT_RULES, *WARNING_RULES)
}
"""All rules by their codes, in the order of docs/semantics.md."""
