"""The table of the guest's ABI, row by row: a state is saved on one side and loaded on the other, both ways."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from qslot.schema import Chipset, Guest, Layout
from qslot.schema.comparison import diff
from qslot.schema.comparison.guest_abi import HOST_SIDE, MACHINE_ROWS, PART_ROWS, PROPERTY_ROWS, Verdict
from qslot.solver import solve

from .saved_state import refusal
from .this_qemu import version

pytestmark = pytest.mark.real

Change = Callable[[Layout], Layout]

MAC: Final = "52:54:00:00:00:01"
Q35: Final[dict[str, Any]] = {
    "machine": "pc-q35-7.2",
    "numa_nodes": 2,
    "controllers": [
        {"id": "rp1", "model": "pcie-root-port", "address": "pcie.0:02.0"},
        {"id": "rp2", "model": "pcie-root-port", "address": "pcie.0:03.0"},
        {"id": "pxb", "model": "pxb-pcie", "address": "pcie.0:04.0", "numa": 1},
        {"id": "rp3", "model": "pcie-root-port", "address": "pxb:00.0"},
        {"id": "p2p", "model": "pcie-pci-bridge", "address": "rp2:00.0"},
        {"id": "br", "model": "pci-bridge", "address": "p2p:02.0", "properties": {"shpc": True}},
    ],
    "devices": [
        {
            "id": "net",
            "model": "virtio-net",
            "address": "rp1:00.0",
            "virtio": "modern",
            "properties": {"mac": MAC, "netdev": "hub"},
        },
        {"id": "e1000", "model": "e1000", "address": "p2p:01.0", "properties": {"mac": "52:54:00:00:00:02"}},
        {"id": "rng", "model": "virtio-rng", "address": "pcie.0:05.0", "virtio": "modern"},
    ],
}
PC: Final[dict[str, Any]] = {
    "machine": "pc-i440fx-7.2",
    "devices": [{"id": "rng", "model": "virtio-rng", "address": "pci.0:05.0", "virtio": "modern"}],
}


def planned(request: dict[str, Any]) -> Layout:
    return solve(Guest.model_validate(request)).require()


def having(name: str, **update: Any) -> Change:
    """Of the device or controller of that name; properties are added to its own."""

    def changed(layout: Layout) -> Layout:
        def one(seat: Any) -> Any:
            more = dict(update)
            if "properties" in more:
                more["properties"] = {**seat.properties, **more["properties"]}
            return seat.model_copy(update=more) if seat.id == name else seat

        parts = {part: tuple(map(one, getattr(layout, part))) for part in ("controllers", "devices")}
        return layout.model_copy(update=parts)

    return changed


def stating(name: str, **properties: Any) -> Change:
    return having(name, properties={key.replace("_", "-"): value for key, value in properties.items()})


def naming(name: str, **properties: Any) -> Change:
    """As `stating`, for properties whose names have underscores."""
    return having(name, properties=properties)


def platform(**update: Any) -> Change:
    return lambda layout: layout.model_copy(update={"platform": layout.platform.model_copy(update=update)})


def chipset(**switches: bool) -> Change:
    return platform(chipset=Chipset(**switches))


def without_rng(layout: Layout) -> Layout:
    return layout.model_copy(update={"devices": tuple(one for one in layout.devices if one.id != "rng")})


def with_another_port(layout: Layout) -> Layout:
    """In front of the others, so that their bus numbers shift."""
    port = layout.controllers[0].model_copy(update={"id": "rp9", "slot": 1, "properties": {"chassis": 99, "port": 8}})
    return layout.model_copy(update={"controllers": (port, *layout.controllers)})


def with_ovmf(layout: Layout) -> Layout:
    update = {"name": "ovmf", "version": "2022.11"}
    return layout.model_copy(update={"firmware": layout.firmware.model_copy(update=update)})


ROWS: Final[dict[str, Change]] = {
    "presence": without_rng,
    "path": having("rng", slot=6),
    "model": having("e1000", model="e1000-82544gc", driver="e1000-82544gc"),
    "driver": having("net", driver="virtio-net-pci"),
    "virtio": having("rng", driver="virtio-rng-pci-transitional", virtio="transitional"),
    "multifunction": having("rng", multifunction=True),
    "port": stating("rp1", port=1),
    "slot": stating("rp1", slot=5),
    "chassis": stating("rp1", chassis=77),
    "hotplug": stating("rp1", hotplug=False),
    "io-reserve": stating("rp1", io_reserve=4096),
    "mem-reserve": stating("rp1", mem_reserve=1 << 21),
    "pref32-reserve": stating("rp1", pref32_reserve=1 << 21),
    "pref64-reserve": stating("rp1", pref64_reserve=1 << 21),
    "bus-reserve": stating("rp1", bus_reserve=3),
    "x-speed": stating("rp1", x_speed="2_5"),
    "x-width": stating("rp1", x_width="1"),
    "disable-acs": stating("rp1", disable_acs=True),
    "x-native-hotplug": stating("rp1", x_native_hotplug=False),
    "x-do-not-expose-native-hotplug-cap": stating("rp1", x_do_not_expose_native_hotplug_cap=True),
    "shpc": stating("br", shpc=False),
    "chassis_nr": naming("br", chassis_nr=66),
    "bus_nr": naming("pxb", bus_nr=100),
    "numa_node": naming("pxb", numa_node=0),
    "vectors": stating("net", vectors=7),
    "romfile": stating("net", romfile=""),
    "rombar": stating("net", rombar=0),
    "romsize": stating("net", romsize=1 << 20),
    "acpi-index": stating("net", acpi_index=3),
    "mac": stating("net", mac="52:54:00:00:00:03"),
    "mq": stating("net", mq=True, vectors=4),
    "iommu_platform": naming("net", iommu_platform=True),
    "packed": stating("net", packed=True),
    "speed": stating("net", speed=1000),
    "ats": stating("net", ats=True),
    "aer": stating("net", aer=True),
    "page-per-vq": stating("net", page_per_vq=True),
    "modern-pio-notify": stating("net", modern_pio_notify=True),
    "machine": lambda layout: layout.model_copy(update={"machine": "pc-q35-7.1"}),
    "firmware": with_ovmf,
    "memory": platform(memory=256 << 20),
    "max_memory": platform(max_memory=1 << 32, memory_slots=2),
    "phys_bits": platform(phys_bits=42),
    "pci_hole64": platform(pci_hole64=1 << 36),
    "chipset.sata": chipset(sata=False),
    "chipset.smbus": chipset(smbus=False),
    "chipset.usb": chipset(usb=True),
    "chipset.acpi": chipset(acpi=False),
    "chipset.bridge_hotplug": chipset(bridge_hotplug=False),
}
"""By row of the table, what makes that and nothing else of Q35 different."""
PLUGGABLE: Final = platform(max_memory=1 << 32, memory_slots=2)
OTHER_BASES: Final[dict[str, tuple[Callable[[], Layout], Change]]] = {
    "chipset.root_hotplug": (lambda: planned(PC), chipset(root_hotplug=False)),
    "numa_nodes": (lambda: planned(PC), platform(numa_nodes=2)),
    "memory_slots": (lambda: PLUGGABLE(planned(Q35)), platform(memory_slots=4)),
    "pdpe1gb": (lambda: platform(phys_bits=42)(planned(Q35)), platform(pdpe1gb=False)),
}
"""What Q35 has not, and the change to it."""
HARMLESS: Final[dict[str, Change]] = {
    "ids": having("rng", id="other"),
    "bootindex": stating("net", bootindex=1),
    "netdev": stating("net", netdev="hub9"),
    "order": lambda layout: layout.model_copy(update={"devices": layout.devices[::-1]}),
}
"""What is no part of the ABI."""
UNMEASURED: Final = {
    name
    for rows in (PART_ROWS, PROPERTY_ROWS, MACHINE_ROWS)
    for name, row in rows.items()
    if row.verdict == "unmeasured"
}


def verdict(one: Layout, other: Layout) -> Verdict:
    there = refusal(one, other)
    if there is not None and "not found" in there:
        pytest.skip(f"this QEMU is {version()}, which has no such property: {there[-120:]}")
    refused = [there, refusal(other, one)]
    return "taken" if refused == [None, None] else "one-way" if None in refused else "refused"


def expected(name: str) -> Verdict:
    row = {**PART_ROWS, **PROPERTY_ROWS, **MACHINE_ROWS}[name]
    return row.verdict if row.verdict != "varies" else "refused" if version() < (8, 0) else "taken"


@pytest.mark.parametrize("name", [*ROWS, *OTHER_BASES])
def test_row(name: str) -> None:
    base, change = OTHER_BASES.get(name) or (lambda: planned(Q35), ROWS[name])
    layout = base()
    other = change(layout)
    assert name in {differing.what for _, differing in diff(layout, other).abi}
    assert verdict(layout, other) == expected(name)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_no_part_of_it(name: str) -> None:
    layout = planned(Q35)
    other = HARMLESS[name](layout)
    if name != "ids":  # by which devices are matched
        assert diff(layout, other).abi == ()
    assert verdict(layout, other) == "taken"


def test_an_empty_port_that_only_the_target_has_is_taken() -> None:
    """Though the guest then has other bus numbers at its next reboot."""
    layout = planned(Q35)
    other = with_another_port(layout)
    assert refusal(layout, other) is None
    assert refusal(other, layout) is not None
    assert diff(layout, other).abi


def test_every_row_is_measured() -> None:
    rows = {*PART_ROWS, *PROPERTY_ROWS, *MACHINE_ROWS}
    assert rows - {*ROWS, *OTHER_BASES} == UNMEASURED
    assert not HOST_SIDE & PROPERTY_ROWS.keys()
