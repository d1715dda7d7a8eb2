"""What `hotplug --to libvirt` prints, a libvirt that runs the domain takes, at the address and under the name that it
says; and what it refuses, libvirt refuses, too."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import pytest

from qslot.schema.errors import InputError
from qslot.schema.formats.hotplug import HotplugStep, NoSlotError
from qslot.schema.formats.hotplug_libvirt import attach, detach
from qslot.schema.formats.placed import PlacedGuest, read_placed
from qslot.schema.libvirt.addresses import PciAddress
from qslot.schema.libvirt.attach import addressed
from qslot.schema.libvirt.elements import MAKERS
from qslot.schema.libvirt.splice import Element, parse
from qslot.testing.libvirt import Libvirt

from .this_qemu import version

pytestmark = pytest.mark.real

PORTS = 24
Q35 = f"""<controller type='pci' index='0' model='pcie-root'/>
{"".join(f"<controller type='pci' index='{index}' model='pcie-root-port'/>" for index in range(1, PORTS))}
<controller type='pci' index='{PORTS}' model='pcie-root-port'><target hotplug='off'/></controller>
<controller type='pci' index='{PORTS + 1}' model='pcie-to-pci-bridge'/>"""
DOMAIN = """<domain type='qemu'><name>live</name>
<maxMemory slots='4' unit='MiB'>1024</maxMemory><memory unit='MiB'>128</memory>
<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>
<os><type arch='x86_64' machine='{}'>hvm</type></os><features><acpi/></features>
<cpu><numa><cell id='0' cpus='0' memory='128' unit='MiB'/></numa></cpu>
<devices><emulator/><controller type='usb' model='none'/>{}{}
<interface type='user'><model type='virtio'/></interface><memballoon model='none'/></devices></domain>"""
AT_ONCE = 8
"""How many devices come to one domain."""
FIELDS: dict[str, dict[str, Any]] = {
    "vfio-pci": {"properties": {"host": "0000:3b:00.0"}, "connect": "hybrid", "bars": []},
}
"""What a device must say."""


def started(libvirt: Libvirt, machine: str, more: str = "") -> str:
    told = libvirt.tell("start", DOMAIN.format(machine, Q35 if "q35" in machine else "", more))
    assert "error" not in told, told
    return told["live"]


@pytest.fixture
def image() -> Iterator[str]:
    """A file that libvirt's QEMU may write, whoever runs it, and inside the folder of another Debian, too."""
    with NamedTemporaryFile(prefix="qslot-", dir="/dev/shm") as file:
        file.truncate(1 << 20)
        Path(file.name).chmod(0o666)
        yield file.name


def read(text: str, folder: Path) -> PlacedGuest:
    path = folder / "live.xml"
    path.write_text(text)
    return read_placed(path)


def address(element: Element | None) -> dict[str, str]:
    found = None if element is None else element.first("address")
    return {} if found is None else dict(found.attributes)


def like(text: str, wanted: Element) -> Element | None:
    """The element at that address."""
    devices = parse(text.encode()).first("devices")
    assert devices is not None
    return next((one for one in devices.children if one.tag == wanted.tag and address(one) == address(wanted)), None)


@pytest.mark.parametrize("machine", ["pc-q35-7.2", "pc-i440fx-7.2"])
def test_every_kind_is_plugged_where_it_is_said(libvirt: Libvirt, machine: str, tmp_path: Path, image: str) -> None:
    """In the live and the stored definition where this machine has what it takes, else in the stored one."""
    plugged, no_room = [], []
    for number, model in enumerate(sorted(MAKERS)):
        if number % AT_ONCE == 0:
            text = started(libvirt, machine)
        step = tried(read(text, tmp_path), model)
        if step is None:
            no_room.append(model)
            continue
        told = attached(libvirt, step, image)
        text = told.get("live", text)
        plugged += [model] if "live" in told else []
    assert {*plugged} >= {"virtio-net", "virtio-blk", "virtio-scsi", "virtio-rng", "virtio-mem", "virtio-tablet"}
    large = {"e1000e", "igb", "ivshmem-doorbell", "ivshmem-plain"}  # more than ports have by themselves
    assert {*no_room} == (large if machine == "pc-q35-7.2" else set())


def tried(placed: PlacedGuest, model: str) -> HotplugStep | None:
    """None where no slot has the room, or libvirt's slots on pc do not suit it."""
    try:
        return attach(placed, [{"id": "new", "model": model, **FIELDS.get(model, {})}])
    except InputError as error:
        no_room = isinstance(error, NoSlotError) and " left for it" in str(error)
        if not no_room and "want of PCI Express" not in str(error):
            raise
        return None


OUR_FAULT = ("PCI address", "XML error", "is not supported")
"""In what libvirt says to an element that should not be as it is; what a host lacks is not."""


def attached(libvirt: Libvirt, step: HotplugStep, image: str) -> dict[str, str]:
    """Checks what libvirt makes of it, with that image for a disk; empty where it could only be stored."""
    wanted = parse(str(step.element).encode())
    told = libvirt.tell("attach", str(step.element).replace("/var/lib/libvirt/images/new.img", image), True)
    if "error" in told:
        assert not any(word in told["error"] for word in OUR_FAULT) or told["error"].endswith("by the host"), told
        if "not yet supported in session mode" in told["error"]:
            return {}
        stored = libvirt.tell("store", str(step.element))
        assert "error" not in stored, stored
        assert like(stored["stored"], wanted) is not None
        return {}
    new = like(told["live"], wanted)
    assert new is not None
    assert like(told["stored"], wanted) is not None
    alias = new.value("alias", name="name")
    assert alias == "new" or f"libvirt will call it {alias}, not new" in step.notes
    return told


REFUSED = (
    "<sound model='ac97'/>",
    "<video><model type='virtio'/></video>",
    "<memballoon model='virtio'/>",
    "<iommu model='virtio'/>",
    "<controller type='usb' index='1' model='qemu-xhci'/>",
    "<controller type='virtio-serial' index='0'/>",
    "<controller type='sata' index='1'/>",
    "<filesystem type='mount'><source dir='/tmp'/><target dir='x'/></filesystem>",
)


WORDS_OF_REFUSAL = ("not supported", "cannot be hot plugged", "only virtiofs", "libvirt crashes")
"""The last is how 12.8 answers where it is asked to attach video."""
TAKEN_BY_NEWER = "<controller type='virtio-serial' index='0'/>"
"""9.0 refuses it, 11.3 does not."""


@pytest.mark.parametrize("element", REFUSED)
def test_libvirt_refuses_what_is_refused(element: str, libvirt: Libvirt, tmp_path: Path) -> None:
    placed = read(started(libvirt, "pc-q35-7.2"), tmp_path)
    with pytest.raises(InputError, match="libvirt attaches"):
        attach(placed, element)
    told = libvirt.tell("attach", addressed(element, PciAddress(5, 0, 0)), False)
    if element == TAKEN_BY_NEWER and version() >= (10, 0):
        assert "error" not in told
    else:
        assert any(words in told["error"] for words in WORDS_OF_REFUSAL), told


@pytest.mark.parametrize("machine", ["pc-q35-7.2", "pc-i440fx-7.2"])
def test_watchdogs_have_one_action(machine: str, libvirt: Libvirt, tmp_path: Path) -> None:
    """From 9.1 on libvirt lists the chipset's watchdog of a q35, and takes others of the same action."""
    placed = read(started(libvirt, machine), tmp_path)
    step = attach(placed, [{"id": "new", "model": "i6300esb"}])
    chipset_s = "q35" in machine and libvirt.version >= (9, 1)
    assert ("action='reset'" in str(step.element)) == chipset_s
    if chipset_s:
        other = str(step.element).replace("reset", "poweroff")
        assert "watchdogs with different actions" in libvirt.tell("attach", other, False)["error"]
        with pytest.raises(InputError, match="of action reset"):
            attach(placed, "<watchdog model='i6300esb' action='poweroff'/>")
    told = libvirt.tell("attach", str(step.element), False)
    new = like(told["live"], parse(str(step.element).encode()))
    assert new is not None
    assert f"libvirt will call it {new.value('alias', name='name')}, not new" in step.notes


def test_functions_ports_without_hot_plug_and_addresses_that_are_left_open(libvirt: Libvirt, tmp_path: Path) -> None:
    placed = read(started(libvirt, "pc-q35-7.2"), tmp_path)
    nic = "<interface type='user'><mac address='52:54:00:00:00:78'/><model type='virtio'/></interface>"
    beside = libvirt.tell("attach", addressed(nic, PciAddress(1, 0, 1)), False)
    assert "function=0" in beside["error"]
    with pytest.raises(InputError, match="function 0 alone"):
        attach(placed, [{"id": name, "model": "virtio-rng"} for name in "ab"])
    closed = libvirt.tell("attach", addressed(nic, PciAddress(PORTS, 0, 0)), False)
    assert "doesn't support hotplug" in closed["error"]
    assert f"pci.{PORTS}" not in str(attach(placed, nic).layout.devices[-1].address)
    libvirt.tell("attach", addressed(nic.replace("78", "79"), PciAddress(7, 0, 0)), False)
    told = libvirt.tell("attach", nic, True)  # without an address each definition has another
    places = [
        one.value("address", name="bus")
        for text in (told["live"], told["stored"])
        for one in parse(text.encode()).first("devices").all("interface")  # type: ignore[union-attr]
        if one.value("mac", name="address").endswith("78")
    ]
    assert len(places) == 2


def test_detaching_is_asked_for_as_the_domain_has_it(libvirt: Libvirt, tmp_path: Path) -> None:
    """No guest is there to agree: libvirt has only asked."""
    text = started(libvirt, "pc-q35-7.2", "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>")
    placed = read(text, tmp_path)
    for name in ("net0", "rng0"):
        step = detach(placed, name)
        assert "read the live definition of live, which runs as" in step.notes[0]
        assert "error" not in libvirt.tell("detach", str(step.element))
