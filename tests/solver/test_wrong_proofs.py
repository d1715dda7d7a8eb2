"""Guests that once had a wrong answer: a proof of what is not so, a bound above the value, none without a limit."""

from typing import Final

import pytest

from qslot.schema import Guest, Infeasible
from qslot.solver import solve
from qslot.solver.aggregate.items import items_of
from qslot.solver.formulation import Formulation
from qslot.solver.model.build import build
from qslot.solver.model.linear import LinearExpr, LinearModel
from qslot.solver.search import optimize
from qslot.solver.search.lexicographic import Optimum

from .ask import Data, costs, device, host, planned
from .once_wrong import (
    ALIGNED,
    ALIGNED_BESIDE_AN_EXPANDER,
    ALL_THAT_IS_ABOVE,
    BEHIND_A_PORT,
    BEHIND_IOH3420,
    BELOW_A_LARGE_RESERVE,
    BESIDE_AN_EMPTY_ROOT,
    BLOCKS_OF_TWO_LISTS,
    FIRST_BLOCK,
    INSIDE_A_FLOATING_BRIDGE,
    INSIDE_A_RESERVE_OF_THE_OTHER,
    JOINED,
    LARGE_CARD,
    NEEDS_A_KEEPER,
    PADDED,
    PADDED_BESIDE_AN_EXPANDER,
    PORT_IN_THE_FIRST_BLOCK,
    TOO_LARGE_A_RESERVE,
    TWO_PORTS,
    card,
)

OPTIMA: Final[dict[str, tuple[Data, dict[str, int]]]] = {
    "who joins a pinned neighbour makes it pay": (JOINED, {"preferences": 14, "controllers": 1, "depth": 1}),
    "a legacy device is conventional, whatever connector it states": (
        {
            "machine": "q35",
            "devices": [device("old", "virtio-net", virtio="legacy", connect="express", hotplug="never")],
        },
        {},
    ),
    "a port that forwards no IO is not like its neighbour": (
        TWO_PORTS,
        {"io_windows": 4096, "controllers": 2, "depth": 1},
    ),
    "a bridge with SHPC opens a page where its port keeps none": (
        BEHIND_IOH3420,
        {"io_windows": 4096, "controllers": 2},
    ),
    "a node is wished for inside a controller that floats": (
        INSIDE_A_FLOATING_BRIDGE,
        {"io_windows": 4096, "controllers": 2, "depth": 2},
    ),
    "ports lost to the main root hold the range of an expander": (
        ALIGNED_BESIDE_AN_EXPANDER,
        {"io_windows": 9 * 4096, "controllers": 6},
    ),
    "64-bit memory of more than 40 bits": (LARGE_CARD, {"controllers": 1, "depth": 1}),
    "a port without reserves keeps no memory": (NEEDS_A_KEEPER, {"io_windows": 4096, "controllers": 3}),
    "io-reserve as text": (
        {"machine": "pc", "controllers": [device("b", "pci-bridge", properties={"io-reserve": "8K"})]},
        {"io_windows": 8192, "controllers": 1},
    ),
    "numa_node as text": (
        {
            "machine": "pc",
            "numa_nodes": 1,
            "controllers": [device("x", "pxb", properties={"numa_node": "0"})],
            "devices": [device("nic", "rtl8139", numa=0, address="x:03.0", hotplug="never")],
        },
        {"io_windows": 4096, "controllers": 1, "depth": 1},
    ),
    "two windows where one, aligned to its size, does not fit": (
        ALIGNED,
        {"io_windows": 12288, "controllers": 4, "depth": 2},
    ),
    "three reserves of which two fit into one": (
        {"machine": "q35", "spare": [{"kind": "pci", "count": 3, "memory": "256MiB"}]},
        {"io_windows": 8192, "controllers": 4},
    ),
    "prefetchable memory of two widths takes two bridges": (
        {
            "machine": "q35",
            "devices": [
                card("wide", "mem64", "2GiB"),
                card("narrow", "mem32", "1MiB"),
            ],
        },
        {"io_windows": 8192, "controllers": 4, "depth": 4},
    ),
    "32-bit memory inside a bridge that does not sit below the expander": (
        BESIDE_AN_EMPTY_ROOT,
        {"io_windows": 8192, "controllers": 5, "depth": 4},
    ),
    "reserves that OVMF rounds up, in an order of slots that it fits": (
        {
            "machine": "q35",
            "firmware": {"name": "ovmf", "version": "2025.02"},
            "chipset": {"smbus": False, "acpi": False},
            "controllers": [device("p", "pcie-pci-bridge"), device("b", "i82801b11-bridge")],
            "devices": [device("x", "nvme")],
            "spare": [{"kind": "pci", "count": 9, "io": "4KiB"}],
        },
        {"io_windows": 36864, "controllers": 9, "depth": 1},
    ),
    "OVMF's own reserve for a bridge inside a larger one that is stated": (
        {
            "machine": "q35",
            "firmware": "ovmf:2022.11",
            "chipset": {"sata": False, "smbus": False},
            "controllers": [
                device("port0", "pcie-root-port", address="pcie.0:02.0", properties={"io-reserve": "32K"}),
                device("up", "x3130-upstream", address="port0:00.0"),
                device("down", "xio3130-downstream", address="up:00.0"),
                device("bridge", "pcie-pci-bridge", address="down:00.0"),
            ],
        },
        {"io_windows": 32768, "controllers": 4},
    ),
    "memory of the main root in the only block that an expander could have": (
        {**FIRST_BLOCK, "devices": [device("nic", "e1000e")]},
        {"preferences": 2, "io_windows": 4096, "controllers": 2, "depth": 2},
    ),
    "a port of the main root in the only block that an expander could have": (
        PORT_IN_THE_FIRST_BLOCK,
        {"preferences": 2, "io_windows": 4096, "controllers": 4, "depth": 3},
    ),
    "a 32-bit BAR on either of two bridges that are both below a large reserve": (
        BELOW_A_LARGE_RESERVE,
        {"preferences": 15, "io_windows": 4096, "controllers": 5},
    ),
    "a port that is reserved nothing for beside the only block that an expander could have": (
        {
            **FIRST_BLOCK,
            "controllers": [
                *FIRST_BLOCK["controllers"],
                device("io", "ioh3420", properties={"hotplug": False}),
            ],
        },
        {"controllers": 3},
    ),
    "a port above a switch keeps no IO by default, where there are as many windows as can be": (
        {
            "machine": "q35",
            "firmware": "ovmf:2022.11",
            "controllers": [device("up", "x3130-upstream"), device("beside", "x3130-upstream")],
            "spare": [{"kind": "pcie", "count": 9, "io": "4KiB"}],
        },
        {"io_windows": 36864, "controllers": 13},
    ),
    "a pci-bridge keeps no memory by default, where an expander could have no block but that": (
        {
            "machine": "pc",
            "firmware": "ovmf:2025.02",
            "numa_nodes": 2,
            "controllers": [device("bridge", "pci-bridge", address="pci.0:05.0")],
            "spare": [{"kind": "pci", "memory": "1GiB", "numa": 1}],
        },
        {"controllers": 3},
    ),
    "two devices that differ by their option ROM, beside a reserve": (
        {
            "machine": "q35",
            "policy": {"max_controllers": 3},
            "controllers": [
                device("port0", "pcie-root-port", address="pcie.0:06.0"),
                device("outer", "pcie-pci-bridge", address="port0:00.0"),
                device("bridge", "pci-bridge", address="outer:01.0"),
            ],
            "reserve": [f"outer:{slot:02x}" for slot in range(2, 32)],
            "devices": [
                host("large", "conventional", hotplug="required", rom="16MiB"),
                host("small", "conventional", hotplug="required"),
                {**card("root", "mem32", "32MiB"), "hotplug": "never", "address": "pcie.0:05.0"},
            ],
            "spare": [{"kind": "pci", "memory": "490MiB"}],
        },
        {"io_windows": 4096, "controllers": 3, "depth": 6},
    ),
    "ports that a root port keeps, and its bridge does not get": (
        {
            "machine": "q35",
            "firmware": {"name": "ovmf", "version": "2025.02"},
            "spare": [{"kind": "pci", "io": 256}],
        },
        {"io_windows": 4096, "controllers": 3},
    ),
    "memory that a root port keeps, and its bridge does not get": (
        {
            "machine": "q35",
            "devices": [device("nic", "rtl8139", hotplug="required")],
            "spare": [{"kind": "pci", "memory": "8MiB"}],
        },
        {"io_windows": 4096, "controllers": 3, "depth": 3},
    ),
    "a bridge whose window would double a reserve around it": (
        {
            "machine": "q35",
            "controllers": [device("full", "pci-bridge")],
            "reserve": [f"full:{slot:02x}" for slot in range(1, 32)],
            "spare": [{"kind": "pci", "count": 2, "memory": "256MiB"}],
        },
        {"io_windows": 8192, "controllers": 4},
    ),
    "a reserve of prefetchable memory behind a port": (
        BEHIND_A_PORT,
        {"io_windows": 4096, "controllers": 3, "depth": 1},
    ),
    "spare slots that take a whole page, which nothing leaves": (
        {
            "machine": "q35",
            "firmware": "ovmf:2025.02",
            "controllers": [device("full", "pcie-pci-bridge")],
            "devices": [device("nic", "rtl8139", hotplug="never")],
            "spare": [{"kind": "pci", "count": 5, "io": 4096}],
        },
        {"io_windows": 20480, "controllers": 4},
    ),
    "BARs in the page that OVMF reserves for a port by default": (
        {
            "machine": "q35",
            "firmware": "ovmf:2022.11",
            "controllers": [device("one", "ioh3420"), device("two", "ioh3420")],
            "devices": [device("nic", "rtl8139", hotplug="never")],
            "spare": [{"kind": "pcie", "count": 8, "io": 4096}],
        },
        {"io_windows": 32768, "controllers": 10},
    ),
    "what OVMF reserves by default below an expander, beside a larger reserve for spare slots": (
        {
            "machine": "q35",
            "firmware": "ovmf:2023.05",
            "controllers": [
                device("left", "pxb-pcie"),
                device("right", "pxb-pcie"),
                device("dmi", "i82801b11-bridge", address="right:01.0"),
                device("rp", "ioh3420", address="left:01.0"),
            ],
            "devices": [device("serial", "pci-serial", hotplug="required")],
            "spare": [{"kind": "pci", "count": 7, "io": 4096}],
        },
        {"io_windows": 32768, "controllers": 8, "depth": 2},
    ),
    "64-bit memory that a 32-bit BAR keeps below 4 GiB, as there is no more of it above": (
        {
            **ALL_THAT_IS_ABOVE,
            "controllers": [],
            "devices": [
                *ALL_THAT_IS_ABOVE["devices"][:2],
                {
                    **device("wide", "acme", connect="conventional", hotplug="required"),
                    "bars": [{"bar": 0, "kind": "mem64", "size": "64MiB", "prefetchable": True}],
                },
            ],
        },
        {"io_windows": 4096, "controllers": 2, "depth": 4},
    ),
    "no bridge that keeps room for spare slots": (
        {"machine": "pc", "spare": [{"kind": "pci", "count": 2, "io": 4096}]},
        {},
    ),
}


@pytest.mark.parametrize("name", OPTIMA)
def test_the_optimum(name: str) -> None:
    data, best = OPTIMA[name]
    assert costs(planned(data)) == best


IMPOSSIBLE: Final[dict[str, Data]] = {
    "pages that OVMF reserves by default for ports of a switch": {
        "machine": "q35",
        "firmware": "ovmf:2023.05",
        "chipset": {"usb": False},
        "policy": {"max_controllers": 12},
        "controllers": [device("one", "xio3130-downstream"), device("two", "xio3130-downstream")],
        "spare": [{"kind": "pcie", "count": 8, "io": 4096}],
    },
    "a reserve larger than what SeaBIOS has": TOO_LARGE_A_RESERVE,
    "64-bit memory that SeaBIOS would begin below 0": {
        "machine": "q35",
        "firmware": {"name": "seabios", "version": "1.16.3"},
        "devices": [card("gpu", "mem64", "1TiB")],
    },
    "ports that a listed root port keeps, and its bridge does not get": {
        "machine": "q35",
        "firmware": {"name": "ovmf", "version": "2025.02"},
        "controllers": [device("port0", "pcie-root-port", properties={"io-reserve": "4KiB"})],
        "spare": [{"kind": "pci", "io": 256}],
        "policy": {"max_controllers": 2},
    },
    "hot-plug inside a port that says off as a property": {
        "machine": "q35",
        "controllers": [device("port0", "pcie-root-port", properties={"hotplug": "off"})],
        "devices": [device("nic", "e1000e", hotplug="required", address="port0:00.0")],
    },
    "OVMF's own reserve for a bridge beside those of spare slots": PADDED,
    "OVMF's own reserve for a bridge beside a stated one and an expander": PADDED_BESIDE_AN_EXPANDER,
    "a device pinned where the only block begins that an expander needs": {
        **FIRST_BLOCK,
        "devices": [device("nic", "e1000e", address="pci.0:05.0")],
    },
    "64-bit memory of ports beside all that is above, where something else is kept below 4 GiB": {
        **ALL_THAT_IS_ABOVE,
        "spare": [{"kind": "pcie", "count": 3, "memory": "1MiB"}],
    },
    "memory in two lists, of which each takes whole blocks": BLOCKS_OF_TWO_LISTS,
    "prefetchable memory inside a bridge that reserves as much of the other": INSIDE_A_RESERVE_OF_THE_OTHER,
    "root BARs behind an aligned reserve, where an expander needs the block after it": {
        "machine": "q35",
        "firmware": "ovmf:2022.11",
        "controllers": [
            device("rp", "pcie-root-port", address="pcie.0:02.0", properties={"io-reserve": "16K"}),
            device("x", "pxb-pcie"),
            device("inside", "pcie-root-port", address="x:01.0", properties={"io-reserve": "16K"}),
        ],
    },
    "a window above 4 GiB beside all that there is": {
        "machine": "q35",
        "memory": "4GiB",
        "controllers": [
            device("bridge", "pcie-pci-bridge"),
            device("inner", "pci-bridge", properties={"pref64-reserve": "32M"}),
        ],
        "devices": [
            device(
                "card",
                "vfio-pci",
                connect="integrated",
                bars=[{"bar": 2, "kind": "mem64", "size": 1 << 40, "prefetchable": True}],
            )
        ],
    },
    "what OVMF reserves by default where the only block begins that an expander needs": {
        **FIRST_BLOCK,
        "controllers": [*FIRST_BLOCK["controllers"], device("io", "ioh3420")],
    },
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_no_layout(name: str) -> None:
    assert isinstance(solve(Guest.model_validate(IMPOSSIBLE[name])), Infeasible)


def test_bounds_of_an_undecided_answer_hold_for_it() -> None:
    """Those after the first are proved only of layouts that meet it."""
    found = Optimum((), {"preferences": 1, "io_windows": 0, "controllers": 9, "depth": 5}, {}, proved=False)
    guest = Guest.model_validate({"machine": "q35"})
    stated = {term.term: term.bound for term in found.unconditional(guest)}
    assert stated["preferences"] == 1
    assert stated["depth"] == stated["controllers"] == 0
    values = {"moved": 0, "guest_visible": 0, "preferences": 45, "io_windows": 0, "controllers": 14, "depth": 3}
    bounds = optimize._bounds(guest, values, found)  # type: ignore[arg-type]
    assert all(bound <= values[term] for term, bound in bounds.items())


def test_a_row_without_a_limit_below_refuses_nothing() -> None:
    """A finite constant stood for infinity."""
    for amount in (1, 1 << 41, 1 << 61):
        model = LinearModel()
        what = model.variable(0, 1) * amount
        model.add_le(LinearExpr(constant=-amount) + what * -1, 0)
        assert not model.infeasible


def test_without_the_limit_to_io_space_each_device_may_have_a_bridge() -> None:
    """The exact model looks at as many bridges with IO as there are windows, or at all there may be."""
    guest = Guest.model_validate({"machine": "pc", "devices": [device(f"d{n}", "rtl8139") for n in range(20)]})
    items = items_of(guest)
    numbers = []
    for without in (frozenset[str](), frozenset({"io-space"})):
        encoding = build(guest, items, Formulation(exact_io=True, without=without))
        numbers.append(
            1 + max(bus.io_bus_number for bus in encoding.variables.classes if bus.io_bus_number is not None)
        )
    assert numbers == [8, 20]
