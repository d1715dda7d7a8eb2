"""Domain XML of libvirt 9.1 to 12.8: what is planned of it, and how it is written; tests/real/test_libvirt_versions.py
asks the real ones."""

from typing import Any

import pytest

from qslot.schema import Guest, Infeasible, Layout
from qslot.schema.libvirt import SourceError, read
from qslot.solver import solve

from .ask import seats

PRESETS = pytest.mark.parametrize("preset", ["default", "libvirt"])


def domain(devices: str, machine: str = "q35") -> str:
    return (
        f"<domain type='kvm'><memory unit='GiB'>1</memory><os><type machine='{machine}'>hvm</type></os>"
        f"<features><acpi/></features><devices><controller type='usb' model='none'/>{devices}"
        "<memballoon model='none'/></devices></domain>"
    )


def guest_of(text: str, preset: str = "default", **wishes: Any) -> Guest:
    """With wishes for each device."""
    data = read(text.encode()).model_dump(mode="json", exclude={"spare"})
    devices = [device | wishes for device in data["devices"]]
    return Guest.model_validate(data | {"policy": {"preset": preset}, "devices": devices})


def planned(text: str, preset: str = "default") -> Layout:
    return solve(guest_of(text, preset)).require()


def assert_stays(text: str, layout: Layout) -> None:
    """What is written is planned as it stands, and written the same."""
    written = layout.to_libvirt(text)
    again = planned(written)

    assert again.to_libvirt(written) == written


@PRESETS
@pytest.mark.parametrize("machine", ["q35", "pc"])
def test_a_pvpanic_sits_on_bus_0(preset: str, machine: str) -> None:
    """Once preset libvirt put it behind a bridge, where libvirt refuses it; in no guest does a bridge invite it."""
    bridge = "<controller type='pci' index='1' model='pci-bridge'/>" if machine == "pc" else "<sound model='ac97'/>"
    text = domain(f"<panic model='pvpanic'/>{bridge}", machine)
    layout = planned(text, preset)
    assert seats(layout)["panic0"].startswith(("pcie.0:", "pci.0:"))
    assert_stays(text, layout)


def test_a_pvpanic_cannot_be_hot_pluggable() -> None:
    outcome = solve(guest_of(domain("<panic model='pvpanic'/>"), hotplug="required"))
    assert isinstance(outcome, Infeasible)
    assert "integrated" in {finding.rule for finding in outcome.findings}


@pytest.mark.parametrize(
    ("interface", "model"),
    [
        ("<interface type='vhostuser'/>", "virtio-net"),
        ("<interface type='vhostuser'><backend type='passt'/></interface>", "virtio-net"),
        ("<interface type='vdpa'/>", "virtio-net"),
        ("<interface type='user'><backend type='passt'/></interface>", "rtl8139"),
    ],
)
def test_the_model_of_an_interface_that_says_none(interface: str, model: str) -> None:
    assert [device.model for device in read(domain(interface).encode()).devices] == [model]


@pytest.mark.parametrize(
    ("videos", "expected"),
    [
        (
            "<video><model type='virtio'/></video><video><model type='vga' primary='yes'/></video>",
            [("video0", "VGA"), ("video1", "virtio-gpu")],
        ),
        (
            "<video><model type='virtio'/></video><video><model type='virtio'/></video>",
            [("video0", "virtio-vga"), ("video1", "virtio-gpu")],
        ),
        ("<video><model type='virtio' device='virtio-gpu'/></video>", [("video0", "virtio-gpu")]),
        ("<video><model type='virtio' device='virtio-vga'/></video>", [("video0", "virtio-vga")]),
        ("<video><model type='ramfb'/></video><video><model type='virtio'/></video>", [("video0", "virtio-gpu")]),
    ],
)
def test_the_primary_video_is_the_one_that_is_said_or_the_first(videos: str, expected: list[tuple[str, str]]) -> None:
    assert [(device.id, device.model) for device in read(domain(videos).encode()).devices] == expected
    assert_stays(domain(videos), planned(domain(videos)))


@pytest.mark.parametrize(
    ("cpus", "machine", "devices", "needs"),
    [
        ("288", "q35", "", ("viommu",)),
        ("256", "q35", "", ("viommu",)),
        ("255", "q35", "", ()),
        ("288", "q35", "<iommu model='amd'/>", ()),
        ("288", "pc", "", ()),
    ],
)
def test_many_cpus_have_an_intel_iommu(cpus: str, machine: str, devices: str, needs: tuple[str, ...]) -> None:
    """libvirt adds it from 10.10 on, and refuses such a guest before."""
    text = domain(devices, machine).replace("<os>", f"<vcpu placement='static'>{cpus}</vcpu><os>")
    assert read(text.encode()).needs == needs


class TestReserves:
    PORT = "<controller type='pci' index='1' model='pcie-root-port'><target memReserve='{}'/></controller>"

    def test_in_kib(self) -> None:
        text = domain(self.PORT.format(65536))
        assert [one.properties for one in read(text.encode()).controllers] == [{"mem-reserve": 64 << 20}]
        written = planned(text).to_libvirt(text)
        assert "memReserve='65536'" in written
        assert "override" not in written
        assert_stays(text, planned(text))

    def test_what_the_request_says_instead_is_an_override(self) -> None:
        text = domain(self.PORT.format(65536))
        data = guest_of(text).model_dump(mode="json")
        data["controllers"][0]["properties"] = {"mem-reserve": 8 << 20}
        written = solve(Guest.model_validate(data)).require().to_libvirt(text)
        assert "name='mem-reserve' type='unsigned' value='8388608'" in written
        assert [one.properties["mem-reserve"] for one in read(written.encode()).controllers] == [8 << 20]

    def test_no_number(self) -> None:
        with pytest.raises(SourceError, match="memReserve 'much' is not a number"):
            read(domain(self.PORT.format("much")).encode())


@PRESETS
@pytest.mark.parametrize(
    ("devices", "machine"),
    [
        # the bridge of index 2 is named, so it can't come to sit on a new port
        (
            "<sound model='ac97'><address type='pci' bus='2' slot='1'/></sound>"
            + 2 * "<interface type='user'><model type='virtio'/></interface>",
            "q35",
        ),
        # nor may the one of index 1, which saves a window there, sit on it
        ("<sound model='ac97'><address type='pci' bus='2' slot='1'/></sound>", "pc"),
        ("<sound model='ac97'><address type='pci' bus='3' slot='1'/></sound><sound model='ac97'/>", "pc"),
        (
            "<controller type='pci' index='1' model='pci-bridge'/><controller type='pci' index='2' model='pci-bridge'/>"
            "<sound model='ac97'><address type='pci' bus='2' slot='1'/></sound>",
            "pc",
        ),
    ],
)
def test_bridges_that_addresses_name_sit_on_earlier_ones(devices: str, machine: str, preset: str) -> None:
    """libvirt starts controllers by index. Once such a plan was made, and then refused where it was to be written."""
    text = domain(devices, machine)
    layout = planned(text, preset)
    indexes = {"pci.0": 0, "pcie.0": 0} | {
        one.id: int(one.id.removeprefix("pci.")) for one in layout.controllers if one.id.startswith("pci.")
    }
    for one in layout.controllers:
        if one.id in indexes:
            assert indexes[one.bus] < indexes[one.id]
    assert_stays(text, layout)
