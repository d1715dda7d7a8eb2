"""Vendor and address bits of this machine's CPU, as read for a host, held against its QEMU and libvirt."""

import json
import os
import subprocess
from typing import Any, Final

import pytest

from qslot.schema import Guest
from qslot.schema.environment.host_cpu import with_cpu_of_hosts
from qslot.schema.formats.hosts import read_host
from qslot.schema.libvirt.capabilities import host_of_capabilities
from qslot.schema.pci.cpu import vendor_named
from qslot.schema.probe.enumeration import QEMU
from qslot.schema.qemu_arguments import effects, read_command_line
from qslot.testing.libvirt import Libvirt

pytestmark = pytest.mark.real

THIS: Final = "/proc/cpuinfo"
WITHOUT: Final = "arch-capabilities=off"
"""A feature that not every machine below this one lets a guest have; no address goes by it."""
ASKED: Final = [
    {"execute": "qmp_capabilities"},
    *(
        {"execute": "qom-get", "arguments": {"path": "/machine/unattached/device[0]", "property": name}}
        for name in ("phys-bits", "vendor")
    ),
    {"execute": "quit"},
]


def seen_by(cpu: str) -> tuple[int, str]:
    """Address bits and vendor of the first CPU under KVM."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        pytest.skip("no KVM beside the project")
    words = [QEMU, "-accel", "kvm", "-cpu", cpu, "-machine", "q35", "-nodefaults", "-display", "none", "-qmp", "stdio"]
    given = "".join(f"{json.dumps(one)}\n" for one in ASKED)
    told = subprocess.run(words, input=given, capture_output=True, text=True, timeout=60, check=False).stdout
    answers = [json.loads(line) for line in told.splitlines()]
    values = [one["return"] for one in answers if isinstance(one.get("return"), int | str)]
    if len(values) != 2:
        pytest.skip("KVM starts no such guest here: one that does is not beside the project")
    return values[0], vendor_named(values[1])


def planned_for(cpu: str) -> Guest:
    """A guest with that CPU, on this machine."""
    data: dict[str, Any] = {"machine": "q35", **effects(read_command_line(["-cpu", cpu]), "q35").fields}
    return Guest.model_validate(with_cpu_of_hosts(data, Guest.model_validate(data), [read_host(THIS)]))


@pytest.mark.parametrize(
    "cpu",
    [
        f"host,{WITHOUT}",
        f"host,{WITHOUT},host-phys-bits-limit=43",
        "EPYC,host-phys-bits=on",
        "EPYC,host-phys-bits=on,host-phys-bits-limit=42",
    ],
)
def test_what_the_guest_has_of_this_machine(cpu: str) -> None:
    bits, vendor = seen_by(cpu)
    guest = planned_for(cpu)
    assert guest.address_bits == bits
    if guest.cpu.host:
        assert guest.cpu.vendor_seen == vendor


def test_the_hosts_bits_outrank_stated_ones() -> None:
    assert seen_by(f"host,{WITHOUT},phys-bits=41")[0] == read_host(THIS).phys_bits
    assert seen_by("EPYC,phys-bits=41")[0] == 41


def test_capabilities_tell_the_same_as_cpuinfo() -> None:
    with Libvirt() as libvirt:
        host = host_of_capabilities(libvirt.capabilities().encode(), "host.xml")
    here = read_host(THIS)
    assert (host.phys_bits, host.vendor) == (here.phys_bits, here.vendor)
