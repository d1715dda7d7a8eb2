"""Domain XML: what is read of it, what is refused, and that all but the plan stays as it was, byte for byte."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from qslot.schema import Cpu, Guest
from qslot.schema.errors import InputError
from qslot.schema.formats.files import parse_guest
from qslot.schema.libvirt import SourceError, guest_data, read

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "libvirt"
LIMITED = Cpu(host_phys_bits=True, host_phys_bits_limit=42)
LIMITED_HOST = Cpu(host=True, host_phys_bits_limit=42)
MIB = 1 << 20


def domain(devices: str = "", machine: str = "q35", more: str = "") -> str:
    return (
        f"<domain type='kvm'><memory unit='MiB'>512</memory><os><type arch='x86_64' machine='{machine}'>hvm</type></os>"
        f"<features><acpi/></features>{more}<devices><memballoon model='none'/>{devices}</devices></domain>"
    )


def overriding(alias: str, **properties: str) -> bytes:
    """A domain with a virtio-rng, and with QEMU properties that an override gives the device with that alias."""
    inside = "".join(f"<q:property name='{name}' type='string' value='{value}'/>" for name, value in properties.items())
    override = f"<q:override><q:device alias='{alias}'><q:frontend>{inside}</q:frontend></q:device></q:override>"
    text = domain("<rng model='virtio'/>", more=override)
    return text.replace("<domain ", "<domain xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0' ").encode()


def shared(size: int) -> list[dict[str, Any]]:
    """BARs of an ivshmem-plain with so many bytes."""
    registers = {"bar": 0, "kind": "mem32", "size": 256}
    return [registers, {"bar": 2, "kind": "mem64", "size": size, "prefetchable": True}]


def devices(*elements: str, machine: str = "q35") -> dict[str, dict[str, Any]]:
    """What the elements are in a request, by id, but for the USB controller that every domain has."""
    usb = "<controller type='usb' index='0' model='none'/>"
    data = guest_data(domain(usb + "".join(elements), machine).encode())
    return {device.pop("id"): device for device in data["devices"]}


class TestRead:
    def test_machine_memory_nodes_firmware(self) -> None:
        more = "<cpu><maxphysaddr mode='emulate' bits='42'/><numa><cell id='0'/><cell id='1'/></numa></cpu>"
        hole = "<controller type='pci' index='0' model='pcie-root'><pcihole64 unit='GiB'>64</pcihole64></controller>"
        text = domain(hole, more=more).replace("<os>", "<os firmware='efi'>")
        guest = read(text.encode())
        assert (guest.machine, guest.firmware.name, guest.memory) == ("q35", "ovmf", 512 * MIB)
        assert (guest.numa_nodes, guest.phys_bits, guest.pci_hole64) == (2, 42, 64 << 30)
        assert guest.chipset.acpi
        assert not read(domain().replace("<acpi/>", "").encode()).chipset.acpi

    def test_memory_that_can_be_plugged(self) -> None:
        """libvirt goes by the cells, and rounds the most up to whole MiB."""
        cells = "<numa><cell id='0' cpus='0' memory='1' unit='GiB'/><cell id='1' cpus='1' memory='1048576'/></numa>"
        more = f"<maxMemory slots='16' unit='KiB'>8388609</maxMemory><cpu>{cells}</cpu>"
        guest = read(domain(more=more).encode())
        assert (guest.memory, guest.max_memory, guest.memory_slots) == (2 << 30, (8 << 30) + MIB, 16)
        with pytest.raises(SourceError, match="slots 'x'"):
            read(domain(more="<maxMemory slots='x' unit='GiB'>8</maxMemory>").encode())

    @pytest.mark.parametrize(
        ("cpu", "bits", "large_pages"),
        [
            ("<cpu mode='host-passthrough'/>", 42, True),
            ("<cpu mode='maximum'/>", 42, True),
            ("<cpu><model>EPYC</model><maxphysaddr mode='passthrough'/></cpu>", 42, True),
            ("<cpu><model>EPYC</model><maxphysaddr mode='emulate' bits='46'/></cpu>", 46, True),
            ("<cpu><model>Skylake-Client-IBRS</model><maxphysaddr mode='emulate' bits='46'/></cpu>", 46, False),
            (
                "<cpu><model>Haswell</model><maxphysaddr mode='emulate' bits='46'/><feature name='pdpe1gb'/></cpu>",
                46,
                True,
            ),
            (
                "<cpu mode='host-passthrough'><maxphysaddr mode='emulate' bits='46'/>"
                "<feature policy='disable' name='pdpe1gb'/></cpu>",
                46,
                False,
            ),
        ],
    )
    def test_address_bits_of_large_guests(self, cpu: str, bits: int, large_pages: bool) -> None:
        """A CPU with the host's has at least those without which no host starts the guest."""
        text = domain(more=cpu).replace(">512<", f">{2 << 20}<")
        guest = read(text.encode())
        assert (guest.memory, guest.phys_bits, guest.pdpe1gb) == (2 << 40, bits, large_pages)

    @pytest.mark.parametrize(
        ("cpu", "seen"),
        [
            ("<cpu mode='host-passthrough'/>", Cpu(host=True)),
            ("<cpu mode='host-model'><vendor>Intel</vendor></cpu>", Cpu(host=True, vendor="intel")),
            ("<cpu mode='custom'><model>EPYC-Rome</model></cpu>", Cpu(model="EPYC-Rome", vendor="amd")),
            ("<cpu><model vendor_id='GenuineIntel'>EPYC</model></cpu>", Cpu(model="EPYC", vendor="intel")),
            ("<cpu><model>Haswell</model><vendor>AMD</vendor></cpu>", Cpu(model="Haswell", vendor="amd")),
            ("<cpu><model>of-nobody</model><vendor>Hygon</vendor></cpu>", Cpu(vendor="other")),
            ("<cpu><topology sockets='1' cores='2' threads='1'/></cpu>", Cpu()),
            ("<cpu><maxphysaddr mode='passthrough'/></cpu>", Cpu(host_phys_bits=True)),
            ("<cpu><maxphysaddr mode='passthrough' limit='42'/></cpu>", LIMITED),
            ("<cpu mode='host-model'><maxphysaddr mode='passthrough' limit='42'/></cpu>", LIMITED_HOST),
            ("", Cpu()),
        ],
    )
    def test_cpu(self, cpu: str, seen: Cpu) -> None:
        assert read(domain(more=cpu).encode().replace(b"type='qemu'", b"type='kvm'")).cpu == seen

    def test_the_vendor_of_the_host_is_not_that_of_an_emulated_cpu(self) -> None:
        cpu = "<cpu><model>Haswell</model><vendor>AMD</vendor></cpu>"
        assert read(domain(more=cpu).encode().replace(b"type='kvm'", b"type='qemu'")).cpu.vendor == "intel"

    def test_a_large_guest_whose_cpu_has_qemus_own_bits(self) -> None:
        with pytest.raises(ValidationError, match="phys_bits of at least 42"):
            read(domain().replace(">512<", f">{2 << 20}<").encode())
        assert read(domain(more="<cpu mode='host-passthrough'/>").encode()).phys_bits is None

    @pytest.mark.parametrize(
        ("element", "model", "rest"),
        [
            ("<disk><target dev='vda'/></disk>", "virtio-blk", {}),
            (
                "<disk model='virtio-transitional'><target dev='vda' bus='virtio'/></disk>",
                "virtio-blk",
                {"virtio": "transitional"},
            ),
            ("<interface type='user'/>", "rtl8139", {}),
            (
                "<interface type='user'><model type='virtio'/><driver queues='3'/></interface>",
                "virtio-net",
                {"properties": {"mq": True, "vectors": 8}},
            ),
            ("<interface type='hostdev'/>", "vfio-pci", {}),
            ("<controller type='scsi' index='0'/>", "lsi53c895a", {}),
            ("<controller type='scsi' index='0' model='virtio-scsi'/>", "virtio-scsi", {}),
            ("<controller type='sata' index='1'/>", "ich9-ahci", {}),
            ("<video><model type='qxl'/></video>", "qxl-vga", {"hotplug": "never"}),
            (
                "<video><model type='vga' vram='32768'/></video>",
                "VGA",
                {"hotplug": "never", "properties": {"vgamem_mb": 32}},
            ),
            ("<shmem name='s'><model type='ivshmem-plain'/></shmem>", "ivshmem-plain", {"bars": shared(4 << 20)}),
            (
                "<shmem name='s'><model type='ivshmem-plain'/><size unit='MB'>2</size></shmem>",
                "ivshmem-plain",
                {"bars": shared(2_000_000)},
            ),
            ("<sound model='ich9'/>", "ich9-intel-hda", {"hotplug": "never"}),
            ("<rng model='virtio-non-transitional'/>", "virtio-rng", {"virtio": "modern"}),
            ("<filesystem><driver type='virtiofs'/></filesystem>", "vhost-user-fs", {}),
            ("<input type='tablet' bus='virtio'/>", "virtio-tablet", {}),
            ("<serial type='pty'><target type='pci-serial'/></serial>", "pci-serial", {}),
            ("<watchdog model='i6300esb'/>", "i6300esb", {}),
            ("<hostdev type='mdev'><source><address uuid='0'/></source></hostdev>", "vfio-pci", {}),
            (
                "<hostdev type='pci'><source><address domain='0' bus='0x17' slot='0' function='0x1'/></source>"
                "<rom bar='off'/></hostdev>",
                "vfio-pci",
                {"properties": {"host": "0000:17:00.1"}, "rom": 0},
            ),
            ("<vsock/>", "vhost-vsock", {}),
            ("<iommu model='virtio'/>", "virtio-iommu", {}),
        ],
    )
    def test_a_device(self, element: str, model: str, rest: dict[str, Any]) -> None:
        ((_, found),) = devices(element).items()
        assert found == {"model": model, **rest}

    @pytest.mark.parametrize(
        "element",
        [
            "<disk><target dev='hda' bus='usb'/></disk>",
            "<sound model='sb16'/>",
            "<video><model type='none'/></video>",
            "<interface type='user'><model type='virtio'/><address type='ccw'/></interface>",
            "<hostdev type='pci'><address type='unassigned'/></hostdev>",
            "<tpm model='tpm-crb'/>",
        ],
    )
    def test_what_takes_no_slot(self, element: str) -> None:
        assert devices(element) == {}

    def test_a_source_that_is_no_number(self) -> None:
        hostdev = "<hostdev type='pci'><source><address bus='010'/></source></hostdev>"
        with pytest.raises(SourceError, match="hostdev: address bus '010' is not a number"):
            guest_data(domain(hostdev * 2).encode())

    def test_further_videos_are_other_models(self) -> None:
        found = devices(*["<video><model type='qxl'/></video>", "<video><model type='virtio'/></video>"])
        assert [one["model"] for one in found.values()] == ["qxl-vga", "virtio-gpu"]

    def test_usb2_companions_are_one_group(self) -> None:
        models = ("ich9-ehci1", "ich9-uhci1", "ich9-uhci2", "ich9-uhci3")
        text = domain("".join(f"<controller type='usb' index='1' model='{model}'/>" for model in models))
        found = [one for one in guest_data(text.encode())["devices"] if one["model"] != "qemu-xhci"]
        assert {one["group"] for one in found} == {"usb1"}
        assert [one["address"] for one in found] == [".7", ".0", ".1", ".2"]

    def test_missing_devices_are_there(self) -> None:
        """USB, SCSI and virtio-serial controllers, a video for graphics, the balloon."""
        text = domain(
            "<disk><target dev='sda' bus='scsi'/></disk><channel type='unix'><target type='virtio'/></channel>"
            "<graphics type='vnc'/>"
        ).replace("<memballoon model='none'/>", "")
        found = {one["model"] for one in guest_data(text.encode())["devices"]}
        assert found == {"qemu-xhci", "lsi53c895a", "virtio-serial", "cirrus-vga", "virtio-balloon"}

    def test_the_chipsets_own_are_no_devices(self) -> None:
        ide = "<controller type='ide' index='0'/><controller type='usb' index='0' model='piix3-uhci'/>"
        guest = read(domain(ide, "pc").encode())
        assert (guest.devices, guest.chipset.usb) == ((), True)
        assert read(domain("<controller type='sata' index='0'/>").encode()).machine_model.taken[0x1F, 2]

    def test_controllers_addresses_overrides(self) -> None:
        space = "xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'"
        override = (
            "<q:override><q:device alias='pci.1'><q:frontend>"
            "<q:property name='io-reserve' type='unsigned' value='4096'/></q:frontend></q:device></q:override>"
        )
        text = domain(
            "<controller type='pci' index='1' model='pcie-root-port'><model name='ioh3420'/>"
            "<target chassis='7' port='0x18' hotplug='off'/><address type='pci' slot='0x03'/></controller>"
            "<rng model='virtio'><address type='pci' bus='1' slot='0' function='0'/></rng>",
            more=override,
        ).replace("<domain ", f"<domain {space} ")
        data = guest_data(text.encode())
        assert data["controllers"] == [
            {
                "id": "pci.1",
                "model": "ioh3420",
                "address": "pcie.0:03.0",
                "hotplug": False,
                "properties": {"chassis": 7, "port": 0x18, "io-reserve": 4096},
            }
        ]
        assert next(one for one in data["devices"] if one["model"] == "virtio-rng")["address"] == "pci.1:00.0"

    @pytest.mark.parametrize(
        ("switches", "mode"),
        [
            ({"disable-modern": "on"}, "legacy"),
            ({"disable-legacy": "off", "disable-modern": "on"}, "legacy"),
            ({"disable-legacy": "off"}, "transitional"),
            ({"disable-legacy": "on"}, "modern"),
            ({"disable-legacy": "auto"}, None),
        ],
    )
    def test_a_mode_that_overrides_say(self, switches: dict[str, str], mode: str | None) -> None:
        device = next(one for one in guest_data(overriding("rng0", **switches))["devices"] if one["id"] == "rng0")
        assert (device.get("virtio"), device.get("properties")) == (mode, None)

    def test_overrides_that_leave_no_mode(self) -> None:
        with pytest.raises(SourceError, match="rng0: overrides switch legacy and modern virtio off"):
            guest_data(overriding("rng0", **{"disable-legacy": "on", "disable-modern": "on"}))

    def test_a_root_bus_without_hotplug(self) -> None:
        """Its author wants no hot-plug: no device is sent behind a bridge for the sake of it."""
        root = "<controller type='pci' index='0' model='pci-root'><target hotplug='off'/></controller>"
        guest = read(domain(f"{root}<interface type='user'><model type='e1000'/></interface>", "pc").encode())
        assert not guest.machine_model.root_hotplug
        assert {device.hotplug for device in guest.devices} == {"never"}
        with pytest.raises(SourceError, match="hotplug goes with pci-root"):
            read(domain(root.replace("pci-root", "pcie-root")).encode())

    def test_indexes_left_out_have_controllers(self) -> None:
        """As libvirt would add; what an address asks for decides which."""
        text = domain("<rng model='virtio'><address type='pci' bus='2' slot='1'/></rng>")
        assert [(c["id"], c["model"]) for c in guest_data(text.encode())["controllers"]] == [
            ("pci.1", "pcie-root-port"),
            ("pci.2", "pcie-pci-bridge"),
        ]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("<network/>", "the root element is <network>"),
            (domain(machine="microvm"), "machine 'microvm'"),
            (domain().replace("x86_64", "aarch64"), "architecture 'aarch64'"),
            (domain("<interface><model type='foo'/></interface>"), "interface model 'foo'"),
            (domain("<rng model='virtio'><address type='pci' slot='0x20'/></rng>"), "address slot 0x20: at most 0x1f"),
            (domain("<rng model='virtio'><address type='pci' bus='x'/></rng>"), "'x' is not a number"),
            (
                domain("<controller type='pci' index='1' model='pcie-root'/>"),
                "index 0 of this machine is the pcie-root",
            ),
            (domain("<controller type='pci' index='1' model='foo'/>"), "model 'foo' is not known"),
            (domain("<controller type='pci' index='256' model='pcie-root-port'/>"), "not 0 to 255"),
            (domain("<controller type='ide' index='0'/>"), "the only one is the chipset's"),
            (domain(f"<controller type='scsi' index='{1 << 31}'/>"), f"index '{1 << 31}'"),
            (domain("<controller type='sata' index='0'><address type='pci' slot='5'/></controller>"), "chipset's own"),
            (domain("<disk><target dev='vdzzzzzzzz' bus='virtio'/></disk>"), "not a name such as vda"),
            (
                domain("<sound model='pcspk'/><video><model type='ramfb'/><address type='pci' slot='2'/></video>"),
                "no PCI",
            ),
        ],
    )
    def test_what_is_refused(self, text: str, words: str) -> None:
        with pytest.raises(InputError, match="(?s)" + words):
            _read_guest(text)


def _read_guest(text: str) -> Guest:
    try:
        return read(text.encode())
    except SourceError as error:
        raise InputError("domain.xml", [str(error)]) from None


needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="libvirt's own domain XML is not beside the project")


FAULTS = {
    "disk-usb-pci": "disk: a PCI address on what is no PCI device",
    "hostdev-pci-duplicate": "hostdev .* is listed twice",
    "hostdev-vfio-zpci-wrong-arch": "zpci addresses are of s390",
    "pci-bridge-duplicate-index": "two PCI controllers with index 1",
    "pci-expander-bus-bad-bus": "bus pci.1 takes no pxb",
    "pci-expander-bus-bad-node": "node 1 does not exist",
    "pci-function-invalid": "function 0x8: at most 0x7",
    "pci-root-address": "the root, so it has no address",
    "pci-slot-invalid": "slot 0x20: at most 0x1f",
    "pcie-expander-bus-bad-machine": "pcie-expander-bus does not go with this machine",
    "q35-dmi-bad-address1": "two PCI controllers with index 2",
    "q35-dmi-bad-address2": "bus pci.1 takes no i82801b11-bridge",
    "usb-ich9-no-companion": "ich9-ehci1, which is missing",
    "video-ramfb-display-device-pci-address": "video: a PCI address on what is no PCI device",
    "virtio-iommu-invalid-address": "virtio-iommu sits only on the root bus",
    "virtio-iommu-invalid-address-type": "virtio takes a PCI address",
    "virtio-iommu-no-acpi": "virtio needs ACPI",
    "virtio-transitional-not-supported": "virtio input devices have no such models",
}
"""Of the domains that libvirt refuses, what we say; `pcie-root-port-too-many` is for the solver to say."""


@needs_corpus
@pytest.mark.parametrize("path", sorted(CORPUS.glob("negative/*.xml")), ids=lambda path: path.stem)
def test_what_libvirt_refuses_is_refused_for_the_same_fault(path: Path) -> None:
    if path.stem == "pcie-root-port-too-many":
        assert len(read(path.read_bytes()).controllers) > 240
        return
    with pytest.raises(ValueError, match="(?s)" + FAULTS[path.stem]):  # SourceError, or pydantic's ValidationError
        read(path.read_bytes())


def test_text_is_no_domain() -> None:
    with pytest.raises(InputError):
        parse_guest("<domain/>", "yaml")
