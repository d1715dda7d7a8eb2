"""Properties of ports and bridges: all that this QEMU tells of, each with the values that it takes and refuses."""

import asyncio
import json
from collections.abc import Iterator
from importlib.resources import files

import pytest

from qslot.schema.catalog.measure.ask import Qemu
from qslot.schema.catalog.measure.controllers import dump, properties
from qslot.schema.pci.controller_properties import CALLED_SINCE, PLANNED, UNPLANNED, property_names, unfit_for
from qslot.schema.pci.controllers import CONTROLLERS
from qslot.schema.qemu.errors import ProbeError

pytestmark = pytest.mark.real

COMMITTED = (files("qslot.schema.pci") / "controller_properties.json").read_text(encoding="utf-8")
ROOT = ("-device", "pcie-root-port,id=rp,bus=pcie.0,addr=0x2,chassis=1")
UPSTREAM = (*ROOT, "-device", "x3130-upstream,id=up,bus=rp,addr=0x0")
WHERE = {
    "pcie-root-port": ((), "bus=pcie.0,addr=0x3,chassis=2"),
    "ioh3420": ((), "bus=pcie.0,addr=0x3,chassis=2"),
    "x3130-upstream": (ROOT, "bus=rp,addr=0x0"),
    "xio3130-downstream": (UPSTREAM, "bus=up,addr=0x0,chassis=2"),
    "pcie-pci-bridge": (ROOT, "bus=rp,addr=0x0"),
    "i82801b11-bridge": ((), "bus=pcie.0,addr=0x3"),
    "pci-bridge": ((), "bus=pcie.0,addr=0x3,chassis_nr=2"),
    "pxb": (("-machine", "pc"), "bus=pci.0,addr=0x3,bus_nr=32"),
    "pxb-pcie": ((), "bus=pcie.0,addr=0x3,bus_nr=32"),
}
"""By model: what must be there before it, and where it goes."""
TAKEN_SINCE = {("x-speed", "32"): "11.1", ("rombar", "-1"): "10.0"}
"""Values that QEMU takes from some version on, at the latest: left alone here."""
SAMPLES = ("on", "off", "auto", "0", "1", "3", "8", "128", "129", "255", "16383", "16384", "4294967296", "-1", "banana")


def test_generated_again_they_are_the_same(qemu: Qemu) -> None:
    again = asyncio.run(properties(qemu.binary))
    committed = json.loads(COMMITTED)
    if again["qemu"] != committed["qemu"]:
        pytest.skip(f"this is QEMU {again['qemu']}, the properties are of {committed['qemu']}, beside the project's")
    assert dump(again).splitlines() == COMMITTED.splitlines()


def test_none_is_left_out() -> None:
    """Each is one that a request may state, or that the plan states, or that no plan can have."""
    told = json.loads(COMMITTED)
    for model, rows in told["models"].items():
        names = {*told["all"], *rows}
        assert names - property_names(model) <= PLANNED | UNPLANNED.keys()
        assert property_names(model) - names <= {*CALLED_SINCE.values()}


async def there(qemu: Qemu, model: str) -> frozenset[str]:
    """Properties that this QEMU's model has: 7.2 has none of CALLED_SINCE's new names, 11.1 lacks some more."""
    async with qemu.session() as asked:
        rows = await asked.execute("device-list-properties", {"typename": model})
    return frozenset(row["name"] for row in rows)


def samples(model: str, those: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Of those properties the ones on which no plan depends, each with texts; of an enumeration its values, too."""
    for name in sorted(property_names(model) & those - CONTROLLERS[model].properties):
        yield from ((name, text) for text in (*SAMPLES, *(("16", "32", "2_5") if name.startswith("x-") else ())))


async def starts(qemu: Qemu, model: str, name: str, text: str) -> bool:
    before, place = WHERE[model]
    try:
        async with qemu.session(*before, "-device", f"{model},id=dut,{place},{name}={text}"):
            return True
    except ProbeError:
        return False


@pytest.mark.parametrize("model", CONTROLLERS)
def test_what_qemu_takes(qemu: Qemu, model: str) -> None:
    async def every() -> list[tuple[str, str, bool]]:
        gate = asyncio.Semaphore(2)

        async def one(name: str, text: str) -> tuple[str, str, bool]:
            async with gate:
                return name, text, await starts(qemu, model, name, text)

        return await asyncio.gather(*(one(*sample) for sample in samples(model, await there(qemu, model))))

    found = asyncio.run(every())
    wrong = [
        (name, text)
        for name, text, taken in found
        if taken is (unfit_for(model, name, text) is not None) and (name, text) not in TAKEN_SINCE
    ]
    assert wrong == []
    assert any(taken for *_, taken in found)
