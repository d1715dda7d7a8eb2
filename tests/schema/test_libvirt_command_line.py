"""`<qemu:commandline>` of a domain: its devices are planned, its switches heeded, all else told; and written back."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qslot.schema import Guest, Layout, Solved
from qslot.schema.libvirt import SourceError, read, write
from qslot.schema.libvirt.domain import read_domain
from qslot.solver import solve

NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0"


def domain(*arguments: str, devices: str = "", machine: str = "q35", more: str = "") -> str:
    args = "".join(f"<qemu:arg value='{one}'/>" for one in arguments)
    return (
        f"<domain type='kvm' xmlns:qemu='{NAMESPACE}'><memory unit='MiB'>512</memory>"
        f"<os><type arch='x86_64' machine='{machine}'>hvm</type></os><features><acpi/></features>"
        f"<devices><controller type='usb' index='0' model='none'/><memballoon model='none'/>{devices}</devices>"
        f"<qemu:commandline>{args}</qemu:commandline>{more}</domain>"
    )


NIC = "<interface type='user'><model type='e1000e'/></interface>"


def planned(guest: Guest) -> Layout:
    outcome = solve(guest)
    assert isinstance(outcome, Solved), outcome
    return outcome.layout


def seats(layout: Layout) -> dict[str, str]:
    return {one.id: str(one.address) for one in (*layout.controllers, *layout.devices)}


def of(text: str) -> Guest:
    return read(text.encode())


SHMEM = '{"driver":"ivshmem-plain","id":"shmem0","memdev":"glass","bus":"pcie.0","addr":"0x1"}'
MEMORY = '{"qom-type":"memory-backend-file","id":"glass","mem-path":"/dev/shm/x","size":33554432,"share":true}'


def test_a_device_of_the_command_line_keeps_its_address() -> None:
    """The slot was given to a root port; QEMU then did not start."""
    text = domain("-device", SHMEM, "-object", MEMORY, devices=NIC)
    guest = of(text)
    layout = planned(guest)
    assert seats(layout) == {"rp1": "pcie.0:02.0", "net0": "rp1:00.0", "shmem0": "pcie.0:01.0"}
    (shmem,) = (device for device in guest.devices if device.id == "shmem0")
    assert [(bar.bar, bar.size) for bar in shmem.bars or ()] == [(0, 256), (2, 32 << 20)]
    assert layout.warnings == ()
    written = write(layout, text.encode())
    assert SHMEM.encode() in written.data
    assert not any("commandline" in line for line in written.rewritten)
    assert seats(planned(of(written.data.decode())))["shmem0"] == "pcie.0:01.0"


def test_memory_that_nothing_names_is_unknown() -> None:
    layout = planned(of(domain("-device", SHMEM)))
    assert [(one.rule, one.subjects) for one in layout.warnings] == [("unknown-bars", ("shmem0",))]


@pytest.mark.parametrize("value", ["e1000,netdev=n", '{"driver": "e1000", "netdev": "n"}'])
@pytest.mark.parametrize(("machine", "root", "slot"), [("q35", "pcie.0", 0x1E), ("pc", "pci.0", 0x1F)])
def test_one_without_an_address_is_given_one(value: str, machine: str, root: str, slot: int) -> None:
    text = domain("-device", value, machine=machine)
    layout = planned(of(text))
    assert seats(layout)["commandline0"] == f"{root}:{slot:02x}.0"
    written = write(layout, text.encode())
    (line,) = (one for one in written.rewritten if "commandline" in one)
    assert f"0x{slot:x}.0" in line
    again = of(written.data.decode())
    assert {one.id: str(one.address) for one in again.devices}["commandline0"] == f"{root}:{slot:02x}.0"


def test_a_controller_of_the_command_line_is_for_its_own_devices() -> None:
    text = domain(
        *("-device", "pcie-root-port,id=mine,bus=pcie.0,addr=5,chassis=99"),
        *("-device", "pcie-root-port,id=empty,bus=pcie.0,addr=6,chassis=98"),
        *("-device", "nvme,id=disk,bus=mine,serial=x,drive=d"),
        devices=NIC,
    )
    layout = planned(of(text))
    found = seats(layout)
    assert (found["mine"], found["disk"], found["net0"]) == ("pcie.0:05.0", "mine:00.0", "rp1:00.0")
    written = write(layout, text.encode()).data.decode()
    again = seats(planned(of(written)))
    assert [bridge.index for bridge in read_domain(written.encode()).bridges] == [1]
    assert again == {"pci.1": found["rp1"], "net0": "pci.1:00.0"} | {
        name: found[name] for name in ("mine", "empty", "disk")
    }


def test_virtio_modes_of_devices_of_the_command_line() -> None:
    guest = of(
        domain(
            *("-device", "virtio-net-pci,id=plain,addr=5"),
            *("-device", "virtio-blk-pci-transitional,id=named,addr=6"),
            *("-device", "virtio-rng-pci,id=switched,addr=7,disable-legacy=on"),
        )
    )
    modes = {one.id: one.virtio for one in planned(guest).devices}
    assert modes == {"plain": "transitional", "named": "transitional", "switched": "modern"}


def test_switches_of_the_chipset() -> None:
    text = domain("-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off", "-machine", "sata=off")
    guest = of(text)
    assert not guest.machine_model.acpi_bridge_hotplug
    assert not guest.chipset.sata


def test_acpi_hotplug_of_bridges_that_is_off_counts() -> None:
    """Only SHPC plugs behind a bridge then."""
    nic = "<interface type='user'><model type='e1000'/><address type='pci' bus='1' slot='2'/></interface>"
    on, off = (
        planned(of(domain(*arguments, devices=nic, machine="pc")))
        for arguments in ((), ("-global", "PIIX4_PM.acpi-pci-hotplug-with-bridge-support=off"))
    )
    assert [one.rule for one in on.warnings] == []
    assert [one.rule for one in off.warnings] == ["shpc-driver"]


def test_global_properties_of_devices() -> None:
    text = domain(
        "-global", "virtio-pci.disable-modern=on", "-global", "e1000e.romfile=", devices=NIC + "<rng model='virtio'/>"
    )
    net, rng = of(text).devices
    assert net.properties == {"romfile": ""}
    assert rng.virtio == "legacy"


def test_settings_of_devices() -> None:
    text = domain("-set", "device.net0.romfile=", "-set", "device.net0.addr=7", devices=NIC)
    guest = of(text)
    assert guest.devices[0].properties == {"romfile": ""}
    assert guest.unread == ("qemu:commandline -set device.net0: addr",)


def test_global_properties_of_controllers() -> None:
    port = "<controller type='pci' index='1' model='pcie-root-port'/>"
    guest = of(domain("-global", "pcie-root-port.io-reserve=0", devices=port))
    assert guest.controllers[0].properties == {"io-reserve": 0}
    assert len(guest.unread) == 1
    assert "controllers that the plan adds" in guest.unread[0]


@pytest.mark.parametrize(
    ("arguments", "caching"),
    [
        (("-device", "intel-iommu,caching-mode=on"), True),
        (("-device", "intel-iommu"), False),
        (("-device", "intel-iommu", "-global", "intel-iommu.caching-mode=on"), True),
    ],
)
def test_an_intel_iommu_is_a_need(arguments: tuple[str, ...], caching: bool) -> None:
    guest = of(domain(*arguments))
    assert guest.needs == ("viommu",)
    assert guest.chipset.caching_mode is caching


def test_an_amd_iommu_has_the_slot_that_qemu_gives_it() -> None:
    text = domain("-device", "amd-iommu,id=iommu")
    layout = planned(of(text))
    assert seats(layout) == {"iommu": "pcie.0:01.0"}
    assert "<qemu:arg value='amd-iommu,id=iommu'/>" in layout.to_libvirt(text)


def test_devices_on_other_buses_are_none_of_pci() -> None:
    text = domain("-device", "isa-applesmc,osk=x", "-device", "usb-tablet", "-device", "scsi-hd,drive=d")
    assert of(text).devices == ()
    assert of(text).unread == ()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-vga", "std"), "-vga std: "),
        (("-device", "brand-new-card"), "-device brand-new-card: no device type that is known here"),
        (("-device", "cxl-rp,id=c,bus=pcie.0,addr=9"), "-device cxl-rp: CXL topologies are not planned: its address"),
        (("-device", "e1000,bus=nowhere,addr=1"), "-device e1000: bus nowhere is none of this domain"),
        (("-device", "e1000,addr=99"), "-device e1000,addr=99: "),
        (("-global", "pci-device.multifunction=on"), "pci-device.multifunction=on"),
    ],
)
def test_what_is_not_understood_is_told(arguments: tuple[str, ...], words: str) -> None:
    layout = planned(of(domain(*arguments, devices=NIC)))
    (found,) = (one for one in layout.warnings if one.rule == "unread-input")
    assert words in str(found.details["input"])


def test_an_address_of_what_is_not_planned_is_left_free() -> None:
    guest = of(domain("-device", "cxl-rp,id=c,bus=pcie.0,addr=1", devices=NIC))
    assert "pcie.0:01.0" not in seats(planned(guest)).values()


def test_an_unknown_type_with_an_address_is_planned_there() -> None:
    layout = planned(of(domain("-device", "brand-new-card,id=x,bus=pcie.0,addr=1", devices=NIC)))
    assert seats(layout)["x"] == "pcie.0:01.0"
    assert [one.rule for one in layout.warnings] == ["unknown-bars"]


def test_capabilities_are_told() -> None:
    more = "<qemu:capabilities><qemu:del capability='pcie-root-port'/></qemu:capabilities>"
    assert "qemu:capabilities del pcie-root-port" in of(domain(more=more)).unread[0]


def test_another_domain_is_refused() -> None:
    layout = planned(of(domain("-device", SHMEM, "-object", MEMORY)))
    with pytest.raises(SourceError, match="not the domain"):
        write(layout, domain(devices=NIC).encode())


MODELS = ("e1000", "ivshmem-plain", "virtio-net-pci", "nvme", "edu", "cxl-rp", "brand-new", "qemu-xhci")


@st.composite
def arguments(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """Devices of the command line with addresses of their own, and the form of each."""
    slots = draw(st.lists(st.integers(1, 0x1C), unique=True, max_size=5))
    return [(draw(st.sampled_from(MODELS)), slot, draw(st.integers(0, 1))) for slot in slots]


def words(parts: Iterable[tuple[str, int, int]]) -> list[str]:
    result = []
    for number, (model, slot, form) in enumerate(parts):
        own: dict[str, Any] = {"driver": model, "id": f"x{number}", "bus": "pcie.0", "addr": f"{slot:#x}"}
        text = ",".join([model, *(f"{name}={value}" for name, value in own.items() if name != "driver")])
        result += ["-device", json.dumps(own) if form else text]
    return result


@settings(max_examples=30, deadline=None)
@given(arguments(), st.integers(0, 6), st.sampled_from(["default", "libvirt"]))
def test_nobody_else_has_an_address_of_the_command_line(parts: Any, nics: int, preset: str) -> None:
    text = domain(*words(parts), devices=NIC * nics + "<video><model type='vga'/></video>")
    guest = Guest.model_validate(of(text).model_dump() | {"policy": {"preset": preset}})
    layout = planned(guest)
    taken = {f"pcie.0:{slot:02x}": f"x{number}" for number, (_, slot, _) in enumerate(parts)}
    for one in (*layout.controllers, *layout.devices):
        owner = taken.get(f"{one.bus}:{one.slot:02x}")
        assert owner in (None, one.id), (owner, one)
    written = layout.to_libvirt(text)
    places = {part.address for part in read_domain(written.encode()).parts}
    assert not {(0, slot, 0) for _, slot, _ in parts} & places
