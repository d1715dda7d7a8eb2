"""Domain XML planned and given back: what is added where, and that planning the result again changes nothing."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from qslot.schema import Guest, Infeasible, Layout, Solved
from qslot.schema.libvirt import SourceError, Written, read, write
from qslot.schema.libvirt.splice import parse
from qslot.schema.pci.controllers import VirtioMode
from qslot.solver import solve
from qslot.solver.cli import qslot

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "libvirt" / "positive"

Q35 = """<?xml version='1.0' encoding='UTF-8'?>
<!-- a guest -->
<domain type='kvm'>
\t<name>häuschen</name>
\t<memory unit='GiB'>1</memory>
\t<os><type arch="x86_64" machine='q35'>hvm</type></os>
\t<features><acpi/></features>
\t<devices>
\t\t<disk type='file' device='disk'><!-- the system -->
\t\t\t<target dev='vda' bus='virtio'/>
\t\t</disk>
\t\t<interface type='user'>
\t\t\t<model type='virtio-transitional'/>
\t\t</interface>
\t\t<controller type='usb' index='0' model='none'/>
\t\t<rng model='virtio'/>
\t\t<memballoon model='none'/>
\t</devices>
</domain>
"""

PLANNED = """<?xml version='1.0' encoding='UTF-8'?>
<!-- a guest -->
<domain type='kvm'>
\t<name>häuschen</name>
\t<memory unit='GiB'>1</memory>
\t<os><type arch="x86_64" machine='q35'>hvm</type></os>
\t<features><acpi/></features>
\t<devices>
\t\t<disk type='file' device='disk'><!-- the system -->
\t\t\t<target dev='vda' bus='virtio'/>
\t\t\t<address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>
\t\t</disk>
\t\t<interface type='user'>
\t\t\t<model type='virtio-transitional'/>
\t\t\t<address type='pci' domain='0x0000' bus='0x04' slot='0x01' function='0x0'/>
\t\t</interface>
\t\t<controller type='usb' index='0' model='none'/>
\t\t<rng model='virtio'>
\t\t  <address type='pci' domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>
\t\t</rng>
\t\t<memballoon model='none'/>
\t\t<controller type='pci' index='0' model='pcie-root'/>
\t\t<controller type='pci' index='1' model='pcie-root-port'>
\t\t  <model name='pcie-root-port'/>
\t\t  <target chassis='1' port='0x8'/>
\t\t  <address type='pci' domain='0x0000' bus='0x00' slot='0x01' function='0x0' multifunction='on'/>
\t\t</controller>
\t\t<controller type='pci' index='2' model='pcie-root-port'>
\t\t  <model name='pcie-root-port'/>
\t\t  <target chassis='2' port='0x9'/>
\t\t  <address type='pci' domain='0x0000' bus='0x00' slot='0x01' function='0x1'/>
\t\t</controller>
\t\t<controller type='pci' index='3' model='pcie-root-port'>
\t\t  <model name='pcie-root-port'/>
\t\t  <target chassis='3' port='0xa'/>
\t\t  <address type='pci' domain='0x0000' bus='0x00' slot='0x01' function='0x2'/>
\t\t</controller>
\t\t<controller type='pci' index='4' model='pcie-to-pci-bridge'>
\t\t  <model name='pcie-pci-bridge'/>
\t\t  <address type='pci' domain='0x0000' bus='0x03' slot='0x00' function='0x0'/>
\t\t</controller>
\t</devices>
</domain>
"""


def planned(text: str, **changes: object) -> Layout:
    guest = read(text.encode())
    outcome = solve(Guest.model_validate({**guest.model_dump(), **changes}) if changes else guest)
    assert isinstance(outcome, Solved)
    return outcome.layout


def test_addresses_controllers_and_modes_are_filled_in_and_nothing_else_changes() -> None:
    written = planned(Q35).to_libvirt(Q35)
    assert written == PLANNED
    assert planned(written).to_libvirt(written) == written


def test_plain_virtio_stays_where_its_slot_makes_the_planned_mode_unless_asked() -> None:
    assert write(planned(Q35), Q35.encode()).rewritten == ()
    asked = write(planned(Q35), Q35.encode(), explicit_virtio=True)
    assert asked.rewritten == (
        "virtio-disk0: model virtio is now virtio-non-transitional: as is asked",
        "rng0: model virtio is now virtio-non-transitional: as is asked",
    )
    again = asked.data.decode()
    assert write(planned(again), asked.data, explicit_virtio=True) == Written(asked.data, ())
    assert again.replace(" model='virtio-non-transitional'", "") == PLANNED.replace(" model='virtio'", "")


@pytest.mark.parametrize(
    ("model", "virtio", "place", "told"),
    [
        ("virtio", "modern", "pcie.0:05", "now virtio-non-transitional: plain virtio is transitional there"),
        ("virtio", "transitional", "pci.1:00", "now virtio-transitional: plain virtio is modern there"),
        ("virtio-transitional", "modern", None, "now virtio-non-transitional: its mode is to change"),
        ("virtio", "transitional", "pcie.0:05", ""),
        ("virtio", "modern", "pci.1:00", ""),
        ("virtio-transitional", "transitional", None, ""),
    ],
)
def test_a_model_is_rewritten_only_where_the_mode_would_be_another(
    model: str, virtio: str, place: str | None, told: str
) -> None:
    port = "<controller type='pci' index='0' model='pcie-root'/><controller type='pci' model='pcie-root-port'/>"
    text = Q35.replace("<rng model='virtio'/>", f"<rng model='{model}'/>{port}")
    guest = read(text.encode())
    rng = next(one for one in guest.devices if one.id == "rng0").model_dump() | {"virtio": virtio, "address": place}
    layout = planned(text, devices=[rng if one.id == "rng0" else one for one in guest.devices])
    written = write(layout, text.encode())
    assert [one.removeprefix(f"rng0: model {model} is ") for one in written.rewritten] == [told] * bool(told)
    assert modes(written.data.decode())["rng0"] == virtio


VIRTIO_KINDS = {
    "virtio-disk0": "<disk{}><target dev='vda' bus='virtio'/></disk>",
    "rng0": "<rng{}/>",
    "vsock0": "<vsock{}/>",
    "scsi0": "<controller type='scsi' index='0'{}/>",
}


@pytest.mark.parametrize("machine", ["q35", "pc", "pc-q35-5.0", "pc-q35-2.4", "pc-i440fx-2.4"])
@pytest.mark.parametrize("wish", [None, "transitional", "modern", "legacy"])
def test_what_is_written_has_the_planned_modes(machine: str, wish: str | None) -> None:
    """Of every kind, on machine types of every age: read again, as libvirt and QEMU have it, the modes are the same."""
    plain = "".join(kind.format(" model='virtio'") for kind in VIRTIO_KINDS.values())
    text = Q35.replace("machine='q35'", f"machine='{machine}'").replace("<rng model='virtio'/>", plain)
    text = text.replace(
        "<disk type='file' device='disk'><!-- the system -->\n\t\t\t<target dev='vda' bus='virtio'/>\n\t\t</disk>", ""
    )
    guest = read(text.encode())
    wished = [
        one.model_copy(update={"virtio": wish}) if wish and one.id in VIRTIO_KINDS and one.id != "vsock0" else one
        for one in guest.devices
    ]
    layout = planned(text, devices=wished)
    written = layout.to_libvirt(text)
    assert modes(written) == {one.id: one.virtio for one in layout.devices}
    if wish is None:
        models = [line for line in written.splitlines() if "transitional" in line]
        # the interface; and vsock, which has been modern in every slot since 5.1
        assert len(models) == (2 if machine.endswith("2.4") else 1)


def test_what_domain_xml_has_no_word_for_goes_through_an_override() -> None:
    layout = planned(Q35, spare=[{"kind": "pcie", "io": 256}])
    written = layout.to_libvirt(Q35)
    assert "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>" in written
    assert "<qemu:property name='io-reserve' type='unsigned' value='4096'/>" in written
    again = read(written.encode())
    assert [c.properties["io-reserve"] for c in again.controllers if "io-reserve" in c.properties] == [4096]
    outcome = solve(again)
    assert isinstance(outcome, Solved)
    assert outcome.layout.to_libvirt(written) == written


@pytest.mark.parametrize("target", ["<target hotplug='off'/>", "<target chassis='9'/>", "<target port='0x18'/>", ""])
def test_what_a_target_does_not_say_is_filled_in(target: str) -> None:
    port = f"<controller type='pci' index='1' model='pcie-root-port'>{target}</controller>"
    text = Q35.replace("\t\t<rng", f"\t\t{port}\n\t\t<rng")
    layout = planned(text)
    devices = parse(layout.to_libvirt(text).encode()).first("devices")
    assert devices is not None
    targets = [one.attributes for part in devices.all("controller") if (one := part.first("target")) is not None]
    ports = [one for one in layout.controllers if one.model == "pcie-root-port"]
    told = [(one.get("chassis"), one.get("port")) for one in targets]
    assert {(str(one.properties["chassis"]), f"{one.properties['port']:#x}") for one in ports} <= {*told}
    assert [one["hotplug"] for one in targets if "hotplug" in one] == (["off"] if "hotplug" in target else [])


def test_an_shpc_that_is_on_needs_no_override() -> None:
    """QEMU's default; one that is off does."""
    bridge = "<controller type='pci' index='0' model='pci-root'/><controller type='pci' index='1' model='pci-bridge'/>"
    text = Q35.replace("q35", "pc").replace("\t\t<rng", f"\t\t{bridge}\n\t\t<rng")
    guest = read(text.encode())
    for shpc in (True, False):
        bridges = [one.model_dump() | {"properties": {"shpc": shpc}} for one in guest.controllers]
        asked = Guest.model_validate({**guest.model_dump(), "controllers": bridges})
        outcome = solve(asked)
        assert isinstance(outcome, Solved)
        assert outcome.layout.controllers[0].properties["shpc"] is shpc
        assert ("name='shpc'" in outcome.layout.to_libvirt(text)) is not shpc


def test_legacy_only_goes_through_an_override() -> None:
    plain = Q35.replace("virtio-transitional", "virtio")
    guest = read(plain.encode())
    wished = tuple(d.model_copy(update={"virtio": "legacy"}) if d.id == "net0" else d for d in guest.devices)
    outcome = solve(guest.model_copy(update={"devices": wished}))
    assert isinstance(outcome, Solved)
    written = outcome.layout.to_libvirt(plain)
    assert "<model type='virtio'/>" in written
    assert "<qemu:property name='disable-modern' type='bool' value='true'/>" in written
    assert [device.virtio for device in read(written.encode()).devices if device.id == "net0"] == ["legacy"]
    assert planned(written).to_libvirt(written) == written


@pytest.mark.parametrize("place", ["", "<address type='pci' bus='0' slot='5'/>", "<address type='pci' bus='1'/>"])
def test_plain_virtio_of_an_old_machine_type_is_legacy_and_stays_plain(place: str) -> None:
    """In every slot, so that a port needs an IO window; the models that say a mode have that."""
    text = Q35.replace("machine='q35'", "machine='pc-q35-2.4'").replace("<rng model='virtio'/>", f"<rng>{place}</rng>")
    layout = planned(text)
    modes = {device.id: device.virtio for device in layout.devices}
    assert modes == {"virtio-disk0": "legacy", "net0": "transitional", "rng0": "legacy"}
    rng = next(device for device in layout.devices if device.id == "rng0")
    assert "bus='1'" not in place or any(window.controller == rng.bus for window in layout.io_windows)
    written = write(layout, text.encode())
    assert written.rewritten == ()
    assert "override" not in written.data.decode()
    again = written.data.decode()
    assert planned(again).to_libvirt(again) == again


def test_plain_virtio_of_an_old_machine_type_goes_where_libvirt_puts_it() -> None:
    """Behind a port with preset libvirt, which knows nothing of that machine type's modes."""
    text = Q35.replace("machine='q35'", "machine='pc-q35-2.6'")
    layout = planned(text, policy={"preset": "libvirt"})
    models = {one.id: one.model for one in layout.controllers}
    buses = {device.id: models[device.bus] for device in layout.devices}
    assert buses == {"virtio-disk0": "pcie-root-port", "net0": "pcie-pci-bridge", "rng0": "pcie-root-port"}


def test_a_usb_2_controller_without_companions_is_no_function_7_alone() -> None:
    """libvirt puts it there, where no guest sees it."""
    text = Q35.replace("type='usb' index='0' model='none'", "type='usb' index='0' model='ich9-ehci1'")
    assert next(one.function for one in planned(text).devices if one.model == "ich9-usb-ehci1") == 0


def test_a_listed_bridge_gives_its_index_to_the_port_it_needs() -> None:
    """libvirt starts controllers by index, and refuses this request for want of a port (facts 6.3)."""
    text = Q35.replace(
        "\t</devices>",
        "\t\t<controller type='pci' index='0' model='pcie-root'/>\n"
        "\t\t<controller type='pci' index='1' model='pcie-to-pci-bridge'/>\n\t</devices>",
    )
    result = write(planned(text), text.encode())
    assert "controller pci 1 is now 4, as it sits on a later one" in result.rewritten
    assert "index='4' model='pcie-to-pci-bridge'" in result.data.decode()


def test_another_domain_is_refused() -> None:
    with pytest.raises(SourceError, match=r"not the domain .*: rng0, sound0"):
        write(planned(Q35), Q35.replace("<rng model='virtio'/>", "<sound model='ac97'/>").encode())


def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "domain.xml"
    path.write_text(Q35, encoding="utf-8")
    result = CliRunner().invoke(qslot, ["plan", str(path), "--to", "libvirt"])
    assert (result.exit_code, result.stdout) == (0, PLANNED)
    asked = CliRunner().invoke(qslot, ["plan", str(path), "--to", "libvirt", "--explicit-virtio"])
    assert "rng0: model virtio is now virtio-non-transitional: as is asked" in asked.stderr
    guest = tmp_path / "guest.yaml"
    guest.write_text("machine: q35\n")
    refused = CliRunner().invoke(qslot, ["plan", str(guest), "--to", "libvirt"])
    assert (refused.exit_code, refused.stdout) == (2, "")


def test_what_is_not_understood_is_told_whatever_is_printed(tmp_path: Path) -> None:
    """With a layout by its warnings, in every form; where there is none, or it is only explained, beside the answer."""
    path = tmp_path / "domain.xml"
    path.write_text(Q35.replace("<rng model='virtio'/>", "<rnd model='virtio'/>"), encoding="utf-8")
    for form in ("tree", "json", "yaml", "argv", "qmp", "libvirt"):
        answer = CliRunner().invoke(qslot, ["plan", str(path), "--to", form])
        assert answer.exit_code == 0
        assert "line 16: <rnd>: not known in <devices>" in answer.output, form
    impossible = ["--set", "policy.max_controllers=0", "--set", "devices.net0.hotplug=required"]
    for command in ("plan", "explain"):
        answer = CliRunner().invoke(qslot, [command, str(path), *impossible])
        assert answer.exit_code == 3
        assert "warning: not understood: line 16: <rnd>" in answer.stderr


def test_preset_libvirt_from_the_command(tmp_path: Path) -> None:
    """The disk and the entropy source behind a port each, the interface behind a bridge, and one port to spare."""
    path = tmp_path / "domain.xml"
    path.write_text(Q35, encoding="utf-8")
    result = CliRunner().invoke(qslot, ["plan", str(path), "--preset", "libvirt", "--to", "libvirt"])
    assert result.exit_code == 0
    assert result.stdout.count("model='pcie-root-port'>") == 4
    again = tmp_path / "again.xml"
    again.write_text(result.stdout, encoding="utf-8")
    repeated = CliRunner().invoke(qslot, ["plan", str(again), "--preset", "libvirt", "--to", "libvirt"])
    assert repeated.stdout == result.stdout


@pytest.mark.skipif(not CORPUS.is_dir(), reason="libvirt's own domain XML is not beside the project")
def test_a_domain_without_a_plan_is_proved_to_have_none() -> None:
    outcome = solve(read((CORPUS.parent / "negative" / "pcie-root-port-too-many.xml").read_bytes()))
    assert isinstance(outcome, Infeasible)


UNPLANNED = json.loads((Path(__file__).parents[1] / "libvirt_exceptions.json").read_text())
"""Of libvirt's own domains, those for which there is no plan, and why; measured in tests/real/test_libvirt.py."""


@pytest.mark.skipif(not CORPUS.is_dir(), reason="libvirt's own domain XML is not beside the project")
def test_every_domain_of_libvirts_own_is_planned_and_planned_again() -> None:
    unplanned = []
    for path in sorted(CORPUS.glob("*.xml")):
        text = path.read_text(encoding="utf-8")
        try:
            outcome = solve(read(text.encode()))
        except ValueError:
            unplanned.append(path.stem)
            continue
        if not isinstance(outcome, Solved):
            unplanned.append(path.stem)
            continue
        written = outcome.layout.to_libvirt(text)
        assert planned(written).to_libvirt(written) == written, path.stem
    assert set(unplanned) <= set(UNPLANNED)
    assert len(unplanned) == 10


class TestForHosts:
    """What hosts know decides how a mode is written."""

    def written(self, tmp_path: Path, *hosts: str, options: tuple[str, ...] = ("--explicit-virtio",)) -> str:
        path = tmp_path / "domain.xml"
        path.write_text(Q35.replace("virtio-transitional", "virtio"), encoding="utf-8")
        words = [
            "plan",
            str(path),
            "--to",
            "libvirt",
            "--os",
            "rhel6.10",
            *(f"--host={host}" for host in hosts),
            *options,
        ]
        result = CliRunner().invoke(qslot, words)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    def test_models(self, tmp_path: Path) -> None:
        text = self.written(tmp_path, "qemu=7.2,libvirt=9.0", "qemu=4.0,libvirt=5.2")
        assert text.count("'virtio-transitional'") == 3
        assert "machine='pc-q35-4.0'" in text

    def test_overrides(self, tmp_path: Path) -> None:
        text = self.written(tmp_path, "qemu=3.1,libvirt=9.0")
        assert "virtio-transitional" not in text
        assert text.count("name='disable-legacy' type='string' value='off'") == 3
        assert text.count("name='disable-modern' type='bool' value='false'") == 3

    def test_where_the_slot_makes_the_mode_nothing_says_it_unless_asked(self, tmp_path: Path) -> None:
        for hosts in (["qemu=7.2,libvirt=9.0"], ["qemu=3.1,libvirt=9.0"]):
            text = self.written(tmp_path, *hosts, options=())
            assert "transitional" not in text
            assert "disable" not in text
            assert modes(text) == RHEL_6

    def test_nothing_but_the_slot(self, tmp_path: Path) -> None:
        text = self.written(tmp_path, "qemu=3.1,libvirt=5.0")
        assert "transitional" not in text
        assert "disable" not in text
        assert modes(text) == RHEL_6


RHEL_6 = {"virtio-disk0": "transitional", "net0": "transitional", "rng0": "transitional"}
"""Of its rng driver nothing is known."""


def modes(text: str) -> dict[str, VirtioMode | None]:
    return {device.id: device.virtio for device in planned(text).devices}


class TestSaidBeside:
    """What domain XML cannot say, for every command that reads a guest."""

    def test_a_need_and_spare_slots(self, tmp_path: Path) -> None:
        path = tmp_path / "domain.xml"
        path.write_text(Q35)
        said = ["--set", "devices.rng0.hotplug=required", "--spare", "pcie=3", "--spare", "pci=1,io=4096"]
        run = CliRunner().invoke(qslot, ["plan", str(path), "--json", *said])
        layout = Layout.model_validate_json(run.stdout)
        assert [slot.kind for slot in layout.spare] == ["pcie"] * 3 + ["pci"]
        assert next(one.bus for one in layout.devices if one.id == "rng0") != "pcie.0"
        target = tmp_path / "layout.json"
        target.write_text(run.stdout)
        assert CliRunner().invoke(qslot, ["check", str(path), str(target), *said]).exit_code == 0
        assert CliRunner().invoke(qslot, ["check", str(path), str(target)]).exit_code == 5
        explained = CliRunner().invoke(qslot, ["explain", str(path), "rng0", *said])
        assert "rng0 (virtio-rng, modern) sits at rp" in explained.stdout
        advised = CliRunner().invoke(qslot, ["advise", str(path), "--json", *said])
        assert [slot["kind"] for slot in json.loads(advised.stdout)["outcome"]["layout"]["spare"]] == ["pcie"] * 3 + [
            "pci"
        ]

    def test_what_the_xml_does_not_say_is_told(self, tmp_path: Path) -> None:
        """Properties and models are of the domain; needs are of the plan alone, and nothing need be told of them."""
        path = tmp_path / "domain.xml"
        path.write_text(Q35)

        def told(*words: str) -> list[str]:
            run = CliRunner().invoke(qslot, ["plan", str(path), "--to", "libvirt", *words])
            assert run.exit_code == 0, run.output
            lines = [line.partition("only planned for: ")[2] for line in run.stderr.splitlines()]
            return list(filter(None, lines))

        assert told("--set", "devices.net0.hotplug=never", "--spare", "pcie=2") == []
        assert told("--set", "devices.net0.properties.mq=on") == ["devices.net0.properties.mq: on"]
        assert told("--set", "devices.net0.model=e1000", "--set", "devices.net0.virtio=null") == [
            "devices.net0.model: e1000"
        ]
        assert told("--firmware", "ovmf", "--set", "memory=2GiB") == ["firmware: ovmf", f"memory: {2 << 30}"]
