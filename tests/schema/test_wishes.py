"""The table of wishes: each entry is a fact, can be left out of a request, has words, and a change that says it."""

from dataclasses import dataclass
from typing import Any, Final

import pytest

from qslot.schema import Guest
from qslot.schema.explanation.clauses import clause
from qslot.schema.explanation.conflict import CAPACITY_RULES, Fact, with_least
from qslot.schema.explanation.facts import facts_of
from qslot.schema.explanation.remedy import CHANGES, Change
from qslot.schema.explanation.restrict import restricted
from qslot.schema.explanation.wishes import BY_CODE, WISHES, wish_of
from qslot.schema.rules import RULES

Data = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """A request with the wish, the same without it, and what is said of both. `request` and `without` are what either
    has beside the machine, `number` is what the change says where it says one."""

    request: Data
    without: Data
    clause: str
    change: str
    number: int = 0


def two(**wishes: Any) -> Data:
    """A device that has the wishes, beside one that it may name."""
    return {"devices": [{"id": "a", "model": "virtio-net", **wishes}, {"id": "b", "model": "nvme"}]}


def port(**wishes: Any) -> Data:
    return {"controllers": [{"id": "rp", "model": "pcie-root-port", **wishes}]}


HOST: Final[Data] = {"id": "a", "model": "vfio-pci", "connect": "express", "bars": []}
NODES: Final = {"numa_nodes": 2}
PLAIN: Final = two(hotplug="preferred")
NODE_1 = "must sit below an expander of NUMA node 1"
LEFT_OUT: Final[Data] = {"devices": [{"id": "b", "model": "nvme"}]}

EXAMPLES: Final[dict[tuple[str, str], Example]] = {
    ("reserve", "guest"): Example(
        {**PLAIN, "reserve": ["pcie.0:05", "pcie.0:06"]},
        PLAIN,
        "the 2 slots 05 and 06 of pcie.0 are reserved",
        "do not reserve pcie.0:05 and pcie.0:06",
    ),
    ("spare", "spare"): Example(
        {"spare": {"pcie": 4}},
        {},
        "4 spare pcie slots are asked for",
        "ask for no spare pcie slots instead of 4",
    ),
    ("complete", "device"): Example(two(), LEFT_OUT, "virtio-net a is to be placed", "leave out a"),
    ("complete", "controller"): Example(port(), {}, "pcie-root-port rp is demanded", "leave out rp"),
    ("near", "device"): Example(
        two(near=["b"]), two(), "a wants b to share its root bus (near)", "leave out near of a"
    ),
    ("near-switch", "device"): Example(
        two(near_switch=["b"]),
        two(),
        "a wants b to sit below the same switch (near-switch)",
        "leave out near_switch of a",
    ),
    ("order", "guest"): Example(
        {**PLAIN, "order": ["b", "a"]},
        PLAIN,
        "b and a are to have ascending guest addresses (order)",
        "leave b and a out of order",
    ),
    ("group", "device"): Example(
        two(group="g"), two(), "a make up group g, functions of one slot", "leave out group g"
    ),
    ("iommu-group", "device"): Example(
        {"devices": [HOST | {"iommu_group": 14}]},
        {"devices": [HOST]},
        "vfio-pci a is of IOMMU group 14 of the host",
        "leave out iommu_group of a",
    ),
    ("numa", "device"): Example(
        {**two(numa=1), **NODES}, {**two(), **NODES}, f"virtio-net a {NODE_1}", "leave out numa of a"
    ),
    ("hotplug", "device"): Example(
        two(hotplug="required"), PLAIN, "virtio-net a must be hot-pluggable", "hotplug: preferred for a"
    ),
    ("as-requested", "device"): Example(
        two(virtio="transitional"),
        two(virtio="auto"),
        "virtio-net a must offer virtio 0.9 (virtio: transitional)",
        "virtio: auto for a",
    ),
    ("pin", "device"): Example(
        two(address="pcie.0:05.0"),
        two(),
        "virtio-net a is pinned to pcie.0:05.0",
        "free a of the address pcie.0:05.0",
    ),
    ("numa", "controller"): Example(
        {**port(numa=1), **NODES}, {**port(), **NODES}, f"pcie-root-port rp {NODE_1}", "leave out numa of rp"
    ),
    ("hotplug", "controller"): Example(
        port(hotplug=False), port(), "pcie-root-port rp takes no hot-plug (hotplug: off)", "hotplug: on for rp"
    ),
    ("as-requested", "controller"): Example(
        port(properties={"bus-reserve": 3, "chassis": 4}),
        port(properties={"chassis": 4}),
        "pcie-root-port rp has bus-reserve=3",
        "leave out bus-reserve=3 of rp",
    ),
    ("pin", "controller"): Example(
        port(address="pcie.0:05.0"),
        port(),
        "pcie-root-port rp is pinned to pcie.0:05.0",
        "free rp of the address pcie.0:05.0",
    ),
    ("preset", "policy"): Example(
        {"policy": {"preset": "libvirt"}, "spare": []},
        {},
        "preset libvirt puts each device alone where libvirt would",
        "preset default instead of libvirt",
    ),
    ("iommu-group", "guest"): Example(
        {"needs": ["secure-boot", "viommu"], "firmware": "ovmf"},
        {"needs": ["secure-boot"], "firmware": "ovmf"},
        "with a vIOMMU all devices of one IOMMU group must share an address space",
        "leave viommu out of needs",
    ),
    ("eject", "policy"): Example(
        {"policy": {"eject": "protect"}},
        {},
        "eject: protect takes hot-plug from pci.0",
        "eject: allow instead of protect",
    ),
    ("max-depth", "policy"): Example(
        {"policy": {"max_depth": 2}},
        {},
        "max_depth is 2: no device may have more bridges above it",
        "max_depth 3 instead of 2",
        3,
    ),
    ("max-controllers", "policy"): Example(
        {"policy": {"max_controllers": 2}},
        {},
        "max_controllers is 2",
        "max_controllers 3 instead of 2",
        3,
    ),
}


def guest(data: Data) -> Guest:
    return Guest.model_validate({"machine": "q35", **data})


def example(code: tuple[str, str]) -> tuple[Guest, Fact, Example]:
    """The request, the fact that is the wish, and what is expected of it."""
    request = guest(EXAMPLES[code].request)
    stated = [one for one in facts_of(request) if (one.rule, one.whose) == code]
    return request, stated[0], EXAMPLES[code]


def test_every_wish_has_an_example_and_a_rule() -> None:
    assert EXAMPLES.keys() == BY_CODE.keys()
    assert len(BY_CODE) == len(WISHES)
    assert all(CHANGES[wish.what] == wish.remedy for wish in WISHES)
    assert {wish.rule for wish in WISHES} < RULES.keys()


@pytest.mark.parametrize("code", EXAMPLES, ids="-".join)
def test_without_it_the_request_says_all_else(code: tuple[str, str]) -> None:
    request, fact, expected = example(code)
    left = with_least(facts_of(request), fact, 0)
    assert restricted(request, facts_of(request)) == request
    assert restricted(request, left) == guest(expected.without)
    assert fact not in facts_of(guest(expected.without))


@pytest.mark.parametrize("code", EXAMPLES, ids="-".join)
def test_words(code: tuple[str, str]) -> None:
    _, fact, expected = example(code)
    assert clause(fact) == expected.clause
    assert str(Change.of(fact, expected.number)) == expected.change


@pytest.mark.parametrize("code", EXAMPLES, ids="-".join)
def test_fact_and_change_are_read_again_as_they_were_written(code: tuple[str, str]) -> None:
    _, fact, _ = example(code)
    assert Fact.model_validate_json(fact.model_dump_json()) == fact
    assert Change.model_validate_json(Change.of(fact).model_dump_json()) == Change.of(fact)
    assert wish_of(fact).what == Change.of(fact).what


def test_limits_of_the_platform_are_no_wishes() -> None:
    facts = facts_of(guest({}))
    assert [one.rule for one in facts] == list(CAPACITY_RULES)
    for one in facts:
        with pytest.raises(KeyError):
            wish_of(one)


def test_an_expanders_node_is_what_it_is() -> None:
    request = guest({"controllers": [{"id": "px", "model": "pxb-pcie", "numa": 1}], **NODES})
    (there,) = (one for one in facts_of(request) if one.whose == "controller")
    assert there.rule == "complete"
    assert restricted(request, [there]).controllers == request.controllers


def test_a_preset_that_chooses_the_machine_is_no_wish() -> None:
    request = guest({"policy": {"preset": "prefer-q35"}})
    assert [one.rule for one in facts_of(request)] == list(CAPACITY_RULES)
    assert restricted(request, []).policy == request.policy
