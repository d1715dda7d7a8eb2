"""Devices of the host: what sysfs, lspci and libvirt say of them is the same, and a request has it."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qslot.schema import Guest
from qslot.schema.errors import InputError
from qslot.schema.formats.files import read_guest
from qslot.schema.host_devices import (
    NO_HOST,
    HostDevice,
    as_here,
    of_this_machine,
    read_host_devices,
    with_host_devices,
)
from qslot.schema.host_devices.lspci import read_lspci
from qslot.schema.host_devices.nodedev import read_nodedev
from qslot.schema.host_devices.sysfs import Sysfs
from qslot.schema.libvirt import read
from qslot.schema.pci.host_address import HostAddress
from qslot.schema.request.device import Bar

from ..host_tree import GIB, GPU, HOST, KIB, OLD_CARD, SOUND, VIRTUAL, HostFunction, bar, lspci, nodedev, write_tree


def at(text: str) -> HostAddress:
    address = HostAddress.parse(text)
    assert address is not None
    return address


def known(one: HostFunction) -> HostDevice:
    return HostDevice(one.express, one.bars, one.rom, one.iommu_group)


class TestSources:
    @pytest.mark.parametrize("config_bytes", [256, 64], ids=["root", "user"])
    def test_sysfs(self, tmp_path: Path, config_bytes: int) -> None:
        tree = Sysfs(write_tree(tmp_path, HOST, config_bytes=config_bytes))
        # of a conventional function, only root's copy says that it is one
        express = {True: True, False: False if config_bytes == 256 else None}
        expected = {one.address: HostDevice(express[one.express], one.bars, one.rom, one.iommu_group) for one in HOST}
        assert {one.address: tree.find(at(one.address)) for one in HOST} == expected

    def test_lspci(self) -> None:
        assert read_lspci(lspci(HOST)).functions == {at(one.address): known(one) for one in HOST}

    def test_lspci_of_a_user_does_not_say_what_is_express(self) -> None:
        found = read_lspci(lspci([OLD_CARD], root=False)).find(at(OLD_CARD.address))
        assert found == HostDevice(None, OLD_CARD.bars, 0, OLD_CARD.iommu_group)

    def test_lspci_that_does_not_know_a_size(self) -> None:
        text = lspci([SOUND]).replace(" [size=16K]", "")
        assert read_lspci(text).find(at(SOUND.address)) == HostDevice(True, None, 0, 14)

    def test_lspci_v_has_no_numbers(self) -> None:
        text = lspci([GPU]).replace("Region 0: ", "").replace("Region 1: ", "").replace("Region 3: ", "")
        assert read_lspci(text.replace("Region 5: ", "")).find(at(GPU.address)) == known(GPU)

    def test_lspci_without_details_has_none(self) -> None:
        heads = "\n".join(line for line in lspci(HOST).splitlines() if not line.startswith("\t"))
        assert not read_lspci(heads).functions

    def test_nodedev(self) -> None:
        expected = {at(one.address): HostDevice(one.express, iommu_group=one.iommu_group) for one in HOST}
        assert read_nodedev(nodedev(HOST)).functions == expected

    def test_what_one_does_not_say_the_next_may(self, tmp_path: Path) -> None:
        (tmp_path / "devices.xml").write_text(nodedev(HOST))
        (tmp_path / "lspci.txt").write_text(lspci([OLD_CARD], root=False))
        host = read_host_devices([tmp_path / "lspci.txt", tmp_path / "devices.xml"])
        assert host.find(at(OLD_CARD.address)) == known(OLD_CARD)
        assert host.find(at(GPU.address)) == HostDevice(True, iommu_group=14)
        assert host.find(at("17:00.2")) is None

    @pytest.mark.parametrize("inside", ["", "bus/pci/devices"])
    def test_a_folder_may_be_that_of_sysfs(self, tmp_path: Path, inside: str) -> None:
        write_tree(tmp_path, HOST)
        assert read_host_devices([tmp_path / inside]).find(at(GPU.address)) == known(GPU)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "no PCI devices in it"),
            ("17:00.0 VGA compatible controller: Some Corp.\n", "no PCI devices in it"),
            ("<device>", "not XML"),
            ("<!DOCTYPE a><device/>", "not XML"),
        ],
    )
    def test_what_is_no_such_file(self, tmp_path: Path, text: str, words: str) -> None:
        (tmp_path / "file").write_text(text)
        with pytest.raises(InputError, match=words):
            read_host_devices([tmp_path / "file"])

    def test_what_is_not_there(self, tmp_path: Path) -> None:
        for path in (tmp_path, tmp_path / "none"):
            with pytest.raises(InputError, match=r"no PCI devices in it|can't be read"):
                read_host_devices([path])

    def test_an_old_ide_function_lists_ports_that_are_no_bars(self, tmp_path: Path) -> None:
        tree = write_tree(tmp_path, [OLD_CARD])
        resource = tree / OLD_CARD.address / "resource"
        lines = resource.read_text().splitlines()
        lines[1] = "0x00000000000003f6 0x00000000000003f6 0x0000000000000110"
        resource.write_text("\n".join(lines))
        found = Sysfs(tree).find(at(OLD_CARD.address))
        assert found is not None
        assert found.bars is None

    def test_this_machine(self) -> None:
        """Whatever it has is read, and lspci's reader would say the same of it."""
        folder = Path("/sys/bus/pci/devices")
        if not folder.is_dir() or not any(folder.iterdir()):
            pytest.skip("no PCI here")
        for one in folder.iterdir():
            address = HostAddress.parse(one.name)
            if address is not None:
                found = of_this_machine().find(address)
                assert found is not None
                assert all(each.size & (each.size - 1) == 0 for each in found.bars or ())


@pytest.mark.skipif(shutil.which("lspci") is None, reason="no lspci here: package pciutils")
def test_the_real_lspci_says_the_same(tmp_path: Path) -> None:
    tree = write_tree(tmp_path, HOST)
    command = ["lspci", "-vvv", "-nn", "-A", "linux-sysfs", "-O", f"sysfs.path={tree.parent}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert read_lspci(done.stdout).functions == {at(one.address): known(one) for one in HOST}


@st.composite
def functions(draw: st.DrawFn) -> HostFunction:
    """With BARs at any numbers where 64-bit ones leave room for their other half."""
    bars: list[Bar] = []
    number = draw(st.integers(0, 2))
    while number < 6:
        kind = draw(st.sampled_from(("io", "mem32", "mem64") if number < 5 else ("io", "mem32")))
        most = {"io": 12, "mem32": 31, "mem64": 40}[kind]
        prefetchable = kind != "io" and draw(st.booleans())
        bars.append(bar(number, kind, 1 << draw(st.integers(4, most)), prefetchable=prefetchable))
        number += (2 if kind == "mem64" else 1) + draw(st.integers(0, 3))
    slot = f"{draw(st.integers(0, 0xFFFF)):04x}:{draw(st.integers(0, 255)):02x}:{draw(st.integers(0, 31)):02x}"
    return HostFunction(
        f"{slot}.{draw(st.integers(0, 7))}",
        tuple(bars),
        rom=draw(st.sampled_from([0, 1 << 11, 1 << 16, 1 << 24])),
        express=draw(st.booleans()),
        iommu_group=draw(st.none() | st.integers(0, 500)),
    )


@given(st.lists(functions(), min_size=1, max_size=4, unique_by=lambda one: one.address))
def test_sysfs_and_lspci_agree(tmp_path_factory: pytest.TempPathFactory, host: list[HostFunction]) -> None:
    tree = Sysfs(write_tree(tmp_path_factory.mktemp("host"), host))
    text = read_lspci(lspci(host))
    for one in host:
        assert tree.find(at(one.address)) == text.find(at(one.address)) == known(one)


def hostdev(address: str, more: str = "") -> str:
    host = at(address)
    numbers = " ".join(f"{name}='{number:#x}'" for name, number in host._asdict().items())
    return f"<hostdev mode='subsystem' type='pci'><source><address {numbers}/></source>{more}</hostdev>"


def domain(*elements: str) -> str:
    return (
        "<domain type='kvm'><memory unit='MiB'>512</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>"
        "<features><acpi/></features><devices><controller type='usb' index='0' model='none'/>"
        f"<memballoon model='none'/>{''.join(elements)}</devices></domain>"
    )


class TestRequest:
    def guest(self, folder: Path, text: str, source: str | None = None, name: str = "domain.xml") -> Guest:
        """Of a file, with a file or a tree for the host's devices, or none known."""
        (folder / name).write_text(text)
        tree = folder / "tree"
        if source is not None:
            (folder / "source").write_text(source)
        elif not tree.exists():
            write_tree(tree, HOST)
        return read_guest(folder / name, host_devices=[tree if source is None else folder / "source"])

    def test_a_domain_has_the_hosts_bars(self, tmp_path: Path) -> None:
        guest = self.guest(tmp_path, domain(hostdev(GPU.address), hostdev(OLD_CARD.address)))
        gpu, old = guest.devices
        assert (gpu.bars, gpu.rom, gpu.connect, gpu.iommu_group) == (GPU.bars, 512 * KIB, "express", 14)
        assert (old.bars, old.rom, old.connect, old.iommu_group) == (OLD_CARD.bars, None, "conventional", 3)
        assert not gpu.unknown_bars
        assert gpu.properties == {"host": "0000:17:00.0"}

    def test_so_has_an_interface_that_is_the_hosts(self, tmp_path: Path) -> None:
        text = hostdev(VIRTUAL.address).replace("<hostdev mode='subsystem' type='pci'>", "<interface type='hostdev'>")
        (device,) = self.guest(tmp_path, domain(text.replace("</hostdev>", "</interface>"))).devices
        assert device.bars == VIRTUAL.bars

    @pytest.mark.parametrize("off", ["<rom bar='off'/>", "<rom enabled='no'/>"])
    def test_a_rom_that_is_off(self, tmp_path: Path, off: str) -> None:
        (gpu,) = self.guest(tmp_path, domain(hostdev(GPU.address, off))).devices
        assert gpu.rom == 0

    def test_what_nobody_knows_is_said_to_be_unknown(self) -> None:
        mdev = "<hostdev mode='subsystem' type='mdev'><source><address uuid='c2177883'/></source></hostdev>"
        pci, mediated = read(domain(hostdev("21:00.0"), mdev).encode()).devices
        for device in (pci, mediated):
            assert device.unknown_bars
            assert (device.bars, device.connect) == ((), "express")

    def test_libvirts_xml_has_no_bars_but_the_rest(self, tmp_path: Path) -> None:
        (gpu,) = self.guest(tmp_path, domain(hostdev(OLD_CARD.address)), nodedev(HOST)).devices
        assert (gpu.unknown_bars, gpu.connect, gpu.iommu_group) == (True, "conventional", 3)

    def test_yaml_need_not_say_what_the_host_does(self, tmp_path: Path) -> None:
        text = "machine: q35\ndevices: [{id: gpu, model: vfio-pci, properties: {host: '17:00.0'}}]"
        (gpu,) = self.guest(tmp_path, text, name="guest.yaml").devices
        assert (gpu.bars, gpu.connect, gpu.iommu_group) == (GPU.bars, "express", 14)

    def test_what_yaml_states_is_kept(self, tmp_path: Path) -> None:
        text = (
            "machine: q35\ndevices: [{id: gpu, model: vfio-pci, connect: hybrid, properties: {host: '17:00.0'}, "
            "bars: [{bar: 0, kind: io, size: 64}]}]"
        )
        (gpu,) = self.guest(tmp_path, text, name="guest.yaml").devices
        assert (gpu.bars, gpu.rom, gpu.connect, gpu.iommu_group) == ((bar(0, "io", 64),), None, "hybrid", 14)

    def test_yaml_that_names_none_of_the_host(self, tmp_path: Path) -> None:
        text = "machine: q35\ndevices: [{id: gpu, model: vfio-pci, properties: {host: '18:00.0'}}]"
        with pytest.raises(InputError, match=r"takes its BARs from the host: name it .* --host-devices"):
            self.guest(tmp_path, text, name="guest.yaml")

    def test_a_layout_is_a_request_that_does_not_know_either(self) -> None:
        from qslot.schema import Solved
        from qslot.solver import solve

        guest = read(domain(hostdev("21:00.0")).encode())
        outcome = solve(guest)
        assert isinstance(outcome, Solved)
        assert [one.rule for one in outcome.layout.warnings] == ["unknown-bars"]
        assert Guest.from_layout(outcome.layout).devices[0].unknown_bars

    @pytest.mark.parametrize(
        "devices",
        [None, "none", [None], [{"model": ["vfio-pci"]}], [{"model": "vfio-pci", "properties": {"host": 17}}]],
    )
    def test_what_is_no_request_stays_as_it_is(self, devices: Any) -> None:
        data = {"machine": "q35", "devices": devices}
        assert with_host_devices(data, NO_HOST) == data

    def test_devices_of_this_machine_are_told(self) -> None:
        host = {"properties": {"host": "7777:00:00.0"}, "connect": "express", "bars": [], "model": "vfio-pci"}
        guest = Guest.model_validate({"machine": "q35", "devices": [{"id": "a", **host}]})
        assert as_here(guest.devices) == []


def test_a_large_bar_of_the_host_is_part_of_the_proof(tmp_path: Path) -> None:
    """It was taken for none: 64 GiB have no room below the end of 36 bits of addresses."""
    from qslot.schema import Infeasible, Solved
    from qslot.solver import solve

    text = domain(hostdev(GPU.address)).replace(
        "<devices>", "<cpu><maxphysaddr mode='emulate' bits='36'/></cpu><devices>"
    )
    text = text.replace("<os>", "<os firmware='efi'>")
    (tmp_path / "domain.xml").write_text(text)
    many = [HostFunction(GPU.address, (bar(0, "mem64", 64 * GIB, prefetchable=True),))]
    (tmp_path / "lspci").write_text(lspci(many))
    assert isinstance(solve(read_guest(tmp_path / "domain.xml", host_devices=())), Solved)
    assert isinstance(solve(read_guest(tmp_path / "domain.xml", host_devices=[tmp_path / "lspci"])), Infeasible)
