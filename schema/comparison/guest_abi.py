"""What of a layout is the guest's ABI: what must be alike for a guest to go on in another QEMU, and what QEMU says
where it is not.

QEMU's stream knows a device by its path and checks what that device wrote there; what it does not check it takes,
though the guest then finds another machine than it left. Measured by saving in one QEMU and loading in another, 7.2.22,
10.0.13 and 11.1.3: tests/real/test_guest_abi.py, a row at a time.
"""

from typing import Final, Literal, NamedTuple

from ..firmware.tree import WITHOUT_SHPC
from ..layout.layout import Seat
from ..pci.machine import Machine
from ..pci.qemu_properties import Scalar, canonical

Verdict = Literal["refused", "one-way", "varies", "taken", "unmeasured"]
"""What QEMU does with a state that was saved on the other side: it refuses it; refuses it where the target lacks what
the source has, and takes it the other way round; refuses or takes it by version; takes it, wrongly; not measured."""


class AbiRow(NamedTuple):
    """One thing that a guest sees, and what QEMU does where it differs."""

    verdict: Verdict
    why: str
    """What it is to the guest."""


PART_ROWS: Final[dict[str, AbiRow]] = {
    "presence": AbiRow("one-way", "the set of devices; one that only the target has is taken"),
    "path": AbiRow("refused", "slot and function of each step from the root bus"),
    "model": AbiRow("refused", "the device itself"),
    "driver": AbiRow("refused", "QEMU's device type, after which the memory of an option ROM is named"),
    "virtio": AbiRow("refused", "the device ID, BARs and registers of the virtio mode"),
    "multifunction": AbiRow("refused", "the header type in config space"),
    "bars": AbiRow("unmeasured", "BARs of a device of the host"),
    "rom": AbiRow("unmeasured", "the option ROM of a device of the host"),
}
"""Of a device or controller, beside its properties."""

PROPERTY_ROWS: Final[dict[str, AbiRow]] = {
    "port": AbiRow("refused", "the port number in its link capability"),
    "slot": AbiRow("refused", "the slot number in its slot capability"),
    "chassis": AbiRow("taken", "the slot's number is made of it, with `slot`"),
    "hotplug": AbiRow("refused", "the slot capability, and _EJ0 and _SUN in ACPI"),
    "io-reserve": AbiRow("refused", "a capability in config space, by which firmware makes the IO window"),
    "mem-reserve": AbiRow("refused", "the same for memory"),
    "pref32-reserve": AbiRow("refused", "the same for prefetchable memory"),
    "pref64-reserve": AbiRow("refused", "the same for prefetchable memory above 4 GiB"),
    "bus-reserve": AbiRow("refused", "the same for bus numbers"),
    "x-speed": AbiRow("refused", "the link capability"),
    "x-width": AbiRow("refused", "the link capability"),
    "disable-acs": AbiRow("refused", "the ACS capability"),
    "x-native-hotplug": AbiRow("refused", "the slot capability"),
    "x-do-not-expose-native-hotplug-cap": AbiRow("refused", "the slot capability"),
    "shpc": AbiRow("refused", "the hot-plug controller and its BAR"),
    "chassis_nr": AbiRow("taken", "the chassis in the slot numbering capability"),
    "bus_nr": AbiRow("refused", "the number of an expander's bus, by which QEMU's stream knows what sits below"),
    "numa_node": AbiRow("taken", "the node of an expander's bus in ACPI"),
    "vectors": AbiRow("refused", "the size of the MSI-X table"),
    "romfile": AbiRow("one-way", "the option ROM; a target that has one where the source had none is taken"),
    "rombar": AbiRow("one-way", "whether the option ROM has a BAR"),
    "romsize": AbiRow("refused", "the size of the option ROM's BAR"),
    "acpi-index": AbiRow("taken", "the onboard index in ACPI, by which Linux names an interface"),
    "mac": AbiRow("taken", "the MAC address, which is the source's until the guest is reset"),
    "mq": AbiRow("taken", "the feature of several queues"),
    "iommu_platform": AbiRow("taken", "whether the device goes through a vIOMMU"),
    "packed": AbiRow("taken", "the form of the queues"),
    "speed": AbiRow("taken", "the link's speed as the device tells it"),
    "ats": AbiRow("one-way", "the ATS capability"),
    "aer": AbiRow("one-way", "the AER capability"),
    "page-per-vq": AbiRow("refused", "the size of a BAR"),
    "modern-pio-notify": AbiRow("refused", "an IO BAR"),
}
"""QEMU's properties of devices and controllers."""

HOST_SIDE: Final = frozenset(
    {
        "audiodev",
        "bmc",
        "bootindex",
        "canbus",
        "canbus0",
        "canbus1",
        "chardev",
        "chardev1",
        "chardev2",
        "chardev3",
        "chardev4",
        "cryptodev",
        "drive",
        "fsdev",
        "host",
        "iothread",
        "memdev",
        "netdev",
        "pmrdev",
        "rerror",
        "rng",
        "share-rw",
        "sysfsdev",
        "tx",
        "werror",
        "x-txburst",
        "x-txtimer",
    }
)
"""Properties that the guest does not see: backends and what QEMU does with them. The names of backends differ between
the two sides of every migration. Any other property that PROPERTY_ROWS does not list counts as seen, unmeasured."""

MODE_WORDS: Final = frozenset({"disable-legacy", "disable-modern"})
"""Properties that say the virtio mode, which is compared itself."""

MACHINE_ROWS: Final[dict[str, AbiRow]] = {
    "machine": AbiRow("refused", "the machine type"),
    "machine_as": AbiRow("unmeasured", "the version that a distribution's machine type stands for"),
    "firmware": AbiRow("refused", "the firmware's flash or ROM"),
    "memory": AbiRow("refused", "the RAM"),
    "max_memory": AbiRow("refused", "memory hot-plug in ACPI, and where 64-bit BARs begin"),
    "memory_slots": AbiRow("refused", "memory hot-plug in ACPI"),
    "numa_nodes": AbiRow("refused", "the nodes in ACPI; each has RAM of its own"),
    "cpu": AbiRow("unmeasured", "the CPU, by whose address bits and pages firmware places 64-bit BARs"),
    "phys_bits": AbiRow("taken", "address bits of the CPU, by which firmware places 64-bit BARs"),
    "pdpe1gb": AbiRow("taken", "1 GiB pages of the CPU, by which OVMF places 64-bit BARs"),
    "pci_hole64": AbiRow("taken", "the 64-bit hole in ACPI"),
    "chipset.sata": AbiRow("one-way", "the chipset's SATA controller"),
    "chipset.smbus": AbiRow("one-way", "the chipset's SMBus controller"),
    "chipset.usb": AbiRow("one-way", "the chipset's USB controllers"),
    "chipset.acpi": AbiRow("one-way", "the ACPI tables and registers"),
    "chipset.caching_mode": AbiRow("unmeasured", "the capabilities of the intel-iommu"),
    "chipset.root_hotplug": AbiRow("taken", "_EJ0 and _SUN of the slots of pci.0 in ACPI"),
    "chipset.bridge_hotplug": AbiRow(
        "varies", "_EJ0 and _SUN behind bridges, and the slot capability of ports: 7.2 refuses, 10.0 and 11.1 take it"
    ),
}
"""Of the machine, by field of a layout."""

OUTSIDE_ABI: Final = frozenset({"firmware.version", "qemu"})
"""Fields of a layout that the guest's ABI is not about: the firmware's code moves along with the guest, and migrating
from one QEMU to another is what the ABI is for. At the next start they count: addresses may then be others."""

UNLISTED: Final = AbiRow("unmeasured", "a property that may be seen by the guest")


def row_of(name: str) -> AbiRow | None:
    """What a property of a device or controller is to the guest; None where it sees nothing of it."""
    return None if name in HOST_SIDE | MODE_WORDS else PROPERTY_ROWS.get(name, UNLISTED)


BY_DEFAULT: Final[dict[str, Scalar]] = {
    "acpi-index": 0,
    "aer": False,
    "ats": False,
    "chassis": 0,
    "chassis_nr": 0,
    "disable-acs": False,
    "hotplug": True,
    "iommu_platform": False,
    "mq": False,
    "packed": False,
    "page-per-vq": False,
    "port": 0,
    "scsi": False,
    "slot": 0,
}
"""What QEMU takes where nothing is said (`device-list-properties` of 7.2.22); so stating it changes nothing."""


def effective(seat: Seat, name: str, machine: Machine) -> Scalar | None:
    """The value that the property has, stated or not; None where that is the device's own business."""
    if name == "shpc" and name not in seat.properties:
        return machine.version != WITHOUT_SHPC
    value = seat.properties.get(name, BY_DEFAULT.get(name))
    return None if value is None else canonical(name, value)
