"""Predicted bus numbers and IO ports against a real QEMU whose firmware has enumerated random layouts."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from qslot.schema import Firmware, Layout
from qslot.schema.firmware import Prediction, predict
from qslot.schema.probe import BootError, FirmwarePanicError, boot

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
    windows: dict[str, tuple[int, int]] = field(default_factory=dict)
    bars: dict[tuple[str, int], int] = field(default_factory=dict)

    def add(self, device: dict[str, Any]) -> None:
        name = device["qdev_id"]
        if "pci_bridge" not in device:
            self.addresses[name] = f"{device['bus']:02x}:{device['slot']:02x}.{device['function']}"
            for region in device["regions"]:
                if region["type"] == "io" and 0 < region["address"] < 0x10000:
                    self.bars[name, region["bar"]] = region["address"]
            return
        bus = device["pci_bridge"]["bus"]
        self.secondary[name] = bus["secondary"]
        self.subordinate[name] = bus["subordinate"]
        base, limit = bus["io_range"]["base"], bus["io_range"]["limit"]
        if base < limit:
            self.windows[name] = (base, limit - base + 1)
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
    result.bars = {key: address for key, address in result.bars.items() if key[0] in known}
    return result


def expected(prediction: Prediction, layout: Layout) -> Found:
    bridges = {controller.id for controller in layout.controllers if controller.model != "pxb-pcie"}
    return Found(
        {name: number for name, number in prediction.secondary.items() if name in bridges and number is not None},
        {name: number for name, number in prediction.subordinate.items() if name in bridges and number is not None},
        {name: address for name, address in prediction.guest_addresses.items() if address is not None},
        {window.controller: (window.base or 0, window.size) for window in prediction.io_windows},
        prediction.io_bars,
    )


def hold(layout: Layout) -> str:
    """Boots the layout and asserts that all is as predicted, failures too. Returns what came of it, in a word."""
    prediction = predict(layout)
    failure = prediction.failure
    if failure is not None and failure.rule == "bus-numbers":
        _assert_numbers_break(layout)
        return "bus numbers ran out"
    if layout.firmware.name == "seabios" and failure is not None:
        with pytest.raises(FirmwarePanicError, match="out of I/O"):
            boot(layout, limit=LIMIT)
        return "panic"
    if failure is not None and not prediction.lost and not prediction.unreserved:
        with pytest.raises(BootError) as caught:
            boot(layout, limit=HANG)
        assert type(caught.value) is BootError, "QEMU must be there still"
        return "hang"
    assert found(boot(layout, limit=LIMIT).tree, layout) == expected(prediction, layout)
    return "equal" if failure is None else "equal, with losses"


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


def _drawn(seed: int, family: Family, firmware: str) -> Layout:
    return random_layout(seed, family, Firmware.model_validate(firmware))
