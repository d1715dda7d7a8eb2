"""vIOMMUs of domain XML: what they take, what is read of them, and what is written back."""

import pytest

from qslot.schema import Solved
from qslot.schema.libvirt import read
from qslot.solver import solve

from .ask import seats

DOMAIN = """<domain type='kvm'><name>a</name><memory unit='GiB'>2</memory>
<os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os><features><acpi/><ioapic driver='qemu'/></features>
<devices>
{devices}
<memballoon model='none'/>
</devices></domain>"""
NIC = "<interface type='user'><model type='virtio'/>{more}</interface>"


def domain(*devices: str) -> str:
    return DOMAIN.format(devices="\n".join(devices))


def test_the_pci_half_of_an_amd_iommu_keeps_slot_1() -> None:
    """Once a root port was put there, which QEMU refuses. The address is told, as libvirt 12.8 does itself."""
    xml = domain("<iommu model='amd'><driver intremap='on'/></iommu>", NIC.format(more=""))
    outcome = solve(read(xml.encode()))
    assert isinstance(outcome, Solved)
    places = seats(outcome.layout)
    assert places["iommu0"] == "pcie.0:01.0"
    assert [name for name, place in places.items() if place.startswith("pcie.0:01")] == ["iommu0"]
    told = "<address type='pci' domain='0x0000' bus='0x00' slot='0x01' function='0x0'/>\n</iommu>"
    written = outcome.layout.to_libvirt(xml)
    assert told in written
    again = solve(read(written.encode())).require()
    assert seats(again)["iommu0"] == "pcie.0:01.0"
    assert again.to_libvirt(written) == written


def test_its_own_address_is_kept() -> None:
    address = "<address type='pci' domain='0x0000' bus='0x00' slot='0x06' function='0x0'/>"
    xml = domain(f"<iommu model='amd'>{address}</iommu>", NIC.format(more=""))
    outcome = solve(read(xml.encode()))
    assert isinstance(outcome, Solved)
    assert seats(outcome.layout)["iommu0"] == "pcie.0:06.0"
    assert "companion-order" in {warning.rule for warning in outcome.layout.warnings}
    assert address in outcome.layout.to_libvirt(xml)


@pytest.mark.parametrize("caching", ["on", "off"])
def test_what_an_intel_iommu_and_virtio_say_of_it(caching: str) -> None:
    guest = read(
        domain(
            f"<iommu model='intel'><driver caching_mode='{caching}'/></iommu>",
            NIC.format(more="<driver iommu='on' ats='on'/>"),
            NIC.format(more=""),
        ).encode()
    )
    assert guest.needs == ("viommu",)
    assert guest.chipset.caching_mode is (caching == "on")
    assert [device.properties.get("iommu_platform") for device in guest.devices if device.model == "virtio-net"] == [
        True,
        None,
    ]
