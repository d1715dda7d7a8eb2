"""Arguments of the command line: QEMU's own device types, and a domain with such arguments in libvirt and QEMU."""

import json
from importlib.resources import files

import pytest

from qslot.schema.libvirt import read
from qslot.schema.probe import probe, running

from ..schema.test_libvirt_command_line import MEMORY, SHMEM, domain, planned
from .test_libvirt import Define, assert_kept
from .this_qemu import OTHER_QEMU

pytestmark = pytest.mark.real


def test_device_types_are_qemus() -> None:
    """Those of the file, where QEMU is the one that it names."""
    stated = json.loads((files("qslot.schema.qemu_arguments") / "device_types.json").read_text(encoding="utf-8"))
    with running(planned(read(domain().encode()))) as machine:
        version = machine.execute("query-version")["qemu"]
        if stated["qemu"] != ".".join(str(version[part]) for part in ("major", "minor", "micro")):
            pytest.skip(f"{OTHER_QEMU} not the one that was asked")
        of_pci, all_types = (
            machine.execute("qom-list-types", {"implements": kind, "abstract": True})
            for kind in ("pci-device", "device")
        )
    parents = {one["name"]: one.get("parent") for one in of_pci if one["name"] != "pci-device"}
    others = {one["name"] for one in all_types if not one["name"].endswith("-x86_64-cpu")} - parents.keys()
    assert stated["pci"] == parents
    assert set(stated["other"]) == others


ARGUMENTS = (
    *("-device", SHMEM, "-object", MEMORY.replace("/dev/shm/x", "/dev/shm/qslot-test")),
    *("-device", "edu,id=text,bus=pcie.0,addr=3"),
    *("-device", "edu,id=nowhere"),
    *("-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"),
)
DOMAIN = domain(*ARGUMENTS, devices="<emulator>/usr/bin/qemu-system-x86_64</emulator>" + "<interface type='user'/>" * 3)


def test_what_is_planned_boots() -> None:
    layout = planned(read(DOMAIN.encode()))
    assert [str(one) for one in probe(layout).differences] == []


def test_libvirt_keeps_it(define: Define) -> None:
    assert_kept(
        define, planned(read(DOMAIN.encode())).to_libvirt(DOMAIN).replace("<memory", "<name>n</name><memory", 1)
    )
