"""Predicted bus numbers, IO ports and memory against a real QEMU whose firmware has enumerated random layouts.

Many more than here: `make predictions`.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

import pytest
from qslot.schema import Firmware, Layout
from qslot.schema.firmware import Prediction, predict
from qslot.schema.probe import BootError, FirmwarePanicError, boot
from qslot.schema.probe.compare import ROM_BAR

from .layouts import controller
from .layouts import layout as by_hand
from .random_layouts import Family, random_layout

pytestmark = pytest.mark.real

LIMIT = 60.0
"""Seconds for layouts that boot; none of these has more than some 70 functions."""
HANG = 40.0
"""Seconds after which a boot that is predicted to hang is taken to hang."""


@dataclass
class Found:
    """What query-pci says, in the words of a Prediction. Functions of the chipset have no id and are left out."""

    secondary: dict[str, int] = field(default_factory=dict)
    subordinate: dict[str, int] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    windows: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    """By bridge and kind: io, memory, prefetchable."""
    bars: dict[tuple[str, int], int] = field(default_factory=dict)
    """Without option ROMs, which firmware unmaps after it has run them."""

    def add(self, device: dict[str, Any]) -> None:
        name = device["qdev_id"]
        for region in device["regions"]:
            if region["bar"] < ROM_BAR and region["address"] > 0:
                self.bars[name, region["bar"]] = region["address"]
        if "pci_bridge" not in device:
            self.addresses[name] = f"{device['bus']:02x}:{device['slot']:02x}.{device['function']}"
            return
        bus = device["pci_bridge"]["bus"]
        self.secondary[name] = bus["secondary"]
        self.subordinate[name] = bus["subordinate"]
        for kind in ("io", "memory", "prefetchable"):
            base, limit = bus[f"{kind}_range"]["base"], bus[f"{kind}_range"]["limit"]
            if 0 <= base < limit:  # edk2 closes the prefetchable one with a base of -1 MiB
                self.windows[name, kind] = (base, limit - base + 1)
        for below in device["pci_bridge"].get("devices", []):
            self.add(below)


def found(tree: list[dict[str, Any]], layout: Layout) -> Found:
    """Only of the layout's devices and bridges; a pxb's root bus has no bridge and so no registers to read."""
    result = Found()
    for bus in tree:
        for device in bus["devices"]:
            result.add(device)
    known = {device.id for device in layout.devices}
    result.addresses = {name: address for name, address in result.addresses.items() if name in known}
    known |= {controller.id for controller in layout.controllers}
    result.bars = {key: address for key, address in result.bars.items() if key[0] in known}
    return result


def expected(prediction: Prediction, layout: Layout) -> Found:
    bridges = {controller.id for controller in layout.controllers if controller.model != "pxb-pcie"}
    return Found(
        {name: number for name, number in prediction.secondary.items() if name in bridges and number is not None},
        {name: number for name, number in prediction.subordinate.items() if name in bridges and number is not None},
        {name: address for name, address in prediction.guest_addresses.items() if address is not None},
        _windows(prediction),
        prediction.io_bars | prediction.memory_bars,
    )


def _windows(prediction: Prediction) -> dict[tuple[str, str], tuple[int, int]]:
    windows = {(window.controller, "io"): (window.base or 0, window.size) for window in prediction.io_windows}
    kinds = {"memory": prediction.memory_windows, "prefetchable": prediction.prefetchable_windows}
    return windows | {
        (name, kind): (window.base or 0, window.size) for kind, found in kinds.items() for name, window in found.items()
    }


def hold(layout: Layout) -> tuple[str, int]:
    """Boots the layout and asserts that all is as predicted, failures too. Returns what came of it, in a word, and how
    many values were compared."""
    prediction = predict(layout)
    failure = prediction.failure
    if failure is not None and failure.rule == "bus-numbers":
        _assert_numbers_break(layout)
        return "bus numbers ran out", 0
    if layout.firmware.name == "seabios" and failure is not None:
        with pytest.raises(FirmwarePanicError, match="out of I/O" if failure.rule == "io-space" else "out of 32bit"):
            boot(layout, limit=LIMIT)
        return f"panic, {failure.rule}", 0
    if failure is not None and not prediction.lost and not prediction.unreserved:
        with pytest.raises(BootError) as caught:
            boot(layout, limit=HANG)
        assert type(caught.value) is BootError, "QEMU must be there still"
        return f"hang, {failure.rule}", 0
    there, here = found(boot(layout, limit=LIMIT).tree, layout), expected(prediction, layout)
    assert there == here, "\n".join(_unequal(there, here))
    values = sum(len(getattr(there, part.name)) for part in fields(Found))
    return "equal" if failure is None else f"equal, with losses, {failure.rule}", values


def _unequal(there: Found, here: Found) -> Iterator[str]:
    for part in fields(Found):
        real, predicted = getattr(there, part.name), getattr(here, part.name)
        for key in sorted(real.keys() | predicted.keys()):
            if real.get(key) != predicted.get(key):
                yield f"{part.name} {key}: {_hex(real.get(key))} found, {_hex(predicted.get(key))} predicted"


def _hex(value: object) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(_hex(one) for one in value)})"
    return f"{value:#x}" if isinstance(value, int) else str(value)


def _assert_numbers_break(layout: Layout) -> None:
    """SeaBIOS may still come to an end, then with numbers given twice, buses left without, or ranges that overlap."""
    try:
        enumeration = boot(layout, limit=HANG)
    except BootError:
        return
    there = found(enumeration.tree, layout)
    numbers = Counter(there.secondary.values())
    bridges = [controller for controller in layout.controllers if controller.model != "pxb-pcie"]
    expanders = [number for c in layout.controllers if isinstance(number := c.properties.get("bus_nr"), int)]
    overlap = any(
        first < number <= there.subordinate[name] for name, first in there.secondary.items() for number in expanders
    )
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


def _drawn(seed: int, family: Family, firmware: str, *, heavy: bool = False) -> Layout:
    return random_layout(seed, family, Firmware.model_validate(firmware), heavy=heavy)


@pytest.mark.parametrize(("number", "verdict"), [(9, "equal"), (10, "panic, io-space")])
def test_windows_of_seabios_without_acpi(number: int, verdict: str) -> None:
    """Found by a random guest: power management keeps ports that it leaves alone where there is ACPI."""
    places = (f"pcie.0:{2 + n // 8}.{n % 8}{'' if n % 8 else '+'}" for n in range(number))
    ports = (
        controller(place, "pcie-root-port", f"r{n}", chassis=n + 1, io_reserve=4096) for n, place in enumerate(places)
    )
    assert hold(by_hand("q35", *ports, chipset={"acpi": False}))[0] == verdict
