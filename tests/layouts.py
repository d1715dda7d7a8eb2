"""Layouts written by hand, for tests of what reads and draws them."""

from qslot.schema import Firmware, Layout
from qslot.schema.finding import Finding
from qslot.schema.layout.layout import (
    IoWindow,
    ObjectiveTerm,
    PlacedController,
    PlacedDevice,
    Platform,
    SpareSlot,
    Versions,
)
from qslot.schema.pci.controllers import VirtioMode
from qslot.schema.pci.machine import Chipset


def port(name: str, function: int) -> PlacedController:
    return PlacedController(
        id=name,
        model="pcie-root-port",
        bus="pcie.0",
        slot=1,
        function=function,
        multifunction=function == 0,
        properties={"chassis": function + 1, "port": 8 + function},
    )


def nic(name: str, bus: str, slot: int, mode: VirtioMode = VirtioMode.TRANSITIONAL) -> PlacedDevice:
    suffix = "non-transitional" if mode is VirtioMode.MODERN else "transitional"
    return PlacedDevice(
        id=name, model="virtio-net", driver=f"virtio-net-pci-{suffix}", virtio=mode, bus=bus, slot=slot, function=0
    )


def small_layout() -> Layout:
    """A bridge with two interfaces and a spare slot behind one port; a device, a spare slot, nothing behind others."""
    bridge = PlacedController(id="p2p1", model="pcie-pci-bridge", bus="rp1", slot=0, function=0)
    video = PlacedDevice(id="video0", model="VGA", driver="VGA", bus="pcie.0", slot=2, function=0)
    return Layout(
        status="optimal",
        machine="q35",
        firmware=Firmware(name="seabios"),
        platform=Platform(memory=1 << 30, numa_nodes=0, chipset=Chipset()),
        controllers=(port("rp1", 0), port("rp2", 1), port("rp3", 2), port("rp4", 3), bridge),
        devices=(video, nic("net0", "p2p1", 1), nic("net1", "p2p1", 2), nic("net2", "rp2", 0, VirtioMode.MODERN)),
        spare=(SpareSlot(kind="pcie", bus="rp3", slot=0), SpareSlot(kind="pci", bus="p2p1", slot=3)),
        guest_addresses={"video0": "00:02.0", "net0": "02:01.0", "net1": "02:02.0", "net2": "03:00.0"},
        guest_names={"video0": None, "net0": "ens1", "net1": "ens2", "net2": "enp3s0"},
        io_windows=tuple(IoWindow(controller=name, base=0xC000, size=4096) for name in ("rp1", "p2p1")),
        objective=(
            ObjectiveTerm(term="io_windows", value=4096, bound=4096),
            ObjectiveTerm(term="controllers", value=5, bound=5),
        ),
        warnings=(Finding(rule="shpc-driver", severity="warning", subjects=("net0",)),),
        input_sha256="0" * 64,
        versions=Versions(qslot="0.1.0", hash=2),
    )
