"""Predicted bus numbers, IO ports and memory against a real QEMU whose firmware has enumerated random layouts.

Many more than here: `make predictions`.
"""

from collections import Counter

import pytest

from qslot.schema import Cpu, Firmware, Layout, VirtioMode
from qslot.schema.firmware import Prediction, predict
from qslot.schema.firmware.seabios_high import ALIGNS_LARGE_BARS, FROM_THE_TOP
from qslot.schema.probe import BootError, FirmwarePanicError, boot, differences
from qslot.schema.probe.found import walk
from qslot.schema.request.firmware import FirmwareName

from . import this_qemu
from .layouts import at, controller
from .layouts import layout as by_hand
from .random_layouts import Family, random_layout

pytestmark = pytest.mark.real

LIMIT = 60.0
"""Seconds for layouts that boot; none of these has more than some 70 functions."""
HANG = 40.0
"""Seconds after which a boot that is predicted to hang is taken to hang."""


def hold(layout: Layout, limit: float = LIMIT) -> tuple[str, int]:
    """Boots the layout within that many seconds and asserts that all is as predicted, failures too. Returns what came
    of it, in a word, and how many values were compared."""
    layout = this_qemu.here(layout)
    prediction = predict(layout)
    failure = prediction.failure
    if failure is not None and failure.rule == "bus-numbers":
        _assert_numbers_break(layout)
        return "bus numbers ran out", 0
    told = prediction.lost or prediction.unreserved or prediction.misplaced
    if layout.firmware.name == "seabios" and failure is not None and not told:
        with pytest.raises(FirmwarePanicError, match="out of I/O" if failure.rule == "io-space" else "out of 32bit"):
            boot(layout, limit=limit)
        return f"panic, {failure.rule}", 0
    if failure is not None and not told:
        with pytest.raises(BootError) as caught:
            boot(layout, limit=HANG)
        assert type(caught.value) is BootError, "QEMU must be there still"
        return f"hang, {failure.rule}", 0
    stated = {"guest_addresses": prediction.guest_addresses, "io_windows": prediction.io_windows}
    found = differences(layout.model_copy(update=stated), boot(layout, limit=limit))
    lost = [one for one in found if one.subject in prediction.lost and "not assigned" in one.text]
    astray = ("outside the windows", "not assigned")
    lost += [one for one in found if one.subject in prediction.misplaced and any(text in one.text for text in astray)]
    assert [one for one in found if one not in lost] == []
    assert {one.subject for one in lost} - {*prediction.misplaced} == set(prediction.lost)
    return "equal" if failure is None else f"equal, with losses, {failure.rule}", _values(layout, prediction)


def _values(layout: Layout, prediction: Prediction) -> int:
    """How many were held against what is found."""
    numbered = [one for one in layout.controllers if one.model != "pxb-pcie"]  # that has no registers to read
    windows = (prediction.io_windows, prediction.memory_windows, prediction.prefetchable_windows)
    others = (prediction.guest_addresses, *windows, prediction.io_bars, prediction.memory_bars)
    return 2 * len(numbered) + sum(map(len, others))


def _assert_numbers_break(layout: Layout) -> None:
    """SeaBIOS may still come to an end, then with numbers given twice, buses left without, or ranges that overlap."""
    try:
        enumeration = boot(layout, limit=HANG)
    except BootError:
        return
    there = [one.own for one in walk(layout, enumeration.tree) if one.own is not None]
    numbers = Counter(bridge.secondary for bridge in there)
    bridges = [controller for controller in layout.controllers if controller.model != "pxb-pcie"]
    expanders = [number for c in layout.controllers if isinstance(number := c.properties.get("bus_nr"), int)]
    overlap = any(bridge.secondary < number <= bridge.subordinate for bridge in there for number in expanders)
    assert overlap or 0 in numbers or max(numbers.values()) > 1 or sum(numbers.values()) < len(bridges)


@pytest.mark.parametrize("seed", range(8))
def test_seabios_on_q35(seed: int) -> None:
    hold(_drawn(seed, "q35", "seabios"))


@pytest.mark.parametrize("seed", range(6))
def test_seabios_on_pc(seed: int) -> None:
    hold(_drawn(seed, "pc", "seabios"))


@pytest.mark.parametrize("seed", [1, 3])
def test_ovmf_on_q35(seed: int) -> None:
    hold(_drawn(seed, "q35", "ovmf"))


@pytest.mark.parametrize("seed", [0])
def test_ovmf_on_pc(seed: int) -> None:
    hold(_drawn(seed, "pc", "ovmf"))


@pytest.mark.parametrize("seed", range(100, 102))
def test_q35_6_1_reserves_by_itself(seed: int) -> None:
    hold(random_layout(seed, "q35", Firmware(name="seabios"), machine="pc-q35-6.1"))


@pytest.mark.parametrize("seed", range(200, 208))
@pytest.mark.parametrize("family", ["q35", "pc"])
def test_memory_with_seabios(family: Family, seed: int) -> None:
    hold(_drawn(seed, family, "seabios", heavy=True))


@pytest.mark.parametrize("seed", range(200, 203))
@pytest.mark.parametrize("family", ["q35", "pc"])
def test_memory_with_ovmf(family: Family, seed: int) -> None:
    hold(_drawn(seed, family, "ovmf", heavy=True))


def _drawn(seed: int, family: Family, firmware: FirmwareName, *, heavy: bool = False) -> Layout:
    return random_layout(seed, family, this_qemu.firmware(firmware), heavy=heavy)


@pytest.mark.parametrize(("below", "verdict"), [(2, "equal"), (3, "equal, with losses, io-space")])
def test_ports_lost_to_the_main_root_hold_what_is_below_an_expander(below: int, verdict: str) -> None:
    """Found by reading: the main root's range begins at 0x8000, and two pages of another root's go before it."""
    main = (
        controller(f"pcie.0:{5 + n:02x}", "pcie-root-port", f"m{n}", chassis=n, io_reserve=4096 << n) for n in range(3)
    )
    ports = (controller(f"x:{n:02x}", "pcie-root-port", f"x{n}", chassis=5 + n, io_reserve=4096) for n in range(below))
    expander = controller("pcie.0:04", "pxb-pcie", "x", bus_nr=64)
    result, _ = hold(by_hand("q35", *main, expander, *ports, firmware="ovmf"))
    assert result == verdict


@pytest.mark.parametrize(("number", "verdict"), [(9, "equal"), (10, "panic, io-space")])
def test_windows_of_seabios_without_acpi(number: int, verdict: str) -> None:
    """Found by a random guest: power management keeps ports that it leaves alone where there is ACPI."""
    places = (f"pcie.0:{2 + n // 8}.{n % 8}{'' if n % 8 else '+'}" for n in range(number))
    ports = (
        controller(place, "pcie-root-port", f"r{n}", chassis=n + 1, io_reserve=4096) for n, place in enumerate(places)
    )
    assert hold(by_hand("q35", *ports, chipset={"acpi": False}))[0] == verdict


@pytest.mark.parametrize(
    ("machine", "memory", "hole"), [("q35", 976, None), ("q35", 980, None), ("pc", 1010, None), ("q35", 100, 950)]
)
def test_memory_above_ram(machine: str, memory: int, hole: int | None) -> None:
    """A BAR that has to go there; RAM itself gives way to addresses that AMD reserves, with the hole behind it."""
    root = "pcie.0" if machine == "q35" else "pci.0"
    planned = by_hand(machine, at(f"{root}:3", "pci-testdev", "t", membar=2 << 30), memory=memory << 30)
    bits = {"phys_bits": 43, "pci_hole64": None if hole is None else hole << 30}
    assert hold(planned.model_copy(update={"platform": planned.platform.model_copy(update=bits)}))[0] == "equal"


@pytest.mark.parametrize(
    "machine",
    [
        *("pc-i440fx-2.5", "pc-q35-2.7", "pc-i440fx-3.1", "pc-q35-4.0"),
        *("pc-i440fx-4.1", "pc-q35-5.0", "pc-q35-5.1", "pc-q35-7.1"),
    ],
)
def test_bars_of_older_machine_types(machine: str) -> None:
    """Each of the models that have others there, in a mode with all kinds of BARs."""
    root = "pcie.0" if "q35" in machine else "pci.0"
    models = ("virtio-blk", "virtio-balloon", "virtio-serial", "virtio-rng", "virtio-net", "virtio-scsi")
    mode = VirtioMode.TRANSITIONAL
    seats = [at(f"{root}:{n + 4:x}", f"{model}-pci-transitional", f"d{n}", mode) for n, model in enumerate(models)]
    others = [at(f"{root}:10", "nvme", "disk"), at(f"{root}:11", "virtio-vga", "video", VirtioMode.MODERN)]
    assert hold(by_hand(machine, *seats, *others))[0] == "equal"


NESTED = (
    controller("pcie.0:4", "pcie-root-port", "rp", chassis=1),
    controller("rp:0", "pcie-pci-bridge", "p2p"),
    controller("p2p:1", "pci-bridge", "br", chassis_nr=1, shpc=True),
)
INTEL = Cpu(vendor="intel")
PADDING = {
    "beside a bridge": ("p2p:2", 4 << 30, Cpu(), None, "panic, memory-space"),
    "on the bridge": ("br:2", 4 << 30, Cpu(), None, "equal"),
    "all RAM below 4 GiB": ("p2p:2", 2 << 30, Cpu(), None, "equal"),
    "bits that are not believed": ("p2p:2", 4 << 30, INTEL, None, "equal"),
    "few bits": ("p2p:2", 4 << 30, INTEL, 36, "equal"),
    "39 bits": ("p2p:2", 4 << 30, INTEL, 39, "equal"),
    "a 32-bit CPU": ("p2p:2", 4 << 30, Cpu(model="pentium3"), None, "equal"),
}


@pytest.mark.parametrize("name", PADDING)
def test_room_for_more_below_4_gib(name: str) -> None:
    """By SeaBIOS from 1.16.3 on: a 32-bit BAR keeps the window around it below 4 GiB, and with it those inside."""
    place, memory, cpu, bits, verdict = PADDING[name]
    firmware = this_qemu.firmware("seabios")
    planned = by_hand("q35", *NESTED, at(place, "secondary-vga", "v"), memory=memory, firmware=firmware)
    platform = planned.platform.model_copy(update={"cpu": cpu, "phys_bits": bits})
    expected = "equal" if firmware.number < FROM_THE_TOP else verdict
    assert hold(planned.model_copy(update={"platform": platform}))[0] == expected


def test_a_large_bar_beside_a_window_of_no_power_of_two() -> None:
    """SeaBIOS 1.16.3 alone misaligns it."""
    ports = (controller(f"pcie.0:{n}", "pcie-root-port", f"r{n}", chassis=n) for n in (4, 5))
    sizes = {"r4:0.0+": 16, "r4:0.1": 8, "r5:0": 16}
    devices = (at(place, "pci-testdev", f"t{n}", membar=size << 30) for n, (place, size) in enumerate(sizes.items()))
    firmware = this_qemu.firmware("seabios")
    planned = by_hand("q35", *ports, *devices, memory=8 << 30, firmware=firmware)
    misaligned = FROM_THE_TOP <= firmware.number < ALIGNS_LARGE_BARS
    assert hold(planned)[0] == ("equal, with losses, memory-space" if misaligned else "equal")


TIB = 1 << 40
TOO_LARGE = {
    "a quarter of 40 bits": (Cpu(), None, 1, TIB >> 2, 1, 0),
    "half of them, which AMD's reserved addresses end": (Cpu(), None, 1, TIB >> 1, 1, 1),
    "all of them": (Cpu(), None, 1, TIB, 1, 1),
    "more than all": (Cpu(), None, 8, 4 * TIB, 1, 1),
    "two of a quarter": (Cpu(), None, 8, TIB >> 2, 2, 1),
    "two of half": (Cpu(), None, 1, TIB >> 1, 2, 2),
    "half of 39 bits": (INTEL, 39, 1, TIB >> 2, 1, 0),
    "more than 39 bits": (INTEL, 39, 1, TIB, 1, 1),
    "half of 41 bits": (Cpu(), 41, 8, TIB, 1, 0),
    "all of 41 bits": (Cpu(), 41, 8, 2 * TIB, 1, 1),
}


@pytest.mark.parametrize("behind_port", [True, False])
@pytest.mark.parametrize("name", TOO_LARGE)
def test_64_bit_memory_that_would_begin_below_0(name: str, behind_port: bool) -> None:
    """SeaBIOS from 1.16.3 on counts down from the top of the CPU's addresses, and says nothing where it gets to 0."""
    cpu, bits, memory, size, number, lost = TOO_LARGE[name]
    ports = [controller(f"pcie.0:{4 + n}", "pcie-root-port", f"r{n}", chassis=n + 1) for n in range(number)]
    places = [f"r{n}:0" if behind_port else f"pcie.0:{4 + n}" for n in range(number)]
    cards = [at(place, "pci-testdev", f"t{n}", membar=size) for n, place in enumerate(places)]
    firmware = this_qemu.firmware("seabios")
    planned = by_hand("q35", *(ports if behind_port else ()), *cards, memory=memory << 30, firmware=firmware)
    platform = planned.platform.model_copy(update={"cpu": cpu, "phys_bits": bits, "pci_hole64": 0})
    planned = planned.model_copy(update={"platform": platform})
    lost = 0 if firmware.number < FROM_THE_TOP else lost
    assert hold(planned)[0] == ("equal, with losses, memory-space" if lost else "equal")
    assert len(predict(planned).lost) == lost
