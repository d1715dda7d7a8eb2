"""What is advised for several hosts, started by the one of them that is here."""

from typing import Any

import pytest

from qslot.schema import Layout, Solved
from qslot.schema.environment.host import Host, host_of_versions
from qslot.schema.environment.osinfo import find_os
from qslot.schema.environment.target import Environment
from qslot.schema.libvirt.capabilities import host_of_capabilities
from qslot.schema.pci.machine_types import machine_type
from qslot.schema.pci.qemu_versions import MEASURED, version_text
from qslot.schema.probe import probe
from qslot.solver import advise

from .this_qemu import skip_without

pytestmark = pytest.mark.real

RED_HAT = ("pc-q35-rhel9.6.0", "pc-q35-rhel9.4.0", "pc-q35-rhel9.2.0", "pc-q35-rhel8.6.0", "pc-i440fx-rhel7.6.0")
REQUEST: dict[str, Any] = {
    "memory": "4GiB",
    "devices": [
        {"id": "net0", "model": "virtio-net", "hotplug": "required"},
        {"id": "disk0", "model": "virtio-blk"},
        {"id": "scsi0", "model": "virtio-scsi"},
        {"id": "rng0", "model": "virtio-rng"},
        {"id": "video0", "model": "VGA"},
        {"id": "usb0", "model": "qemu-xhci"},
    ],
}


def advised(*hosts: Host, os: str | None = None, drivers: str = "inbox") -> Layout:
    known = None if os is None else find_os(os)
    environment = Environment.model_validate({"os": known, "hosts": hosts, "drivers": drivers})
    advice = advise(REQUEST, environment)
    assert isinstance(advice.outcome, Solved), str(advice)
    assert [str(one) for one in advice.warnings if one.severity == "error"] == []
    return advice.outcome.layout


def starts(layout: Layout) -> None:
    skip_without(layout.machine)
    assert [str(one) for one in probe(layout).differences] == []


def test_qemu_10_0_and_3_1() -> None:
    layout = advised(host_of_versions("qemu=10.0"), host_of_versions("qemu=3.1"))
    assert layout.machine == "pc-q35-3.1"
    starts(layout)


@pytest.mark.parametrize("os", ["win11", "win2k25"])
def test_windows_on_a_host_of_each_qemu(os: str) -> None:
    hosts = [host_of_versions(f"qemu={version_text(one.version)}") for one in MEASURED]
    layout = advised(*hosts, os=os, drivers="packages")
    assert layout.machine == "pc-q35-7.2"
    starts(layout)


def test_red_hat() -> None:
    """Its machine type is advised; started is the upstream one that it stands for."""
    names = "".join(f"<machine maxCpus='710'>{name}</machine>" for name in RED_HAT)
    text = f"<capabilities><host/><guest><arch name='x86_64'>{names}</arch></guest></capabilities>"
    layout = advised(host_of_capabilities(text.encode(), "rhel9.xml"))
    assert layout.machine == RED_HAT[0]
    known = machine_type(layout.machine)
    assert known is not None
    starts(layout.model_copy(update={"machine": known.upstream}))
