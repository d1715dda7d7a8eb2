"""Predicted memory against figures measured on QEMU 7.2, SeaBIOS 1.16.2 and OVMF 2022.11; layouts built by hand."""

from dataclasses import replace
from typing import Any, Final

import pytest

from qslot.schema import Bar, Chipset, Cpu, Firmware, Layout
from qslot.schema.firmware import exceeds_memory, fails_in_any_order, predict
from qslot.schema.firmware.ample import memory_is_ample
from qslot.schema.firmware.apertures import Aperture, ovmf_apertures, seabios_hole
from qslot.schema.firmware.bars import VirtualBar, virtual_bars
from qslot.schema.firmware.prediction import Window
from qslot.schema.firmware.seabios import BEYOND
from qslot.schema.firmware.seabios_high import high_memory
from qslot.schema.layout.layout import PlacedController, PlacedDevice, Platform
from qslot.schema.pci.bars import BarKind
from qslot.schema.pci.cpu import Vendor
from qslot.schema.pci.machine import Machine, machine_of
from qslot.schema.pci.machine_types import Family
from qslot.schema.pci.qemu_properties import Scalar
from qslot.schema.pci.ram import low_memory

from ..real.random_layouts import random_layout
from .test_firmware import bridge, layout, ports

MACHINES: dict[Family, Machine] = {"q35": machine_of("q35", Chipset()), "pc": machine_of("pc", Chipset())}
MIB = 1 << 20
GIB = 1 << 30
NO_MEMORY: Final[dict[str, Any]] = {"memory_windows": {}, "prefetchable_windows": {}, "memory_bars": {}}


def port(name: str, slot: int, **reserves: Scalar) -> PlacedController:
    properties = {key.replace("_", "-"): value for key, value in reserves.items()}
    bare = bridge(name, "pcie-root-port", "pcie.0", slot)
    return PlacedController.model_validate(bare.model_dump() | {"properties": properties})


def card(name: str, bus: str, *bars: tuple[str, int], slot: int = 0, model: str = "edu") -> PlacedDevice:
    """BARs from 0 up: `("mem64p", size)` is 64-bit and prefetchable."""
    made = tuple(
        Bar.model_validate({"bar": n, "kind": kind.rstrip("p"), "size": size, "prefetchable": kind.endswith("p")})
        for n, (kind, size) in enumerate(bars)
    )
    return PlacedDevice(id=name, model=model, driver=model, bus=bus, slot=slot, function=0, bars=made)


def qxl(count: int) -> list[PlacedDevice]:
    return [
        PlacedDevice(id=f"d{n}", model="qxl", driver="qxl", bus="pcie.0", slot=n, function=0)
        for n in range(1, count + 1)
    ]


def sized(given: Layout, memory: int, phys_bits: int | None = None) -> Layout:
    platform = given.platform.model_copy(update={"memory": memory, "phys_bits": phys_bits})
    return given.model_copy(update={"platform": platform})


class TestApertures:
    @pytest.mark.parametrize(
        ("family", "memory", "low", "hole"),
        [
            ("q35", 2 * GIB, 2 * GIB, 0xC0000000),
            ("q35", 2816 * MIB, 2 * GIB, 0xC0000000),
            ("pc", 2 * GIB, 2 * GIB, 0x80000000),
            ("pc", 2560 * MIB, 2560 * MIB, 0xC0000000),
            ("pc", 3328 * MIB, 3328 * MIB, 0xD0000000),
            ("pc", 5 * GIB, 3 * GIB, 0xC0000000),
        ],
    )
    def test_seabios(self, family: Family, memory: int, low: int, hole: int) -> None:
        assert low_memory(MACHINES[family], memory) == low
        assert seabios_hole(MACHINES[family], memory) == Aperture(hole, 0xFEC00000)

    @pytest.mark.parametrize(
        ("bits", "version", "high"),
        [
            (None, (2022, 11), Aperture(0xE000000000, 0x10000000000)),
            (36, (2022, 11), Aperture(0x800000000, 0x1000000000)),
            (42, (2022, 11), Aperture(0x38000000000, 0x40000000000)),
            (None, (2025, 2), Aperture(0xC000000000, 0xE000000000)),
        ],
    )
    def test_ovmf(self, bits: int | None, version: tuple[int, ...], high: Aperture) -> None:
        platform = Platform(memory=GIB, numa_nodes=0, chipset=Chipset(), phys_bits=bits)
        low = Aperture(0x80000000, 0xE0000000) if version > (2023,) else Aperture(0xC0000000, 0xFC000000)
        assert ovmf_apertures(MACHINES["q35"], platform, version) == (low, high)

    @pytest.mark.parametrize(
        ("memory", "start"), [(GIB, 0x80000000), (2560 * MIB, 0xC0000000), (3328 * MIB, 0xE0000000)]
    )
    def test_ovmf_on_pc(self, memory: int, start: int) -> None:
        platform = Platform(memory=memory, numa_nodes=0, chipset=Chipset())
        assert ovmf_apertures(MACHINES["pc"], platform, (2022, 11))[0] == Aperture(start, 0xFC000000)


class TestSeabios:
    def test_an_empty_port_has_two_windows(self) -> None:
        """Prefetchable at the top, the other below; the port's own BAR and that of the SATA controller last."""
        result = predict(layout("q35", ports(1)))
        assert result.prefetchable_windows == {"rp1": Window(0xFEA00000, 2 * MIB)}
        assert result.memory_windows == {"rp1": Window(0xFE600000, 2 * MIB)}
        assert result.memory_bars == {("rp1", 0): 0xFE800000}

    def test_equal_windows_rise_as_bus_numbers_fall(self) -> None:
        windows = predict(layout("q35", ports(3))).prefetchable_windows
        assert [windows[f"rp{n}"].base for n in (3, 2, 1)] == [0xFE600000, 0xFE800000, 0xFEA00000]

    def test_a_large_bar_goes_above_ram(self) -> None:
        given = layout("q35", ports(1), [card("gpu", "rp1", ("mem64p", 16 * GIB), ("mem32", 16 * MIB))])
        result = predict(sized(given, 5 * GIB))
        assert result.failure is None
        assert result.prefetchable_windows["rp1"] == Window(16 * GIB, 16 * GIB)
        assert (result.memory_bars["gpu", 0], result.memory_bars["gpu", 1]) == (16 * GIB, 0xFDC00000 & ~(16 * MIB - 1))

    def test_memory_that_ends_exactly_at_the_hole_stays_in_it(self) -> None:
        given = layout("q35", [], [card("gpu", "pcie.0", ("mem64p", 512 * MIB), slot=3)], chipset=Chipset(sata=False))
        result = predict(given)
        assert (result.failure, result.memory_bars["gpu", 0]) == (None, 0xC0000000)

    def test_not_prefetchable_never_goes_above(self) -> None:
        result = predict(layout("q35", ports(1), [card("gpu", "rp1", ("mem64", 16 * GIB))]))
        assert result.failure is not None
        assert (result.failure.rule, result.failure.subjects) == ("memory-space", ("rp1",))
        assert (result.memory_bars, result.memory_windows["rp1"]) == ({}, Window(None, 16 * GIB))

    def test_mem_reserve(self) -> None:
        """One of 512 MiB boots, two panic."""
        one = [port("rp1", 1, mem_reserve=512 * MIB)]
        assert predict(layout("q35", one)).failure is None
        result = predict(layout("q35", [*one, port("rp2", 2, mem_reserve="512M")]))
        assert result.failure is not None
        assert result.failure.subjects == ("rp1", "rp2")
        assert result.failure.details["available"] == 1004 * MIB

    def test_pref32_reserve_goes_above_all_the_same(self) -> None:
        result = predict(layout("q35", [port("rp1", 1, pref32_reserve=GIB)]))
        assert result.prefetchable_windows["rp1"] == Window(4 * GIB, GIB)

    def test_eight_qxl(self) -> None:
        assert predict(layout("q35", (), qxl(7))).failure is None
        result = predict(layout("q35", (), qxl(8)))
        assert result.failure is not None
        assert result.failure.subjects == tuple(f"d{n}" for n in range(1, 9))

    def test_io_panics_first(self) -> None:
        given = layout("q35", [port(f"rp{n}", n, io_reserve=4096, mem_reserve=512 * MIB) for n in range(1, 16)])
        assert (_broken(given), _broken(given, memory=False)) == ("io-space", "io-space")

    def test_without_memory(self) -> None:
        given = layout("q35", [port(f"rp{n}", n, mem_reserve=512 * MIB) for n in range(1, 3)])
        assert (_broken(given), _broken(given, memory=False)) == ("memory-space", None)


@pytest.mark.parametrize("firmware", ["ovmf", "ovmf:2025.02"])
@pytest.mark.parametrize("family", ["q35", "pc"])
def test_where_ovmf_drops_nothing_memory_is_all_that_is_more(family: Family, firmware: str) -> None:
    """So one prediction does for both: see Context.prediction."""
    drawn = (random_layout(seed, family, Firmware.model_validate(firmware), heavy=seed % 2 == 0) for seed in range(60))
    whole = [(given, prediction) for given in drawn if not (prediction := predict(given)).drops_anything]
    assert len(whole) > 20
    for given, prediction in whole:
        assert replace(prediction, **NO_MEMORY) == replace(predict(given, memory=False), **NO_MEMORY)


def _broken(given: Layout, *, memory: bool = True) -> str | None:
    failure = predict(given, memory=memory).failure
    return None if failure is None else failure.rule


class TestOvmf:
    def test_default_reservations(self) -> None:
        """2 MiB, and a 256th of 128 GiB; of prefetchable memory the lower slot gets the lower address."""
        result = predict(layout("q35", ports(2), firmware="ovmf"))
        assert result.memory_windows == {"rp1": Window(0xC0200000, 2 * MIB), "rp2": Window(0xC0000000, 2 * MIB)}
        assert result.prefetchable_windows == {
            "rp1": Window(0xE000000000, 512 * MIB),
            "rp2": Window(0xE020000000, 512 * MIB),
        }

    def test_no_prefetchable_reservation_at_36_bits(self) -> None:
        assert predict(sized(layout("q35", ports(2), firmware="ovmf"), GIB, 36)).prefetchable_windows == {}

    @pytest.mark.parametrize(
        ("reserves", "memory", "prefetchable"),
        [
            ({"mem_reserve": 0}, None, Window(0xE000000000, 512 * MIB)),
            ({"mem_reserve": MIB // 2}, Window(0xC0000000, MIB), Window(0xE000000000, 512 * MIB)),
            ({"mem_reserve": 3 * MIB}, Window(0xC0000000, 4 * MIB), Window(0xE000000000, 512 * MIB)),
            ({"pref64_reserve": 0}, Window(0xC0000000, 2 * MIB), Window(0xE000000000, 512 * MIB)),
            ({"pref64_reserve": MIB}, Window(0xC0000000, 2 * MIB), Window(0xE000000000, MIB)),
            ({"pref32_reserve": 5 * MIB}, Window(0xC0800000, 2 * MIB), Window(0xC0000000, 8 * MIB)),
        ],
    )
    def test_reserves(self, reserves: dict[str, Scalar], memory: Window | None, prefetchable: Window) -> None:
        result = predict(layout("q35", [port("rp1", 1, **reserves)], firmware="ovmf"))
        assert (result.memory_windows.get("rp1"), result.prefetchable_windows["rp1"]) == (memory, prefetchable)

    def test_one_of_two_large_reserves_is_dropped(self) -> None:
        """The lower slot's, with its IO and its prefetchable memory."""
        result = predict(layout("q35", [port(f"rp{n}", n, mem_reserve=512 * MIB) for n in (1, 2)], firmware="ovmf"))
        assert (result.unreserved, set(result.memory_windows), bool(result.io_windows)) == (("rp1",), {"rp2"}, True)
        assert result.failure is not None
        assert (result.failure.rule, result.failure.subjects) == ("memory-space", ("rp1",))
        assert result.failure.details == {"used": 1025 * MIB, "available": 960 * MIB}

    def test_small_bars_are_aligned_to_pages_and_pvpanic_gets_none(self) -> None:
        """They keep their own length, by which they are sorted among each other."""
        devices = [card("small", "pcie.0", ("mem32", 256), ("mem32", 16), ("mem32", 1024), slot=3)]
        devices += [PlacedDevice(id="p", model="pvpanic-pci", driver="pvpanic-pci", bus="pcie.0", slot=4, function=0)]
        result = predict(layout("q35", (), devices, "ovmf", Chipset(sata=False)))
        assert result.memory_bars == {
            ("small", 2): 0xC0000000, ("small", 0): 0xC0001000, ("small", 1): 0xC0002000,
        }  # fmt: skip

    def test_64_bit_memory_that_fits_nowhere_above(self) -> None:
        """Three of 16 GiB in 32: the highest slot's goes (booted with pci-testdev)."""
        devices = [card(f"d{n}", f"rp{n}", ("mem64p", 16 * GIB)) for n in (1, 2, 3)]
        result = predict(sized(layout("q35", ports(3), devices, "ovmf"), GIB, 36))
        assert (result.lost, result.memory_bars["d1", 0]) == (("d3",), 0x800000000)

    @pytest.mark.parametrize(("bits", "boots"), [(None, False), (36, True)])
    @pytest.mark.parametrize(("others", "kept"), [(0, False), (1, True)])
    def test_64_bit_memory_once_asked_for_stays_on_record(
        self, bits: int | None, boots: bool, others: int, kept: bool
    ) -> None:
        """Where the last bridge with a default reservation loses it, enumeration never ends (booted)."""
        controllers = [port("rp0", 1, mem_reserve=GIB), *(port(f"rp{n}", 1 + n) for n in range(1, 1 + others))]
        result = predict(sized(layout("q35", controllers, firmware="ovmf"), GIB, bits))
        assert result.unreserved == (("rp0",) if boots or kept else ())
        assert (result.memory_bars != {}) == (boots or kept)
        assert result.failure is not None
        assert result.failure.rule == "memory-space"

    @pytest.mark.parametrize(("bits", "lost"), [(None, ()), (36, ("d1",))])
    def test_the_same_for_want_of_io(self, bits: int | None, lost: tuple[str, ...]) -> None:
        """The tenth e1000 costs one of them, or all: their ports' reservations are larger and go first (booted)."""
        devices = [
            PlacedDevice(id=f"d{n}", model="e1000", driver="e1000", bus=f"rp{n}", slot=0, function=0)
            for n in range(1, 11)
        ]
        result = predict(sized(layout("q35", ports(10), devices, "ovmf"), GIB, bits))
        assert (result.lost, result.io_bars != {}) == (lost, lost != ())

    def test_newer_edk2(self) -> None:
        result = predict(layout("q35", ports(1), firmware=Firmware(name="ovmf", version="2025.02")))
        assert (result.memory_windows["rp1"].base, result.prefetchable_windows["rp1"].base) == (
            0x80000000,
            0xC000000000,
        )


def newer(given: Layout, version: str, memory: int, cpu: Cpu = Cpu(), phys_bits: int | None = None) -> Layout:  # noqa: B008
    platform = given.platform.model_copy(update={"memory": memory, "cpu": cpu, "phys_bits": phys_bits})
    return given.model_copy(update={"platform": platform, "firmware": Firmware(name="seabios", version=version)})


def on_q35(*, shpc: bool = True, on: str = "p2p") -> Layout:
    """A bridge inside a bridge, and a 32-bit prefetchable BAR of 16 MiB beside it."""
    bridges = [
        port("rp", 4),
        bridge("p2p", "pcie-pci-bridge", "rp", 0),
        bridge("br", "pci-bridge", "p2p", 1, shpc=shpc),
    ]
    return layout("q35", bridges, [card("v", on, ("mem32p", 16 * MIB), slot=2)])


def on_pc() -> Layout:
    bridges = [bridge("b1", "pci-bridge", "pci.0", 4), bridge("b2", "pci-bridge", "b1", 1)]
    return layout("pc", bridges, [card("v", "b1", ("mem32p", 16 * MIB), slot=2)])


AMD, INTEL, OTHER, OLD = Cpu(), Cpu(vendor="intel"), Cpu(vendor="other"), Cpu(model="pentium3")


class TestNewerSeabios:
    """Measured with 1.16.3 on QEMU 10.0 and 1.17.0 on QEMU 11.1."""

    @pytest.mark.parametrize(
        ("version", "cpu", "bits", "memory", "expected"),
        [
            ("1.16.2", AMD, None, 8, (None, False, 0)),
            ("1.16.3", AMD, None, 8, (40, True, 29)),
            ("1.17.0", AMD, None, 8, (40, True, 29)),
            ("1.17", AMD, None, 8, (40, True, 29)),
            ("1.17.0", AMD, None, 2, (40, False, 0)),
            ("1.16.3", AMD, 39, 8, (None, False, 0)),
            ("1.17.0", AMD, 39, 8, (None, True, 0)),
            ("1.16.3", INTEL, None, 8, (None, False, 0)),
            ("1.17.0", INTEL, 39, 8, (39, True, 28)),
            ("1.17.0", INTEL, 36, 8, (36, True, 25)),
            ("1.17.0", OTHER, 40, 8, (None, True, 0)),
            ("1.17.0", OTHER, 41, 8, (41, True, 30)),
            ("1.16.3", INTEL, 52, 8, (46, True, 35)),
            ("1.17.0", INTEL, 52, 8, (44, True, 33)),
            ("1.17.0", INTEL, 46, 1020, (44, True, 33)),
            ("1.17.0", INTEL, 46, 1100, (46, True, 35)),
            ("1.17.0", AMD, 46, 1020, (46, True, 35)),  # RAM begins at 1 TiB
            ("1.17.0", OLD, None, 8, (36, False, 0)),
        ],
    )
    def test_top(
        self, version: str, cpu: Cpu, bits: int | None, memory: int, expected: tuple[int | None, bool, int]
    ) -> None:
        firmware = Firmware(name="seabios", version=version)
        platform = Platform(memory=memory * GIB, numa_nodes=0, chipset=Chipset(), cpu=cpu, phys_bits=bits)
        found = high_memory(MACHINES["q35"], platform, firmware.number)
        top, padded, window = expected
        assert (found.top, found.padded) == (None if top is None else 1 << top, padded)
        assert found.window == (1 << window if window else 0)

    @pytest.mark.parametrize("version", ["1.16.3", "1.17.0"])
    def test_padded_memory_goes_up_though_it_fits_below(self, version: str) -> None:
        given = newer(layout("q35", [port("rp", 4)], [card("net", "rp", ("mem64p", 16384))]), version, 4 * GIB)
        result = predict(given)
        assert result.prefetchable_windows == {"rp": Window(0xC0_0000_0000, 512 * MIB)}
        assert result.memory_bars["net", 0] == 0xC0_0000_0000

    @pytest.mark.parametrize(
        ("memory", "cpu", "address"),
        [(1, AMD, 0xFF_0000_0000), (1, INTEL, 0x1_0000_0000), (4, AMD, 0xC0_0000_0000)],
    )
    def test_what_does_not_fit_below_goes_to_the_top(self, memory: int, cpu: Cpu, address: int) -> None:
        given = layout("q35", [], [card("t", "pcie.0", ("mem64p", 2 * GIB), slot=3)])
        assert predict(newer(given, "1.17.0", memory * GIB, cpu)).memory_bars["t", 0] == address

    @pytest.mark.parametrize("version", ["1.16.3", "1.17.0"])
    @pytest.mark.parametrize("given", [on_q35(), on_pc()], ids=["q35", "pc"])
    def test_room_for_more_that_has_to_be_below(self, given: Layout, version: str) -> None:
        failure = predict(newer(given, version, 4 * GIB)).failure
        assert failure is not None
        assert failure.rule == "memory-space"
        assert not memory_is_ample(newer(given, version, 4 * GIB))
        assert exceeds_memory(newer(given, version, 4 * GIB)) is False, "a 32-bit BAR on the inner bridge mends it"

    @pytest.mark.parametrize(
        "given",
        [
            newer(on_q35(), "1.16.2", 4 * GIB),
            newer(on_q35(), "1.17.0", 2 * GIB),
            newer(on_q35(shpc=False), "1.17.0", 4 * GIB),
            newer(on_q35(on="br"), "1.17.0", 4 * GIB),
            newer(on_q35(), "1.17.0", 4 * GIB, INTEL),
            newer(on_q35(), "1.17.0", 4 * GIB, INTEL, 39),
            newer(on_q35(), "1.17.0", 4 * GIB, INTEL, 36),
            newer(on_q35(), "1.17.0", 4 * GIB, OLD),
            newer(on_pc(), "1.17.0", 2 * GIB),
        ],
    )
    def test_room_for_more_that_fits(self, given: Layout) -> None:
        assert predict(given).failure is None

    def test_large_bars_are_misaligned_by_one_version(self) -> None:
        cards = [
            card("a", "r4", ("mem64p", 16 * GIB), ("mem64p", 8 * GIB)),
            card("c", "r5", ("mem64p", 16 * GIB)),
        ]
        given = layout("q35", [port("r4", 4), port("r5", 5)], cards)
        result = predict(newer(given, "1.16.3", 8 * GIB))
        assert result.prefetchable_windows["r5"] == Window(0xC6_0000_0000, 16 * GIB)
        assert result.memory_bars["c", 0] == 0xC4_0000_0000
        assert result.misplaced == ("c",)
        assert result.failure is not None
        assert result.failure.subjects == ("c",)
        assert not fails_in_any_order(newer(given, "1.16.3", 8 * GIB))
        assert predict(newer(given, "1.17.0", 8 * GIB)).failure is None

    def test_one_misaligned_down_to_address_0_may_do_elsewhere(self) -> None:
        """Behind another slot, or beside more windows, it would begin elsewhere: nothing is proved by it."""
        cards = [card("a", "r4", ("mem64p", 1 << 45)), card("b", "pcie.0", ("mem64", 8 * GIB), slot=6)]
        given = newer(layout("q35", [port("r4", 4)], cards), "1.16.3", 8 * GIB, INTEL, 46)
        result = predict(given)
        assert (result.lost, result.misplaced) == ((), ("a",))
        assert ("a", 0) not in result.memory_bars
        assert not fails_in_any_order(given)


class TestFromTheTop:
    """Measured with 1.16.3 and 1.17.0: tests/real/test_firmware.py."""

    @pytest.mark.parametrize("vendor", ["amd", "intel"])
    @pytest.mark.parametrize("bits", [36, 39, 40, 41, 42, 46, 52])
    @pytest.mark.parametrize("memory", [1, 8, 20, 600])
    @pytest.mark.parametrize("version", [(1, 16, 3), (1, 17)])
    def test_more_than_there_is_room_for_begins_below_0(
        self, vendor: Vendor, bits: int, memory: int, version: tuple[int, ...]
    ) -> None:
        """By the firmware's own arithmetic, and with no other size."""
        platform = Platform(
            memory=memory * GIB, numa_nodes=0, chipset=Chipset(), phys_bits=bits, cpu=Cpu(vendor=vendor)
        )
        high = high_memory(MACHINES["q35"], platform, version)
        sizes = [size * GIB for n in range(31) for size in ((1 << n) - 1, 1 << n, (1 << n) + 1, 3 << n)]
        wrapped = {size for size in sizes if size and not 0 < high.base(0, size) < BEYOND}
        assert wrapped == {size for size in sizes if high.room is not None and size > high.room}

    @pytest.mark.parametrize(
        ("size", "reserve", "lost", "unreserved"),
        [(256, 0, (), ()), (512, 0, ("t",), ("rp1",)), (1024, 0, ("t",), ("rp1",)), (0, 1024, (), ("rp1",))],
    )
    def test_what_begins_at_0_is_lost(
        self, size: int, reserve: int, lost: tuple[str, ...], unreserved: tuple[str, ...]
    ) -> None:
        """With QEMU's own CPU: 40 bits, of which AMD's reserved addresses are the last."""
        cards = [card("t", "rp1", ("mem64p", size * GIB))] if size else []
        reserves = {"pref64_reserve": reserve * GIB} if reserve else {}
        result = predict(newer(layout("q35", [port("rp1", 4, **reserves)], cards), "1.16.3", GIB))
        assert (result.lost, result.unreserved) == (lost, unreserved)
        assert [name for name, _ in result.memory_bars if name == "t"] == (["t"] if size and not lost else [])
        if unreserved:
            assert result.failure is not None
            assert (result.failure.rule, result.failure.subjects) == ("memory-space", (*lost, *unreserved))


@pytest.mark.parametrize(
    ("queues", "vectors", "size"),
    [(1, 1, 16 << 10), (512, 256, 16 << 10), (513, 1, 32 << 10), (1, 257, 32 << 10), (512, 512, 32 << 10)],
)
def test_bar_of_a_virtual_function_of_an_nvme(queues: int, vectors: int, size: int) -> None:
    """Registers, doorbells of 8 bytes, and the table of 16 bytes a vector, each in whole pages, then pending bits: as
    QEMU's `nvme_mbar_size`, up to a power of two. By virtual function, or shared out among all."""
    each = {"sriov_max_vfs": 2, "sriov_max_vq_per_vf": queues, "sriov_max_vi_per_vf": vectors}
    shared = {"sriov_max_vfs": 2, "sriov_vq_flexible": 2 * queues, "sriov_vi_flexible": 2 * vectors}
    for properties in (each, shared):
        seat = card("disk", "rp1", model="nvme").model_copy(update={"properties": properties})
        assert virtual_bars(seat, ()) == (VirtualBar(BarKind.MEM64, size, 2),)
