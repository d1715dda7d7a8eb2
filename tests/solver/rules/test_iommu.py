"""Rules iommu-group and companion, the preference iommu-space: vIOMMUs, and whose address space who has."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qslot.schema import Guest, Infeasible, Solved
from qslot.schema.verify import verify
from qslot.solver import Options, solve

from ..ask import (
    BadInput,
    Case,
    Data,
    Trio,
    Trios,
    above,
    check_trio,
    costs,
    device,
    explained,
    host,
    models,
    only,
    pc,
    planned,
    policy,
    q35,
    refused,
    rules_named,
    seats,
)

VIRTIO = device("mmu", "virtio-iommu")
AMD = device("mmu", "amd-iommu")
BYPASSING = device("x", "pxb-pcie", properties={"bypass_iommu": True})


def pair(number: int = 14, first: str = "a", second: str = "b", connect: str = "express", **fields: Any) -> list[Data]:
    """Two devices of one IOMMU group."""
    return [host(name, connect, iommu_group=number, **fields) for name in (first, second)]


def viommu(*parts: Data, **fields: Any) -> Data:
    return q35(*parts, needs=["viommu"], **fields)


TRIOS: Trios = {
    ("iommu-group", "behind one bridge"): Trio(
        Case(q35(*pair()), {"a": "rp1:00.0", "b": "rp2:00.0"}),
        viommu(*pair(), policy=policy(max_controllers=1)),
        Case(viommu(*pair()), {"a": "p2p1:01.0", "b": "p2p1:02.0", "p2p1": "rp1:00.0"}),
    ),
    ("iommu-group", "functions of one slot"): Trio(
        Case(q35(*pair(group="card")), {"a": "rp1:00.0", "b": "rp1:00.1"}),
        viommu(*pair(group="card"), policy=policy(max_controllers=1)),
        Case(viommu(*pair(group="card")), {"a": "p2p1:01.0", "b": "p2p1:01.1"}),
    ),
    ("iommu-group", "below an expander that bypasses it"): Trio(
        Case(viommu(*pair(), controllers=[BYPASSING]), {"a": "rp1:00.0", "b": "rp2:00.0", "rp1": "x:00.0"}),
        viommu(*pair(), controllers=[BYPASSING], policy=policy(max_depth=1)),
        Case(viommu(*pair(), controllers=[BYPASSING | {"properties": {"bypass_iommu": "off"}}]), {"a": "p2p1:"}),
    ),
    ("iommu-group", "a virtio-iommu on pc"): Trio(
        Case(pc(*pair()), {"a": "pci.0", "b": "pci.0"}),
        pc(*pair(), VIRTIO, policy=policy(max_controllers=0)),
        Case(pc(*pair(), VIRTIO), {"a": "br1:01.0", "b": "br1:02.0"}),
    ),
    ("iommu-group", "pinned"): Trio(
        Case(viommu(*pair(address="p2p:01"), controllers=[device("p2p", "pcie-pci-bridge")])),
        viommu(
            *pair(address="rp:00", group="card"),
            controllers=[device("rp", "pcie-root-port")],
        ),
        Case(q35(*pair(address="rp:00", group="card"), controllers=[device("rp", "pcie-root-port")])),
    ),
    ("companion", "the first slot"): Trio(
        Case(q35(device("s", "AC97", hotplug="never"), reserve=only("01.0")), {"s": "pcie.0:01.0"}),
        q35(device("s", "AC97", hotplug="never"), AMD, reserve=only("01.0")),
        Case(q35(device("s", "AC97", hotplug="never"), AMD, reserve=only("01.0", "02.0")), {"s": "pcie.0:02.0"}),
    ),
    ("companion", "behind what is pinned"): Trio(
        Case(q35(device("s", "AC97", address="pcie.0:01"), AMD), {"mmu": "pcie.0:02.0"}),
        q35(device("s", "AC97", address="pcie.0:01"), AMD, reserve=["pcie.0:02"]),
        Case(q35(device("s", "AC97", address="pcie.0:01"), AMD, chipset={"usb": True}), {"mmu": "pcie.0:02.0"}),
    ),
    ("companion", "shares with nobody"): Trio(
        Case(q35(device("s", "AC97", hotplug="never"), AMD, reserve=only("01", "02")), {"s": "pcie.0:02"}),
        q35(device("s", "AC97", hotplug="never"), AMD, reserve=only("01")),
        Case(q35(device("s", "AC97", hotplug="never"), device("v", "AC97"), reserve=only("01"))),
    ),
    ("iommu-group", "an amd-iommu without dma-remap"): Trio(
        Case(q35(host("a"), device("mmu", "amd-iommu", properties={"dma-remap": "on"}))),
        BadInput(q35(host("a"), device("mmu", "amd-iommu")), "dma-remap=on"),
        Case(q35(device("a", "nvme"), device("mmu", "amd-iommu"))),
    ),
    ("iommu-group", "dma-remap, and a QEMU without"): Trio(
        Case(q35(host("a"), device("mmu", "amd-iommu", properties={"dma-remap": "on"}), qemu="11.1")),
        BadInput(q35(host("a"), device("mmu", "amd-iommu", properties={"dma-remap": "on"}), qemu="10.0"), "QEMU 11 on"),
        Case(q35(device("a", "nvme"), device("mmu", "amd-iommu"), qemu="10.0")),
    ),
}


@pytest.mark.parametrize("key", TRIOS, ids=", ".join)
def test_rule(key: tuple[str, str]) -> None:
    check_trio(key[0], TRIOS[key])


def test_two_functions_of_a_card_go_behind_one_bridge() -> None:
    """Once behind one port, which QEMU refuses: each function of a port has an address space of its own."""
    layout = planned(viommu(*pair(group="card")) | {"memory": "2GiB"})
    assert above(layout, "a") == above(layout, "b") == ["pcie-pci-bridge", "pcie-root-port"]


def test_functions_whose_group_is_not_known_keep_their_port() -> None:
    layout = planned(viommu(host("a", group="card"), host("b", group="card")))
    assert seats(layout)["b"] == "rp1:00.1"
    assert "unknown-iommu-group" in {warning.rule for warning in layout.warnings}


def test_one_conventional_device_may_be_hot_pluggable() -> None:
    """Once refused, as no device of the host was let behind a bridge."""
    for request in (viommu(host("a", "conventional", hotplug="required")), q35(host("a", "conventional"), VIRTIO)):
        assert above(planned(request), "a") == ["pcie-pci-bridge", "pcie-root-port"]


def test_groups_are_kept_apart() -> None:
    """Two bridges cost nothing that preferences count; where only one can be, the two share its address space."""
    four = [*pair(14), *pair(15, "c", "d")]
    assert costs(planned(viommu(*four)))["preferences"] == 16
    together = planned(viommu(*four, policy=policy(max_controllers=2)))
    assert costs(together)["preferences"] == 18
    assert models(together) == ["pcie-pci-bridge", "pcie-root-port"]


def test_bridges_below_the_topmost_one_share_its_space() -> None:
    """The pci-bridge is inside the pcie-pci-bridge: one address space, so the group may be spread over both."""
    chain = [
        device("rp", "pcie-root-port", address="pcie.0:04.0"),
        device("p2p", "pcie-pci-bridge", address="rp:00.0"),
        device("br", "pci-bridge", address="p2p:01.0"),
    ]
    first, second = pair()
    layout = planned(viommu(first | {"address": "p2p:02"}, second | {"address": "br:02"}, controllers=chain))
    assert seats(layout)["b"] == "br:02.0"


def test_a_bridge_with_a_pinned_device_has_a_space_above_it() -> None:
    """Once each other device of the host cost a bridge too many, as one for the space of c0 was missing: 6 "proved"."""
    pinned = host("a", "hybrid", address="c0:02")
    layout = planned(viommu(pinned, host("b", "conventional"), controllers=[device("c0", "pci-bridge")]))
    assert costs(layout)["preferences"] == 4
    assert costs(layout)["controllers"] == 5


def test_a_node_for_each_function_is_too_much_and_the_rule_is_named() -> None:
    first, second = pair()
    request = q35(first | {"numa": 0}, second | {"numa": 1}, VIRTIO, numa_nodes=2)
    outcome = explained(request)
    assert "iommu-group" in rules_named(outcome)
    assert "IOMMU group 14" in str(outcome)
    assert "integrated" not in rules_named(outcome)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (viommu(VIRTIO), "one vIOMMU a guest"),
        (q35(VIRTIO, device("other", "amd-iommu")), "amd-iommu or virtio-iommu"),
        (pc(device("a", "e1000"), needs=["viommu"]), "machine q35"),
        (pc(device("mmu", "amd-iommu")), "only on machine q35"),
        (q35(device("a", "e1000e", iommu_group=3)), "no device of the host"),
    ],
)
def test_bad_input(data: Data, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Guest.model_validate(data)


@pytest.mark.parametrize(
    ("data", "rules"),
    [
        (viommu(host("a", iommu_group=1)), {"caching-mode"}),
        (viommu(host("a"), chipset={"caching_mode": True}), set()),
        (viommu(host("a"), host("b", iommu_group=1), chipset={"caching_mode": True}), {"unknown-iommu-group"}),
        (viommu(device("n", "virtio-net")), {"iommu-platform"}),
        (viommu(device("n", "virtio-net", properties={"iommu_platform": "on"})), set()),
        (q35(VIRTIO, device("n", "e1000e")), set()),
        (q35(host("a"), host("b"), device("n", "virtio-net")), set()),
    ],
)
def test_warnings(data: Data, rules: set[str]) -> None:
    assert {warning.rule for warning in planned(data).warnings} - {"wasteful-pin", "shpc-driver"} == rules


@given(st.data())
def test_a_group_more_never_makes_it_cheaper(data: st.DataObject) -> None:
    """Whoever says less of groups has more layouts: what is planned with groups is a layout without them."""
    names = "abcd"[: data.draw(st.integers(2, 4))]
    connects = st.sampled_from(("express", "hybrid", "conventional"))
    numbers = [data.draw(st.one_of(st.none(), st.integers(1, 2))) for _ in names]
    parts = [host(name, data.draw(connects), iommu_group=n) for name, n in zip(names, numbers, strict=True)]
    limit = {"max_controllers": data.draw(st.integers(1, 5))}
    known = solve(Guest.model_validate(viommu(*parts, policy=policy(**limit))), Options(time_limit=20))
    if isinstance(known, Solved):
        free = Guest.model_validate(q35(*(one | {"iommu_group": None, "connect": "hybrid"} for one in parts)))
        errors = {one.rule for one in verify(free, known.layout) if one.severity == "error"}
        assert errors <= {"hash", "as-requested", "objective"}
    else:
        assert isinstance(known, Infeasible)
        refused(viommu(*parts, policy=policy(**limit)))
