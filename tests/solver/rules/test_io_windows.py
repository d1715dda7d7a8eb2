"""Rule io-space at its edge: as many windows as each firmware has room for, and not one more."""

from typing import NamedTuple

import pytest

from ..ask import Data, above, device, host, planned, refused


class Edge(NamedTuple):
    """A machine, and how many windows it has room for. `beside` takes IO on the root bus."""

    machine: str
    firmware: str
    chipset: Data
    most: int
    beside: int = 0


BARE: Data = {"sata": False, "smbus": False}

EDGES = {
    "seabios, q35": Edge("q35", "seabios", {}, 14),
    "seabios, q35 without ACPI": Edge("q35", "seabios", {"acpi": False}, 9),
    "seabios, pc": Edge("pc", "seabios", {}, 8),
    "ovmf, q35": Edge("q35", "ovmf", {}, 9),
    "ovmf, q35 without SATA and SMBus": Edge("q35", "ovmf", BARE, 10),
    "ovmf, pc": Edge("pc", "ovmf", {}, 3),
    # root BARs: of the 4096 bytes that SeaBIOS has beside 14 windows, the chipset takes 96, and 4 are never used
    "seabios, q35, root BARs that just fit": Edge("q35", "seabios", {}, 14, 3840),
    "seabios, q35, root BARs of a page": Edge("q35", "seabios", {}, 13, 4096),
    "ovmf, q35, root BARs that fill the chipset's page": Edge("q35", "ovmf", {}, 9, 3840),
    "ovmf, q35, root BARs of a page": Edge("q35", "ovmf", {}, 8, 4096),
    "ovmf, pc, root BARs of a page": Edge("pc", "ovmf", {}, 2, 4096),
}


def guest(edge: Edge, windows: int, **more: object) -> Data:
    """So many bridges that must have a window, each pinned; devices on the root bus with so many bytes beside."""
    q35 = edge.machine == "q35"
    root, model, first = ("pcie.0", "pcie-root-port", 1) if q35 else ("pci.0", "pci-bridge", 2)
    bridges = [
        device(f"b{n}", model, address=f"{root}:{first + n:02x}.0", properties={"io-reserve": 4096})
        for n in range(windows)
    ]
    bars = [1 << bit for bit in range(13) if edge.beside >> bit & 1]
    connect = "express" if q35 else "conventional"
    beside = [
        host(f"r{n}", connect, size, hotplug="never", address=f"{root}:{16 + n:x}.0") for n, size in enumerate(bars)
    ]
    data = {"machine": edge.machine, "firmware": edge.firmware, "chipset": edge.chipset}
    return {**data, "controllers": bridges, "devices": beside, **more}


@pytest.mark.parametrize("name", EDGES)
def test_as_many_windows_as_there_is_room_for(name: str) -> None:
    edge = EDGES[name]
    layout = planned(guest(edge, edge.most))
    assert [window.size for window in layout.io_windows] == [4096] * edge.most
    rules = [finding.rule for finding in refused(guest(edge, edge.most + 1)).findings]
    assert rules[0] == "io-space"
    assert not {"bus-numbers", "memory-space"} & set(rules)


@pytest.mark.parametrize(("firmware", "most"), [("seabios", 14), ("ovmf", 9)])
def test_windows_below_an_expander_count_with_the_others(firmware: str, most: int) -> None:
    edge = Edge("q35", firmware, {}, most)
    expander = device("x", "pxb-pcie", numa=0)
    below = [device(f"e{n}", "pcie-root-port", numa=0, properties={"io-reserve": 4096}) for n in range(2)]
    bridges = guest(edge, most - 2)["controllers"]
    layout = planned(guest(edge, most - 2, controllers=[*bridges, expander, *below], numa_nodes=1))
    assert len(layout.io_windows) == most
    more = guest(edge, most - 1)["controllers"]
    refused(guest(edge, most - 1, controllers=[*more, expander, *below], numa_nodes=1))


def test_a_shortage_is_told_with_numbers_and_users() -> None:
    """Fifteen interfaces that must be hot-pluggable want a window each; a disk without IO ports is not their user."""
    nics = [host(f"h{n}", "express", 256, hotplug="required") for n in range(15)]
    data: Data = {"machine": "q35", "devices": [*nics, device("disk", "nvme")]}
    finding = next(one for one in refused(data).findings if one.rule == "io-space")
    assert finding.subjects == tuple(f"h{n}" for n in range(15))
    assert finding.details == {"used": 15 * 4096 + 96, "available": 0xF000 - 4}
    planned({**data, "devices": [*nics[:14], device("disk", "nvme")]})


def test_reserves_of_listed_ports_are_users_too() -> None:
    edge = EDGES["seabios, q35"]
    finding = next(one for one in refused(guest(edge, 15)).findings if one.rule == "io-space")
    assert finding.subjects == tuple(f"b{n}" for n in range(15))
    assert finding.details["used"] == 15 * 4096 + 96


def test_one_window_does_not_fill_two_bridges() -> None:
    """Two bridges that open a window when they are empty, as long as none is below; one reserve to put there."""
    full = device("full", "pci-bridge", address="pci.0:10.0", properties={"io-reserve": 16384})
    empty = [device(f"e{n}", "pci-bridge", address=f"pci.0:{2 + n:02x}.0") for n in range(2)]
    large = device("large", "pci-bridge", properties={"io-reserve": 16384})
    reserve = [f"full:{slot:02x}" for slot in range(1, 32)]
    refused({"machine": "pc", "controllers": [full, *empty, large], "reserve": reserve})
    layout = planned({"machine": "pc", "controllers": [full, *empty[1:], large], "reserve": reserve})
    assert above(layout, "large") == ["pci-bridge"]


def test_a_bridge_gives_up_what_the_firmware_would_reserve() -> None:
    """OVMF of then keeps 512 bytes for each bridge with SHPC; here that, aligned, would cost a reserve that is asked
    for."""
    large = device("large", "pci-bridge", address="pci.0:10.0", properties={"io-reserve": 8192})
    small = device("small", "pci-bridge", address="pci.0:02.0", properties={"io-reserve": 4096})
    idle = device("idle", "pci-bridge", address="pci.0:11.0")
    assert reserves(large, small, idle) == {"large": 8192, "small": 4096, "idle": 0}
    assert reserves(large, idle) == {"large": 8192, "idle": None}


def reserves(*controllers: Data) -> dict[str, object]:
    layout = planned({"machine": "pc", "firmware": "ovmf:2022.11", "controllers": controllers})
    return {one.id: one.properties.get("io-reserve") for one in layout.controllers}
