"""Which CPUs a real QEMU starts with a guest's RAM and 64-bit hole, to the byte; and large BARs behind them."""

import asyncio
import random
from typing import Any, Final

import pytest
from pydantic import ValidationError

from qslot.schema import Guest, Layout, VirtioMode
from qslot.schema.catalog.measure.ask import Qemu
from qslot.schema.firmware import predict
from qslot.schema.pci.cpu import DEFAULT_PHYS_BITS, cpu_models
from qslot.schema.pci.machine import Chipset, machine_of
from qslot.schema.pci.ram import GIB, MEMORY_UNIT, PLUGGABLE_SINCE, RamSizes, address_end, least_phys_bits
from qslot.schema.qemu.errors import QemuEndedError

from .layouts import at, controller, layout
from .test_firmware import hold
from .this_qemu import here, machines, name, version

pytestmark = pytest.mark.real

MIB: Final = 1 << 20
MACHINES: Final = (
    *("q35", "pc-q35-2.4", "pc-q35-2.5", "pc-q35-4.0.1", "pc-q35-7.0", "pc-q35-7.1"),
    *("pc", "pc-i440fx-1.4", "pc-i440fx-1.7", "pc-i440fx-2.0", "pc-i440fx-2.1", "pc-i440fx-2.4", "pc-i440fx-2.5"),
)
MEMORIES: Final = (
    *(128 * MIB, GIB, 2816 * MIB - 8192, 2816 * MIB, 3 * GIB, 3584 * MIB - 8192, 3584 * MIB, 4 * GIB, 4 * GIB + 8192),
    *(5 * GIB + MIB, 16 * GIB, 900 * GIB, 980 * GIB, 1010 * GIB),
)
TO_PLUG: Final = (None, None, 0, 4096, MIB, GIB, GIB + MIB, 7 * GIB, 100 * GIB)
"""Bytes beyond the RAM at first; None where no `maxmem` is said."""
AROUND: Final = (-MIB, -1, 0, 1, MIB, None)
"""Bytes of the hole beyond the last address; None where QEMU's own hole is taken."""
LEAST_PHYS_BITS: Final = 33
"""The fewest that are tried: QEMU before 8.2 starts any guest with 32."""


async def starts(qemu: Qemu, guest: dict[str, Any]) -> bool:
    """Whether QEMU starts with a CPU of its own. Anything but too few address bits is an error."""
    memory, most = guest["memory"], guest.get("max_memory")
    size = f"{memory}B" + ("" if most is None else f",maxmem={most}B,slots={guest['memory_slots']}")
    backend = ("-object", f"memory-backend-ram,id=ram,size={memory},reserve=off")
    host = "q35-pcihost" if "q35" in guest["machine"] else "i440FX-pcihost"
    hole = ("-global", f"{host}.pci-hole64-size={guest['pci_hole64']}") if "pci_hole64" in guest else ()
    bits = f",phys-bits={guest['phys_bits']}" if "phys_bits" in guest else ""
    machine = ("-machine", f"{guest['machine']},memory-backend=ram")
    cpu = guest.get("cpu", "qemu64,vendor=AuthenticAMD")
    words = cpu if isinstance(cpu, str) else "qemu64,lm=off"
    try:
        async with qemu.session(*machine, *backend, "-m", size, *hole, "-cpu", f"{words}{bits}"):
            return True
    except QemuEndedError as refused:
        if "phys-bits too low" not in str(refused):
            raise
        return False


def is_guest(data: dict[str, Any]) -> bool:
    try:
        Guest.model_validate(data)
    except ValidationError as error:
        if "address bits of the CPU" not in str(error):
            raise
        return False
    return True


def drawn(seed: int) -> dict[str, Any] | None:
    """A guest whose addresses end at the edge of a CPU's, a few bytes before or behind; None where there is none."""
    draw = random.Random(seed)
    name, memory = draw.choice([one for one in MACHINES if one in machines()]), draw.choice(MEMORIES)
    more, around = draw.choice(TO_PLUG), draw.choice(AROUND)
    machine = machine_of(name, Chipset())
    guest: dict[str, Any] = {"machine": name, "memory": memory}
    if more is not None and (machine.version is None or machine.version >= PLUGGABLE_SINCE):
        guest |= {"max_memory": memory + more, "memory_slots": draw.choice((0, 1, 3, 256)) if more else 0}
    sizes = RamSizes(memory, guest.get("max_memory"), guest.get("memory_slots", 0), 0)
    if around is None:
        bits = least_phys_bits(machine, sizes._replace(pci_hole64=None))
        return guest | {"phys_bits": max(LEAST_PHYS_BITS, bits - draw.choice((0, 1)))}
    start = address_end(machine, sizes)
    bits = max(LEAST_PHYS_BITS, (start - 1).bit_length() + draw.choice((0, 0, 1)))
    guest |= {"pci_hole64": (1 << bits) - start + around}
    if guest["pci_hole64"] < 0:
        return None
    return guest if bits == DEFAULT_PHYS_BITS and draw.random() < 0.5 else guest | {"phys_bits": bits}


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_guests_at_the_edge_of_a_cpus_addresses(qemu: Qemu, first: int) -> None:
    """What QEMU starts is planned, what it refuses is bad input: machine types, `maxmem`, slots, holes, bits."""
    wrong, verdicts = {}, set()
    for seed in range(first, first + 100):
        guest = drawn(seed)
        if guest is not None:
            started = asyncio.run(starts(qemu, guest))
            verdicts.add(started)
            if started != is_guest(guest):
                wrong[seed] = (guest, started)
    assert wrong == {}
    assert verdicts == {True, False}


@pytest.mark.parametrize("machine", ["q35", "pc"])
@pytest.mark.parametrize("cpu", ["pentium3", "athlon", {"long_mode": False}])
def test_ram_of_a_cpu_without_long_mode(qemu: Qemu, machine: str, cpu: str | dict[str, bool]) -> None:
    """To the byte: QEMU before 8.2 needs addresses for the hole, too."""
    guest: dict[str, Any] = {"machine": machine, "cpu": cpu, "qemu": name()}
    held = machine_of(machine, Chipset(), qemu=version())
    end = address_end(held, RamSizes(32 * GIB, pci_hole64=2 * GIB, cpu=Guest.model_validate(guest).cpu))
    most = 32 * GIB + (1 << 36) - end
    verdicts = []
    for memory in (most, most + MEMORY_UNIT):
        asked = {**guest, "memory": memory, "pci_hole64": 2 * GIB}
        verdicts.append(asyncio.run(starts(qemu, asked)))
        assert is_guest(asked) is verdicts[-1]
    assert verdicts == [True, False]


@pytest.mark.parametrize(
    "guest",
    [
        {"machine": "q35", "memory": 16 * GIB, "pci_hole64": 8 << 40},
        {"machine": "q35", "memory": 31 * GIB, "phys_bits": 36},
        {"machine": "pc", "memory": 16 * GIB, "max_memory": 1 << 40, "memory_slots": 4},
        {"machine": "q35", "memory": 1000 * GIB},
    ],
)
def test_the_mends_of_a_refusal_start(qemu: Qemu, guest: dict[str, Any]) -> None:
    """The bits and the hole that it names, and no less of the one, no GiB more of the other."""
    assert not asyncio.run(starts(qemu, guest))
    with pytest.raises(ValidationError) as caught:
        Guest.model_validate(guest)
    words = str(caught.value)
    bits = int(words.partition("phys_bits of at least ")[2].partition(",")[0])
    assert asyncio.run(starts(qemu, guest | {"phys_bits": bits}))
    assert not asyncio.run(starts(qemu, guest | {"phys_bits": bits - 1}))
    if "pci_hole64 of at most" in words:
        hole = int(words.partition("pci_hole64 of at most ")[2].partition("GiB")[0]) * GIB
        assert asyncio.run(starts(qemu, guest | {"pci_hole64": hole}))
        assert not asyncio.run(starts(qemu, guest | {"pci_hole64": hole + GIB}))


def test_cpu_models_without_1_gib_pages(qemu: Qemu) -> None:
    async def lacking() -> dict[str, bool]:
        async with qemu.session() as qmp:
            models: Any = await qmp.execute("query-cpu-definitions")
            found = {}
            for name in (model["name"] for model in models if model["name"] not in ("host", "max", "base")):
                full: Any = await qmp.execute("query-cpu-model-expansion", {"type": "full", "model": {"name": name}})
                if full["model"]["props"]["lm"]:
                    found[name] = not full["model"]["props"]["pdpe1gb"]
            return found

    found = asyncio.run(lacking())
    assert {name: not cpu_models()[name].large_pages for name in found} == found
    assert len(found) > 80


@pytest.mark.parametrize("machine", ["q35", "pc", "pc-q35-2.4", "pc-q35-2.5"])
@pytest.mark.parametrize("firmware", ["seabios", "ovmf"])
def test_bars_behind_ram_that_can_be_plugged(machine: str, firmware: str) -> None:
    """A BAR that has to go above RAM: also above what may come, but on machine types that leave no room for it."""
    root = "pcie.0" if "q35" in machine else "pci.0"
    planned = layout(machine, at(f"{root}:3", "pci-testdev", "t", membar=2 * GIB), memory=3 * GIB, firmware=firmware)
    plug = {"max_memory": 70 * GIB, "memory_slots": 3, "phys_bits": 39}
    assert hold(planned.model_copy(update={"platform": planned.platform.model_copy(update=plug)}))[0] == "equal"


LARGE: Final = 128 * GIB
CARDS: Final = 8
PATIENCE: Final = 400.0
"""Seconds for a boot: OVMF 2022.11 takes a minute and more to map so many addresses."""


def with_large_bars(firmware: str, **changes: object) -> Layout:
    """Behind a port each, 46 address bits."""
    ports = (
        controller(f"pcie.0:{n + 2:x}", "pcie-root-port", f"rp{n}", chassis=n + 1, pref64_reserve=LARGE)
        for n in range(CARDS)
    )
    cards = (at(f"rp{n}:0", "pci-testdev", f"card{n}", membar=LARGE) for n in range(CARDS))
    rest = (at("pcie.0:10", "virtio-net-pci-transitional", "nic", VirtioMode.TRANSITIONAL),)
    planned = layout("q35", *ports, *cards, *rest, memory=512 * MIB, firmware=firmware)
    return planned.model_copy(update={"platform": planned.platform.model_copy(update={"phys_bits": 46, **changes})})


@pytest.mark.parametrize("firmware", ["seabios", "ovmf"])
def test_eight_bars_of_128_gib_in_46_bits(firmware: str) -> None:
    """Every one where it is foretold."""
    planned = here(with_large_bars(firmware))
    bars = [bar for bar in predict(planned).memory_bars if bar[0].startswith("card") and bar[1] == 2]
    assert len(bars) == CARDS
    assert hold(planned, PATIENCE)[0] == "equal"


def test_they_are_lost_without_1_gib_pages() -> None:
    """edk2 then uses 40 of the 46 bits, and loses what is foretold."""
    planned = here(with_large_bars("ovmf", pdpe1gb=False))
    prediction = predict(planned)
    assert prediction.failure is not None
    assert prediction.failure.rule == "memory-space"
    assert set(prediction.lost) == {f"card{n}" for n in range(CARDS)}
    assert hold(planned, PATIENCE)[0] == "equal, with losses, memory-space"
