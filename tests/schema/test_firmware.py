"""Firmware prediction against figures measured on QEMU 7.2, SeaBIOS 1.16.2 and OVMF 2022.11; layouts built by hand."""

from collections.abc import Iterable

import pytest

from qslot.schema import Bar, Chipset, Firmware, Layout
from qslot.schema.firmware import Prediction, predict
from qslot.schema.firmware.bars import CHIPSET
from qslot.schema.firmware.budget import io_budget
from qslot.schema.layout.layout import PlacedController, PlacedDevice, Platform, Versions
from qslot.schema.pci.bars import BarKind
from qslot.schema.pci.machine import machine_of
from qslot.schema.pci.qemu_properties import Scalar
from qslot.schema.pci.qemu_versions import MEASURED
from qslot.schema.request.firmware import FirmwareName

BARE = Chipset(sata=False, smbus=False)
PAGE = 0x1000


def layout(
    machine: str,
    controllers: Iterable[PlacedController] = (),
    devices: Iterable[PlacedDevice] = (),
    firmware: Firmware | FirmwareName = "seabios",
    chipset: Chipset | None = None,
) -> Layout:
    """A name alone is that firmware as QEMU 7.2 came with it."""
    if isinstance(firmware, str):
        firmware = Firmware(name=firmware, version=MEASURED[0].firmware(firmware))
    return Layout(
        status="feasible",
        machine=machine,
        firmware=firmware,
        platform=Platform(memory=128 << 20, numa_nodes=0, chipset=chipset or Chipset()),
        controllers=tuple(controllers),
        devices=tuple(devices),
        input_sha256="",
        versions=Versions(qslot="0"),
    )


def bridge(name: str, model: str, bus: str, slot: int, function: int = 0, **properties: Scalar) -> PlacedController:
    """`io_reserve=` for io-reserve; function 0 always says multifunction=on."""
    renamed = {key.replace("_reserve", "-reserve"): value for key, value in properties.items()}
    return PlacedController(
        id=name, model=model, bus=bus, slot=slot, function=function, multifunction=function == 0, properties=renamed
    )


def ports(count: int, **properties: Scalar) -> list[PlacedController]:
    """Root ports rp1.. on pcie.0, eight a slot from slot 1 up."""
    seats = [bridge(f"rp{n + 1}", "pcie-root-port", "pcie.0", 1 + n // 8, n % 8) for n in range(count)]
    return _all_with(seats, properties)


def bridges(count: int, **properties: Scalar) -> list[PlacedController]:
    """pci-bridges br1.. on pci.0, one a slot from slot 2 up."""
    return _all_with([bridge(f"br{n + 1}", "pci-bridge", "pci.0", 2 + n) for n in range(count)], properties)


def _all_with(seats: list[PlacedController], properties: dict[str, Scalar]) -> list[PlacedController]:
    renamed = {key.replace("_reserve", "-reserve"): value for key, value in properties.items()}
    return [seat.model_copy(update={"properties": renamed}) for seat in seats]


def nic(name: str, bus: str, slot: int = 0, function: int = 0, *, io: Iterable[int] = (64,)) -> PlacedDevice:
    """With IO, and 64-bit memory as virtio has: without any of that left OVMF ends where it gives something up."""
    bars = [Bar(bar=index, kind="io", size=size) for index, size in enumerate(io)]
    bars.append(Bar(bar=4, kind="mem64", size=1 << 14, prefetchable=True))
    return PlacedDevice(id=name, model="e1000", driver="e1000", bus=bus, slot=slot, function=function, bars=tuple(bars))


def one_each(controllers: Iterable[PlacedController], slot: int = 0) -> list[PlacedDevice]:
    """A device with an IO BAR behind each: d1.. behind the first and so on."""
    return [nic(f"d{n}", controller.id, slot) for n, controller in enumerate(controllers, 1)]


def bases(prediction: Prediction) -> dict[str, int | None]:
    return {window.controller: window.base for window in prediction.io_windows}


def failed(prediction: Prediction) -> tuple[str, Scalar, Scalar]:
    assert prediction.failure is not None
    return (prediction.failure.rule, prediction.failure.details["used"], prediction.failure.details["available"])


@pytest.mark.parametrize("chipset", [Chipset(), BARE, Chipset(usb=True)])
@pytest.mark.parametrize("machine", ["q35", "pc"])
def test_chipset_bars_add_up(machine: str, chipset: Chipset) -> None:
    platform = machine_of(machine, chipset)
    bars = [bar for place in platform.taken for bar in CHIPSET[platform.family].get(place, ())]
    assert sum(bar.size for bar in bars if bar.kind is BarKind.IO) == platform.io_bytes


class TestNumbers:
    def test_depth_first_by_slot_and_function(self) -> None:
        controllers = [
            bridge("late", "pcie-root-port", "pcie.0", 0x10),
            bridge("first", "pcie-root-port", "pcie.0", 2),
            bridge("second", "pcie-root-port", "pcie.0", 2, 1),
            bridge("up", "x3130-upstream", "first", 0),
            bridge("down", "xio3130-downstream", "up", 0x1F),
        ]
        result = predict(layout("q35", controllers, [nic("d1", "down"), nic("d2", "late"), nic("d3", "pcie.0", 0x1E)]))
        assert result.secondary == {"first": 1, "up": 2, "down": 3, "second": 4, "late": 5}
        assert result.subordinate == {"first": 3, "up": 3, "down": 3, "second": 4, "late": 5}
        assert result.guest_addresses == {"d1": "03:00.0", "d2": "05:00.0", "d3": "00:1e.0"}

    def test_functions_hide_behind_function_zero(self) -> None:
        controllers = [
            bridge("alone", "pcie-root-port", "pcie.0", 3, 1),
            bridge("below", "pcie-pci-bridge", "alone", 0),
        ]
        devices = [nic("single", "pcie.0", 4), nic("hidden", "pcie.0", 4, 1), nic("mch", "pcie.0", 0, 1)]
        result = predict(layout("q35", controllers, [*devices, nic("lpc", "pcie.0", 0x1F, 5), nic("deep", "below", 1)]))
        assert result.guest_addresses == {
            "single": "00:04.0", "hidden": None, "mch": None, "lpc": "00:1f.5", "deep": None,
        }  # fmt: skip
        assert result.secondary == {"alone": None, "below": None}
        assert {device for device, _ in result.io_bars} == {"single", "lpc"}

    @pytest.mark.parametrize("firmware", ["seabios", "ovmf"])
    def test_255_buses(self, firmware: FirmwareName) -> None:
        def chain(count: int) -> list[PlacedController]:
            return [bridge(f"b{n}", "pci-bridge", f"b{n - 1}" if n else "pci.0", 2, shpc=False) for n in range(count)]

        assert predict(layout("pc", chain(255), firmware=firmware)).subordinate["b0"] == 255
        result = predict(layout("pc", chain(256), firmware=firmware))
        assert failed(result) == ("bus-numbers", 257, 256)
        assert set(result.secondary.values()) == {None}

    @pytest.mark.parametrize(
        ("reserve", "subordinate"), [(None, 2), (3, 4), (2, 3)], ids=["no reserve", "larger", "just above"]
    )
    def test_bus_reserve(self, reserve: int | None, subordinate: int) -> None:
        properties = {} if reserve is None else {"bus-reserve": reserve}
        port = bridge("rp1", "pcie-root-port", "pcie.0", 1).model_copy(update={"properties": properties})
        tail = [bridge("p2p1", "pcie-pci-bridge", "rp1", 0), bridge("rp2", "pcie-root-port", "pcie.0", 2)]
        result = predict(layout("q35", [port, *tail]))
        assert (result.subordinate["rp1"], result.secondary["rp2"]) == (subordinate, subordinate + 1)

    @pytest.mark.parametrize("reserve", [0, 1])
    def test_bus_reserve_that_seabios_misreads(self, reserve: int) -> None:
        """As many as are in use, or none: SeaBIOS gives numbers twice, OVMF takes the larger of the two."""
        port = bridge("rp1", "pcie-root-port", "pcie.0", 1, bus_reserve=reserve)
        controllers = [port, bridge("p2p1", "pcie-pci-bridge", "rp1", 0)]
        assert failed(predict(layout("q35", controllers))) == ("bus-numbers", 1, reserve)
        assert predict(layout("q35", controllers, firmware="ovmf")).subordinate["rp1"] == 2

    def test_expanders_have_ranges(self) -> None:
        def guest(below: int) -> Layout:
            pxb = bridge("x1", "pxb-pcie", "pcie.0", 5, bus_nr=10)
            last = bridge("x2", "pxb-pcie", "pcie.0", 6, bus_nr=12)
            tail = [bridge(f"e{n}", "pcie-root-port", "x1", n) for n in range(below)]
            return layout("q35", [*ports(9), last, pxb, *tail], [nic("d1", "x1" if below == 0 else "e0")])

        result = predict(guest(1))
        assert [result.secondary[name] for name in ("rp9", "x1", "e0", "x2")] == [9, 10, 11, 12]
        assert (result.subordinate["x1"], result.guest_addresses["d1"]) == (11, "0b:00.0")
        assert failed(predict(guest(2))) == ("bus-numbers", 3, 2)

    def test_main_root_ends_below_the_first_expander(self) -> None:
        result = predict(layout("q35", [*ports(10), bridge("x1", "pxb-pcie", "pcie.0", 5, bus_nr=10)]))
        assert failed(result) == ("bus-numbers", 11, 10)

    def test_pxb_takes_two(self) -> None:
        controllers = [bridge("x1", "pxb", "pci.0", 3, bus_nr=0x20), bridge("br1", "pci-bridge", "x1", 4)]
        result = predict(layout("pc", controllers, [nic("d1", "x1", 5), nic("d2", "br1", 1)]))
        assert result.secondary == {"x1": 0x21, "br1": 0x22}
        assert result.guest_addresses == {"d1": "21:05.0", "d2": "22:01.0"}
        assert [window.controller for window in result.io_windows] == ["x1", "br1"]


class TestSeabios:
    def test_fourteen_windows_on_q35(self) -> None:
        """IO 1000-f05f, the highest bus number lowest."""
        result = predict(layout("q35", ports(14), one_each(ports(14))))
        assert result.failure is None
        assert bases(result) == {f"rp{n}": 0x1000 + (14 - n) * PAGE for n in range(1, 15)}
        assert result.io_bars["d14", 0] == 0x1000

    @pytest.mark.parametrize(("windows", "fits"), [(9, True), (10, False)])
    def test_nine_windows_without_acpi(self, windows: int, fits: bool) -> None:
        result = predict(layout("q35", ports(windows), one_each(ports(windows)), chipset=Chipset(acpi=False)))
        assert (result.failure is None) == fits

    @pytest.mark.parametrize(("chipset", "root_bars"), [(Chipset(), 0x60), (BARE, 0)])
    def test_fifteenth_panics(self, chipset: Chipset, root_bars: int) -> None:
        result = predict(layout("q35", ports(15), one_each(ports(15)), chipset=chipset))
        assert failed(result) == (
            "io-space",
            15 * PAGE + root_bars,
            io_budget(machine_of("q35", Chipset()), "seabios").limit,
        )
        assert result.failure is not None
        assert result.failure.subjects == tuple(f"rp{n}" for n in range(1, 16))
        assert set(bases(result).values()) == {None}
        assert result.io_bars == {}
        assert result.secondary["rp15"] == 15

    def test_eight_windows_on_pc(self) -> None:
        """Empty bridges with shpc=on take one each, 29 with shpc=off none."""
        assert predict(layout("pc", bridges(8))).failure is None
        assert failed(predict(layout("pc", bridges(9)))) == ("io-space", 9 * PAGE + 0x10, 0x8FFC)
        assert predict(layout("pc", bridges(29, shpc=False))).io_windows == ()
        assert predict(layout("pc", bridges(9, shpc="off"), one_each(bridges(9), 1))).failure is not None

    def test_small_totals_stay_at_c000(self) -> None:
        small = predict(layout("q35", ports(3), [*one_each(ports(3)), nic("d9", "pcie.0", 9, io=[1024, 256])]))
        assert bases(small) == {"rp3": 0xC000, "rp2": 0xD000, "rp1": 0xE000}
        assert (small.io_bars["d9", 0], small.io_bars["d9", 1]) == (0xF000, 0xF400)
        assert bases(predict(layout("q35", ports(4), one_each(ports(4)))))["rp4"] == 0x1000

    def test_empty_ports_cost_nothing(self) -> None:
        assert predict(layout("q35", ports(232))).io_windows == ()

    def test_q35_6_1_reserves_on_every_hotplug_port(self) -> None:
        assert len(predict(layout("pc-q35-6.1", ports(14))).io_windows) == 14
        assert predict(layout("pc-q35-6.1", ports(15))).failure is not None
        assert predict(layout("pc-q35-6.1", ports(15, io_reserve=0))).io_windows == ()
        assert predict(layout("pc-q35-6.1", ports(15, hotplug=False))).io_windows == ()
        assert predict(layout("pc-q35-6.2", ports(15))).io_windows == ()

    def test_only_pcie_root_ports_of_6_1_do(self) -> None:
        controllers = [
            *ports(1, hotplug=False),
            bridge("up", "x3130-upstream", "rp1", 0),
            bridge("down", "xio3130-downstream", "up", 0),
            bridge("intel", "ioh3420", "pcie.0", 2),
        ]
        assert predict(layout("pc-q35-6.1", controllers)).io_windows == ()

    def test_machine_2_9_has_bridges_without_shpc(self) -> None:
        assert predict(layout("pc-i440fx-2.9", bridges(9))).io_windows == ()
        assert len(predict(layout("pc-i440fx-2.9", bridges(1, shpc=True))).io_windows) == 1
        assert len(predict(layout("pc-i440fx-2.8", bridges(1))).io_windows) == 1

    def test_reserve_counts_where_it_is_larger(self) -> None:
        controllers = [bridge("rp1", "pcie-root-port", "pcie.0", 1, io_reserve="8K"), *ports(3)[1:]]
        result = predict(layout("q35", controllers, [nic("d1", "rp1"), nic("d2", "rp2")]))
        assert [(w.controller, w.base, w.size) for w in result.io_windows] == [
            ("rp1", 0xC000, 2 * PAGE),
            ("rp2", 0xE000, PAGE),
        ]

    def test_windows_nest(self) -> None:
        """Two pages inside: one for each pci-bridge; what sits beside them on the same bus takes a third."""
        controllers = [
            *ports(1),
            bridge("p2p1", "pcie-pci-bridge", "rp1", 0),
            bridge("br1", "pci-bridge", "p2p1", 1),
            bridge("br2", "pci-bridge", "p2p1", 2),
        ]
        result = predict(layout("q35", controllers, [nic("d1", "p2p1", 3), nic("d2", "br1", 1)]))
        assert [(w.base, w.size) for w in result.io_windows] == [
            (0xC000, 3 * PAGE), (0xC000, 3 * PAGE), (0xD000, PAGE), (0xC000, PAGE),
        ]  # fmt: skip
        assert (result.io_bars["d1", 0], result.io_bars["d2", 0]) == (0xE000, 0xD000)

    def test_expanders_share_the_budget(self) -> None:
        expander = bridge("x1", "pxb-pcie", "pcie.0", 0x10, bus_nr=0x40)
        own = [bridge(f"e{n}", "pcie-root-port", "x1", n) for n in range(2)]
        controllers = [*ports(13), expander, *own]
        result = predict(layout("q35", controllers, [*one_each(ports(13)), nic("x", "e0")]))
        assert (result.failure, bases(result)["e0"]) == (None, 0x1000)
        assert predict(layout("q35", controllers, [*one_each(ports(13)), nic("x", "e0"), nic("y", "e1")])).failure


class TestOvmf:
    @pytest.mark.parametrize(("chipset", "fits"), [(Chipset(), 9), (BARE, 10)])
    def test_windows_on_q35(self, chipset: Chipset, fits: int) -> None:
        """One more loses its device altogether: the one on the lowest slot."""
        full = layout("q35", ports(fits), one_each(ports(fits)), "ovmf", chipset)
        assert predict(full).failure is None
        result = predict(layout("q35", ports(fits + 1), one_each(ports(fits + 1)), "ovmf", chipset))
        assert (result.lost, len(result.io_bars)) == (("d1",), fits)
        assert failed(result)[0] == "io-space"
        assert result.failure is not None
        assert result.failure.subjects == ("d1",)

    def test_three_on_pc(self) -> None:
        off = bridges(4, shpc=False)
        assert predict(layout("pc", off[:3], one_each(off[:3], 1), "ovmf")).failure is None
        assert predict(layout("pc", off, one_each(off, 1), "ovmf")).lost == ("d1",)

    def test_default_padding_goes_without_failure(self) -> None:
        """10 of 11 empty ports get a window, 10 of 100 too; io-reserve=0 asks for none, so nothing else is lost."""
        assert predict(layout("q35", ports(10), firmware="ovmf")).unreserved == ()
        result = predict(layout("q35", ports(11), firmware="ovmf"))
        assert (result.unreserved, result.failure, len(result.padding)) == (("rp1",), None, 10)
        assert len(predict(layout("q35", ports(100), firmware="ovmf")).unreserved) == 90
        assert predict(layout("q35", ports(100, io_reserve=0), firmware="ovmf")).unreserved == ()
        assert predict(layout("pc", bridges(5), firmware="ovmf")).unreserved == ("br1",)

    def test_windows_made_of_padding_alone(self) -> None:
        """A bridge below a port, both empty: neither window is anything but reservation."""
        controllers = [*ports(3), bridge("p2p1", "pcie-pci-bridge", "rp1", 0)]
        controllers[1] = bridge("rp2", "pcie-root-port", "pcie.0", 1, 1, io_reserve=4096)
        result = predict(layout("q35", controllers, [nic("d1", "rp3")], "ovmf"))
        assert sorted(bases(result)) == ["p2p1", "rp1", "rp2", "rp3"]
        assert result.padding == {"rp1", "p2p1"}

    @pytest.mark.parametrize(
        ("machine", "version", "properties"),
        [
            ("q35", "2023.08", {}),
            ("q35", "202311", {}),
            ("pc-q35-6.1", "2022.11", {}),
            ("q35", "2022.11", {"hotplug": False}),
        ],
    )
    def test_no_padding(self, machine: str, version: str, properties: dict[str, Scalar]) -> None:
        guest = layout(machine, ports(11, **properties), firmware=Firmware(name="ovmf", version=version))
        assert (predict(guest).io_windows, predict(guest).unreserved) == ((), ())

    def test_largest_bar_goes_first(self) -> None:
        """12 empty ports and an AC97 behind a bridge: the AC97 goes, then as many paddings as must."""
        controllers = [
            *ports(12),
            bridge("rp13", "pcie-root-port", "pcie.0", 3),
            bridge("p2p1", "pcie-pci-bridge", "rp13", 0),
        ]
        result = predict(layout("q35", controllers, [nic("ac97", "p2p1", 1, io=[1024, 256])], "ovmf"))
        assert result.lost == ("ac97",)

    def test_reserve_asked_for_is_missed(self) -> None:
        result = predict(layout("q35", ports(11, io_reserve=4096), firmware="ovmf"))
        assert (result.unreserved, result.lost) == (("rp1", "rp2"), ())
        assert result.failure is not None
        assert result.failure.subjects == ("rp1", "rp2")

    def test_root_devices_are_never_given_up(self) -> None:
        """14 AC97 on pci.0: enumeration ends there."""
        devices = [nic(f"d{n}", "pci.0", n, io=[1024, 256]) for n in range(2, 16)]
        result = predict(layout("pc", (), devices, "ovmf"))
        assert failed(result) == ("io-space", 0x5000, 0x4000)
        assert (result.lost, result.io_bars) == ((), {})

    def test_only_the_last_roots_verdict_counts(self) -> None:
        """edk2 gives nothing up, and so never boots, where the main root overflows and an expander does not."""
        controllers = [*ports(11), bridge("x1", "pxb-pcie", "pcie.0", 0x10, bus_nr=0x40)]
        devices = one_each(ports(11))
        assert predict(layout("q35", controllers, devices, "ovmf")).lost == ("d1", "d2")
        result = predict(layout("q35", [*controllers, bridge("e1", "pcie-root-port", "x1", 0)], devices, "ovmf"))
        assert (result.lost, result.io_bars) == ((), {})
        assert failed(result) == ("io-space", 13 * PAGE, 10 * PAGE)

    def test_the_last_root_overflows(self) -> None:
        """Then what goes is the last of the largest anywhere: here on the main root's lowest slot."""
        controllers = [*ports(9), bridge("x1", "pxb-pcie", "pcie.0", 0x10, bus_nr=0x40)]
        controllers += [bridge("e1", "pcie-root-port", "x1", 0)]
        result = predict(layout("q35", controllers, [*one_each(ports(9)), nic("x", "e1")], "ovmf"))
        assert (result.lost, bases(result)["e1"]) == (("d1",), 0xF000)

    def test_a_root_that_ends_up_without_request(self) -> None:
        """What it once asked for and did not get stays on record, of length 0, and never fits."""
        controllers = [*bridges(3, shpc=False), bridge("x1", "pxb", "pci.0", 0x10, bus_nr=0x40)]
        devices = one_each(bridges(3), 1)
        assert predict(layout("pc", controllers, devices, "ovmf")).failure is None
        result = predict(layout("pc", [*controllers, bridge("e1", "pci-bridge", "x1", 1)], devices, "ovmf"))
        assert (failed(result), result.io_bars) == (("io-space", 5 * PAGE, 4 * PAGE), {})
        assert result.failure is not None
        assert result.failure.subjects == ("x1",)

    def test_bus_reserve_only_where_hot_pluggable(self) -> None:
        controllers = [
            bridge("br1", "pci-bridge", "pci.0", 5, shpc=False, bus_reserve=4),
            bridge("br2", "pci-bridge", "pci.0", 6, bus_reserve=4),
        ]
        assert predict(layout("pc", controllers, firmware="ovmf")).subordinate == {"br1": 1, "br2": 6}

    def test_root_bars_in_the_last_padding(self) -> None:
        """Ports 6000-8fff and 9000-91ff, but 9000-9fff is forwarded: the next BAR lands inside (SMBus at 9200)."""
        result = predict(layout("q35", ports(4), [nic("d1", "pcie.0", 9, io=[128])], "ovmf", BARE))
        assert bases(result) == {"rp4": 0x6000, "rp3": 0x7000, "rp2": 0x8000, "rp1": 0x9000}
        assert {window.size for window in result.io_windows} == {PAGE}
        assert result.io_bars == {("d1", 0): 0x9200}


class TestOddLayouts:
    """verify() asks about layouts that are wrong, too."""

    @pytest.mark.parametrize("firmware", ["seabios", "ovmf"])
    def test_unreachable(self, firmware: FirmwareName) -> None:
        controllers = [
            bridge("own", "pcie-root-port", "own", 1),
            bridge("lost", "pcie-root-port", "nowhere", 1),
            bridge("x1", "pxb-pcie", "pcie.0", 2),
        ]
        devices = [nic("d1", "own"), nic("d2", "lost"), nic("d3", "nowhere"), nic("d4", "x1")]
        result = predict(layout("q35", controllers, devices, firmware))
        assert [*result.guest_addresses.values(), *result.secondary.values()] == [None] * 7

    @pytest.mark.parametrize("firmware", ["seabios", "ovmf"])
    def test_one_id_twice(self, firmware: FirmwareName) -> None:
        twice = [bridge("rp1", "pcie-root-port", "pcie.0", 1), bridge("rp1", "pcie-root-port", "rp1", 0)]
        assert predict(layout("q35", twice, firmware=firmware)).secondary == {"rp1": 1}


def test_a_pci_bridge_forwards_its_page_whatever_it_reserves() -> None:
    """QEMU closes IO registers of root ports with io-reserve=0, not of pci-bridges (measured: real/test_guests)."""
    shut = predict(layout("pc", [bridge("b", "pci-bridge", "pci.0", 2, chassis_nr=1, shpc=True, io_reserve=0)]))
    assert [(one.controller, one.size) for one in shut.io_windows] == [("b", PAGE)]
