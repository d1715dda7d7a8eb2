"""Controllers that libvirt 9.0 adds by count, and the indexes that it gives: each case is what it did (measured)."""

import pytest

from qslot.schema.libvirt import SourceError, guest_data, read
from qslot.schema.libvirt.controller_indexes import controller_indexes
from qslot.schema.libvirt.splice import parse

from .test_libvirt import domain

NO_USB = "<controller type='usb' index='0' model='none'/>"


def disk(dev: str, bus: str, address: str = "") -> str:
    return f"<disk type='file' device='disk'><source file='/x'/><target dev='{dev}' bus='{bus}'/>{address}</disk>"


def drive(controller: int, unit: int = 0) -> str:
    return f"<address type='drive' controller='{controller}' bus='0' target='0' unit='{unit}'/>"


def channel(address: str = "") -> str:
    return f"<channel type='pty'><target type='virtio' name='x'/>{address}</channel>"


def numbered(model: str, attribute: str, number: int) -> str:
    return f"<controller type='pci' index='1' model='{model}'><target {attribute}='{number}'/></controller>"


CONSOLE = "<console type='pty'><target type='virtio'/></console>"
HOST_SCSI = "<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host0'/></source></hostdev>"
VIRTIO_SCSI = "<controller type='scsi' index='0' model='virtio-scsi'/>"
SEVEN = "".join(disk(f"sd{letter}", "scsi") for letter in "abcdefg")


def port(controller: int, number: int) -> str:
    return f"<address type='virtio-serial' controller='{controller}' bus='0' port='{number}'/>"


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        (disk("sdg", "scsi"), "scsi0"),
        (disk("sdh", "scsi"), "scsi0 scsi1"),
        (disk("sdz", "scsi"), "scsi0 scsi1 scsi2 scsi3"),
        (VIRTIO_SCSI + disk("sdz", "scsi"), "scsi0 scsi1 scsi2 scsi3"),
        (disk("sda", "scsi", drive(3)), "scsi0 scsi1 scsi2 scsi3"),
        ("<controller type='scsi' index='3' model='virtio-scsi'/>", "scsi3"),
        (HOST_SCSI, "scsi0"),
        (HOST_SCSI * 8, "scsi0 scsi1"),
        (HOST_SCSI * 16, "scsi0 scsi1 scsi2"),
        (SEVEN + HOST_SCSI, "scsi0 scsi1"),
        (disk("sda", "scsi", drive(0, 9)) + HOST_SCSI * 7, "scsi0"),
        ("<controller type='scsi' index='1' model='virtio-scsi'/>" + HOST_SCSI, "scsi1 scsi0"),
        ("".join(disk(f"sd{letter}", "sata") for letter in "abcdefg"), "sata0 sata1"),
        (disk("sda", "sata", drive(2)), "sata0 sata1 sata2"),
        (channel() * 30, "virtio-serial0"),
        (channel() * 31, "virtio-serial0 virtio-serial1"),
        (channel() * 30 + CONSOLE * 4, "virtio-serial0"),
        (CONSOLE * 35, "virtio-serial0"),
        ("<controller type='virtio-serial' index='0' ports='4'/>" + channel() * 6, "virtio-serial0 virtio-serial1"),
        ("<controller type='virtio-serial' index='0' ports='4'/>" + channel() * 3, "virtio-serial0"),
        ("<controller type='virtio-serial' index='0' ports='1'/>" + channel(), "virtio-serial0 virtio-serial1"),
        ("<controller type='virtio-serial' index='1'/>" + channel() * 2, "virtio-serial1 virtio-serial0"),
        (channel(port(2, 1)), "virtio-serial2"),
        (channel(port(2, 1)) + channel(), "virtio-serial2 virtio-serial0"),
        (channel(port(0, 0)), "virtio-serial0"),
    ],
)
def test_controllers_on_pc(elements: str, expected: str) -> None:
    data = guest_data(domain(NO_USB + elements, "pc").encode())
    assert [device["id"] for device in data["devices"]] == expected.split()


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ("<controller type='scsi' model='virtio-scsi'/>" + HOST_SCSI, {"scsi1": "virtio-scsi", "scsi0": "lsi53c895a"}),
        (VIRTIO_SCSI + HOST_SCSI * 8, {"scsi0": "virtio-scsi", "scsi1": "virtio-scsi"}),
        (VIRTIO_SCSI + disk("sdh", "scsi"), {"scsi0": "virtio-scsi", "scsi1": "lsi53c895a"}),
        ("<controller type='scsi' model='virtio-scsi'/>" + disk("sdh", "scsi"),
         {"scsi0": "virtio-scsi", "scsi1": "lsi53c895a"}),
    ],
)  # fmt: skip
def test_devices_of_a_scsi_host_come_first_and_take_over_the_model(elements: str, expected: dict[str, str]) -> None:
    data = guest_data(domain(NO_USB + elements, "pc").encode())
    assert {device["id"]: device["model"] for device in data["devices"]} == expected


def test_the_seventh_sata_disk_on_q35_takes_a_second_controller() -> None:
    seven = "".join(disk(f"sd{letter}", "sata") for letter in "abcdefg")
    data = guest_data(domain(NO_USB + seven, "q35").encode())
    assert [(one["id"], one["model"]) for one in data["devices"]] == [("sata1", "ich9-ahci")]


def usb(*models: str) -> str:
    return "".join(f"<controller type='usb' model='{model}'/>" for model in models)


EHCI, UHCI1, UHCI2, UHCI3 = "ich9-ehci1", "ich9-uhci1", "ich9-uhci2", "ich9-uhci3"


@pytest.mark.parametrize(
    ("elements", "indexes"),
    [
        (usb(EHCI, UHCI1, UHCI2, UHCI3), [0, 0, 0, 0]),
        (usb(UHCI1, UHCI2, UHCI3, EHCI), [0, 0, 0, 0]),
        (usb(EHCI, UHCI1, EHCI, UHCI1), [0, 0, 1, 1]),
        (usb(EHCI, UHCI1, UHCI2, UHCI1), [0, 0, 0, 1]),
        (usb(EHCI, EHCI), [0, 1]),
        (usb(EHCI, "qemu-xhci", UHCI1), [0, 1, 2]),
        (usb("qemu-xhci", EHCI), [0, 1]),
        (usb("qemu-xhci") + "<controller type='scsi'/>" + usb(EHCI) + "<controller type='scsi'/>" + usb(UHCI1),
         [0, 0, 1, 1, 1]),
        ("<controller type='usb' index='2' model='ich9-ehci1'/>" + usb(UHCI1), [2, 2]),
        ("<controller type='usb' index='1' model='qemu-xhci'/>" + usb("nec-xhci"), [1, 0]),
        ("<controller type='scsi' model='virtio-scsi'/><controller type='scsi' model='lsilogic'/>", [0, 1]),
        ("<controller type='scsi'/><controller type='scsi' index='0'/>", [1, 0]),
        ("<controller type='sata'/><controller type='ide'/><controller type='sata'/>", [0, 0, 1]),
    ],
)  # fmt: skip
def test_indexes_that_are_left_out(elements: str, indexes: list[int]) -> None:
    found = controller_indexes(parse(f"<devices>{elements}</devices>".encode()))
    assert [index for _, index in sorted(found.items(), key=lambda one: one[0].start)] == indexes


def test_several_usb_2_controllers_without_index_are_groups_of_their_own() -> None:
    guest = read(domain(usb(EHCI, UHCI1, EHCI, UHCI1), "pc").encode())
    assert [(device.id, device.group) for device in guest.devices] == [
        ("usb0-ich9-ehci1", "usb0"),
        ("usb0-ich9-uhci1", "usb0"),
        ("usb1-ich9-ehci1", "usb1"),
        ("usb1-ich9-uhci1", "usb1"),
    ]


@pytest.mark.parametrize(
    ("elements", "machine", "words"),
    [
        (disk("hda", "ide"), "q35", "line 1: disk 'hda': q35 has no IDE controller"),
        (disk("hda", "ide", drive(0)), "q35", "q35 has no IDE controller"),
        (disk("hde", "ide"), "pc", "pc has one IDE controller"),
        (disk("hda", "ide", drive(1)), "pc", "pc has one IDE controller"),
        (
            usb(EHCI) + "<controller type='usb' index='1' model='ich9-uhci1'/>",
            "pc",
            "controller usb 1: ich9-uhci1 is a",
        ),
        ("<iommu model='intel'/>", "pc", "iommu: intel goes with q35, not with pc"),
        ("<iommu model='virtio'/>", "pc", "iommu: virtio goes with q35, not with pc"),
        ("<iommu/>", "q35", "no iommu model is said"),
        (numbered("pcie-expander-bus", "busNr", 0), "q35", "controller pci 1: busNr 0 is not 1 to 254"),
        (numbered("pcie-expander-bus", "busNr", 255), "q35", "controller pci 1: busNr 255 is not 1 to 254"),
        (numbered("pci-bridge", "chassisNr", 0), "pc", "controller pci 1: chassisNr 0 is not 1 to 255"),
        (numbered("pcie-root-port", "chassis", 256), "q35", "controller pci 1: chassis 256 is not 0 to 255"),
        (numbered("pcie-root-port", "port", -1), "q35", "controller pci 1: port -1 is not 0 to 255"),
    ],
)
def test_what_libvirt_refuses(elements: str, machine: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        read(domain(elements, machine).encode())


def test_a_second_usb_controller_is_not_the_chipsets() -> None:
    """At whatever address: of pc's own function 01.2 is, of another one not."""
    second = "<controller type='usb' index='1' model='piix3-uhci'><address type='pci' slot='6'/></controller>"
    guest = read(domain(usb("piix3-uhci") + second, "pc").encode())
    assert [(device.id, str(device.address)) for device in guest.devices] == [("usb1", "pci.0:06.0")]
    assert guest.chipset.usb


def test_an_alias_that_two_have_is_the_firsts() -> None:
    nic = "<interface type='user'><model type='e1000'/><alias name='ua-nic'/></interface>"
    guest = read(domain(nic * 2).encode())
    assert [device.id for device in guest.devices if device.model == "e1000"] == ["ua-nic", "net0"]


def test_acpi_index_is_a_property() -> None:
    text = domain("<interface type='user'><model type='virtio'/><acpi index='7'/></interface>")
    (device,) = (one for one in read(text.encode()).devices if one.id == "net0")
    assert device.properties == {"acpi-index": 7}


@pytest.mark.parametrize("model", ["", "<model type='virtio'/>"])
def test_vdpa_is_virtio_whose_mode_nothing_but_the_slot_says(model: str) -> None:
    text = domain(f"<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/>{model}</interface>")
    (device,) = (one for one in read(text.encode()).devices if one.id == "net0")
    assert (device.model, device.virtio, device.virtio_by) == ("virtio-net", None, "slot")
