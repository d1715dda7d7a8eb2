"""What is advised, held against the real thing: osinfo-db as installed, libvirt's capabilities, QEMU."""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from qslot.schema import Layout, Solved, VirtioMode
from qslot.schema.environment.host import host_of_versions
from qslot.schema.environment.osinfo import find_os, table
from qslot.schema.environment.osinfo.databases import INSTALLED
from qslot.schema.environment.osinfo.read import read_osinfo, version_of
from qslot.schema.environment.target import Environment
from qslot.schema.libvirt.capabilities import host_of_capabilities
from qslot.schema.probe import differences, running
from qslot.solver import advise
from qslot.testing.libvirt import Libvirt

from .query_pci import rows

pytestmark = pytest.mark.real

MODELS = (
    *("virtio-net", "virtio-net", "virtio-blk", "virtio-blk", "virtio-scsi", "virtio-serial", "virtio-balloon"),
    *("virtio-rng", "virtio-9p"),
)
REQUEST = {"devices": [{"id": f"d{number}", "model": model} for number, model in enumerate((*MODELS, "VGA", "nvme"))]}
VIRTIO, EARLY_IDS, LATE_IDS = 0x1AF4, range(0x1000, 0x1040), range(0x1040, 0x1080)
WITH_MODERN = ("rhel7.9", "rhel9.0", "debian11", "win10", "ubuntu22.04")


class Seen(NamedTuple):
    """A device as the guest sees it."""

    id: int
    io: bool
    """Whether an IO BAR has ports."""


def advised(os: str, *hosts: Any, machine: str = "auto", **policy: Any) -> Layout:
    environment = Environment(os=find_os(os), hosts=hosts)
    outcome = advise({**REQUEST, "machine": machine, "policy": policy}, environment).outcome
    assert isinstance(outcome, Solved), outcome
    return outcome.layout


def seen(layout: Layout) -> dict[str, Seen]:
    """Virtio devices by id. Raises AssertionError where QEMU's firmware made something else of the layout."""
    with running(layout) as machine:
        enumeration = machine.enumeration
        assert [str(one) for one in differences(layout, enumeration)] == []
    virtio = {device.id for device in layout.devices if device.virtio is not None}
    there = (one for one in rows(enumeration.tree) if one["id"]["vendor"] == VIRTIO)
    return {one["qdev_id"]: _seen(one) for one in there if one["qdev_id"] in virtio}


def _seen(device: dict[str, Any]) -> Seen:
    io = any(bar["type"] == "io" and bar["address"] > 0 for bar in device["regions"])
    return Seen(device["id"]["device"], io)


@cache
def seen_of(text: str) -> dict[str, Seen]:
    """OSes that drive the same get the same layout to the byte, which is booted once."""
    return seen(Layout.model_validate_json(text))


EARLY_ONLY = [name for name, row in table().items() if row["q35"] and row["virtio"].get("net") == "L"]


@pytest.mark.parametrize("os", EARLY_ONLY)
def test_virtio_0_9_on_q35(os: str) -> None:
    """Each virtio device has a PCI id of the 0.9 interface and IO ports; one window at most."""
    layout = advised(os)
    assert layout.machine == "q35"
    assert sum(term.value for term in layout.objective if term.term == "io_windows") <= 4096
    found = seen_of(layout.model_dump_json())
    assert found.keys() == {device.id for device in layout.devices if device.virtio is not None}
    assert len(found) == len(MODELS)
    assert {name: one for name, one in found.items() if one.id not in EARLY_IDS or not one.io} == {}


def test_they_are_48() -> None:
    assert len(EARLY_ONLY) == 48


@pytest.mark.parametrize("os", WITH_MODERN)
def test_virtio_1_0_takes_no_io_ports(os: str) -> None:
    layout = advised(os)
    assert layout.io_windows == ()
    found = seen(layout)
    assert len(found) == len(MODELS)
    assert {name: one for name, one in found.items() if one.id not in LATE_IDS or one.io} == {}


@pytest.mark.parametrize("machine", ["pc-q35-7.2", "pc-i440fx-7.2", "pc-q35-3.1", "pc-q35-2.6", "pc-i440fx-2.6"])
@pytest.mark.parametrize("versions", ["qemu=7.2", "qemu=7.2,libvirt=8.2", "qemu=3.9", "qemu=7.2,libvirt=4.0"])
@pytest.mark.parametrize("os", ["rhel6.10", "rhel7.9", "debian11"])
def test_however_it_is_told_the_guest_sees_that_mode(os: str, versions: str, machine: str) -> None:
    """By device type, by properties, by the slot alone: the PCI id is that of the mode in the layout."""
    host = host_of_versions(versions).model_copy(update={"machines": frozenset({machine})})
    request = {**REQUEST, "machine": machine, "devices": REQUEST["devices"][:4]}
    advice = advise(request, Environment(os=find_os(os), hosts=(host,)))
    assert isinstance(advice.outcome, Solved), advice
    layout, found = advice.outcome.layout, seen(advice.outcome.layout)
    for device in layout.devices:
        one = found[device.id]
        modern = device.virtio is VirtioMode.MODERN
        assert (one.id in LATE_IDS, one.io) == (modern, not modern), device


def test_the_table_is_that_of_the_installed_osinfo_db() -> None:
    if not (INSTALLED / "os").is_dir():
        pytest.skip("no osinfo-db: package osinfo-db")
    if version_of(INSTALLED) != "20250619":
        pytest.skip(f"osinfo-db {version_of(INSTALLED)} is installed, the table is of 20250619, beside the project's")
    assert read_osinfo(Path(INSTALLED)) == table()


def test_capabilities_of_the_installed_libvirt() -> None:
    """It lists the modes of disks and rng devices, from which those of the others follow; and its machine types."""
    with Libvirt() as libvirt:
        domain = host_of_capabilities(libvirt.capabilities("q35").encode(), "domain.xml")
        host = host_of_capabilities(libvirt.capabilities().encode(), "host.xml")
    assert host.machines is not None
    assert host.qemu == domain.qemu
    assert domain.has_machine("pc-q35-6.2") is host.has_machine("pc-q35-6.2") is True
    for model in ("virtio-blk", "virtio-rng", "virtio-net"):
        assert domain.takes(model, VirtioMode.TRANSITIONAL, "type") is True
    layout = advised("rhel6.10", domain, host)
    assert host.has_machine(layout.machine) is True
