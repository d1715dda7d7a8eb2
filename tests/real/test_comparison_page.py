"""What docs/comparison.md says was measured of libvirt and of QEMU's own assignment: measured on those installed."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import pytest

import qslot
from qslot.schema.libvirt.domain import Domain, read_domain
from qslot.schema.probe.enumeration import QEMU

pytestmark = pytest.mark.real

PAGE: Final = (Path(__file__).parents[2] / "docs" / "comparison.md").read_text(encoding="utf-8")
Define = Callable[[str], dict[str, str]]


def domain(machine: str, interfaces: int, model: str, first: str = "") -> str:
    """A domain with so many interfaces; `first` are devices before them."""
    devices = first + "".join(
        f"<interface type='user'><mac address='52:54:00:00:00:{number:02x}'/><model type='{model}'/></interface>"
        for number in range(interfaces)
    )
    devices += "<controller type='usb' model='none'/><memballoon model='none'/>"
    system = f"<os><type arch='x86_64' machine='{machine}'>hvm</type></os><features><acpi/></features>"
    memory = "<memory unit='GiB'>2</memory>"
    return f"<domain type='qemu'><name>a</name>{memory}{system}<devices>{devices}</devices></domain>"


def kept(define: Define, text: str) -> Domain:
    return read_domain(define(text)["xml"].encode())


def planned(text: str, tmp_path: Path) -> qslot.Layout:
    file = tmp_path / "domain.xml"
    file.write_text(text)
    return qslot.solve(qslot.read_guest(file)).require()


def test_the_page_names_this_file() -> None:
    assert PAGE.count("`tests/real/test_comparison_page.py`") == 1


def test_libvirt_refuses_60_interfaces_on_pc(define: Define, tmp_path: Path) -> None:
    assert "xml" in define(domain("pc-i440fx-7.2", 59, "virtio"))
    assert "slot is needed to connect" in define(domain("pc-i440fx-7.2", 60, "virtio"))["error"]
    assert "xml" in define(domain("pc-i440fx-7.2", 61, "virtio"))
    layout = planned(domain("pc-i440fx-7.2", 60, "virtio"), tmp_path)
    assert qslot.probe(layout).differences == ()


def test_libvirt_takes_20_e1000e_that_the_firmware_does_not(define: Define, tmp_path: Path) -> None:
    text = domain("pc-q35-7.2", 20, "e1000e")
    file = tmp_path / "libvirt.xml"
    file.write_text(define(text)["xml"])
    theirs = qslot.read_placed(str(file)).layout
    assert [one.text for one in qslot.probe(theirs).differences] == ["PCI: out of I/O address space"]
    findings = getattr(qslot.solve(qslot.read_guest(file)), "findings", ())
    assert {finding.rule for finding in findings} == {"io-space"}
    layout = planned(text, tmp_path)
    assert len(layout.controllers) == 14
    assert qslot.probe(layout).differences == ()


def test_libvirt_keeps_one_port_free(define: Define) -> None:
    theirs = kept(define, domain("pc-q35-7.2", 3, "virtio"))
    ports = {bridge.index for bridge in theirs.bridges if bridge.model == "pcie-root-port"}
    taken = {part.address.bus for part in theirs.parts if part.address is not None}
    assert len(ports - taken) == 1


def test_libvirt_moves_what_is_not_stored(define: Define) -> None:
    """An interface more, in a request that states no address: the disk sits elsewhere. In what was stored it stays."""
    disk = "<disk type='file' device='disk'><source file='/x'/><target dev='vda' bus='virtio'/></disk>"
    stored = define(domain("pc-q35-7.2", 1, "virtio", disk))["xml"]
    more = "<interface type='user'><model type='virtio'/></interface></devices>"
    grown = [domain("pc-q35-7.2", 2, "virtio", disk), stored.replace("</devices>", more)]
    was, moved, stays = (
        next(part.address for part in read_domain(text.encode()).parts if part.id == "virtio-disk0")
        for text in (stored, *(define(text)["xml"] for text in grown))
    )
    assert was == stays != moved


def started(devices: Sequence[str], commands: Sequence[dict[str, object]] = ()) -> "subprocess.CompletedProcess[str]":
    """A QEMU with these devices, asked over QMP, and ended."""
    words = [QEMU, "-M", "q35", "-nodefaults", "-display", "none", "-S", "-qmp", "stdio"]
    words += [word for device in devices for word in ("-device", device)]
    asked: list[dict[str, object]] = [{"execute": "qmp_capabilities"}, *commands, {"execute": "quit"}]
    lines = "".join(f"{json.dumps(one)}\n" for one in asked)
    return subprocess.run(words, input=lines, capture_output=True, text=True, timeout=60, check=False)


def test_qemu_creates_no_controllers() -> None:
    assert started(["virtio-rng-pci"] * 25).returncode == 0
    done = started(["virtio-rng-pci"] * 40)
    assert done.returncode == 1
    assert "no slot/function available for virtio-rng-pci" in done.stderr


def test_qemu_puts_devices_where_nothing_is_hot_plugged() -> None:
    add: dict[str, object] = {"execute": "device_add", "arguments": {"driver": "virtio-rng-pci", "id": "new"}}
    done = started(["virtio-rng-pci,id=there"], [add])
    assert "Bus 'pcie.0' does not support hotplugging" in done.stdout
