"""Guests that once had a wrong answer: a proof of what is not so, a bound above the value, no answer without a limit.

With each mend switched off, what stands beside the solver sees the fault: docs/model.md, "Second opinions".
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, NamedTuple

import pytest

from qslot.schema import Guest, Infeasible, Undecided
from qslot.schema.firmware.pieces import NONE
from qslot.solver import solve
from qslot.solver.aggregate import bus_class_builder, bus_class_drafts, controller_reserves, item_kinds
from qslot.solver.aggregate.bus_class_drafts import BusClassDraft
from qslot.solver.aggregate.bus_classes import BusClass, BusKind, KeptRoom
from qslot.solver.aggregate.items import items_of
from qslot.solver.formulation import Formulation
from qslot.solver.model import io_space, memory, spare_slots
from qslot.solver.model.build import build
from qslot.solver.model.linear import LinearExpr, LinearModel, sum_of
from qslot.solver.model.prefetchable import Held
from qslot.solver.model.variables import Variables
from qslot.solver.search import optimize
from qslot.solver.search.lexicographic import Optimum

from ..opinions import addresses, oracle, rows
from .ask import Data, costs, device, host, planned

SOLVING: Final = import_module("qslot.solver.solving")
Patch = pytest.MonkeyPatch
Opinion = Callable[[Guest, Any], str]


def card(name: str, kind: str, size: str) -> Data:
    """A conventional one with prefetchable memory."""
    bars = [{"bar": 0, "kind": kind, "size": size, "prefetchable": True}]
    return {**host(name, "conventional", hotplug="required"), "bars": bars}


JOINED: Final[Data] = {
    "machine": "q35",
    "controllers": [device("port0", "pcie-root-port")],
    "devices": [
        device("joins", "virtio-scsi", address=".1"),
        device("stays", "virtio-scsi", address="port0:00.0"),
    ],
}
TWO_PORTS: Final[Data] = {
    "machine": "q35",
    "policy": {"max_controllers": 2},
    "controllers": [
        device("shut", "pcie-root-port", address="pcie.0:05.0", properties={"io-reserve": 0}),
        device("open", "pcie-root-port", address="pcie.0:05.1"),
    ],
    "devices": [device("nic", "e1000e", hotplug="required")],
}
BEHIND_IOH3420: Final[Data] = {
    "machine": "q35",
    "firmware": "ovmf:2022.11",
    "controllers": [
        device("port0", "ioh3420", address="pcie.0:02.0"),
        device("bridge", "pcie-pci-bridge", address="port0:00.0"),
    ],
    "spare": [{"kind": "pci", "io": 8}],
}
INSIDE_A_FLOATING_BRIDGE: Final[Data] = {
    "machine": "pc",
    "numa_nodes": 2,
    "controllers": [device("bridge", "pci-bridge")],
    "devices": [device("nic", "rtl8139", numa=1, address="bridge:04.0")],
}
WIDE: Final[Data] = {"machine": "q35", "firmware": "ovmf", "phys_bits": 45}
LARGE_CARD: Final[Data] = {
    **WIDE,
    "devices": [{**host("gpu"), "bars": [{"bar": 0, "kind": "mem64", "size": "1GiB", "prefetchable": True}]}],
}
NEEDS_A_KEEPER: Final[Data] = {
    "machine": "q35",
    "controllers": [device("port0", "ioh3420")],
    "spare": [{"kind": "pci", "io": 32, "memory": "5MiB"}],
}
TOO_LARGE_A_RESERVE: Final[Data] = {
    "machine": "q35",
    "controllers": [device("port0", "pcie-root-port", properties={"mem-reserve": "1G"})],
}
ALIGNED: Final[Data] = {
    "machine": "pc",
    "firmware": "ovmf:2022.11",
    "numa_nodes": 1,
    "devices": [device("nic", "rtl8139", numa=0)],
    "spare": [{"kind": "pci", "count": 2, "io": 4096, "numa": 0}],
}
FIRST_BLOCK: Final[Data] = {
    "machine": "pc",
    "firmware": "ovmf",
    "controllers": [
        device("x", "pxb"),
        device("bridge", "pci-bridge", address="x:02.0", properties={"mem-reserve": "1G"}),
    ],
}
"""There is one aligned GiB, and the main root comes first."""
PORT_IN_THE_FIRST_BLOCK: Final[Data] = {
    "machine": "q35",
    "firmware": "ovmf",
    "memory": "3GiB",
    "chipset": {"sata": False, "smbus": False},
    "numa_nodes": 2,
    "controllers": [device("bridge", "pci-bridge", numa=1, properties={"mem-reserve": "1G"})],
    "devices": [device("nic", "ne2k_pci")],
}
BELOW_A_LARGE_RESERVE: Final[Data] = {
    "machine": "q35",
    "firmware": "seabios:1.16.3",
    "memory": "2GiB",
    "controllers": [
        device("rp", "pcie-root-port", address="pcie.0:01.0", properties={"pref64-reserve": "1G"}),
        device("down", "xio3130-downstream"),
        device("bridge", "pci-bridge"),
    ],
    "devices": [{**card("card", "mem32", "4KiB"), "connect": "hybrid", "hotplug": "preferred"}],
    "reserve": [
        *(f"pcie.0:{slot:02x}" for slot in range(2, 31)),
        *(f"pcie.0:01.{function}" for function in range(1, 8)),
        *(f"bridge:{slot:02x}" for slot in range(1, 32)),
    ],
}
INSIDE_A_RESERVE_OF_THE_OTHER: Final[Data] = {
    "machine": "pc",
    "controllers": [
        device("b", "pci-bridge"),
        device("bridge", "pci-bridge", address="b:01.0", properties={"mem-reserve": "1G"}),
    ],
    "devices": [card("card", "mem32", "1GiB")],
}
BESIDE_AN_EMPTY_ROOT: Final[Data] = {
    "machine": "q35",
    "controllers": [device("bridge", "pcie-pci-bridge"), device("x", "pxb-pcie")],
    "devices": [{**card("narrow", "mem32", "1MiB"), "address": "bridge:01.0"}, card("wide", "mem64", "32GiB")],
}
"""Where the bridge could be, but is not, nothing has memory below 4 GiB."""
BEHIND_A_PORT: Final[Data] = {
    "machine": "q35",
    "controllers": [
        device("port0", "pcie-root-port"),
        device("bridge", "pci-bridge", address="port0:00", properties={"pref64-reserve": "1G"}),
    ],
    "devices": [device("nic", "virtio-net", hotplug="never")],
}
"""The port's own window is not inside the bridge, and what the bridge reserves is no larger for it."""
PADDED: Final[Data] = {
    "machine": "q35",
    "firmware": "ovmf:2022.11",
    "controllers": [device("bridge", "pcie-pci-bridge")],
    "spare": [{"kind": "pcie", "count": 9, "io": 4096}],
}


def reserving(name: str, place: str, reserve: str) -> Data:
    return device(name, "pcie-root-port", address=place, properties={"io-reserve": reserve})


ALIGNED_BESIDE_AN_EXPANDER = {
    "machine": "pc-q35-6.0",
    "firmware": "ovmf:2022.11",
    "controllers": [
        reserving("large", "pcie.0:10.0", "16K"),
        reserving("half", "pcie.0:11.0", "8K"),
        reserving("page", "pcie.0:12.0", "4K"),
        device("x", "pxb-pcie", address="pcie.0:01.0"),
        reserving("one", "x:00.0", "4K"),
        reserving("two", "x:01.0", "4K"),
    ],
    "devices": [],
}
PADDED_BESIDE_AN_EXPANDER = {
    **ALIGNED_BESIDE_AN_EXPANDER,
    "controllers": [
        *ALIGNED_BESIDE_AN_EXPANDER["controllers"][:4],
        device("port0", "pcie-root-port", address="pcie.0:13.0"),
        device("bridge", "pcie-pci-bridge", address="port0:00.0"),
    ],
}

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


class Fault(NamedTuple):
    """How a mend is switched off, and what sees it on that guest: an opinion that disagrees, or none where the answer
    itself shows it, undecided without a limit."""

    data: Data
    plant: Callable[[Patch], None]
    seen_by: tuple[Opinion, ...] = ()


def joiners_are_free(patch: Patch) -> None:
    patch.setattr(optimize, "restricted_to_least_weights", lambda model, _: model)


def few_fields_are_compared(patch: Patch) -> None:
    names = ("model", "level", "slots", "takes_hotplug", "io_reserve_pages")

    def looks(one: BusClassDraft) -> object:
        return (*(getattr(one.bus, name) for name in names), one.parent)

    patch.setattr(bus_class_drafts, "all_but_ids", looks)
    patch.setattr(BusClass, "is_tracked", property(lambda bus: bus.bus_reserve is not None or bus.io_reserve_pages > 1))


def no_page_of_its_own(patch: Patch) -> None:
    patch.setattr(spare_slots, "shpc_opens_page", lambda _: False)


def only_free_items_wish(patch: Patch) -> None:
    patch.setattr(
        bus_class_builder, "wished_nodes", lambda _, items: {kind.numa for kind in items.free if kind.numa is not None}
    )


def a_constant_for_infinity(patch: Patch) -> None:
    patch.setattr(memory, "MIB", 1)
    patch.setattr(LinearModel, "add_le", lambda self, what, limit: self.add_range(-1 << 40, what - limit, 0))
    patch.setattr(item_kinds, "may_be_short", lambda _: True)


def what_is_nowhere_counts(patch: Patch) -> None:
    patch.setattr(Held, "_any", lambda *_: LinearExpr(constant=1))


def what_is_behind_other_ports_is_taken_off(patch: Patch) -> None:
    def empty_ports(v: Variables, classes: list[BusClass]) -> LinearExpr:
        ports = sum_of(v.controller_count(bus) for bus in classes if bus.kind is BusKind.PORT)
        hanging = (bus for bus in classes if any(host.kind is BusKind.PORT for host in bus.above))
        return ports - sum_of(map(v.controller_count, hanging))

    patch.setattr(memory, "_empty_ports", empty_ports)


def everybody_keeps_room(patch: Patch) -> None:
    patch.setattr(BusClass, "spare_room", property(lambda _: KeptRoom()))
    patch.setattr(SOLVING, "within_reach", lambda _: False)


def reserves_take_no_memory(patch: Patch) -> None:
    patch.setattr(controller_reserves, "kept_memory", lambda *_: NONE)
    patch.setattr(SOLVING, "within_reach", lambda _: False)


def sums_alone(patch: Patch) -> None:
    patch.setattr(io_space, "io_blocks", lambda *_: ())
    patch.setattr(SOLVING, "within_reach", lambda _: False)


def nothing_is_padded(patch: Patch) -> None:
    patch.setattr(io_space, "_padded", lambda *_: ())
    patch.setattr(SOLVING, "within_reach", lambda _: False)


def controllers_ask_for_nothing(patch: Patch) -> None:
    patch.setattr(memory._Need, "_has_low_bar", lambda *_: False)
    patch.setattr(SOLVING, "within_reach", lambda _: False)


def one_of_several_buses_is_nowhere(patch: Patch) -> None:
    patch.setattr(Held, "_from_anywhere_below", lambda *_: None)
    patch.setattr(SOLVING, "within_reach", lambda _: False)


def all_memory_is_alike(patch: Patch) -> None:
    patch.setattr(memory._Need, "_prefetchable", lambda *_: LinearExpr())
    patch.setattr(SOLVING, "within_reach", lambda _: False)


FAULTS: Final[dict[str, Fault]] = {
    "joiners are free": Fault(JOINED, joiners_are_free, (rows.opinion, addresses.opinion, oracle.opinion)),
    "few fields are compared": Fault(TWO_PORTS, few_fields_are_compared, (addresses.opinion, oracle.opinion)),
    "no page of its own": Fault(BEHIND_IOH3420, no_page_of_its_own, (addresses.opinion, oracle.opinion)),
    "only free items wish": Fault(INSIDE_A_FLOATING_BRIDGE, only_free_items_wish, (addresses.opinion, oracle.opinion)),
    "a constant for infinity": Fault(LARGE_CARD, a_constant_for_infinity, (addresses.opinion, oracle.opinion)),
    "what is nowhere counts": Fault(BESIDE_AN_EMPTY_ROOT, what_is_nowhere_counts, (addresses.opinion, oracle.opinion)),
    "what is behind other ports is taken off": Fault(
        BEHIND_A_PORT, what_is_behind_other_ports_is_taken_off, (addresses.opinion, oracle.opinion)
    ),
    "everybody keeps room": Fault(NEEDS_A_KEEPER, everybody_keeps_room),
    "reserves take no memory": Fault(TOO_LARGE_A_RESERVE, reserves_take_no_memory),
    "sums alone": Fault(ALIGNED, sums_alone),
    "nothing is padded": Fault(PADDED, nothing_is_padded),
    "controllers ask for nothing": Fault(PORT_IN_THE_FIRST_BLOCK, controllers_ask_for_nothing),
    "one of several buses is nowhere": Fault(BELOW_A_LARGE_RESERVE, one_of_several_buses_is_nowhere),
    "all memory is alike": Fault(INSIDE_A_RESERVE_OF_THE_OTHER, all_memory_is_alike),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_mend_that_is_switched_off_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = FAULTS[name]
    guest = Guest.model_validate(fault.data)
    with monkeypatch.context() as patch:
        fault.plant(patch)
        outcome = solve(guest)
    for opinion in fault.seen_by:
        assert opinion(guest, outcome).startswith("DISAGREE")
    if not fault.seen_by:
        assert isinstance(outcome, Undecided)
        assert outcome.reason == "unconfirmed"


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
