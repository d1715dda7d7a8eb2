"""Where a real OVMF has 64-bit memory, by RAM, CPU and machine type; and what it never boots.

Many more than here: `python -m tests.real.campaign ovmf q35 addresses 1000 1150`.
"""

from typing import Any, Final

import pytest

from qslot.schema import Cpu, Layout
from qslot.schema.firmware import predict

from .layouts import at, controller, layout
from .ovmf_draws import ovmf_layout_here
from .random_layouts import Family
from .test_firmware import hold
from .this_qemu import skip_without, version

pytestmark = pytest.mark.real

GIB: Final = 1 << 30
PATIENCE: Final = 240.0
"""Seconds for a boot."""


@pytest.mark.parametrize(("family", "seed"), [("q35", 1000), ("q35", 1007), ("pc", 1000)])
def test_random_layouts(family: Family, seed: int) -> None:
    hold(ovmf_layout_here(seed, family), PATIENCE)


def plain(machine: str, memory: int, **platform: Any) -> Layout:
    """A card and a port without anything."""
    skip_without(machine)
    root = "pcie.0" if "q35" in machine else "pci.0"
    model = "pcie-root-port" if "q35" in machine else "pci-bridge"
    number = "chassis" if "q35" in machine else "chassis_nr"
    seats = (controller(f"{root}:4", model, "b", **{number: 1}), at(f"{root}:5", "pci-testdev", "t", membar=2 << 20))
    made = layout(machine, *seats, memory=memory, firmware="ovmf")
    return made.model_copy(update={"platform": made.platform.model_copy(update=platform)})


@pytest.mark.parametrize(
    ("machine", "memory", "platform"),
    [
        ("pc-q35-7.2", 2560 << 20, {}),
        ("pc-q35-7.0", GIB, {}),
        ("pc-q35-7.2", GIB, {"cpu": Cpu(vendor="intel"), "phys_bits": 39, "pdpe1gb": False}),
        ("pc-q35-10.1", GIB, {"cpu": Cpu(vendor="intel"), "phys_bits": 39, "pdpe1gb": False}),
        ("pc-q35-7.2", GIB, {"cpu": Cpu(vendor="other")}),
        ("pc-q35-7.2", GIB, {"phys_bits": 48}),
        ("pc-q35-7.2", 780 * GIB, {}),
    ],
)
def test_ram_cpu_and_machine_type(machine: str, memory: int, platform: dict[str, Any]) -> None:
    """RAM of 2.5 GiB; no AMD hole; 39 bits of Intel's, read or not; nobody's 40; more than are used; RAM in the way."""
    assert hold(plain(machine, memory, **platform), PATIENCE)[0] == "equal"


def test_ram_beyond_the_addresses_that_are_used() -> None:
    given = plain("pc-i440fx-7.2", 61 * GIB, cpu=Cpu(vendor="intel"), phys_bits=36, pdpe1gb=False)
    failure = predict(given).failure
    assert failure is not None
    assert failure.subjects == ()
    assert hold(given)[0] == "hang, memory-space"


@pytest.mark.parametrize("bus", ["rp:0", "pcie.0:3"])
def test_virtual_functions_of_an_igb(bus: str) -> None:
    if version() < (8, 0):
        pytest.skip("this QEMU is older than igb")
    port = controller("pcie.0:4", "pcie-root-port", "rp", chassis=1, hotplug=False)
    assert hold(layout("q35", port, at(bus, "igb", "nic"), firmware="ovmf"), PATIENCE)[0] == "equal"
