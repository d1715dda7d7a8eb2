"""The oracle on requests whose answer was worked out by hand from docs/semantics.md; the checker agrees with each."""

from typing import Any

import pytest

from qslot.schema import Guest
from qslot.schema.verify import verify
from qslot.schema.verify.objective import objective

from ..reference import best_layout

MIB = 1 << 20
GIB = 1 << 30


def card(name: str, size: int, **more: Any) -> dict[str, Any]:
    """A host device with one BAR of 64-bit memory."""
    bars = [{"bar": 0, "kind": "mem64", "size": size, "prefetchable": more.pop("prefetchable", True)}]
    return {"id": name, "model": "vfio-pci", "connect": "express", "bars": bars, "hotplug": "never"} | more


Q35_OVMF = {"machine": "q35", "firmware": "ovmf"}
LIBVIRT = {"preset": "libvirt"}

# request, then preferences, IO windows in pages, controllers, depth; None where there is no layout
ANSWERS: dict[str, tuple[dict[str, Any], tuple[int, int, int, int] | None]] = {
    "an expander for a wish inside an open bridge": (
        {
            "machine": "pc",
            "numa_nodes": 1,
            "controllers": [{"id": "k", "model": "pci-bridge"}],
            "devices": [{"id": "n", "model": "e1000", "numa": 0, "address": "k:02.0"}],
        },
        (0, 1, 2, 2),
    ),
    # a: no hot-plug (8), on pcie.0 (4), shares its slot with the chipset (2); with b it would make b pay 10 more
    "a function pinned keeps away from a pinned neighbour that would pay": (
        {
            "machine": "q35",
            "controllers": [{"id": "k", "model": "pcie-root-port"}],
            "devices": [
                {"id": "a", "model": "virtio-net", "address": ".1"},
                {"id": "b", "model": "virtio-net", "address": "k:00.0"},
            ],
        },
        (14, 0, 1, 1),
    ),
    "room for a pci spare is kept by a root port, not by ioh3420": (
        {
            "machine": "q35",
            "controllers": [{"id": "k", "model": "ioh3420"}],
            "spare": [{"kind": "pci", "io": 64, "memory": "3MiB"}],
        },
        (0, 1, 3, 0),
    ),
    "io-reserve as text": (
        {"machine": "pc", "controllers": [{"id": "k", "model": "pci-bridge", "properties": {"io-reserve": "8K"}}]},
        (0, 2, 1, 0),
    ),
    "numa_node as text": (
        {
            "machine": "pc",
            "numa_nodes": 1,
            "controllers": [{"id": "p", "model": "pxb", "properties": {"numa_node": "0"}}],
            "devices": [{"id": "n", "model": "e1000", "numa": 0, "address": "p:01.0", "hotplug": "never"}],
        },
        (0, 1, 1, 1),
    ),
    "hotplug as a property of the port": (
        {
            "machine": "q35",
            "controllers": [{"id": "k", "model": "pcie-root-port", "properties": {"hotplug": "off"}}],
            "devices": [{"id": "n", "model": "e1000e", "hotplug": "required", "address": "k:00.0"}],
        },
        None,
    ),
    "a reserve as large as all that SeaBIOS has": (
        {
            "machine": "q35",
            "controllers": [{"id": "k", "model": "pcie-root-port", "properties": {"mem-reserve": GIB}}],
        },
        None,
    ),
    # a reserve of two pages is 8 KiB on a multiple of that, for which the page of pci.0 leaves 8 KiB of 16
    "three bridges where alignment forbids two": (
        {
            "machine": "pc",
            "firmware": "ovmf",
            "numa_nodes": 1,
            "devices": [{"id": "b", "model": "e1000", "numa": 0}],
            "spare": [{"kind": "pci", "count": 2, "io": 4096, "numa": 0}],
        },
        (0, 3, 4, 2),
    ),
    "a port without IO beside one that takes it": (
        {
            "machine": "q35",
            "policy": {"max_controllers": 2},
            "controllers": [
                {"id": "c1", "model": "pcie-root-port", "address": "pcie.0:03.0", "properties": {"io-reserve": 0}},
                {"id": "rp1", "model": "pcie-root-port", "address": "pcie.0:03.1"},
            ],
            "devices": [{"id": "d", "model": "e1000e", "hotplug": "required"}],
        },
        (0, 1, 2, 1),
    ),
    "edk2 before 202308 opens a window by itself": (
        Q35_OVMF
        | {"firmware": "ovmf:2022.11"}
        | {
            "controllers": [
                {"id": "k0", "model": "ioh3420", "address": "pcie.0:01.0"},
                {"id": "k1", "model": "pcie-pci-bridge", "address": "k0:00.0"},
            ],
            "spare": [{"kind": "pci", "io": 1}],
        },
        (0, 1, 2, 0),
    ),
    # later edk2 opens none: a pci-bridge on it keeps room
    "edk2 from 202308 on opens none": (
        {
            "machine": "q35",
            "firmware": {"name": "ovmf", "version": "2025.02"},
            "controllers": [
                {"id": "k0", "model": "ioh3420", "address": "pcie.0:01.0"},
                {"id": "k1", "model": "pcie-pci-bridge", "address": "k0:00.0"},
            ],
            "spare": [{"kind": "pci", "io": 1}],
        },
        (0, 1, 3, 0),
    ),
    "a stated mem-reserve that is too small for a spare slot": (
        {
            "machine": "q35",
            "policy": {"max_controllers": 2},
            "controllers": [{"id": "k", "model": "pcie-root-port", "properties": {"mem-reserve": MIB}}],
            "spare": [{"kind": "pci", "memory": 2 * MIB}],
        },
        None,
    ),
    "mem-reserve holds the sum of the spare slots": (
        {
            "machine": "pc",
            "chipset": {"root_hotplug": False},
            "policy": {"max_controllers": 1},
            "controllers": [{"id": "k", "model": "pci-bridge", "properties": {"mem-reserve": 16 * MIB}}],
            "spare": [{"kind": "pci", "count": 2, "memory": 9 * MIB}],
        },
        None,
    ),
    "no pref64-reserve beside pref32-reserve": (
        {
            "machine": "q35",
            "controllers": [{"id": "k", "model": "pcie-root-port", "properties": {"pref32-reserve": 32 * MIB}}],
            "spare": [{"kind": "pcie", "memory": MIB}],
        },
        (0, 0, 2, 0),
    ),
    # a page is opened for the bridge below, none for the slot: the port says two
    "a spare slot beside a bridge that has IO": (
        {
            "machine": "q35",
            "controllers": [
                {"id": "k", "model": "ioh3420", "address": "pcie.0:01.0"},
                {"id": "p", "model": "pcie-pci-bridge", "address": "k:00.0"},
                {"id": "b", "model": "pci-bridge", "address": "p:01.0"},
            ],
            "devices": [{"id": "n", "model": "e1000", "address": "b:01.0"}],
            "spare": [{"kind": "pci", "count": 30, "io": 64}],
            "reserve": [f"b:{slot:02x}" for slot in range(2, 32)],
            "policy": {"max_controllers": 3},
        },
        None,
    ),
    "preset libvirt: each alone behind a port, what is conventional on a bridge": (
        {
            "machine": "q35",
            "policy": LIBVIRT,
            "devices": [{"id": "a", "model": "virtio-net"}, {"id": "b", "model": "e1000"}, {"id": "v", "model": "VGA"}],
        },
        (0, 1, 4, 3),
    ),
    "preset libvirt: two video cards, one has the chipset's place": (
        {
            "machine": "q35",
            "policy": LIBVIRT,
            "spare": [],
            "devices": [{"id": "v", "model": "VGA"}, {"id": "w", "model": "virtio-gpu"}],
        },
        (0, 0, 1, 1),
    ),
    "preset libvirt: a port without hot-plug is none": (
        {
            "machine": "q35",
            "policy": LIBVIRT | {"max_controllers": 1},
            "controllers": [{"id": "k", "model": "pcie-root-port", "hotplug": False}],
            "devices": [{"id": "a", "model": "virtio-net"}],
        },
        None,
    ),
    "preset libvirt: the planner's bridges keep their SHPC": (
        {
            "machine": "pc",
            "policy": LIBVIRT,
            "devices": [{"id": "a", "model": "nvme"}],
            "reserve": [f"pci.0:{slot:02x}" for slot in range(3, 32)],
            "controllers": [{"id": "k", "model": "pci-bridge", "properties": {"shpc": True}, "address": "pci.0:02.0"}],
        },
        (0, 1, 1, 1),
    ),
    # legacy everywhere on that machine type, so at home on pcie.0, but for hot-plug
    "before 2.7 a virtio device left to its slot is legacy": (
        {
            "machine": "pc-q35-2.6",
            "devices": [{"id": "x", "model": "virtio-blk", "virtio_by": "slot", "hotplug": "never"}],
        },
        (0, 0, 0, 0),
    ),
    "so it is where nothing at all is said": (
        {"machine": "pc-q35-2.6", "devices": [{"id": "x", "model": "virtio-blk", "hotplug": "never"}]},
        (0, 0, 0, 0),
    ),
    "and with preset libvirt it is behind a port all the same": (
        {"machine": "pc-q35-2.6", "policy": LIBVIRT, "spare": [], "devices": [{"id": "x", "model": "virtio-blk"}]},
        (4, 1, 1, 1),
    ),
    "from 2.7 on it is hybrid": (
        {
            "machine": "pc-q35-2.7",
            "devices": [{"id": "x", "model": "virtio-blk", "virtio_by": "slot", "hotplug": "never"}],
        },
        (0, 0, 1, 1),
    ),
    "virtio-blk on the oldest machine type": (
        {"machine": "pc-i440fx-2.4", "devices": [{"id": "x", "model": "virtio-blk", "virtio": "modern"}]},
        (0, 0, 0, 0),
    ),
    "what SeaBIOS cannot put above 4 GiB": (
        {"machine": "q35", "devices": [card("a", GIB, hotplug="required", prefetchable=False)]},
        None,
    ),
    "what it can": ({"machine": "q35", "devices": [card("a", GIB, hotplug="required")]}, (0, 0, 1, 1)),
    # behind a port its window would be below 4 GiB, on pcie.0 SeaBIOS puts it above
    "memory that has room on the root bus only": (
        {"machine": "q35", "devices": [card("a", GIB, prefetchable=False)]},
        (4, 0, 0, 0),
    ),
    "more than OVMF's 64-bit memory": (
        Q35_OVMF | {"phys_bits": 36, "devices": [card("a", 64 * GIB, hotplug="required")]},
        None,
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_oracle_answers_as_worked_out_by_hand(name: str) -> None:
    request, answer = ANSWERS[name]
    guest = Guest.model_validate(request)
    layout = best_layout(guest)
    if layout is None or answer is None:
        assert layout is None
        assert answer is None
        return
    assert [str(finding) for finding in verify(guest, layout) if finding.severity == "error"] == []
    costs = objective(guest, layout)
    assert costs == {term.term: term.value for term in layout.objective}
    preferences, pages, controllers, depth = answer
    assert (costs["preferences"], costs["io_windows"]) == (preferences, 4096 * pages)
    assert (costs["controllers"], costs["depth"]) == (controllers, depth)
