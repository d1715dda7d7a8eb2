"""The smallest inputs of what went wrong in the field, each by its name: what is right of it, by the command."""

from pathlib import Path

import pytest

from .command import run

CASES = Path(__file__).parents[3] / "shared" / "cases"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the cases of the field are not beside the project")

PLANNED: dict[str, tuple[str, ...]] = {
    "viommu-pair-behind-port.yaml": ("unknown-iommu-group: gpu, snd",),
    "amd-iommu-slot.xml": ("-01.0  iommu0 amd-iommu",),
    "old-machine-plain-virtio.xml": ("net0 virtio-net", "legacy"),
    "unknown-sound-with-address.xml": ("-01.0  sound0 virtio-sound",),
    "commandline-device-clash.xml": ("-01.0  shmem0 ivshmem-plain",),
    "acpi-index.xml": ("01:00.0 eno1", "02:00.0 eno2"),
    "vdpa-default-model.xml": ("net0 virtio-net",),
    "scsi-many-disks.xml": ("scsi0 lsi53c895a", "scsi3 lsi53c895a"),
    "vendor-machine-rhel.xml": ("pc-q35-rhel9.4.0",),
    "port-property-disable-acs.yaml": ("pcied0 xio3130-downstream",),
    "host-card-two-functions.xml": ("split-card: hostdev0, hostdev1",),
}
"""By file: words that its plan has."""
REFUSED: dict[str, tuple[int, str]] = {
    "hole-beyond-phys-bits.yaml": (2, "beyond the 40 address bits"),
    "ide-on-q35.xml": (2, "q35 has no IDE controller"),
    "hint-phys-bits.yaml": (3, "hint: phys_bits 41"),
}
"""By file: exit code, and words that the answer has."""


@pytest.mark.parametrize("name", PLANNED)
def test_planned(name: str) -> None:
    done = run("plan", str(CASES / name))
    told = done.stdout + done.stderr
    assert done.exit_code == 0, told
    assert [words for words in PLANNED[name] if words not in told] == []


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    code, words = REFUSED[name]
    done = run("plan", str(CASES / name))
    assert done.exit_code == code
    assert words in done.stdout + done.stderr


@pytest.mark.parametrize("os", ["win11", "win2k22", "win2k19"])
def test_windows_has_virtio_1_0_with_its_drivers(os: str) -> None:
    done = run("advise", str(CASES / "advise-windows.yaml"), "--os", os, "--drivers", "packages")
    assert done.exit_code == 0, done.stderr
    assert "net0   virtio-net-pci-non-transi" in done.stdout
    assert "drives virtio 0.9 and 1.0; behind a port" in done.stdout
