"""Guests whose memory or IO decides: once without an answer, as sums alone fit, or wrongly without a layout."""

from importlib import import_module
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qslot.schema import Guest, Infeasible, Solved, Undecided
from qslot.schema.pci.size import MIB, power_of_two
from qslot.solver import Options, solve
from qslot.solver.address_model.solve import consider
from qslot.solver.aggregate.items import items_of
from qslot.solver.formulation import Formulation
from qslot.solver.model.build import build
from qslot.solver.model.spare_memory import share
from qslot.solver.search.cpsat import Limits

from .ask import Data, costs, device, host, only, planned

SOLVING: Final = import_module("qslot.solver.solving")
ADDRESS_LEVEL: Final = import_module("qslot.solver.address_model.solve")
PATIENCE: Final = Options(time_limit=20)
NEWER: Final[Data] = {"name": "ovmf", "version": "2025.02"}


def card(name: str, *bars: tuple[str, str], **more: Any) -> Data:
    """A host device with prefetchable BARs."""
    described = [
        {"bar": 2 * number, "kind": kind, "size": size, "prefetchable": True}
        for number, (kind, size) in enumerate(bars)
    ]
    return {**host(name, "conventional"), "bars": described, **more}


def plain(name: str, size: str) -> Data:
    """One on a port, its memory not prefetchable."""
    return {**host(name, hotplug="required"), "bars": [{"bar": 0, "kind": "mem32", "size": size}]}


BRIDGES: Final[list[Data]] = [
    device("port0", "pcie-root-port", address="pcie.0:05.0"),
    device("outer", "pcie-pci-bridge", address="port0:00.0"),
    device("inner", "pci-bridge", address="outer:01.0"),
]


def one_keeps_another_low(wide: str, narrow: str) -> Data:
    """A large 64-bit BAR and a small 32-bit one, both prefetchable, on these two of the bridges."""
    devices = [
        card("wide", ("mem64", "2GiB"), address=f"{wide}:02.0"),
        card("narrow", ("mem32", "1MiB"), address=f"{narrow}:03.0"),
    ]
    return {"machine": "q35", "controllers": BRIDGES, "devices": devices}


def beside_on_root(bus: str) -> Data:
    """1 GiB on one of the bridges, 256 MiB on the root bus, in all there is of 1.5 GiB."""
    beside = [
        {**host(name, "conventional"), "bars": [{"bar": 0, "kind": "mem32", "size": size}], "address": address}
        for name, size, address in (("large", "1GiB", f"{bus}:02.0"), ("root", "256MiB", "pcie.0:04.0"))
    ]
    plain_bridge = device("plain", "i82801b11-bridge", address="pcie.0:06.0")
    return {"machine": "q35", "firmware": "ovmf", "controllers": [*BRIDGES, plain_bridge], "devices": beside}


PADDED: Final[Data] = {
    "machine": "q35",
    "firmware": {"name": "ovmf", "version": "2023.05"},
    "chipset": {"sata": False, "smbus": False},
    "controllers": [
        device("p0", "pcie-root-port", address="pcie.0:10.0", properties={"io-reserve": "16K"}),
        device("p1", "pcie-root-port", address="pcie.0:11.0", properties={"io-reserve": "8K"}),
        device("p2", "pcie-root-port", address="pcie.0:12.0", properties={"io-reserve": "8K"}),
        device("port0", "pcie-root-port", address="pcie.0:13.0"),
        device("dry", "pcie-pci-bridge", address="port0:00.0"),
    ],
    "devices": [],
}
"""16 KiB, 8 and 8 from 0x8000 to 0xffff, and a bridge for which that OVMF reserves 512 bytes."""

IMPOSSIBLE: Final[dict[str, Data]] = {
    "spare slots whose reserves round up, however they share them": {
        "machine": "q35",
        "spare": [{"kind": "pci", "memory": "200MiB", "count": 4}],
    },
    "what OVMF reserves by default beside larger reserves": PADDED,
    "what OVMF reserves by default beside larger reserves of ports that have no slot left": {
        "machine": "pc-q35-2.11",
        "firmware": {"name": "ovmf", "version": "2023.05"},
        "controllers": [
            device(f"p{number}", "pcie-root-port", address=f"pcie.0:{16 + number:x}.0", properties={"io-reserve": size})
            for number, size in enumerate(("16K", "8K", "4K"))
        ],
        "devices": [
            device("serial", "virtio-serial", virtio="transitional", hotplug="never"),
            {**host("card", "conventional"), "bars": [{"bar": 0, "kind": "io", "size": 512}], "address": "pcie.0:02"},
            device("usb", "nec-usb-xhci"),
        ],
        "spare": [{"kind": "pci", "count": 3}],
        "reserve": ["p0:00", "p1:00", "p2:00", *(f"pcie.0:{slot:02x}" for slot in (1, *range(3, 16), *range(19, 31)))],
    },
    "a page beside a bridge that OVMF opens 512 bytes for, below an expander with a larger reserve": {
        "machine": "pc",
        "firmware": "ovmf",
        "numa_nodes": 1,
        "controllers": [
            device("root", "pxb", numa=0),
            device("empty", "pci-bridge", address="root:00"),
            device("large", "pci-bridge", numa=0, properties={"io-reserve": 8192}),
        ],
        "devices": [device("nic", "e1000", address="root:06.0"), device("disk", "virtio-blk", address="large:03.0")],
        "policy": {"max_controllers": 3},
    },
    "a reserve as large as all there is, which starts at no multiple of it": {
        "machine": "q35",
        "firmware": NEWER,
        "memory": "2560MiB",
        "controllers": [device("port0", "pcie-root-port", properties={"mem-reserve": "1G"})],
    },
    "a reserve of which the main root has the only block": {
        "machine": "q35",
        "firmware": NEWER,
        "numa_nodes": 1,
        "controllers": [device("bridge", "pci-bridge", numa=0, properties={"mem-reserve": "1G"})],
    },
    "a small 32-bit BAR that keeps a large one of its device low": {
        "machine": "q35",
        "devices": [card("gpu", ("mem64", "2GiB"), ("mem32", "4KiB"), connect="express", hotplug="required")],
    },
    "a small 32-bit BAR that keeps low what its bridge reserves": {
        "machine": "q35",
        "controllers": [device("bridge", "pci-bridge", properties={"mem-reserve": "8M", "pref64-reserve": "1G"})],
        "devices": [card("narrow", ("mem32", "4KiB"), address="bridge:03.0")],
    },
    "a window that SeaBIOS doubles for a small BAR beside a large one": {
        "machine": "q35",
        "controllers": BRIDGES[:2],
        "devices": [
            {**host("large", "conventional"), "bars": [{"bar": 0, "kind": "mem32", "size": "512MiB"}]}
            | {"address": "outer:01.0"},
            {**host("small", "conventional"), "bars": [{"bar": 0, "kind": "mem32", "size": "4KiB"}]}
            | {"address": "outer:02.0"},
        ],
    },
    "a window that SeaBIOS doubles for an option ROM beside a large BAR, alone behind a port": {
        "machine": "q35",
        "devices": [{**plain("gpu", "512MiB"), "connect": "express", "rom": "64KiB"}],
    },
    "what OVMF loses between a window with company and a BAR on the root bus": beside_on_root("inner"),
    "a 32-bit BAR that keeps its neighbour's low": one_keeps_another_low(wide="outer", narrow="outer"),
    "a 32-bit BAR that keeps one below a lower bridge low": one_keeps_another_low(wide="inner", narrow="outer"),
    "a 32-bit BAR below a lower bridge that keeps all low": one_keeps_another_low(wide="outer", narrow="inner"),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_no_layout(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of guests of any size: without the address-level model, which is for small ones."""
    monkeypatch.setattr(SOLVING, "within_reach", lambda _: False)
    assert isinstance(solve(Guest.model_validate(IMPOSSIBLE[name]), PATIENCE), Infeasible)


DOUBLED: Final[Data] = {
    "machine": "pc",
    "controllers": [
        device("left", "pci-bridge", address="pci.0:03.2", properties={"io-reserve": 16384}),
        device("right", "pci-bridge", address="pci.0:03.0", properties={"io-reserve": 16384}),
    ],
    "devices": [
        device("a", "acme", connect="express", bars=[], rom="64KiB", address="left:01"),
        device("b", "acme", connect="express", bars=[], rom="64KiB", address="right:02"),
        device("free", "acme", connect="express", bars=[]),
        {
            **device("large", "acme", connect="conventional"),
            "bars": [{"bar": 0, "kind": "io", "size": 4096}, {"bar": 1, "kind": "mem32", "size": "1GiB"}],
        },
    ],
}
"""A BAR of 1 GiB, in whichever window it is with a ROM, takes two."""


def test_what_memory_runs_out_without_may_be_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else there are too many layouts for the address-level model to refuse one by one."""
    guest, limits = Guest.model_validate(DOUBLED), Limits(seconds=20)
    assert isinstance(consider(guest, limits, pooled=True).outcome, Infeasible)
    monkeypatch.setattr(ADDRESS_LEVEL, "exceeds_memory", lambda _: False)
    assert isinstance(consider(guest, Limits(seconds=20), pooled=True).outcome, Undecided)


POSSIBLE: Final[dict[str, tuple[Data, dict[str, int]]]] = {
    "prefetchable memory in what OVMF reserves for spare slots": (
        {
            "machine": "q35",
            "firmware": NEWER,
            "devices": [
                card("narrow", ("mem32", "512MiB"), hotplug="required"),
                *(plain(f"p{number}", size) for number, size in enumerate(("256MiB", "256MiB", "64MiB"))),
            ],
            "spare": [{"kind": "pci", "memory": "512MiB"}],
        },
        {"controllers": 6, "depth": 6},
    ),
    "a reserve inside one that rounds up": (
        {
            "machine": "q35",
            "controllers": [
                *BRIDGES[:2],
                device("middle", "pci-bridge", address="outer:01.0"),
                device("inner", "pci-bridge", address="middle:01.0", properties={"mem-reserve": "56MiB"}),
            ],
            "devices": [plain(f"p{number}", size) for number, size in enumerate(("256MiB", "128MiB", "64MiB"))],
            "spare": [{"kind": "pci", "memory": "400MiB"}],
            "reserve": [
                *(f"inner:{slot:02x}" for slot in range(1, 32)),
                *(f"outer:{slot:02x}" for slot in range(2, 32)),
            ],
            "policy": {"max_controllers": 7},
        },
        {"io_windows": 4096, "controllers": 7, "depth": 3},
    ),
}


def test_a_window_without_company_is_as_large_as_its_bar() -> None:
    """No bridge with registers of its own is in it, so that nothing is lost."""
    assert isinstance(solve(Guest.model_validate(beside_on_root("plain")), PATIENCE), Solved)


def test_what_is_behind_a_port_of_a_switch_may_fill_up_a_window_with_a_large_bar() -> None:
    """640 MiB for 512 and 64 of them, in 1536 with 864 on the root bus: another port's window is inside, not beside."""
    places = {"up": "port0:00.0", "d1": "up:00.0", "d2": "up:01.0", "bridge": "d2:00.0"}
    models = ("x3130-upstream", "xio3130-downstream", "xio3130-downstream", "pcie-pci-bridge")
    switch = [device(name, model, address=at) for (name, at), model in zip(places.items(), models, strict=True)]
    sizes = {"bridge:01": 512, "d1:00": 64, "pcie.0:08": 512, "pcie.0:09": 128, "pcie.0:0a": 128}
    cards = [
        {**host(at.replace(":", "-"), "hybrid"), "bars": [{"bar": 0, "kind": "mem32", "size": size * MIB}]}
        | {"hotplug": "never", "address": f"{at}.0"}
        for at, size in (sizes | {"pcie.0:0b": 64, "pcie.0:0c": 32}).items()
    ]
    cards[1] |= {"connect": "express"}
    del cards[1]["address"]
    data = {"machine": "q35", "firmware": "ovmf", "controllers": [BRIDGES[0], *switch], "devices": cards}
    assert isinstance(solve(Guest.model_validate(data), PATIENCE), Solved)


def test_later_ovmf_reserves_no_ports_by_default() -> None:
    newer = {**PADDED, "firmware": NEWER}
    assert isinstance(solve(Guest.model_validate(newer), PATIENCE), Solved)


@pytest.mark.parametrize("name", POSSIBLE)
def test_the_optimum(name: str) -> None:
    data, best = POSSIBLE[name]
    assert costs(planned(data)) == best


def test_a_wide_bar_that_its_own_narrow_one_keeps_low_goes_to_the_root_bus() -> None:
    data = {"machine": "q35", "devices": [card("gpu", ("mem64", "2GiB"), ("mem32", "4KiB"), hotplug="never")]}
    outcome = solve(Guest.model_validate(data), PATIENCE)
    assert isinstance(outcome, Solved)
    assert outcome.layout.devices[0].bus == "pcie.0"


@pytest.mark.parametrize(("rom", "sharper"), [("4MiB", True), ("5MiB", False), ("300KiB", True)])
def test_an_odd_rom_upsets_alignment_so_that_blocks_say_nothing(rom: str, sharper: bool) -> None:
    guest = Guest.model_validate(
        {"machine": "q35", "devices": [{**plain(name, "256MiB"), "rom": rom} for name in "pq"]}
    )
    capacities = build(guest, items_of(guest), Formulation(without=frozenset({"memory-space"}))).capacities
    assert any(one.unit > 1 << 20 for one in capacities) == sharper


@given(st.integers(1, 40), st.lists(st.tuples(st.integers(0, 6), st.integers(0, 30)), min_size=1, max_size=5))
def test_a_spare_slot_adds_its_share_to_reserves_however_they_nest(size: int, bridges: list[tuple[int, int]]) -> None:
    """Each bridge with so many spare slots and bytes of others, and in it the next one, or not."""
    number, others = sum(spares for spares, _ in bridges), sum(more for _, more in bridges)
    each = share(size, number, others)
    side_by_side = sum(power_of_two(spares * size + more) if spares else more for spares, more in bridges)
    nested = 0
    for spares, more in bridges:
        nested = power_of_two(spares * size + more + nested) if spares else more + nested
    assert min(side_by_side, nested) >= number * each + others


def test_what_spare_slots_keep_of_memory_counts() -> None:
    """Six times 8 GiB in an aperture of 32 GiB: the row of 64-bit memory proves it, with its own words."""
    asked = {"machine": "q35", "firmware": "ovmf", "phys_bits": 36, "devices": []}
    outcome = solve(Guest.model_validate({**asked, "spare": [{"kind": "pcie", "count": 6, "memory": "8GiB"}]}))
    assert isinstance(outcome, Infeasible)
    (finding,) = outcome.findings
    assert (finding.rule, finding.details["memory"], finding.details["used"]) == ("memory-space", "64-bit", 48 << 30)
    outcome = solve(Guest.model_validate({**asked, "spare": [{"kind": "pcie", "count": 4, "memory": "8GiB"}]}))
    assert isinstance(outcome, Solved)


def test_ports_give_up_what_ovmf_keeps_by_itself_but_for_those_that_the_request_speaks_of() -> None:
    """A spare slot's port keeps its 32-bit memory for the device to come; one with a device needs none."""
    large = [{"bar": 0, "kind": "mem64", "size": 16 << 30, "prefetchable": True}]
    cards = [device(f"v{n}", "vfio-pci", connect="express", bars=large) for n in range(7)]
    stated = device("said", "pcie-root-port", properties={"mem-reserve": 4 << 20})
    layout = planned({
        "machine": "q35", "firmware": "ovmf", "devices": cards, "controllers": [stated], "spare": {"pcie": 40}
    })  # fmt: skip
    spare = {one.bus for one in layout.spare}
    given = {"pref64-reserve": 2 << 20}
    for port in layout.controllers:
        reserves = {name: value for name, value in port.properties.items() if name in ("mem-reserve", "pref64-reserve")}
        kept = given if port.id in spare else {**given, "mem-reserve": 0}
        assert reserves == ({"mem-reserve": 4 << 20} if port.id == "said" else kept), port.id


@pytest.mark.parametrize("version", ["1.16.2", "1.17.0"])
def test_two_switches_keep_apart_what_one_window_would_hold(version: str) -> None:
    """Two functions of the root bus are left for four cards: 64-bit BARs are above 4 GiB only if no 32-bit one is
    behind the same port. It was infeasible (proved), as one switch was taken to do all that two do."""
    cards = [("mem32", "16MiB"), ("mem32", "16MiB"), ("mem64", "1GiB"), ("mem64", "1GiB")]
    devices = [card(f"d{n}", one, connect="express", hotplug="required") for n, one in enumerate(cards)]
    outcome = solve(
        Guest.model_validate(
            {
                "machine": "q35",
                "memory": "8GiB",
                "phys_bits": 40,
                "firmware": {"name": "seabios", "version": version},
                "reserve": only("01.0", "01.1"),
                "devices": devices,
            }
        )
    )
    assert isinstance(outcome, Solved)
    assert sum(one.model == "x3130-upstream" for one in outcome.layout.controllers) == 2
