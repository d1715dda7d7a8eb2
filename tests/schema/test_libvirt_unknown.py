"""What domain XML says and nobody understands: kept, refused or told, never overlooked in silence."""

import random
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qslot.schema import Guest
from qslot.schema.errors import QslotError
from qslot.schema.libvirt import SourceError, read
from qslot.schema.libvirt.splice import parse
from qslot.schema.libvirt.vocabulary import unknown_names

from .test_libvirt import domain

AT_5 = "<address type='pci' domain='0' bus='0' slot='5' function='0'/>"


def asked(text: str) -> Guest:
    return read(text.encode())


def devices_of(guest: Guest) -> dict[str, str]:
    """Models by id, but for the USB controller of every domain."""
    return {device.id: device.model for device in guest.devices if device.id != "usb0"}


class TestKeptAtItsAddress:
    """A PCI address says that it is a PCI device, whatever else it may be."""

    @pytest.mark.parametrize(
        ("element", "name", "words"),
        [
            ("<sound model='xyz'>{}</sound>", "sound0", "<sound>: sound model 'xyz' is not known: ac97"),
            ("<controller type='xyz' index='0'>{}</controller>", "xyz0", "controller type 'xyz' is not known"),
            ("<hostdev type='pcii'>{}</hostdev>", "hostdev0", "hostdev type 'pcii' is not known: pci"),
            ("<watchdog model='xyz'>{}</watchdog>", "watchdog0", "watchdog model 'xyz' is not known"),
            ("<interfaces>{}</interfaces>", "interfaces0", "<interfaces>: not known; kept"),
            ("<interface type='user'><model type='foo'/>{}</interface>", "net0", "interface model 'foo' is not known"),
        ],
    )
    def test_kinds(self, element: str, name: str, words: str) -> None:
        guest = asked(domain(element.format(AT_5)))
        (device,) = (one for one in guest.devices if one.id != "usb0")
        assert (device.id, str(device.address)) == (name, "pcie.0:05.0")
        assert any("line 1: " in told and words in told for told in guest.unread)

    @pytest.mark.parametrize(
        "element",
        ["<tpm model='tpm-tis'>{}</tpm>", "<sound model='sb16'>{}</sound>", "<parallel type='pty'>{}</parallel>"],
    )
    def test_an_address_that_libvirt_keeps_free_is_reserved(self, element: str) -> None:
        guest = asked(domain(element.format(AT_5)))
        assert devices_of(guest) == {}
        assert [str(pin) for pin in guest.reserve] == ["pcie.0:05.0"]
        assert any("its PCI address is kept free" in told for told in guest.unread)

    def test_a_console_repeats_the_address_of_a_serial_port(self) -> None:
        serial = f"<serial type='pty'><target type='pci-serial' port='0'/>{AT_5}</serial>"
        guest = asked(domain(f"{serial}<console type='pty'><target type='serial' port='0'/>{AT_5}</console>"))
        assert devices_of(guest) == {"serial0": "pci-serial"}
        assert (guest.reserve, guest.unread) == ((), ())


class TestRefused:
    """Without an address nobody knows whether it takes one."""

    @pytest.mark.parametrize(
        ("element", "words"),
        [
            ("<disk><target dev='vda' bus='virtoi'/></disk>", "line 1: disk 'vda': bus 'virtoi' is not known: virtio"),
            (f"<disk><target dev='vda' bus='virtoi'/>{AT_5}</disk>", "bus 'virtoi' is not known: virtio"),
            ("<disk><target dev='foo'/></disk>", "disk 'foo': neither such a name"),
            ("<sound model='xyz'/>", "sound model 'xyz' is not known: ac97"),
            ("<sound/>", "no sound model is said: ac97"),
            ("<controller type='xyz'/>", "controller type 'xyz'"),
            ("<controller type='usb' model='xyz'/>", "USB controller model 'xyz'"),
            ("<hostdev type='pcii'/>", "hostdev type 'pcii'"),
            ("<hostdev mode='sub' type='pci'/>", "hostdev mode 'sub'"),
            ("<watchdog model='xyz'/>", "watchdog model 'xyz'"),
            ("<video><model type='xyz'/></video>", "video model 'xyz' is not known: vga.*virtio"),
            ("<input type='tablet' bus='vrtio'/>", "input bus 'vrtio' is not known: virtio"),
            ("<filesystem><driver type='virtiofsd'/></filesystem>", "filesystem driver 'virtiofsd'"),
            ("<serial><target type='pci-seral'/></serial>", "serial target type 'pci-seral'"),
            ("<memory model='virtio-mme'/>", "memory model 'virtio-mme'"),
            ("<iommu model='virtoi'/>", "iommu model 'virtoi'"),
            ("<controller type='usb' model='none'/><controller type='usb' model='qemu-xhci'/>", "there is no USB"),
            ("<controller type='scsi' index='one'/>", "index 'one' is not a number"),
        ],
    )
    def test_kinds(self, element: str, words: str) -> None:
        with pytest.raises(SourceError, match=f"(?s){words}"):
            asked(domain(element))

    @pytest.mark.parametrize(
        "text",
        [
            "<domain/>",
            "<domain type='kvm'/>",
            "<domain type='kvm'><os/></domain>",
            "<domain><os><type>hvm</type></os></domain>",
            "<domain type='lxc'><os><type>exe</type></os></domain>",
        ],
    )
    def test_no_domain_of_qemu(self, text: str) -> None:
        with pytest.raises(SourceError, match=r"domain type .*: a domain of QEMU says <domain type='kvm'>"):
            asked(text)

    def test_an_os_type_of_another_kind(self) -> None:
        with pytest.raises(SourceError, match="os type 'linux': only hvm"):
            asked(domain().replace("hvm", "linux"))


class TestTold:
    """What libvirt overlooks, a plan overlooks too, but not in silence."""

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (domain("<interfaces/>"), "line 1: <interfaces>: not known in <devices>, so overlooked; known: interface"),
            (domain("<interface type='user'><modle type='virtio'/></interface>"), "<modle>: not known in <interface>"),
            (domain("<rng model='virtio' modle='x'/>"), "<rng>: attribute modle='x' is not known, so overlooked"),
            (domain("<interface type='usr'/>"), "<interface>: type='usr' is not known; known: user"),
            (domain().replace("features>", "feature>"), "<feature>: not known in <domain>.*known: features"),
            (
                domain("<interface type='user'><model type='virtio'/><address type='ccw'/></interface>"),
                "<interface>: its address is of type 'ccw', not pci, so it is not planned",
            ),
        ],
    )
    def test_names(self, text: str, words: str) -> None:
        with_words = pytest.raises(AssertionError, match=f"(?s){words}")
        with with_words:
            assert asked(text).unread == ()

    def test_lines_are_counted(self) -> None:
        text = domain("\n\n<rng modle='x' model='virtio'/>")
        assert asked(text).unread[0].startswith("line 3: <rng>")

    def test_what_only_later_versions_know(self) -> None:
        elements = (
            "<sound model='virtio'/><pstore backend='acpi-erst'><path>/x</path><size unit='KiB'>64</size></pstore>"
            "<crypto model='virtio' type='qemu'><backend model='builtin'/></crypto><watchdog model='itco'/>"
            "<disk type='file'><source file='/x'/><target dev='nvme1n1' bus='nvme'/></disk>"
        )
        guest = asked(domain(elements))
        assert guest.unread == ()
        assert devices_of(guest) == {
            "sound0": "virtio-sound",
            "pstore0": "acpi-erst",
            "crypto0": "virtio-crypto",
            "nvme0": "nvme",
            "nvme1": "nvme",
        }


CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "libvirt" / "positive"


@pytest.mark.skipif(not CORPUS.is_dir(), reason="libvirt's own domain XML is not beside the project")
def test_every_name_of_libvirts_own_domains_is_known() -> None:
    found = {path.stem: told for path in CORPUS.glob("*.xml") if (told := [*unknown_names(parse(path.read_bytes()))])}
    assert found == {}


KNOWN = (
    "<disk type='file'><driver name='qemu' type='raw'/><source file='/x'/><target dev='vda' bus='virtio'/></disk>",
    "<disk type='file' device='cdrom'><source file='/x'/><target dev='sdh' bus='scsi'/></disk>",
    "<interface type='user'><model type='virtio'/><driver queues='2'/><acpi index='3'/></interface>",
    "<controller type='scsi' index='0' model='virtio-scsi'/>",
    "<controller type='pci' index='0' model='pcie-root'/>",
    "<video><model type='vga' vram='16384'/></video>",
    "<sound model='ich9'><codec type='micro'/></sound>",
    "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>",
    "<watchdog model='i6300esb' action='reset'/>",
    "<input type='tablet' bus='virtio'/>",
    "<shmem name='s'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>",
    "<serial type='pty'><target type='pci-serial'/></serial>",
    "<filesystem type='mount'><source dir='/x'/><target dir='y'/></filesystem>",
    "<hostdev mode='subsystem' type='pci'><source><address bus='6' slot='0' function='0'/></source></hostdev>",
    "<channel type='unix'><target type='virtio' name='a'/></channel>",
    "<graphics type='vnc'><listen type='none'/></graphics>",
)
"""Devices in which everything is known."""


@given(draw=st.randoms(use_true_random=False), what=st.sampled_from(["element", "tag", "attribute", "value"]))
def test_whatever_is_unknown_is_named(draw: random.Random, what: str) -> None:
    """One element, attribute or value that nobody knows, anywhere in a random domain, is in an error or a warning."""
    root = ElementTree.fromstring(domain("".join(draw.sample(KNOWN, draw.randint(1, len(KNOWN))))))
    chosen = draw.choice([one for one in root.iter() if what != "value" or one.attrib])
    if what == "element":
        ElementTree.SubElement(chosen, "zzunknown")
    elif what == "attribute":
        chosen.set("zzunknown", "1")
    elif what == "tag":
        chosen.tag = "zzunknown"
    else:
        chosen.set(draw.choice(list(chosen.attrib)), "zzunknown")
    text = ElementTree.tostring(root, encoding="unicode")
    try:
        told = "\n".join(asked(text).unread)
    except (QslotError, ValueError) as error:
        told = str(error)
    assert "zzunknown" in told or (what == "value" and is_free(text))


def is_free(text: str) -> bool:
    """Whether the value stands where libvirt, too, takes any text."""
    return not any("zzunknown" in told for told in unknown_names(parse(text.encode())))


@pytest.mark.parametrize("element", KNOWN)
def test_everything_there_is_known(element: str) -> None:
    assert asked(domain(element)).unread == ()


MODELS = {
    "interface": ("<interface type='user'><model type='{}'/></interface>", "virtio-transitional"),
    "SCSI": ("<controller type='scsi' index='0' model='{}'/>", "virtio-scsi"),
    "video": ("<video><model type='{}'/></video>", "virtio"),
    "USB": ("<controller type='usb' index='0' model='{}'/>", "qemu-xhci"),
    "balloon": ("<memballoon model='{}'/>", "none"),
    "rng": ("<rng model='{}'><backend model='random'>/dev/urandom</backend></rng>", "virtio-non-transitional"),
    "sound": ("<sound model='{}'/>", "ich9"),
    "watchdog": ("<watchdog model='{}'/>", "i6300esb"),
}


@pytest.mark.parametrize("what", MODELS)
def test_the_message_lists_all_that_is_taken_and_nothing_else(what: str) -> None:
    element, one = MODELS[what]
    listed = refusal(domain(element.format("xyz"))).partition("is not known: ")[2].split(", ")
    assert one in listed
    assert len(listed) == len({*listed})
    assert [model for model in listed if "is not known" in refusal(domain(element.format(model)))] == []


def refusal(text: str) -> str:
    """Why it is no guest, if it is none."""
    try:
        asked(text)
    except ValueError as error:
        return str(error)
    return ""
