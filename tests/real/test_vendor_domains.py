"""Domains of RHEL's, Ubuntu's and Proxmox's hosts, as libvirt stores them there: planned, spare slots added, given
back, and accepted by the real libvirt.

This libvirt's QEMU has upstream's machine types alone. So each domain is stored, and the plan is judged, under the
upstream name that its own stands for; what is planned has the distribution's name from first to last.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from qslot.schema import Layout, Solved
from qslot.schema.formats.files import read_guest
from qslot.schema.libvirt.domain import Domain, read_domain
from qslot.schema.pci.machine_types import machine_type
from qslot.schema.probe import probe
from qslot.solver import solve

from .this_qemu import skip_without

pytestmark = pytest.mark.real

DISKS = "".join(
    f"<disk type='file' device='disk'><source file='/{name}'/><target dev='{name}' bus='virtio'/></disk>"
    for name in ("vda", "vdb")
)
SERVER = (
    f"{DISKS}<interface type='user'><model type='virtio'/></interface><controller type='virtio-serial' index='0'/>"
    "<controller type='usb' index='0' model='qemu-xhci' ports='15'/><memballoon model='virtio'/>"
    "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"
)
DESKTOP = (
    f"{SERVER}<video><model type='qxl'/></video><sound model='ich9'/>"
    "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>"
)
BRIDGES = "".join(
    f"<controller type='pci' index='{index}' model='pci-bridge'><target chassisNr='{index}'/>"
    f"<address type='pci' domain='0x0000' bus='0x00' slot='{slot:#04x}' function='0x0'/></controller>"
    for index, slot in ((1, 0x1E), (2, 0x1F))
)
PVE = (
    f"{BRIDGES}<interface type='user'><model type='virtio'/>"
    "<address type='pci' domain='0x0000' bus='0x00' slot='0x12' function='0x0'/></interface>"
    "<controller type='scsi' index='0' model='virtio-scsi'>"
    "<address type='pci' domain='0x0000' bus='0x00' slot='0x05' function='0x0'/></controller>"
    "<memballoon model='virtio'>"
    "<address type='pci' domain='0x0000' bus='0x00' slot='0x03' function='0x0'/></memballoon>"
    "<controller type='usb' index='0' model='piix3-uhci'/><video><model type='vga'/></video>"
)
UEFI = "<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>"
RHEL = "<libosinfo:libosinfo xmlns:libosinfo='http://libosinfo.org/xmlns/libvirt/domain/1.0'>"
METADATA = f"<metadata>{RHEL}<libosinfo:os id='http://redhat.com/rhel/9.1'/></libosinfo:libosinfo></metadata>"

DOMAINS: Final = {
    "rhel": ("pc-q35-rhel9.2.0", SERVER, {"pcie": 6}, METADATA),
    "rhel, i440fx": ("pc-i440fx-rhel7.6.0", SERVER.replace("qemu-xhci", "nec-xhci"), {"pci": 40}, METADATA),
    "ubuntu": ("pc-q35-jammy", DESKTOP, {"pcie": 4, "pci": 2}, ""),
    "proxmox": ("pc-i440fx-7.2+pve0", PVE, {"pci": 90}, ""),
}
"""By host: machine type, devices, spare slots to add, metadata."""


def text_of(host: str, machine: str) -> str:
    _, devices, _, metadata = DOMAINS[host]
    loader = UEFI if host == "ubuntu" else ""
    return (
        f"<domain type='kvm'>{metadata}<memory unit='GiB'>4</memory><os><type arch='x86_64' machine='{machine}'>hvm"
        f"</type>{loader}</os><features><acpi/><apic/></features><devices><emulator/>{devices}</devices></domain>"
    )


def upstream(name: str) -> str:
    known = machine_type(name)
    assert known is not None
    return known.upstream


def renamed(text: str, old: str, new: str) -> str:
    assert text.count(f"machine='{old}'") == 1
    return text.replace(f"machine='{old}'", f"machine='{new}'")


@pytest.mark.parametrize("host", DOMAINS)
def test_spare_slots_are_added_to_a_stored_domain(
    define: Callable[[str], dict[str, str]], host: str, tmp_path: Path
) -> None:
    machine, _, spare, _ = DOMAINS[host]
    skip_without(upstream(machine))
    stored = define(text_of(host, upstream(machine)))["xml"]
    domain, file = renamed(stored, upstream(machine), machine), tmp_path / "domain.xml"
    file.write_text(domain, encoding="utf-8")
    outcome = solve(read_guest(file, {"spare": spare}))
    assert isinstance(outcome, Solved), outcome
    layout = outcome.layout
    assert layout.machine == machine
    assert [one.kind for one in layout.spare] == [kind for kind, count in spare.items() for _ in range(count)]

    mine = layout.to_libvirt(domain)
    before, after = read_domain(domain.encode()), read_domain(mine.encode())
    assert after.machine == machine
    assert seats(after) == seats(before)
    assert bridges(after)[: len(before.bridges)] == bridges(before)
    assert len(after.bridges) > len(before.bridges)

    kept = define(renamed(mine, machine, upstream(machine)))
    assert "error" not in kept, kept
    theirs = read_domain(kept["xml"].encode())
    assert (seats(theirs), bridges(theirs)) == (seats(after), bridges(after))
    assert differences_under(layout, upstream(machine)) == []


def seats(domain: Domain) -> list[tuple[object, ...]]:
    return [(one.id, one.kind.model, one.kind.mode, one.address) for one in domain.parts]


def bridges(domain: Domain) -> list[tuple[object, ...]]:
    return [(one.index, one.model, one.address, *sorted(one.properties.items())) for one in domain.bridges]


def differences_under(layout: Layout, machine: str) -> list[str]:
    """What a real QEMU of upstream's makes otherwise of the plan, on the machine type that its own stands for."""
    return [str(one) for one in probe(layout.model_copy(update={"machine": machine})).differences]
