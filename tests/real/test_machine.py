"""Layouts by hand in a real QEMU: enumerated as planned, and what is wrong is found out."""

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from qslot.schema import Layout, VirtioMode
from qslot.schema.formats.qemu import cold_plug, device_add
from qslot.schema.formats.standalone import standalone
from qslot.schema.layout.layout import IoWindow
from qslot.schema.probe import BootError, FirmwarePanicError, QemuEndedError, boot, differences, running
from qslot.schema.probe.found import walk

from .hotplug import hotplug, hotplug_into_spares
from .layouts import Seat, at, controller, layout, spare
from .this_qemu import here

if TYPE_CHECKING:
    from qslot.schema.probe.machine import RunningMachine

pytestmark = pytest.mark.real


def ports(count: int, **properties: Any) -> list[Seat]:
    """Root ports rp0.. packed eight a slot from pcie.0 slot 1."""
    seats: list[Seat] = []
    for n in range(count):
        place = f"pcie.0:{1 + n // 8:x}.{n % 8}{'+' if n % 8 == 0 and n + 1 < count else ''}"
        seats.append(controller(place, "pcie-root-port", f"rp{n}", chassis=n + 1, port=8 + n, **properties))
    return seats


def packed_ports() -> Layout:
    """Eleven root ports on two slots, and every virtio mode."""
    return layout(
        "q35",
        *ports(11),
        at("rp0:0", "virtio-net-pci", "modern", VirtioMode.MODERN, disable_legacy=True, disable_modern=False),
        at("rp1:0", "virtio-net-pci-non-transitional", "modern-too", VirtioMode.MODERN, netdev="hn0"),
        at("rp2:0", "virtio-blk-pci-transitional", "transitional", VirtioMode.TRANSITIONAL),
        at("rp3:0", "virtio-scsi-pci", "legacy", VirtioMode.LEGACY, disable_legacy=False, disable_modern=True),
        at("pcie.0:3", "virtio-rng-pci", "auto", VirtioMode.TRANSITIONAL),
        at("rp4:0", "nvme", "nvme0"),
        at("rp10:0", "e1000e", "nic0"),
        spare=(spare("pcie", "rp8", 0), spare("pcie", "rp9", 0)),
    )


def switch() -> Layout:
    """A switch whose downstream ports are functions of one slot, the last of them in a slot of its own."""
    places = ["up:0.0+", "up:0.1", "up:0.2", "up:0.3", "up:1.0"]
    return layout(
        "q35",
        *ports(1),
        controller("rp0:0", "x3130-upstream", "up"),
        *(controller(place, "xio3130-downstream", f"dp{n}", chassis=20 + n) for n, place in enumerate(places)),
        at("dp0:0", "nvme", "nvme0", serial="s,1"),
        at("dp3:0", "e1000e", "nic0"),
        at("dp4:0.0+", "virtio-net-pci-transitional", "nic1", VirtioMode.TRANSITIONAL),
        at("dp4:0.1", "virtio-net-pci-transitional", "nic2", VirtioMode.TRANSITIONAL),
        spare=(spare("pcie", "dp1", 0), spare("pcie", "dp2", 0)),
    )


def nested_bridges() -> Layout:
    """Conventional bridges on q35: functions of one slot, with and without SHPC, one inside another."""
    return layout(
        "q35",
        *ports(1),
        controller("rp0:0", "pcie-pci-bridge", "p2p"),
        controller("p2p:5.0+", "pci-bridge", "br0", chassis_nr=1),
        controller("p2p:5.1", "pci-bridge", "br1", chassis_nr=2, shpc=False),
        controller("br0:1f", "pci-bridge", "br2", chassis_nr=3),
        at("p2p:1", "AC97", "sound0"),
        at("br1:1", "e1000", "nic0"),
        at("br2:3", "rtl8139", "nic1"),
        spare=(spare("pci", "p2p", 2), spare("pci", "br0", 1), spare("pci", "br1", 2), spare("pci", "br2", 0x1F)),
    )


def express_expanders() -> Layout:
    """Two NUMA nodes, an expander each; spare slots below them."""
    return layout(
        "q35",
        *ports(1),
        controller("pcie.0:4", "pxb-pcie", "px0", bus_nr=64, numa_node=0),
        controller("pcie.0:5", "pxb-pcie", "px1", bus_nr=128, numa_node=1),
        controller("px0:0", "pcie-root-port", "rpa", chassis=50),
        controller("px1:0.0+", "pcie-root-port", "rpb", chassis=51),
        controller("px1:0.1", "pcie-root-port", "rpc", chassis=52, io_reserve=4096),
        controller("rpb:0", "pcie-pci-bridge", "p2p"),
        at("rpa:0", "virtio-net-pci", "nic0", VirtioMode.MODERN),
        at("p2p:1", "e1000", "nic1"),
        spare=(spare("pcie", "rp0", 0), spare("pcie", "rpc", 0), spare("pci", "p2p", 2)),
        numa_nodes=2,
    )


def conventional_machine() -> Layout:
    """pc: bridges as functions of one slot, an expander, single functions beside the chipset."""
    return layout(
        "pc",
        controller("pci.0:3", "pxb", "px", bus_nr=100, numa_node=1),
        controller("pci.0:5.0+", "pci-bridge", "br0", chassis_nr=1),
        controller("pci.0:5.1", "pci-bridge", "br1", chassis_nr=2, shpc=False),
        controller("px:1", "pci-bridge", "br2", chassis_nr=3, shpc=True),
        at("pci.0:1.4", "e1000", "nic0"),
        at("pci.0:2", "VGA", "video0"),
        at("br1:4", "virtio-net-pci-transitional", "nic1", VirtioMode.TRANSITIONAL),
        at("px:2", "e1000", "nic2"),
        at("br2:1", "nvme", "nvme0"),
        spare=(spare("pci", "pci.0", 9), spare("pci", "br0", 1), spare("pci", "br1", 1), spare("pci", "br2", 2)),
        numa_nodes=2,
    )


def chipset_functions() -> Layout:
    """Endpoints on the free functions of the chipset's slot, those of absent SATA and SMBus among them; a group."""
    return layout(
        "q35",
        at("pcie.0:1f.2", "virtio-rng-pci", "rng0", VirtioMode.TRANSITIONAL),
        at("pcie.0:1f.3", "AC97", "sound0"),
        at("pcie.0:1f.4", "e1000", "nic0"),
        at("pcie.0:1d.0+", "ich9-usb-uhci1", "usb0"),
        at("pcie.0:1d.1", "ich9-usb-uhci2", "usb1"),
        at("pcie.0:1d.7", "ich9-usb-ehci1", "usb7"),
        chipset={"sata": False, "smbus": False},
    )


GOOD = [packed_ports, switch, nested_bridges, express_expanders, conventional_machine, chipset_functions]


@pytest.mark.parametrize("plan", GOOD)
def test_layout_boots_as_planned_and_its_spare_slots_take_devices(plan: Any) -> None:
    planned = plan()
    with running(planned) as machine:
        assert differences(planned, machine.enumeration) == []
        assert hotplug_into_spares(machine, planned) == []


@pytest.mark.parametrize("plan", [switch, express_expanders, conventional_machine])
def test_layout_boots_as_planned_under_ovmf(plan: Any) -> None:
    planned = Layout.model_validate({**plan().model_dump(), "firmware": "ovmf"})
    with running(planned) as machine:
        assert differences(planned, machine.enumeration) == []
        assert hotplug_into_spares(machine, planned) == []


def test_ovmf_whose_console_is_on_a_pci_serial() -> None:
    planned = layout("q35", at("pcie.0:1", "pci-serial", "serial0"), at("pcie.0:2", "e1000", "nic0"), firmware="ovmf")
    assert differences(planned, boot(planned)) == []


def test_json_arguments_make_the_same_machine() -> None:
    from qslot.schema.probe.machine import RunningMachine

    planned = packed_ports()
    machine = RunningMachine(standalone(planned, as_json=True))
    try:
        assert differences(planned, machine.enumeration) == []
    finally:
        machine.close()


@pytest.mark.facts_of("7.2")
def test_what_is_not_as_planned_is_found() -> None:
    """The rightly booted layout held against layouts that say something else."""
    planned = here(layout("q35", *ports(2), at("rp1:0", "e1000e", "nic0")))
    enumeration = boot(planned)
    window = (IoWindow(controller="rp1", base=0xC000, size=4096),)
    where = {"nic0": "02:00.0", "rp0": "00:01.0", "rp1": "00:01.1"}

    def said(**changes: Any) -> list[str]:
        return [str(one) for one in differences(planned.model_copy(update=changes), enumeration)]

    moved = planned.devices[0].model_copy(update={"slot": 1})
    assert said(guest_addresses=where, io_windows=window) == []
    assert said(devices=(moved,)) == ["nic0: planned at rp1:01.0, found at rp1:00.0"]
    assert said(devices=()) == ["nic0: found at rp1:00.0, not planned"]
    assert said(guest_addresses={"nic0": "01:00.0"}, io_windows=window) == [
        "nic0: predicted at 01:00.0, the guest sees it at 02:00.0"
    ]
    assert said(guest_addresses=where) == ["rp1: no IO window predicted, 0xc000-0xcfff found"]
    assert said(io_windows=(window[0].model_copy(update={"size": 8192}),)) == [
        "rp1: IO window of 8192 bytes at 0xc000 predicted, 0xc000-0xcfff found"
    ]


def test_a_function_without_function_0_is_never_found() -> None:
    planned = layout("q35", controller("pcie.0:1.1", "pcie-root-port", "rp0", chassis=1), at("rp0:0", "e1000", "nic0"))
    said = differences(planned, boot(planned))
    assert any(one.subject == "nic0" for one in said), said


def test_io_behind_a_port_without_io_is_found() -> None:
    """SeaBIOS assigns the BAR all the same (facts: the port does not forward)."""
    planned = layout("q35", *ports(1, io_reserve=0), at("rp0:0", "e1000", "nic0"))
    said = [str(one) for one in differences(planned, boot(planned))]
    assert any(line.startswith("nic0: BAR 1 (io") for line in said), said


def test_too_much_io_stops_seabios() -> None:
    planned = layout("q35", *ports(15, io_reserve=4096))
    with pytest.raises(FirmwarePanicError, match=r"out of I/O"):
        boot(planned)


def test_what_qemu_refuses_is_told_in_its_words() -> None:
    with pytest.raises(QemuEndedError, match="slot 1 function 0 not available"):
        boot(layout("q35", at("pcie.0:1", "edu", "a"), at("pcie.0:1", "edu", "b")))


def test_ovmf_needs_acpi_on_pc() -> None:
    """Why such a request is refused. With ACPI the same takes 3 to 7 seconds."""
    with pytest.raises(BootError, match="not enumerated in 30 s"):
        boot(layout("pc", at("pci.0:2", "edu", "a"), firmware="ovmf", chipset={"acpi": False}), limit=30)


def test_a_limit_is_kept() -> None:
    with pytest.raises(BootError, match="not enumerated in"):
        boot(layout("q35", at("pcie.0:1", "edu", "a"), firmware="ovmf"), limit=0.5)


def test_device_add_fills_the_hot_pluggable_slots_of_a_running_machine() -> None:
    planned = switch()
    cold = set(cold_plug(planned))
    with running(planned.model_copy(update={"devices": tuple(d for d in planned.devices if d.id in cold)})) as machine:
        for command in device_add(planned):
            machine.execute(command["execute"], command["arguments"])
        listed = {entry["name"] for entry in machine.execute("qom-list", {"path": "/machine/peripheral"})}
    assert {device.id for device in planned.devices} <= listed


def test_hotplug_and_io_windows_of_q35_6_1() -> None:
    """That machine hides the ports' own hot-plug: QEMU refuses it below expanders. Root ports alone open windows."""
    base = express_expanders()
    plain = {"properties": {"chassis": 52}}  # no io-reserve of its own
    seats = [one.model_copy(update=plain if one.id == "rpc" else {}) for one in base.controllers]
    seats.append(controller("pcie.0:6", "ioh3420", "ioh", chassis=60))
    planned = base.model_copy(update={"machine": "pc-q35-6.1", "controllers": tuple(seats)})
    with running(planned) as machine:
        found = list(walk(planned, machine.enumeration.tree))
        said = {
            bus: hotplug(machine, "e1000", bus, slot) for bus, slot in (("rp0", 0), ("rpc", 0), ("ioh", 0), ("p2p", 2))
        }
    opened = {one.id for one in found if one.own is not None and one.own.io.is_open}
    assert opened == {"rp0", "rpa", "rpb", "rpc", "p2p"}
    assert {bus for bus, complaint in said.items() if complaint is not None} == {"rpc"}
    assert "unsupported by the port device" in str(said["rpc"])


@pytest.mark.parametrize(
    ("bus", "slot", "complaint"),
    [
        ("pcie.0", 9, "does not support hotplugging"),
        ("px0", 9, "does not support hotplugging"),
        ("rpa", 0, "not available|already occupied"),
    ],
)
def test_slots_that_take_no_hotplug(bus: str, slot: int, complaint: str, expanders: "RunningMachine") -> None:
    said = hotplug(expanders, "e1000e", bus, slot)
    assert said is not None
    assert any(part in said for part in complaint.split("|"))


@pytest.fixture(scope="module")
def expanders() -> Any:
    with running(express_expanders()) as machine:
        yield machine


def drivers() -> list[str]:
    """All PCI endpoints of this QEMU, but one balloon only: QEMU takes no second; and no igb, whose virtual functions
    take slots beside it."""
    if shutil.which("qemu-system-x86_64") is None:
        return []
    text = subprocess.run(["qemu-system-x86_64", "-device", "help"], capture_output=True, text=True, check=True).stdout
    names, section = [], ""
    for line in text.splitlines():
        if not line.startswith("name "):
            section = line
        elif "bus PCI" in line and not section.startswith("Controller/Bridge"):
            names.append(line.split('"')[1])
    return [name for name in names if not name.startswith("virtio-balloon-pci-") and name != "igb"]


def test_every_driver_starts_with_its_stand_ins_and_is_enumerated() -> None:
    names = drivers()
    guests = -(-len(names) // 25)
    for first in range(guests):
        part = names[first::guests]  # neighbours apart: newer QEMUs take one simulated BMC, that each pci-ipmi-* needs
        planned = layout("q35", *(at(f"pcie.0:{n + 1:x}", name, f"d{n}") for n, name in enumerate(part)))
        assert differences(planned, boot(planned)) == [], part
