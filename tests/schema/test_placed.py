"""Layouts that are there already: files of every format, files that somebody edited, domains."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qslot.schema.errors import InputError
from qslot.schema.formats.files import read_layout
from qslot.schema.formats.placed import read_pair, read_placed
from qslot.schema.formats.written import to_json
from qslot.schema.layout.layout import LAYOUT_VERSION, Layout

from ..layouts import small_layout

FORMATS = sorted((Path(__file__).parent / "layout_formats").glob("*.json"))
"""One file of each format, by its number and by what came last into it: of the first qslot that wrote layouts, of the
one that told apart how the hash is made, of the one that names unmet preferences. All are of one guest."""

Data = dict[str, Any]

DOMAIN = """\
<domain type='kvm'>
  <name>g</name><memory unit='GiB'>1</memory>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <controller type='pci' index='0' model='pcie-root'/>
    <controller type='pci' index='1' model='pcie-root-port'>
      <target chassis='1' port='0x10'/>
      <address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0' multifunction='on'/>
    </controller>
    <controller type='pci' index='2' model='pcie-root-port'>
      <target chassis='2' port='0x11'/>
      <address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x1'/>
    </controller>
    <controller type='usb' model='none'/>
    <interface type='network'>
      <mac address='52:54:00:00:00:01'/><source network='default'/><model type='virtio'/>
      <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>
    </interface>
    <memballoon model='none'/>
  </devices>
</domain>
"""
ADDRESS = "<address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>"


def written(folder: Path, text: str, name: str = "layout.json") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def edited(folder: Path, change: Callable[[Data], object]) -> Path:
    data: Data = json.loads(to_json(small_layout()))
    change(data)
    return written(folder, json.dumps(data))


class TestFormats:
    def test_one_file_of_each(self) -> None:
        numbers = {int(path.name.partition("-")[0]) for path in FORMATS}
        assert numbers == set(range(1, LAYOUT_VERSION + 1))

    @pytest.mark.parametrize("path", FORMATS, ids=lambda path: path.stem)
    def test_it_is_read_and_fits_together(self, path: Path) -> None:
        placed = read_placed(path)
        assert placed.warnings == ()
        assert placed.layout.guest_names["net0"] == "ens1"

    def test_all_say_the_same(self) -> None:
        first, *others = (read_placed(path).layout for path in FORMATS)
        for other in others:
            assert (other.controllers, other.devices) == (first.controllers, first.devices)

    @pytest.mark.parametrize("field", ["qslot", "versions.layout"])
    def test_a_newer_one(self, field: str, tmp_path: Path) -> None:
        def newer(data: Data) -> None:
            holder, name = (data, field) if field == "qslot" else (data["versions"], "layout")
            holder[name] = LAYOUT_VERSION + 1

        with pytest.raises(InputError) as raised:
            read_layout(edited(tmp_path, newer))
        assert raised.value.field == field
        assert "this qslot reads formats up to" in str(raised.value)


class TestEdited:
    @pytest.mark.parametrize(
        ("change", "why"),
        [
            (lambda data: data["devices"][1].update(slot=0), "devices.net0.address"),
            (lambda data: data["devices"][1].update(bus="rp9"), "rp9"),
            (lambda data: data["devices"][1].update(slot=2), "net1"),
            (lambda data: data["devices"][0].update(slot=31, function=2), "video0.address"),
            (lambda data: data["devices"][1].update(model="virtio-nett"), "virtio-nett"),
            (lambda data: data["controllers"].reverse(), "p2p1"),
            (lambda data: data["controllers"][0].update(model="pxb"), "controllers.rp1.model"),
        ],
        ids=["slot 0 of a bridge", "no such bus", "twice", "the chipset's", "no such model", "children first", "pc's"],
    )
    def test_what_does_not_fit_together_is_refused(
        self, change: Callable[[Data], object], why: str, tmp_path: Path
    ) -> None:
        with pytest.raises(InputError) as raised:
            read_placed(edited(tmp_path, change))
        assert "not a sound layout" in str(raised.value)
        assert why in str(raised.value)

    def test_what_follows_is_worked_out_anew(self, tmp_path: Path) -> None:
        placed = read_placed(edited(tmp_path, lambda data: data["devices"][2].update(slot=4)))
        assert placed.layout.guest_addresses["net1"] == "02:04.0"
        assert placed.layout.guest_names["net1"] == "ens4"
        (warning,) = placed.warnings
        assert "guest_addresses and guest_names" in warning

    def test_what_says_nothing_says_nothing_wrong(self, tmp_path: Path) -> None:
        placed = read_placed(edited(tmp_path, lambda data: data.update(guest_addresses={}, guest_names={})))
        assert placed.warnings == ()
        assert placed.layout.guest_addresses["net1"] == "02:02.0"


class TestDomains:
    def test_its_addresses_make_a_layout(self, tmp_path: Path) -> None:
        layout = read_placed(written(tmp_path, DOMAIN, "domain.xml")).layout
        (device,) = layout.devices
        assert (device.driver, device.virtio, str(device.address)) == ("virtio-net-pci", "modern", "pci.1:00.0")
        assert [one.multifunction for one in layout.controllers] == [True, False]
        assert layout.guest_names == {device.id: "enp1s0"}

    def test_an_address_left_open(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"where .* would sit is not said"):
            read_placed(written(tmp_path, DOMAIN.replace(ADDRESS, ""), "domain.xml"))

    def test_devices_of_two_domains_are_told_by_what_they_are(self, tmp_path: Path) -> None:
        """A second interface in front takes over libvirt's numbering, not the identity."""
        other = DOMAIN.replace(
            "<interface",
            "<interface type='network'><mac address='52:54:00:00:00:09'/><source network='default'/>"
            "<model type='virtio'/>" + ADDRESS.replace("bus='0x01'", "bus='0x02'") + "</interface><interface",
            1,
        )
        old, new = read_pair(written(tmp_path, DOMAIN, "old.xml"), written(tmp_path, other, "new.xml"))
        (one,) = old.layout.devices
        same = next(device for device in new.layout.devices if device.id == one.id)
        assert str(same.address) == "pci.1:00.0"

    def test_beside_a_layout_a_domain_has_its_firmware_and_types(self, tmp_path: Path) -> None:
        domain = written(tmp_path, DOMAIN, "domain.xml")
        read = read_placed(domain).layout
        net = read.devices[0].model_copy(update={"driver": "virtio-net-pci-non-transitional"})
        firmware = read.firmware.model_copy(update={"version": "1.16.3"})
        layout: Layout = read.model_copy(update={"devices": (net,), "firmware": firmware})
        file = written(tmp_path, to_json(layout))
        for pair in (read_pair(file, domain), read_pair(domain, file)):
            assert {(one.layout.firmware.version, one.layout.devices[0].driver) for one in pair} == {
                ("1.16.3", "virtio-net-pci-non-transitional")
            }
