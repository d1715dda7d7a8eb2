"""Where OVMF has 64-bit memory, against what was found on QEMU 7.2, 10.0 and 11.1; and what never boots."""

from typing import Any, Final

import pytest
from pydantic import ValidationError

from qslot.schema import Guest, Layout
from qslot.schema.firmware import predict
from qslot.schema.firmware.ample import memory_is_ample
from qslot.schema.firmware.ovmf_requests import DEFAULT_MEMORY_PADDING
from qslot.schema.firmware.prediction import Window
from qslot.schema.layout.layout import Platform
from qslot.schema.pci.ovmf_addresses import OvmfAddresses, ovmf_addresses

from .test_firmware import layout, ports
from .test_firmware_memory import card, port

MIB: Final = 1 << 20
GIB: Final = 1 << 30
OLD, NEW, NEWEST = "2022.11", "2025.02", "2026.08"

FOUND: Final = [
    # machine, edk2, CPU, GiB of RAM, where 64-bit memory begins, GiB of it
    ("pc-q35-7.2", OLD, {"vendor": "intel", "phys_bits": 39}, 1, 0x7000000000, 64),
    ("pc-q35-7.2", OLD, {"vendor": "intel", "phys_bits": 39}, 6, 0x7000000000, 64),
    ("pc-q35-7.2", OLD, {"phys_bits": 39}, 1, 0x800000000, 32),
    ("pc-q35-7.2", OLD, {"vendor": "intel"}, 1, 0x800000000, 32),
    ("pc-q35-7.2", OLD, {"vendor": "intel", "phys_bits": 36}, 1, 0x800000000, 32),
    ("pc-q35-7.0", OLD, {}, 1, 0xE000000000, 128),
    ("pc-q35-7.0", NEW, {}, 1, 0xE000000000, 128),
    ("pc-q35-7.1", NEW, {}, 1, 0xC000000000, 128),
    ("pc-q35-10.0", NEW, {"vendor": "intel", "phys_bits": 39}, 1, 0x7000000000, 64),
    ("pc-q35-10.0", NEW, {"vendor": "intel", "phys_bits": 39}, 30, 0x7000000000, 64),
    ("pc-q35-10.0", NEWEST, {"vendor": "intel", "phys_bits": 39}, 1, 0x7000000000, 64),
    ("pc-q35-10.1", NEWEST, {"vendor": "intel", "phys_bits": 39}, 1, 0x800000000, 32),
    ("pc-q35-10.0", NEW, {"vendor": "intel", "phys_bits": 41, "pdpe1gb": False}, 1, 0xE000000000, 128),
    ("pc-q35-11.1", NEWEST, {"vendor": "intel", "phys_bits": 41, "pdpe1gb": False}, 1, 0xE000000000, 128),
    ("pc-q35-11.1", NEWEST, {"model": "EPYC"}, 1, 0xC000000000, 128),
    ("pc-q35-11.1", NEWEST, {"model": "Haswell"}, 1, 0x800000000, 32),
    ("pc-q35-10.0", NEW, {"vendor": "other"}, 1, 0x800000000, 32),
    ("pc-q35-10.0", NEW, {"phys_bits": 46, "pdpe1gb": True}, 1, 0x380000000000, 8192),
    ("pc-q35-10.0", NEW, {"phys_bits": 52, "pdpe1gb": True}, 1100, 0x380000000000, 8192),
    ("pc-q35-10.0", NEW, {"phys_bits": 46, "pdpe1gb": False}, 1, 0xC000000000, 128),
    ("pc-q35-7.2", OLD, {"phys_bits": 48, "pdpe1gb": True}, 1, 0x700000000000, 16384),
    ("pc-i440fx-10.0", NEW, {"vendor": "intel", "phys_bits": 39}, 440, 0x7000000000, 32),
    ("pc-i440fx-10.0", NEW, {"vendor": "intel", "phys_bits": 39}, 470, 0x7800000000, 32),
    ("pc-i440fx-10.0", NEW, {"phys_bits": 36}, 61, 0x1000000000, 32),
    ("pc-q35-10.0", NEW, {"guest_phys_bits": 39}, 1, 0x7000000000, 64),
    ("pc-q35-9.0", NEW, {"vendor": "intel", "guest_phys_bits": 40}, 1, 0xE000000000, 128),
    ("pc-q35-10.0", NEW, {"phys_bits": 46, "pdpe1gb": True, "guest_phys_bits": 43}, 1, 0x70000000000, 1024),
]


def guest(machine: str, version: str, memory: float, cpu: dict[str, Any], **more: Any) -> Guest:
    data = {"machine": machine, "firmware": f"ovmf:{version}", "memory": int(memory * GIB), "cpu": cpu}
    return Guest.model_validate(data | more)


def addresses(machine: str, version: str, memory: float, cpu: dict[str, Any]) -> OvmfAddresses:
    asked = guest(machine, version, memory, cpu)
    return ovmf_addresses(asked.machine_model, asked, asked.firmware.number)


@pytest.mark.parametrize(("machine", "version", "cpu", "memory", "start", "size"), FOUND)
def test_as_found(machine: str, version: str, cpu: dict[str, Any], memory: int, start: int, size: int) -> None:
    found = addresses(machine, version, memory, cpu)
    assert (hex(found.start), found.size // GIB, found.usable, found.boots) == (hex(start), size, True, True)


@pytest.mark.parametrize(("version", "bits"), [("2023.05", 47), ("2023.08", 46), (NEWEST, 46)])
def test_46_bits_since_202308(version: str, bits: int) -> None:
    assert addresses("pc-q35-8.0", version, 1, {"phys_bits": 48, "pdpe1gb": True}).bits == bits


def test_older_edk2_asks_no_cpu() -> None:
    found = addresses("pc-q35-7.2", "2022.08", 1, {"phys_bits": 46, "pdpe1gb": True})
    assert (found.start, found.size, found.bits) == (32 * GIB, 32 * GIB, None)


def test_what_guests_are_told_is_heeded_since_202408() -> None:
    told = {"vendor": "intel", "guest_phys_bits": 40}
    assert [addresses("pc-q35-9.0", version, 1, told).bits for version in ("2024.05", "2024.08")] == [None, 40]


@pytest.mark.parametrize(
    ("memory", "version", "start"),
    [
        (2.5, NEW, 0xC0000000),
        (2.5, OLD, 0xC0000000),
        (2.25, NEW, 0xC0000000),
        (1, NEW, 0x80000000),
        (4, NEW, 0x80000000),
    ],
)
def test_32_bit_memory_of_q35_begins_at_a_power_of_two_below_4_gib(memory: float, version: str, start: int) -> None:
    given = on(layout("q35", [port("rp", 1)]), guest("pc-q35-7.2", version, memory, {}))
    assert predict(given).memory_windows == {"rp": Window(start, DEFAULT_MEMORY_PADDING)}


class TestRamInTheWay:
    """AMD's reserved addresses move 64-bit memory to where a large guest has RAM: then there is none (found so)."""

    @pytest.mark.parametrize(("memory", "usable"), [(700, True), (766, True), (767, False), (780, False), (860, False)])
    def test_nothing_can_be_given(self, memory: int, usable: bool) -> None:
        found = addresses("pc-q35-10.0", NEW, memory, {})
        assert (found.start, found.size, found.usable) == (0xC000000000, 128 * GIB, usable)

    def test_what_is_reserved_goes_below_4_gib(self) -> None:
        result = predict(on(layout("q35", ports(1)), guest("pc-q35-10.0", NEW, 780, {})))
        assert result.prefetchable_windows == {"rp1": Window(0x80000000, 512 * MIB)}

    def test_a_card_finds_no_room(self) -> None:
        large = card("gpu", "rp1", ("mem64p", 4 * GIB))
        given = layout("q35", ports(1), [large])
        assert predict(on(given, guest("pc-q35-10.0", NEW, 700, {}))).failure is None
        lost = predict(on(given, guest("pc-q35-10.0", NEW, 780, {})))
        assert lost.lost == ("gpu",)
        assert not memory_is_ample(on(layout("q35", ports(1)), guest("pc-q35-10.0", NEW, 780, {})))


NEVER: Final = [
    ("pc-i440fx-10.0", NEW, {"vendor": "intel", "phys_bits": 36}, 61, "phys_bits of at least 37"),
    ("pc-i440fx-10.0", OLD, {"vendor": "intel", "phys_bits": 36}, 61, "phys_bits of at least 37"),
    ("pc-i440fx-10.0", NEW, {"vendor": "intel", "phys_bits": 39}, 505, "phys_bits of at least 40"),
    ("pc-q35-10.0", NEW, {"phys_bits": 46, "pdpe1gb": False}, 1100, "1 GiB pages"),
    ("pc-q35-11.1", NEWEST, {"vendor": "intel", "phys_bits": 41, "pdpe1gb": False}, 1000, "1 GiB pages"),
]
"""Never booted."""


class TestNeverBoots:
    @pytest.mark.parametrize(("machine", "version", "cpu", "memory", "mend"), NEVER)
    def test_is_refused(self, machine: str, version: str, cpu: dict[str, Any], memory: int, mend: str) -> None:
        with pytest.raises(ValidationError, match="never boots: say") as raised:
            guest(machine, version, memory, cpu)
        assert mend in str(raised.value)
        assert guest(machine, version, memory, cpu, firmware="seabios").memory == memory * GIB

    @pytest.mark.parametrize(("machine", "version", "cpu", "memory", "mend"), NEVER)
    def test_a_layout_breaks_memory_space(
        self, machine: str, version: str, cpu: dict[str, Any], memory: int, mend: str
    ) -> None:
        seabios = guest(machine, version, memory, cpu, firmware="seabios")
        ovmf = guest(machine, version, 1, cpu).firmware
        bare = layout("pc" if "i440fx" in machine else "q35", [])
        given = on(bare, seabios).model_copy(update={"firmware": ovmf})
        failure = predict(given).failure
        assert failure is not None
        assert (failure.rule, failure.subjects) == ("memory-space", ())
        assert not memory_is_ample(given), mend

    def test_32_bit_cpus(self) -> None:
        with pytest.raises(ValidationError, match="OVMF never boots on a 32-bit CPU"):
            guest("q35", NEW, 1, {"model": "pentium3"})

    def test_bits_of_a_host_that_are_not_said_are_not_held_against_it(self) -> None:
        assert guest("q35", NEW, 1100, {"host": True}, pdpe1gb=False).cpu.host


def on(given: Layout, asked: Guest) -> Layout:
    """The same on another platform."""
    update = {"machine": asked.machine, "firmware": asked.firmware, "platform": Platform.of(asked)}
    return given.model_copy(update=update)


@pytest.mark.parametrize(
    ("bus", "windows", "bar"), [("rp1", Window(0xC000000000, MIB), None), ("pcie.0", None, 0xC000040000)]
)
def test_virtual_functions_of_an_igb_have_room(bus: str, windows: Window | None, bar: int | None) -> None:
    """1 MiB behind a port without hot-plug; on the root bus they come before the card's own BAR 3. Found so."""
    given = layout("q35", [port("rp1", 1, hotplug=False)], [card("nic", bus, ("mem32", 4096), model="igb", slot=5)])
    given = on(given, guest("pc-q35-10.0", NEW, 1, {}))
    own = given.devices[0].model_copy(update={"bars": None, "driver": "igb"})
    result = predict(given.model_copy(update={"devices": (own,)}))
    assert result.prefetchable_windows.get("rp1") == windows
    assert bar is None or result.memory_bars["nic", 3] == bar
