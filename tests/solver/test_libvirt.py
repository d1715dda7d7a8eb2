"""Domain XML planned and given back: what is added where, and that planning the result again changes nothing."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from qslot.schema import Guest, Infeasible, Layout, Solved
from qslot.schema.libvirt import SourceError, read, write
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
\t\t<disk type='file' device='disk' model='virtio-non-transitional'><!-- the system -->
\t\t\t<target dev='vda' bus='virtio'/>
\t\t\t<address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>
\t\t</disk>
\t\t<interface type='user'>
\t\t\t<model type='virtio-transitional'/>
\t\t\t<address type='pci' domain='0x0000' bus='0x04' slot='0x01' function='0x0'/>
\t\t</interface>
\t\t<controller type='usb' index='0' model='none'/>
\t\t<rng model='virtio-non-transitional'>
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


def test_rewritten_attributes_are_told() -> None:
    written = write(planned(Q35), Q35.encode())
    assert written.rewritten == (
        "virtio-disk0: model virtio is now virtio-non-transitional",
        "rng0: model virtio is now virtio-non-transitional",
    )


def test_a_device_with_an_address_keeps_its_model_unless_asked() -> None:
    stated = PLANNED.replace("virtio-non-transitional", "virtio")
    assert planned(stated).to_libvirt(stated) == stated.replace(" model='virtio'", " model='virtio'")
    explicit = planned(stated).to_libvirt(stated, explicit_virtio=True)
    assert explicit == PLANNED


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
    assert planned(written).to_libvirt(written, explicit_virtio=True) == written


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
    assert "rng0: model virtio is now virtio-non-transitional" in result.stderr
    guest = tmp_path / "guest.yaml"
    guest.write_text("machine: q35\n")
    refused = CliRunner().invoke(qslot, ["plan", str(guest), "--to", "libvirt"])
    assert (refused.exit_code, refused.stdout) == (2, "")


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
    assert unplanned == sorted(UNPLANNED)


class TestForHosts:
    """What hosts know decides how a mode is written."""

    def written(self, tmp_path: Path, *hosts: str) -> str:
        path = tmp_path / "domain.xml"
        path.write_text(Q35.replace("virtio-transitional", "virtio"), encoding="utf-8")
        words = ["plan", str(path), "--to", "libvirt", "--os", "rhel6.10", *(f"--host={host}" for host in hosts)]
        result = CliRunner().invoke(qslot, words)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    def test_models(self, tmp_path: Path) -> None:
        text = self.written(tmp_path, "qemu=7.2,libvirt=9.0", "qemu=4.0,libvirt=5.2")
        assert text.count("virtio-transitional") == 3
        assert "machine='pc-q35-4.0'" in text

    def test_overrides(self, tmp_path: Path) -> None:
        text = self.written(tmp_path, "qemu=3.1,libvirt=9.0")
        assert "virtio-transitional" not in text
        assert text.count("name='disable-legacy' type='string' value='off'") == 3
        assert text.count("name='disable-modern' type='bool' value='false'") == 3

    def test_nothing_but_the_slot(self, tmp_path: Path) -> None:
        text = self.written(tmp_path, "qemu=3.1,libvirt=5.0")
        assert "transitional" not in text
        assert "disable" not in text
        assert [device.virtio for device in planned(text).devices] == ["transitional"] * 3
