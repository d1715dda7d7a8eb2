"""What a request states, fact by fact, and what is left of it with some of them only."""

from typing import Any

from qslot.schema import Guest
from qslot.schema.explanation.conflict import CAPACITY_RULES, Conflict, Fact, with_least
from qslot.schema.explanation.facts import facts_of
from qslot.schema.explanation.restrict import any_function, left_out, restricted


def guest(**rest: Any) -> Guest:
    return Guest.model_validate({"machine": "q35", **rest})


def told(request: Guest) -> list[tuple[str, tuple[str, ...], object, int]]:
    """All but the limits that everybody has."""
    return [(f.rule, f.subjects, f.value, f.count) for f in facts_of(request) if f.rule not in CAPACITY_RULES]


def fact(request: Guest, rule: str, *subjects: str) -> Fact:
    return next(one for one in facts_of(request) if one.rule == rule and one.subjects == subjects)


NICS = [
    {"id": f"n{n}", "model": "virtio-net", "hotplug": "required", "properties": {"netdev": f"h{n}"}} for n in range(3)
]
PINNED = {"id": "a", "model": "nvme", "address": "c1:00.0", "near": ["n0"]}
CHAIN = [
    {"id": "c0", "model": "x3130-upstream", "address": "rp:00.0"},
    {"id": "c1", "model": "xio3130-downstream", "address": "c0:00.0", "hotplug": False},
    {"id": "rp", "model": "pcie-root-port", "properties": {"bus-reserve": 9, "chassis": 4}},
    {"id": "rq", "model": "pcie-root-port"},
]


def test_like_devices_are_one_fact_with_a_count() -> None:
    assert told(guest(devices=NICS)) == [
        ("complete", ("n0", "n1", "n2"), None, 3),
        ("hotplug", ("n0", "n1", "n2"), None, 3),
    ]


def test_what_is_pinned_is_one_of_a_kind() -> None:
    facts = told(guest(devices=[*NICS, PINNED], controllers=CHAIN))
    assert ("pin", ("a",), "c1:00.0", 1) in facts
    assert ("near", ("a", "n0"), None, 1) in facts
    assert ("complete", ("rq",), None, 1) in facts
    assert ("hotplug", ("c1",), "off", 1) in facts
    assert ("as-requested", ("rp",), "bus-reserve=9", 1) in facts


def test_reserved_slots_are_alike_but_for_the_chipsets() -> None:
    reserve = ["pcie.0:05", "pcie.0:06", "pcie.0:1f.4", "pcie.0:07.1"]
    assert [one for one in told(guest(reserve=reserve)) if one[0] == "reserve"] == [
        ("reserve", ("pcie.0:05", "pcie.0:06"), None, 2),
        ("reserve", ("pcie.0:1f",), None, 1),
        ("reserve", ("pcie.0:07",), None, 1),
    ]


def test_a_wish_keeps_its_device_and_the_first_so_many() -> None:
    request = guest(devices=NICS)
    left = restricted(request, [fact(request, "hotplug", "n0", "n1", "n2").with_least(2)])
    assert [(one.id, one.hotplug) for one in left.devices] == [("n0", "required"), ("n1", "required")]
    left = restricted(request, [fact(request, "complete", "n0", "n1", "n2").with_least(2)])
    assert [(one.id, one.hotplug) for one in left.devices] == [("n0", "preferred"), ("n1", "preferred")]


def test_a_pin_keeps_the_controller_above_and_pins_of_that_the_next() -> None:
    request = guest(devices=[*NICS, PINNED], controllers=CHAIN)
    left = restricted(request, [fact(request, "pin", "a")])
    assert ([one.id for one in left.devices], [one.id for one in left.controllers]) == (["a"], ["c1"])
    assert (left.devices[0].near, left.controllers[0].address, left.controllers[0].hotplug) == ((), None, True)
    left = restricted(request, [fact(request, "pin", name) for name in ("a", "c1", "c0")])
    assert [one.id for one in left.controllers] == ["c0", "c1", "rp"]
    assert left.controllers[2].properties == {"chassis": 4}


def test_near_keeps_the_others_without_their_wishes() -> None:
    request = guest(devices=[*NICS, PINNED], controllers=CHAIN)
    left = restricted(request, [fact(request, "near", "a", "n0")])
    assert [(one.id, one.near, one.hotplug) for one in left.devices] == [("n0", (), "preferred"), ("a", ("n0",), None)]


def test_limits_and_policy() -> None:
    request = guest(
        policy={"max_controllers": 3, "max_depth": 1, "preset": "libvirt"}, spare={"pcie": 4}, needs=["viommu"]
    )
    left = restricted(request, [])
    assert (left.policy.max_controllers, left.policy.max_depth, left.policy.preset) == (None, None, "default")
    assert (left.spare, left.needs) == ((), ())
    left = restricted(request, [fact(request, "spare", "spare[0]").with_least(2), fact(request, "max-depth")])
    assert ([one.count for one in left.spare], left.policy.max_depth) == ([2], 1)


def test_left_out() -> None:
    left = left_out(guest(devices=[*NICS, PINNED], controllers=CHAIN), ["n0", "rq"])
    assert [one.id for one in left.devices] == ["n1", "n2", "a"]
    assert left.devices[2].near == ()
    assert [one.id for one in left.controllers] == ["c0", "c1", "rp"]


def test_any_function() -> None:
    request = guest(
        devices=[{"id": "a", "model": "nvme", "address": ".3"}, {"id": "b", "model": "nvme", "address": "pcie.0:5.2"}]
    )
    assert [str(one.address) for one in any_function(request).devices] == ["None", "pcie.0:05"]


def test_a_conflict_is_read_again_as_it_was_written() -> None:
    request = guest(devices=[*NICS, PINNED], controllers=CHAIN, spare={"pcie": 4, "pci": 2}, policy={"max_depth": 1})
    facts = facts_of(request)
    conflict = Conflict(facts=with_least(facts, facts[-1], 1), broken_rule="connect", minimal=True)
    assert Conflict.model_validate_json(conflict.model_dump_json()) == conflict


def test_another_number_of_a_fact() -> None:
    facts = facts_of(guest(devices=NICS))
    three = fact(guest(devices=NICS), "hotplug", "n0", "n1", "n2")
    fewer = with_least(facts, three.with_least(2), 1)
    assert [(one.rule, one.least, one.count, one.first_subjects) for one in fewer[:2]] == [
        ("complete", 3, 3, ("n0", "n1", "n2")),
        ("hotplug", 1, 3, ("n0",)),
    ]
    assert three not in with_least(facts, three, 0)
    assert len(with_least(facts, three, 0)) == len(facts) - 1
