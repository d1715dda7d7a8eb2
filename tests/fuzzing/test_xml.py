"""Broken XML: of domains, of what virsh says of hosts and their devices, and osinfo-db."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qslot.schema.environment.osinfo.read import read_osinfo
from qslot.schema.formats.convert import convert
from qslot.schema.formats.files import read_guest
from qslot.schema.formats.hosts import read_host
from qslot.schema.formats.placed import read_placed
from qslot.schema.host_devices import read_host_devices
from qslot.schema.libvirt import emulator, guest_data, operating_system

from ..host_tree import HOST, nodedev
from .corrupted import corrupted
from .reading import refusal

EXAMPLE: Final = (Path(__file__).parents[2] / "examples" / "domain.xml").read_text(encoding="utf-8")
AT: Final = "<address type='pci' domain='0x0000' bus='0x{}' slot='0x{}' function='0x0'/>"
RICH: Final = EXAMPLE.replace(
    "</devices>",
    f"""
    <controller type='pci' index='0' model='pcie-root'/>
    <controller type='pci' index='1' model='pcie-root-port'>
      <model name='pcie-root-port'/><target chassis='1' port='0x8' hotplug='off'/>{AT.format("00", "02")}
    </controller>
    <controller type='pci' index='2' model='pcie-expander-bus'><target busNr='254'><node>0</node></target></controller>
    <controller type='scsi' index='0' model='virtio-scsi'><driver queues='4'/></controller>
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/><address type='drive' unit='0'/></disk>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source><address domain='0x0000' bus='0x17' slot='0x00' function='0x0'/></source>{AT.format("01", "00")}
    </hostdev>
    <interface type='network'><model type='e1000'/><alias name='ua-nic'/><virtualport/></interface>
    <iommu model='intel'><driver intremap='on' caching_mode='on'/></iommu>
    <memory model='nvdimm'><target><size unit='MiB'>512</size><node>0</node></target></memory>
    <shmem name='s'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>
  </devices>
  <maxMemory slots='4' unit='GiB'>64</maxMemory>
  <cpu mode='custom'><model>Nehalem</model><numa><cell id='0' cpus='0-3' memory='4' unit='GiB'/></numa></cpu>
  <commandline xmlns='http://libvirt.org/schemas/domain/qemu/1.0'>
    <arg value='-device'/><arg value='edu,id=x,bus=pcie.0,addr=0x9'/>
  </commandline>
""",
)
DOMAINS: Final = (EXAMPLE, RICH)
CAPABILITIES: Final = (
    "<domainCapabilities><path>/usr/bin/qemu</path><domain>kvm</domain><machine>pc-q35-7.2</machine><arch>x86_64</arch>"
    "<devices><disk supported='yes'><enum name='model'><value>virtio</value><value>virtio-transitional</value></enum>"
    "</disk><video supported='yes'><enum name='modelType'><value>virtio</value></enum></video></devices>"
    "</domainCapabilities>",
    "<capabilities><guest><os_type>hvm</os_type><arch name='x86_64'><machine canonical='pc-q35-7.2'>q35</machine>"
    "<machine>pc-q35-7.2</machine><machine>pc-i440fx-rhel7.6.0</machine></arch></guest></capabilities>",
)
OSINFO: Final = (
    "<libosinfo><os id='http://x.org/x/1'><short-id>x1</short-id><name>X 1</name><version>1</version><family>linux"
    "</family><release-date>2020-01-01</release-date><clones id='http://x.org/x/0'/><devices>"
    "<device id='http://pcisig.com/pci/1af4/1000'/></devices><firmware arch='x86_64' type='efi' supported='true'/>"
    "<media arch='x86_64'/></os></libosinfo>",
    "<libosinfo><os id='http://x.org/x/0'><short-id>x0</short-id><name>X 0</name><derives-from id='http://x.org/x/1'/>"
    "<driver arch='x86_64'><device id='http://pcisig.com/pci/1af4/1041'/></driver></os></libosinfo>",
)
BOMB: Final = (
    "<!DOCTYPE x [<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12)) + "]>"
)
"""A billion laughs."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("fuzzing")
    (made / "os").mkdir()
    return made


@given(corrupted(DOMAINS))
def test_domain(text: str) -> None:
    data = text.encode()
    for reader in (emulator, operating_system, guest_data):
        refusal(lambda reader=reader: reader(data))  # type: ignore[misc]


@given(corrupted(DOMAINS), st.sampled_from(("yaml", "argv", "libvirt", "placed")))
def test_what_is_made_of_a_domain(folder: Path, text: str, to: str) -> None:
    path = folder / "domain.xml"
    path.write_text(text, encoding="utf-8")
    refusal(lambda: read_placed(path) if to == "placed" else convert(path, to))  # type: ignore[arg-type]


@given(corrupted(CAPABILITIES), st.sampled_from(("", ",qemu=6.2", ",libvirt=8.0")))
def test_capabilities(folder: Path, text: str, more: str) -> None:
    path = folder / "caps.xml"
    path.write_text(text, encoding="utf-8")
    refusal(lambda: read_host(f"{path}{more}"))


@given(st.text(max_size=30) | corrupted(("qemu=6.2,libvirt=8.0", "caps.xml,qemu=6.2")))
def test_versions_of_a_host(text: str) -> None:
    refusal(lambda: read_host(text))


@given(corrupted([nodedev(HOST)]))
def test_devices_of_a_host(folder: Path, text: str) -> None:
    path = folder / "nodedev.xml"
    path.write_text(text, encoding="utf-8")
    refusal(lambda: read_host_devices([path]))


@given(corrupted(OSINFO), corrupted(OSINFO))
def test_osinfo(folder: Path, first: str, second: str) -> None:
    for name, text in (("first", first), ("second", second)):
        (folder / "os" / f"{name}.xml").write_text(text, encoding="utf-8")
    refusal(lambda: read_osinfo(folder))


def readers(folder: Path, text: str) -> dict[str, Callable[[], object]]:
    """Every reader of XML, for the same text."""
    path = folder / "input.xml"
    for place in (path, folder / "os" / "only.xml"):
        place.write_text(text, encoding="utf-8")
    return {
        "domain": lambda: read_guest(path),
        "host": lambda: read_host(str(path)),
        "devices": lambda: read_host_devices([path]),
        "osinfo": lambda: read_osinfo(folder),
    }


READERS: Final = ("domain", "host", "devices", "osinfo")
HOSTILE: Final = {
    "billion laughs": BOMB + "<domain>&a11;</domain>",
    "an entity of a file": "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><domain>&a;</domain>",
    "nesting": "<domain>" * 200_000 + "</domain>" * 200_000,
    "many attributes": "<domain " + " ".join(f"a{n}='1'" for n in range(100_000)) + "/>",
    "an encoding that nobody knows": "<?xml version='1.0' encoding='klingon'?><domain/>",
    "an encoding of several bytes": "<?xml version='1.0' encoding='gbk'?><domain/>",
    "another encoding": "<?xml version='1.0' encoding='utf-16'?><domain/>",
    "XML 1.1": "<?xml version='1.1'?><domain/>",
    "nothing": "<?xml version='1.0'?>",
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_xml(tmp_path: Path, name: str, reader: str) -> None:
    (tmp_path / "os").mkdir()
    message = refusal(readers(tmp_path, HOSTILE[name])[reader])
    assert message is not None, "read without a word"
    assert len(message.splitlines()) == 1
