"""Devices of domain XML as libvirt 9.1 to 12.8 came to know them, and those that it counts controllers for; and random
domains of them."""

import re
from random import Random
from typing import Final


def disks(bus: str, *names: str, more: str = "") -> str:
    """A disk of each name."""
    return "".join(
        f"<disk type='file'><source file='/images/{name}'/><target dev='{name}' bus='{bus}'/>{more}</disk>"
        for name in names
    )


def place(bus: int, slot: int = 0) -> str:
    return f"<address type='pci' domain='0x0000' bus='{bus:#04x}' slot='{slot:#04x}' function='0x0'/>"


SCSI: Final = [f"sd{letter}" for letter in "abcdefghij"]
SERIAL: Final = "<serial>A</serial>"
SHARED: Final = "<source type='unix' path='/run/a' mode='server'/>"
ICH9: Final = "".join(f"<controller type='usb' model='ich9-{name}'/>" for name in ("ehci1", "uhci1", "uhci2", "uhci3"))
HOST: Final = "<source><address domain='0' bus='0x30' slot='0' function='0'/></source>"
CHANNEL: Final = "<channel type='unix'><target type='virtio' name='c{}'/></channel>"

ELEMENTS: Final = {
    "pvpanic": "<panic model='pvpanic'/>",
    "pvpanic with an address": f"<panic model='pvpanic'>{place(0, 9)}</panic>",
    "pvpanic among others": "<panic model='isa'/><panic model='pvpanic'/><panic model='hyperv'/>",
    "nvme controllers": f"<controller type='nvme'>{SERIAL}</controller>" * 2,
    "nvme controllers by index": "".join(f"<controller type='nvme' index='{i}'>{SERIAL}</controller>" for i in (2, 0)),
    "nvme disk": disks("nvme", "nvme0n1", more=SERIAL),
    "nvme disks of one controller": disks("nvme", "nvme0n1", "nvme0n3", more=SERIAL),
    "nvme disks of two controllers": disks("nvme", "nvme0n1", "nvme1n1", more=SERIAL),
    "nvme disks by other names": disks("nvme", "sda", "vdc", more=SERIAL),
    "nvme disk without a serial": disks("nvme", "nvme0n1"),
    "virtio sound": "<sound model='virtio' streams='3'/>",
    "virtio sound twice": "<sound model='virtio'/><sound model='ich9'/><sound model='virtio'/>",
    "virtio sound with an address": f"<sound model='virtio'>{place(0, 5)}</sound>",
    "amd iommu": "<iommu model='amd'><driver intremap='on' passthrough='on' xtsup='on'/></iommu>",
    "amd iommu where libvirt puts it": f"<iommu model='amd'><driver intremap='on'/>{place(0, 1)}</iommu>",
    "amd iommu elsewhere": f"<iommu model='amd'>{place(0, 6)}</iommu>",
    "virtio iommu": "<iommu model='virtio'/>",
    "pstore": "<pstore backend='acpi-erst'><path>/p</path><size unit='KiB'>64</size></pstore>",
    "pstore with an address": f"<pstore backend='acpi-erst'><path>/p</path><size>65536</size>{place(0, 7)}</pstore>",
    "pstore on a bus that nobody lists": f"<pstore backend='acpi-erst'><path>/p</path><size>65536</size>{place(2, 1)}"
    "</pstore>",
    "vdpa": "<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>",
    "vdpa with another model": "<interface type='vdpa'><source dev='/dev/a'/><model type='rtl8139'/></interface>",
    "passt by vhost-user": "<interface type='vhostuser'><backend type='passt'/></interface>",
    "passt of a user": "<interface type='user'><backend type='passt'/></interface>",
    "vhost-user": f"<interface type='vhostuser'>{SHARED}</interface>",
    "vhost-user with a model": f"<interface type='vhostuser'>{SHARED}<model type='virtio'/></interface>",
    "igb": "<interface type='user'><model type='igb'/></interface>",
    "interface without a model": "<interface type='user'/>",
    "virtio interfaces": "<interface type='user'><model type='virtio'/></interface>" * 2,
    "virtio-gpu": "<video><model type='virtio' device='virtio-gpu'/></video>",
    "virtio-vga": "<video><model type='virtio' device='virtio-vga'/></video>",
    "virtio-gpu beside a VGA": "<video><model type='vga'/></video>"
    "<video><model type='virtio' device='virtio-gpu'/></video>",
    "the second video primary": "<video><model type='virtio'/></video><video><model type='vga' primary='yes'/></video>",
    "the third video primary": "<video><model type='virtio'/></video>" * 2
    + "<video><model type='bochs' primary='yes'/></video>",
    "ramfb primary": "<video><model type='ramfb'/></video><video><model type='virtio'/></video>",
    "no video said": "<graphics type='vnc'/>",
    "memReserve": "<controller type='pci' index='1' model='pcie-root-port'><target memReserve='65536'/></controller>",
    "memReserve of a bridge": "<controller type='pci' index='1' model='pci-bridge'>"
    "<target memReserve='2048'/></controller>",
    "channels beyond a controller": "".join(CHANNEL.format(number) for number in range(40)),
    "channels beyond few ports": "<controller type='virtio-serial' index='0' ports='4'/>"
    + "".join(CHANNEL.format(number) for number in range(6)),
    "scsi disks": disks("scsi", *SCSI),
    "scsi disks, a controller": "<controller type='scsi' model='virtio-scsi'/>" + disks("scsi", *SCSI),
    "scsi disks, the second controller": "<controller type='scsi' index='1' model='virtio-scsi'/>"
    + disks("scsi", *SCSI),
    "sata disks": disks("sata", *SCSI),
    "USB controllers": "<controller type='usb' model='qemu-xhci'/><controller type='usb' model='nec-xhci'/>"
    "<controller type='usb' model='ich9-ehci1'/>",
    "USB 2 twice": ICH9 * 2,
    "USB 2 three times": ICH9 * 3,
    "a USB controller without a model": "<controller type='usb' index='1'/>",
    "iommufd": f"<hostdev mode='subsystem' type='pci' managed='yes'><driver iommufd='yes'/>{HOST}</hostdev>",
    "device of the host": f"<hostdev mode='subsystem' type='pci' managed='yes'>{HOST}</hostdev>",
    "crypto": "<crypto model='virtio' type='qemu'><backend model='builtin' queues='1'/></crypto>",
    "watchdog of the chipset": "<watchdog model='itco' action='reset'/>",
    "watchdog": "<watchdog model='i6300esb' action='reset'/>",
    "on a bridge that nobody lists": f"<sound model='ac97'>{place(2, 1)}</sound>",
    "behind a port that nobody lists": f"<rng model='virtio'><backend model='random'>/r</backend>{place(3)}</rng>",
}
"""By what is new or counted."""


def domain(devices: str, machine: str, more: str = "") -> str:
    """With ACPI, memory that can be shared, and neither balloon nor, if the devices say nothing of it, USB."""
    usb = "" if "type='usb'" in devices else "<controller type='usb' model='none'/>"
    return (
        "<domain type='qemu'><name>n</name><memory unit='GiB'>1</memory>"
        "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"
        f"<os><type arch='x86_64' machine='{machine}'>hvm</type></os>{more}<features><acpi/></features>"
        f"<devices><emulator/>{usb}{devices}<memballoon model='none'/></devices></domain>"
    )


CLAIMS: Final = re.compile(
    r"<(?:iommu|hostdev)|<panic|<pstore|<video|<graphics|<watchdog|<controller type='(?:usb|pci)|target dev='\w+'"
    r"|bus='0x00' slot='\w+'|type='scsi'"
)
"""What a guest has once, or what QEMU takes no two of: AMD's vIOMMU and devices of the host among them."""


def _claims(devices: str) -> set[str]:
    return {claim.replace("hostdev", "iommu") for claim in CLAIMS.findall(devices)}


def drawn(seed: int) -> tuple[str, str]:
    """What it has, and a random domain of some of these elements, none of which is in the way of another."""
    random = Random(seed)
    chosen: list[str] = []
    claimed: set[str] = set()
    for name in random.sample(sorted(ELEMENTS), random.randint(3, 12)):
        if claimed.isdisjoint(_claims(ELEMENTS[name])):
            chosen.append(name)
            claimed |= _claims(ELEMENTS[name])
    devices = "".join(ELEMENTS[name] for name in chosen)
    return ", ".join(chosen), domain(devices, random.choice(["q35", "q35", "pc"]))
