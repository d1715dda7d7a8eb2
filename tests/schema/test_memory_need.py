"""What is counted as memory need is no more than there is wherever a layout fits; over random layouts."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from qslot.schema import Firmware, Layout
from qslot.schema.firmware import predict
from qslot.schema.firmware.ample import memory_is_ample
from qslot.schema.firmware.apertures import Aperture
from qslot.schema.firmware.bars import device_bars
from qslot.schema.firmware.need import Where, apertures, chipset_asks, needed, port_memory
from qslot.schema.firmware.pieces import NONE, Memory, Piece, whole
from qslot.schema.pci.machine import Machine
from qslot.schema.pci.machine_types import Family

from ..profile import sample
from ..real.random_layouts import random_layout

if TYPE_CHECKING:
    from qslot.schema.pci.bars import SizedBar as FirmwareBar

MIB = 1 << 20
UNITS = [MIB << exponent for exponent in range(15)]
PORTS = ("pcie-root-port", "ioh3420", "xio3130-downstream")


@pytest.mark.parametrize("firmware", ["seabios", "ovmf", {"name": "ovmf", "version": "2025.02"}])
@pytest.mark.parametrize("family", ["q35", "pc"])
def test_no_layout_that_fits_needs_more_than_there_is(family: Family, firmware: object) -> None:
    """Each slot's need added up, over random layouts with and without room."""
    assert sum(tight(seed, family, firmware) for seed in range(sample(75, ci=300))) >= 5


def tight(seed: int, family: Family, firmware: object) -> bool:
    """Whether that random layout fits, and takes more than a quarter of what is below 4 GiB. It needs no more."""
    planned = random_layout(seed, family, Firmware.model_validate(firmware), heavy=True)
    if predict(planned).failure is not None:
        return False
    machine = planned.machine_model
    below, above = apertures(machine, planned.platform, planned.firmware)
    for unit in UNITS:
        assert_it_fits(planned, machine, below, above, unit)
    return low_in(planned, machine, None, MIB) * MIB > below.size // 4


def assert_it_fits(planned: Layout, machine: Machine, below: Aperture, above: Aperture | None, unit: int) -> None:
    low = low_in(planned, machine, None, unit)
    high = sum(whole(memory.high, unit) for _, memory in needs(planned, machine))
    assert low <= blocks(below, unit), unit
    if above is None:
        return
    assert low + high <= blocks(below, unit) + blocks(above, unit), unit
    expanders = {controller.id for controller in planned.controllers if controller.model.startswith("pxb")}
    if not expanders:
        assert high <= max(blocks(below, unit), blocks(above, unit)), unit
    elif below.start % unit == 0 and chipset_asks(machine):
        assert low_in(planned, machine, behind(planned, expanders), unit) < max(1, blocks(below, unit)), unit


def blocks(aperture: Aperture, unit: int) -> int:
    return aperture.blocks(unit) if unit > MIB else aperture.size // unit


def low_in(planned: Layout, machine: Machine, buses: frozenset[str] | None, unit: int) -> int:
    """Blocks below 4 GiB on these buses, or on all."""
    anyway = port_memory(planned.firmware.name) // unit
    bridged = {controller.bus for controller in planned.controllers}
    ports = {c.id for c in planned.controllers if c.model in PORTS}
    held = {c.id for c in planned.controllers if kept_low(planned, machine, c.id)}
    count = anyway * len(ports - bridged)
    for bus, memory in needs(planned, machine):
        if buses is None or bus in buses:
            here = whole(memory.low, unit) + (whole(memory.high, unit) if bus in held else 0)
            count += max(0, here - anyway) if bus in ports else here
    return count


def needs(planned: Layout, machine: Machine) -> Iterator[tuple[str, Memory]]:
    """Of each slot, its bus and what it needs."""
    ports = {c.id for c in planned.controllers if c.model in PORTS}
    bridged = {controller.bus for controller in planned.controllers}
    slots: dict[tuple[str, int], list[tuple[FirmwareBar, ...]]] = {}
    for device in planned.devices:
        slots.setdefault((device.bus, device.slot), []).append(device_bars(device, machine)[0])
    for (bus, _), each in slots.items():
        bars = tuple(bar for one in each for bar in one)
        alone = bus in ports and bus not in bridged and sum(bus == other for other, _ in slots) == 1
        where: Where = "root" if bus == machine.root else "port" if alone else "bridge"
        yield bus, needed(bars, where, planned.firmware.name)


def kept_low(planned: Layout, machine: Machine, bus: str) -> bool:
    """Whether a 32-bit BAR keeps the bus's prefetchable memory below 4 GiB: there, below, or beside a bridge above."""
    above = {controller.id: controller.bus for controller in planned.controllers}
    roots = {machine.root, *(c.id for c in planned.controllers if c.model == "pxb-pcie")}
    top = bus
    while above[top] not in roots and not is_pxb(planned, top):
        top = above[top]
    inside = behind(planned, {top})
    return bus not in roots and any(memory.narrow for where, memory in needs(planned, machine) if where in inside)


def is_pxb(planned: Layout, name: str) -> bool:
    return any(controller.id == name and controller.model == "pxb" for controller in planned.controllers)


def behind(planned: Layout, tops: set[str]) -> frozenset[str]:
    found = set(tops)
    while more := {c.id for c in planned.controllers if c.bus in found} - found:
        found |= more
    return frozenset(found)


@pytest.mark.parametrize("align", [1, 4, 16])
def test_blocks_of_a_piece_are_in_it_wherever_it_is(align: int) -> None:
    """Beyond a MiB, where alignment counts."""
    for size in range(1, 70):
        piece = Piece(size * MIB, align * MIB)
        for unit in (2, 4, 8, 16, 32):
            starts = range(0, 64, align)
            least = min(Aperture(at * MIB, (at + size) * MIB).blocks(unit * MIB) for at in starts)
            assert piece.whole(unit * MIB) == least, (size, unit)


def test_what_either_needs_is_no_more_than_each() -> None:
    one, other = Memory((Piece(8 * MIB, 8 * MIB),)), Memory((Piece(4 * MIB, 4 * MIB), Piece(4 * MIB, 4 * MIB)))
    assert one.or_as(other) == Memory((Piece(4 * MIB, 4 * MIB),))
    assert one.or_as(NONE) == NONE


@pytest.mark.parametrize("heavy", [False, True])
@pytest.mark.parametrize("firmware", ["seabios", "ovmf"])
@pytest.mark.parametrize("family", ["q35", "pc"])
def test_where_memory_is_ample_nothing_fails(family: Family, firmware: str, heavy: bool) -> None:
    ample = 0
    for seed in range(150):
        given = random_layout(seed, family, Firmware.model_validate(firmware), heavy=heavy)
        if memory_is_ample(given):
            ample += 1
            failure = predict(given).failure
            assert failure is None or failure.rule != "memory-space", seed
    assert ample > (0 if heavy else 20)
