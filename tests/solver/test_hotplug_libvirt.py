"""`qslot hotplug --to libvirt`: the element for virsh, where it says what was asked for; and what would have helped."""

from pathlib import Path

import pytest
from click.testing import Result

from qslot.schema.catalog import find
from qslot.schema.formats.written import to_json
from qslot.schema.layout.layout import PlacedDevice
from qslot.schema.libvirt import SourceError
from qslot.schema.libvirt.addresses import PciAddress
from qslot.schema.libvirt.attach import addressed, live_alias
from qslot.schema.libvirt.elements import MAKERS, element_of, why_no_element
from qslot.schema.libvirt.live import UNPLUGGED, why_not_live
from qslot.schema.libvirt.models import kind_of
from qslot.schema.libvirt.splice import parse
from qslot.schema.pci.controllers import VirtioMode
from qslot.schema.pci.qemu_properties import Properties

from ..layouts import small_layout
from . import command

NIC = "<interface type='network'><source network='default'/><model type='virtio'/></interface>"

BRIDGE = (
    "<controller type='pci' index='4' model='pcie-to-pci-bridge'>"
    "<address type='pci' domain='0x0000' bus='0x03' slot='0x00' function='0x0'/></controller>"
)
"""Behind the third port, for what is no PCI Express device."""


def domain(more: str = "", number: str = " id='3'") -> str:
    """Three ports, the first with an interface, as a libvirt that runs it prints it."""
    place = "<address type='pci' domain='0x0000' bus='{:#04x}' slot='{:#04x}' function='{:#x}'{}/>"
    ports = "".join(
        f"<controller type='pci' index='{index}' model='pcie-root-port'>"
        f"{place.format(0, 1, index - 1, ' multifunction=' + repr('on') if index == 1 else '')}</controller>"
        for index in (1, 2, 3)
    )
    return (
        f"<domain type='kvm'{number}><name>web</name><memory unit='GiB'>1</memory>"
        "<os><type machine='pc-q35-7.2'>hvm</type></os><features><acpi/></features><devices>"
        f"<controller type='usb' model='none'/><controller type='pci' index='0' model='pcie-root'/>{ports}"
        "<interface type='user'><model type='virtio'/><alias name='net0'/>"
        f"{place.format(1, 0, 0, '')}</interface>{more}<memballoon model='none'/></devices></domain>"
    )


@pytest.fixture
def running(tmp_path: Path) -> Path:
    path = tmp_path / "web.xml"
    path.write_text(domain())
    return path


def run(*words: str | Path) -> Result:
    return command.run("hotplug", *words)


def test_an_element_is_kept_and_gets_its_address(running: Path) -> None:
    done = run(running, NIC)
    assert done.stdout.startswith(NIC.removesuffix("</interface>"))
    place = parse(done.stdout.encode()).first("address")
    assert place is not None
    assert (place.get("bus"), place.get("slot"), place.get("function")) == ("0x02", "0x00", "0x0")
    assert "read the live definition of web, which runs as 3" in done.stderr
    assert "net1 goes to pci.2:00.0; the guest sees it at 02:00.0 and calls it enp2s0, now and after" in done.stderr


def test_a_stored_definition_is_called_one(tmp_path: Path) -> None:
    path = tmp_path / "web.xml"
    path.write_text(domain(number=""))
    assert "read a stored definition of web" in run(path, NIC).stderr


def test_an_address_that_the_element_has_is_kept_or_refused(running: Path) -> None:
    there = NIC.replace("</interface>", "<address type='pci' bus='3' slot='0'/></interface>")
    assert "net1 goes to pci.3:00.0" in run(running, there).stderr
    taken = run(running, there.replace("bus='3'", "bus='1'"))
    assert taken.exit_code == 2
    assert run(running, there.replace("slot='0'", "slot='0' function='2'")).exit_code == 2


def test_detaching_is_said_as_the_domain_says_it(running: Path) -> None:
    done = run(running, "--unplug", "net0", "--to", "libvirt")
    assert kind_of(parse(done.stdout.encode())) is not None
    assert "alias name='net0'" in done.stdout
    assert "device-removed" in done.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["[{id: a, model: nvme}, {id: b, model: nvme}]", "--to", "libvirt"], "function 0 alone"),
        (["{id: a, model: AC97}", "--to", "libvirt"], "libvirt attaches and detaches no <sound>"),
        (["{id: a, model: qemu-xhci}", "--to", "libvirt"], "those of type scsi alone"),
        (["{id: a, model: edu}", "--to", "libvirt"], "domain XML has no element for it"),
        (["{id: a, model: mine, connect: express, bars: []}", "--to", "libvirt"], "mine: domain XML has no element"),
        (["{id: a, model: virtio-net, virtio: legacy}", "--to", "libvirt"], "hint: without virtio: a goes to pci.2"),
        (["{id: a, model: vfio-pci, connect: express, bars: []}", "--to", "libvirt"], "which device of the host?"),
        (
            ["{id: a, model: virtio-net, properties: {csum: 'off'}}", "--to", "libvirt"],
            "no words for the property csum",
        ),
        (["<memballoon model='virtio'/>"], "libvirt attaches and detaches no <memballoon>"),
        (["<disk><target dev='sda' bus='sata'/></disk>"], "no PCI device as it stands there"),
        (["<interface"], "not well-formed"),
        ([NIC, "--to", "qmp"], "--to qmp: an element does not say"),
        (["--unplug", "nobody", "--to", "libvirt"], "none of the layout's devices"),
    ],
)
def test_what_cannot_be(words: list[str], why: str, running: Path) -> None:
    done = run(running, *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert why in done.stderr


def test_libvirt_takes_one_vsock(tmp_path: Path) -> None:
    path = tmp_path / "web.xml"
    place = "<address type='pci' domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>"
    path.write_text(domain(f"<vsock model='virtio'><cid auto='yes'/>{place}</vsock>"))
    for words in (["<vsock model='virtio'/>"], ["{id: a, model: vhost-vsock}", "--to", "libvirt"]):
        done = run(path, *words)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "the domain has a <vsock>, and libvirt takes no other" in done.stderr


@pytest.mark.parametrize(("there", "action"), [("", "none"), (" action='none'", "reset")])
def test_watchdogs_have_one_action(there: str, action: str, tmp_path: Path) -> None:
    """That of the chipset's, which newer libvirt lists, decides: reset where it states none."""
    path = tmp_path / "web.xml"
    path.write_text(domain(f"{BRIDGE}<watchdog model='itco'{there}><alias name='watchdog0'/></watchdog>"))
    whose = {"none": "reset", "reset": "none"}[action]
    done = run(path, "{id: a, model: i6300esb}", "--to", "libvirt")
    assert parse(done.stdout.encode()).get("action") == whose
    assert f"action {whose}: the domain's other watchdog has it" in done.stderr
    assert "libvirt will call it watchdog1, not a" in done.stderr
    refused = run(path, f"<watchdog model='i6300esb' action='{action}'/>")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert f"the domain has a <watchdog> of action {whose}, and libvirt takes no other action" in refused.stderr
    assert run(path, f"<watchdog model='i6300esb' action='{whose}'/>").exit_code == 0


def test_a_watchdog_alone_does_nothing_until_that_is_said(tmp_path: Path) -> None:
    running = tmp_path / "web.xml"
    running.write_text(domain(BRIDGE))
    done = run(running, "{id: a, model: i6300esb}", "--to", "libvirt")
    assert parse(done.stdout.encode()).get("action") == "none"
    assert "action none: say what is to happen" in done.stderr
    assert run(running, "<watchdog model='i6300esb' action='poweroff'/>").exit_code == 0


def test_a_layout_does_not_know_libvirt_s_names(tmp_path: Path) -> None:
    path = tmp_path / "layout.json"
    path.write_text(to_json(small_layout()))
    for words in ([NIC], ["--unplug", "net0", "--to", "libvirt"]):
        assert "a layout does not say what libvirt calls" in run(path, *words).stderr


def test_what_would_have_helped_is_told(tmp_path: Path) -> None:
    """The hint of the next start is a plan; that of a device less is a slot that was looked for."""
    path = tmp_path / "web.xml"
    path.write_text(domain())
    done = run(path, "{id: a, model: e1000}")
    assert "hint: at QEMU's next start, planned with hotplug: required: a goes to p2p1:01.0" in done.stderr
    done = run(path, "{id: a, model: nvme, address: 'pci.1:0'}")
    assert "hint: without address: a goes to pci.2:00.0" in done.stderr
    assert "hint: once net0 is unplugged: a goes to pci.1:00.0" in done.stderr
    where = "<address type='pci' bus='0' slot='9'/>"
    path.write_text(domain(f"<rng model='virtio'><backend model='random'>/dev/urandom</backend>{where}</rng>"))
    done = run(path, "--unplug", "rng0")
    assert "hint: planned with hotplug: required, and started anew, rng0 goes to p2p1:01.0, with p2p1" in done.stderr


CASES = [(model, mode) for model in sorted(MAKERS) for mode in getattr(find(model).virtio, "modes", (None,))]


@pytest.mark.parametrize(("model", "mode"), [case for case in CASES if case[1] is not VirtioMode.LEGACY])
def test_elements_say_what_the_device_is(model: str, mode: VirtioMode | None) -> None:
    """Read by the reader of domains, which shares nothing with the writer: that model, in that mode."""
    kind = find(model)
    suffix = {None: "", VirtioMode.TRANSITIONAL: "-transitional", VirtioMode.MODERN: "-non-transitional"}[mode]
    driver = kind.driver + (suffix if kind.virtio is not None and mode in kind.virtio.suffixed else "")
    properties: Properties = {"host": "0000:3b:00.1"} if model == "vfio-pci" else {}
    seat = PlacedDevice(
        id="a", model=model, driver=driver, virtio=mode, bus="pci.1", slot=0, function=0, properties=properties
    )
    try:
        text = element_of(seat, plain=None if mode is None or suffix in driver else mode).text
    except SourceError:
        assert kind.virtio is not None
        assert not kind.virtio.suffixed
        return
    read = kind_of(parse(text.encode()))
    assert read is not None
    assert read.model == model
    assert read.properties.get("host") == properties.get("host")
    assert read.mode == (None if mode is None or driver == kind.driver else str(mode))
    assert why_not_live(parse(text.encode())) is None


@pytest.mark.parametrize(("vectors", "queues"), [(4, None), (6, 2), (8, 3), (10, 4)])
def test_vectors_are_of_so_many_queues(vectors: int, queues: int | None) -> None:
    """Two for each pair, and two more, as libvirt counts them; two pairs at least."""
    properties: Properties = {"mq": True, "vectors": vectors}
    seat = PlacedDevice(
        id="net0", model="virtio-net", driver="virtio-net-pci", bus="rp1", slot=0, function=0, properties=properties
    )
    if queues is None:
        with pytest.raises(SourceError):
            element_of(seat)
    else:
        assert f"queues='{queues}'" in element_of(seat).text


def test_every_model_of_a_domain_is_plugged_or_has_a_reason() -> None:
    assert not {*MAKERS} & {*UNPLUGGED}
    assert all(why_no_element(model) for model in UNPLUGGED)


def test_libvirt_counts_on_from_the_highest_number() -> None:
    used = {"net0", "net7", "scsi0", "input1", "watchdog0"}
    names = {
        "<interface/>": "net8",
        "<interface><alias name='ua-x'/></interface>": "ua-x",
        "<interface><alias name='mine'/></interface>": "net8",
        "<controller type='scsi'/>": "scsi1",
        "<input/>": "input2",
        "<rng/>": "rng0",
        "<watchdog/>": "watchdog1",
    }
    assert {text: live_alias(parse(text.encode()), used) for text in names} == names


def test_an_element_is_given_its_address_in_place() -> None:
    text = "<rng model='virtio'>\n  <!-- kept -->\n  <address type='pci'/>\n</rng>\n"
    there = addressed(text, PciAddress(2, 3, 0))
    assert "<!-- kept -->" in there
    assert there.count("<address") == 1
    assert "slot='0x03'" in there
