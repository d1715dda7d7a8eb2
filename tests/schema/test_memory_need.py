"""What is counted as memory need is no more than there is wherever a layout fits; over random layouts."""

import pytest
from qslot.schema import Firmware, Layout
from qslot.schema.firmware import predict
from qslot.schema.firmware.ample import memory_is_ample
from qslot.schema.firmware.bars import Bar as FirmwareBar
from qslot.schema.firmware.bars import device_bars
from qslot.schema.firmware.need import NONE, Memory, Where, available, needed, port_memory
from qslot.schema.machine import Family, machine_of

from ..real.random_layouts import random_layout


@pytest.mark.parametrize("firmware", ["seabios", "ovmf"])
@pytest.mark.parametrize("family", ["q35", "pc"])
def test_no_layout_that_fits_needs_more_than_there_is(family: Family, firmware: str) -> None:
    """Each slot's need added up, over random layouts with and without room."""
    fitting = 0
    for seed in range(150):
        planned = random_layout(seed, family, Firmware.model_validate(firmware), heavy=True)
        if predict(planned).failure is None:
            machine = machine_of(planned.machine, planned.platform.chipset)
            below, above = available(machine, planned.platform, planned.firmware)
            need = total_need(planned)
            assert need.low <= below, seed
            assert above is None or need.low + need.high <= below + above, seed
            roots = 1 + sum(controller.model.startswith("pxb") for controller in planned.controllers)
            assert above is None or roots > 1 or need.high <= max(below, above), seed
            fitting += need.low > below // 4
    assert fitting >= 5


def total_need(planned: Layout) -> Memory:
    machine = machine_of(planned.machine, planned.platform.chipset)
    ports = {c.id for c in planned.controllers if c.model in ("pcie-root-port", "ioh3420", "xio3130-downstream")}
    bridged = {controller.bus for controller in planned.controllers}
    slots: dict[tuple[str, int], list[tuple[FirmwareBar, ...]]] = {}
    for device in planned.devices:
        slots.setdefault((device.bus, device.slot), []).append(device_bars(device, machine)[0])
    need, anyway = NONE, port_memory(planned.firmware.name)
    for (bus, _), each in slots.items():
        bars = tuple(bar for one in each for bar in one)
        alone = bus in ports and bus not in bridged and sum(bus == other for other, _ in slots) == 1
        where: Where = "root" if bus == machine.root else "port" if alone else "bridge"
        here = needed(bars, where, planned.firmware.name)
        need += Memory(max(0, here.low - anyway), here.high) if bus in ports else here
    return need + Memory(anyway * len(ports - bridged), 0)


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
