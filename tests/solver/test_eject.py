"""Policy eject beside what there was before, in domain XML, and of what the request says itself."""

import re
from pathlib import Path

import pytest

from qslot.schema import Guest, Layout
from qslot.schema.errors import InputError
from qslot.schema.formats import unchecked
from qslot.schema.formats.files import read_guest
from qslot.schema.verify import verify
from qslot.solver import explain, solve

from .ask import Data, device, pc, policy, q35

PROTECT: Data = {"policy": policy(eject="protect")}
PROTECTED: Data = {"policy.eject": "protect"}
COLD, WARM = device("cold", "nvme", hotplug="never"), device("warm", "nvme")
NIC = device("nic", "e1000", hotplug="never")
PORT = device("rp", "pcie-root-port")

DOMAIN = """<domain type='kvm'>
  <os><type machine='{}'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    {}
    <interface type='user'><alias name='ua-nic'/><model type='e1000'/></interface>
  </devices>
</domain>
"""


def planned(data: Data, previous: Layout | None = None) -> Layout:
    return solve(Guest.model_validate(data), previous=previous).require()


def read(text: str, folder: Path, overrides: Data | None = None) -> Guest:
    (folder / "domain.xml").write_text(text)
    return read_guest(folder / "domain.xml", overrides or {})


def off(layout: Layout) -> set[str]:
    return {one.id for one in layout.controllers if one.properties.get("hotplug") is False}


def ejectable(layout: Layout) -> set[str]:
    return {name for one in layout.warnings if one.rule == "ejectable" for name in one.subjects}


@pytest.mark.parametrize(
    ("said", "turned_off"),
    [({}, True), ({"hotplug": True}, False), ({"properties": {"hotplug": "on"}}, False), ({"hotplug": False}, True)],
)
def test_what_the_request_says_of_a_port_stands(said: Data, turned_off: bool) -> None:
    layout = planned(q35(COLD | {"address": "rp:00.0"}, controllers=[PORT | said], **PROTECT))
    assert (off(layout), ejectable(layout)) == (({"rp"}, set()) if turned_off else (set(), {"cold"}))


def test_a_port_with_a_reserve_keeps_hotplug() -> None:
    """OVMF looks at no reserve of a port without it."""
    port = PORT | {"properties": {"io-reserve": 4096}}
    layout = planned(q35(COLD | {"address": "rp:00.0"}, controllers=[port], firmware="ovmf", **PROTECT))
    assert (off(layout), ejectable(layout)) == (set(), {"cold"})


def test_seats_are_the_same_without_the_policy() -> None:
    things = (COLD, WARM, device("rng", "virtio-rng"), device("old", "rtl8139", hotplug="required"))
    one, other = planned(q35(*things, **PROTECT)), planned(q35(*things))
    assert [seat.address for seat in one.devices] == [seat.address for seat in other.devices]
    assert one.objective == other.objective
    assert off(one) == {seat.bus for seat in one.devices if seat.id in ("cold", "rng")}


def test_ovmf_reserves_nothing_at_such_ports() -> None:
    """More ports than the older edk2 has windows for: of those with hot-plug there are few."""
    cold = [device(f"d{n}", "nvme", hotplug="never") for n in range(12)]
    asked = {"firmware": {"name": "ovmf", "version": "2022.11"}}
    layout = planned(q35(*cold, **asked, **PROTECT))
    assert all("io-reserve" not in one.properties for one in layout.controllers)
    assert any("io-reserve" in one.properties for one in planned(q35(*cold, **asked)).controllers)


def test_ports_of_before_stay_as_they_are() -> None:
    before = planned(q35(COLD))
    again = Guest.model_validate(q35(COLD, device("new", "nvme", hotplug="never"), **PROTECT))
    layout = solve(again, previous=before).require()
    assert (off(layout), ejectable(layout)) == ({"rp2"}, {"cold"})
    assert [one for one in verify(again, layout, before) if one.severity == "error"] == []


def test_what_was_protected_stays_so() -> None:
    before = planned(q35(COLD, **PROTECT))
    assert off(planned(q35(COLD, WARM), before)) == {"rp1"}


def test_not_of_a_pc_that_has_run() -> None:
    before = planned(pc(NIC))
    with pytest.raises(InputError, match="would take it away from a guest that has run"):
        planned(pc(NIC, **PROTECT), before)
    protected = planned(pc(NIC, **PROTECT))
    assert planned(pc(NIC, **PROTECT), protected).objective[0].value == 0


def test_not_of_a_guest_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unchecked, "_running", lambda _: dict(pc(NIC)))
    with pytest.raises(InputError, match="is for a guest that starts anew, and this one runs"):
        read_guest("qmp:/socket", {"policy.eject": "protect"})


@pytest.mark.parametrize("root", ["", "<controller type='pci' index='0' model='pci-root'/>"])
def test_domain_xml_of_pc(root: str, tmp_path: Path) -> None:
    asked = DOMAIN.format("pc", root)
    text = solve(read(asked, tmp_path, PROTECTED)).require().to_libvirt(asked)
    assert re.search(r"model='pci-root'>\s*<target hotplug='off'/>", text)
    assert not read(text, tmp_path).machine_model.root_hotplug


def test_domain_xml_of_q35(tmp_path: Path) -> None:
    asked = DOMAIN.format("q35", "<memballoon model='none'/>").replace("e1000", "e1000e")
    layout = solve(read(asked, tmp_path, PROTECTED | {"devices.ua-nic.hotplug": "never"})).require()
    there = off(layout)
    assert next(one.bus for one in layout.devices if one.id == "ua-nic") in there
    text = layout.to_libvirt(asked)
    assert text.count("hotplug='off'") == len(there)
    assert [one.hotplug for one in read(text, tmp_path).controllers] == [False] * len(there)


def test_a_port_that_domain_xml_wants_plugged_is_left(tmp_path: Path) -> None:
    target = "<controller type='pci' index='1' model='pcie-root-port'><target hotplug='on'/></controller>"
    nic = {"devices.ua-nic.address": "pci.1:00.0", "devices.ua-nic.hotplug": "never"}
    asked = DOMAIN.format("q35", target).replace("e1000", "e1000e")
    layout = solve(read(asked, tmp_path, PROTECTED | nic)).require()
    assert "pci.1" not in off(layout)
    assert ejectable(layout) == {"ua-nic"}


def test_the_switch_of_pc_is_among_the_arguments() -> None:
    switch = ["-global", "PIIX4_PM.acpi-root-pci-hotplug=off"]
    assert planned(pc(NIC, **PROTECT)).to_qemu()[:2] == switch
    assert switch[1] not in planned(pc(NIC)).to_qemu()


def test_an_explanation_names_the_policy() -> None:
    guest = Guest.model_validate(pc(NIC | {"hotplug": "required", "address": "pci.0:05.0"}, **PROTECT))
    assert "eject: protect takes hot-plug from pci.0" in str(explain(guest))
    assert "eject: allow instead of protect" in str(explain(guest))
