"""Each rule of the list, broken alone in a layout that keeps them all; and how the rules are read."""

import random
from dataclasses import replace
from typing import Any

import pytest

from qslot.schema import Finding, Guest, Layout
from qslot.schema.firmware import predict
from qslot.schema.layout.layout import ObjectiveTerm, Platform
from qslot.schema.rules import ENVIRONMENT_RULES, RULES
from qslot.schema.verify import CHECKS, verify
from qslot.schema.verify.context import context_of
from qslot.schema.verify.environment import ENVIRONMENT_CHECKS as ENVIRONMENT_CHECKS
from qslot.schema.verify.objective import objective
from qslot.schema.verify.usage import usage

from .broken import CASES, GOOD, Case, asking, in_pc, in_q35, large_bars, spares_on_a_bridge, stated, wasteful
from .good import Q35_GUEST, Pair, added, changed, device, pair, placed, port, q35

FOR_WHOM = tuple(rule.code for rule in ENVIRONMENT_RULES)


@pytest.mark.parametrize("which", GOOD)
def test_a_good_layout_breaks_no_rule(which: str) -> None:
    assert verify(*GOOD[which]) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}-{'-'.join(case.subjects) or 'layout'}")
def test_one_broken_rule_is_the_one_that_is_found(case: Case) -> None:
    found = verify(*case.broken, case.previous)
    expected = Finding.model_validate(
        {"rule": case.rule, "severity": case.severity, "subjects": case.subjects, "details": case.details}
    )
    assert [finding for finding in found if finding.rule not in case.beside] == [expected]
    assert {finding.rule for finding in found} == {case.rule, *case.beside}


def test_every_rule_has_a_check_and_a_case() -> None:
    """`machine-needs` is a rule of the request alone: what `machine: auto` may become."""
    assert [rule for rule in RULES if rule not in FOR_WHOM] == list(CHECKS)
    assert {case.rule for case in CASES} == set(CHECKS)
    assert {*FOR_WHOM} == {*ENVIRONMENT_CHECKS, "machine-needs"}


OTHERWISE: dict[str, Any] = {
    "memory": 3 << 30,
    "numa_nodes": 3,
    "chipset": {"acpi": False},
    "max_memory": 8 << 30,
    "memory_slots": 2,
    "cpu": {"model": "EPYC"},
    "phys_bits": 45,
    "pdpe1gb": False,
    "pci_hole64": 64 << 30,
    "machine_as": "pc-q35-8.2",
}
"""For each field of the platform, but the version of QEMU that a request leaves open, what no good guest has."""


@pytest.mark.parametrize("field", [*Platform.model_fields][:-1])
def test_a_layout_for_another_platform_is_found(field: str) -> None:
    guest, layout = GOOD["q35"]
    data = layout.model_dump()
    data["platform"] |= {field: OTHERWISE[field]}
    found = [one for one in verify(guest, Layout.model_validate(data)) if one.rule == "as-requested"]
    assert [(one.subjects, [*one.details]) for one in found] == [((), [field])]


def in_one_slot(*places: str, groups: bool = False, reserve: tuple[str, ...] = ()) -> Pair:
    """Three endpoints that all ask for pcie.0:05 in their own way, at these functions of it."""
    wishes: list[dict[str, Any]] = [{"address": "pcie.0:05"}, {"address": "pcie.0:05.1"}, {"address": "pcie.0:05"}]
    if groups:
        wishes = [{"group": "g"}, {"group": "g", "address": "pcie.0:05.1"}, {"group": "g"}]
    names = [f"dev{n}" for n in range(3)]
    return pair(
        {
            "machine": "q35",
            "reserve": reserve,
            "devices": [{"id": n, "model": "VGA", **wish} for n, wish in zip(names, wishes, strict=True)],
        },
        {
            "devices": [
                device(name, "VGA", f"pcie.0:05.{place}", multifunction=True)
                for name, place in zip(names, places, strict=True)
            ],
            "controllers": [],
        },
    )


def test_a_pin_without_function_takes_the_lowest_that_no_pin_names() -> None:
    assert verify(*in_one_slot("0", "1", "2")) == []
    assert [finding.subjects for finding in verify(*in_one_slot("2", "1", "0"))] == [("dev0",), ("dev2",)]


def test_a_pin_without_function_passes_over_reserved_functions() -> None:
    assert verify(*in_one_slot("0", "1", "3", reserve=("pcie.0:05.2",))) == []


def test_members_of_a_pinned_group_fill_the_functions_that_are_left() -> None:
    assert verify(*in_one_slot("0", "1", "2", groups=True)) == []
    assert [finding.rule for finding in verify(*in_one_slot("2", "1", "0", groups=True))] == ["group"]


def test_pinned_neighbours_may_be_of_different_kinds() -> None:
    """A pinned root port and a pinned endpoint share; one that is not pinned does not join them."""
    guest = {
        "machine": "q35",
        "controllers": [{"id": "rp1", "model": "pcie-root-port", "address": "pcie.0:02.0"}],
        "devices": [{"id": "vga0", "model": "VGA", "address": "pcie.0:02.1"}],
    }
    layout = {
        "controllers": [port("rp1", "pcie.0:02.0", 1, multifunction=True)],
        "devices": [device("vga0", "VGA", "pcie.0:02.1")],
    }
    assert verify(*pair(guest, layout)) == []
    unpinned = pair(guest | {"devices": [{"id": "vga0", "model": "VGA"}]}, layout)
    assert [finding.rule for finding in verify(*unpinned)] == ["slot-sharing"]


def test_single_endpoints_may_use_free_functions_of_the_chipset_slot() -> None:
    assert verify(*in_q35("vga0", "pcie.0:1f.4")) == []
    assert verify(*in_pc("balloon0", "pci.0:01.4")) == []
    grouped = asking("pc", "balloon0", group="g")
    found = verify(grouped.guest, changed(grouped.layout, "balloon0", "pci.0:01.4"))
    assert [finding.rule for finding in found] == ["chipset", "group"]


def test_an_answer_says_shpc_off_where_the_request_says_it() -> None:
    demanded = {"id": "br1", "model": "pci-bridge", "properties": {"shpc": "off"}}
    broken = in_q35("br1", properties={"shpc": "off"}).layout
    guest = q35(controllers=[*Q35_GUEST["controllers"], demanded]).guest
    assert verify(guest, broken.model_copy(update={"input_sha256": guest.sha256})) == []
    silent = q35(controllers=[*Q35_GUEST["controllers"], demanded | {"properties": {}}]).guest
    found = verify(silent, broken.model_copy(update={"input_sha256": silent.sha256}))
    assert [(finding.rule, finding.details) for finding in found] == [
        ("as-requested", {"shpc": "off"}),
        ("shpc", {"reason": "IO device"}),
    ]


@pytest.mark.parametrize(
    ("mode", "driver", "switches"),
    [
        ("transitional", "virtio-net-pci-transitional", {}),
        ("modern", "virtio-net-pci-non-transitional", {}),
        ("legacy", "virtio-net-pci", {"disable-legacy": "off", "disable-modern": "on"}),
    ],
)
def test_each_virtio_mode_is_spelled_out(mode: str, driver: str, switches: dict[str, str]) -> None:
    guest = {"machine": "pc", "devices": [{"id": "net0", "model": "virtio-net", "virtio": mode}]}
    seat = device("net0", "virtio-net", "pci.0:02", driver=driver, virtio=mode, properties=switches)
    good = pair(guest, {"controllers": [], "devices": [seat]})
    assert verify(*good) == []
    found = verify(
        good.guest, changed(good.layout, "net0", properties=dict.fromkeys(switches) or {"disable-modern": "off"})
    )
    assert [finding.rule for finding in found] == ["as-requested"]


def test_proved_objective_values_are_held_against_the_layout() -> None:
    values = objective(*GOOD["pc"])
    terms = [{"term": term, "value": value, "bound": value} for term, value in values.items()]
    assert verify(*stated("pc", status="optimal", objective=terms)) == []
    unproved = [term | {"bound": 0} for term in terms]
    found = verify(*stated("pc", status="optimal", objective=unproved))
    assert {finding.rule for finding in found} == {"objective"}
    partial = [term for term in terms if term["term"] != "depth"]
    assert [finding.rule for finding in verify(*stated("pc", status="optimal", objective=partial))] == ["objective"]
    disordered = [{"term": term, "value": 0, "bound": 0} for term in ("guest_visible", "moved")]
    assert [finding.rule for finding in verify(*stated("pc", objective=disordered))] == ["objective"]


def test_any_layout_is_judged_without_an_exception() -> None:
    """300 layouts with every field thrown about: loops, orphans, doubles, words for numbers."""
    chance = random.Random(1)
    for _ in range(300):
        guest, layout = GOOD[chance.choice(["q35", "pc"])]
        data = layout.model_dump()
        ids = [seat["id"] for part in ("controllers", "devices") for seat in data[part]]
        models = ["pci-bridge", "pxb", "pxb-pcie", "x3130-upstream", "pcie-root-port", "nonsense", "nvme"]
        for seat in [*data["controllers"], *data["devices"], *data["spare"]]:
            if chance.random() < 0.4:
                seat["bus"] = chance.choice([*ids, "pcie.0", "pci.0", "gone"])
                seat["slot"] = chance.randrange(32)
            if "id" in seat and chance.random() < 0.3:
                seat["id"], seat["model"] = chance.choice([*ids, "pcie.0"]), chance.choice(models)
                names = ["bus_nr", "numa_node", "chassis_nr", "slot", "shpc", "bus-reserve", "io-reserve", "hotplug"]
                seat["properties"] = {name: chance.choice([-1, 0, 2, 300, True, 1.5, "off", "4K"]) for name in names}
        assert isinstance(verify(guest, Layout.model_validate(data)), list)


def test_room_for_several_spare_slots_of_a_bridge_adds_up() -> None:
    """Each falls short where their sum does, a spare slot without a wish does not."""
    guest, layout = spares_on_a_bridge({"memory": 1 << 24}, 1 << 24)
    assert [(one.rule, one.details["slot"]) for one in verify(guest, layout)] == [("spare", 1), ("spare", 2)]
    assert verify(*spares_on_a_bridge({"memory": 1 << 24}, 1 << 25)) == []


def test_room_for_a_spare_slot_is_beside_what_the_bridge_holds() -> None:
    """As large as each other: the sum is what counts."""
    large = {"bars": [{"bar": 0, "kind": "mem32", "size": 1 << 24}], "connect": "conventional"}
    for reserve, found in ((1 << 24, ["no mem-reserve"]), (1 << 25, [])):
        _, layout = spares_on_a_bridge({"memory": 1 << 24}, reserve)
        seat = placed("v", "vfio-pci", "br1:03", driver="vfio-pci", virtio=None, bars=large["bars"])
        layout = Layout.model_validate(layout.model_dump() | {"devices": [seat], "spare": layout.spare[:1]})
        guest = Guest.model_validate(
            {
                "machine": "pc",
                "devices": [{"id": "v", "model": "vfio-pci", **large}],
                "spare": [{"kind": "pci", "memory": 1 << 24, "count": 1}],
            }
        )
        told = CHECKS["spare"](context_of(guest, layout))
        assert [one.details["reason"] for one in told] == found


@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_value_of_the_objective_is_wrong_either_way(wrong: int) -> None:
    guest, layout = GOOD["q35"]
    actual = len(layout.controllers)
    term = ObjectiveTerm(term="controllers", value=actual + wrong, bound=0)
    (found,) = CHECKS["objective"](
        context_of(guest, layout.model_copy(update={"status": "feasible", "objective": (term,)}))
    )
    assert found.details == {"term": "controllers", "stated": actual + wrong, "actual": actual}


def test_memory_of_a_spare_slot_is_kept_only_where_the_firmware_heeds_it() -> None:
    """OVMF looks at no reserve of a pci-bridge without SHPC; SeaBIOS does."""
    bridge = {"id": "br1", "model": "pci-bridge", "properties": {"shpc": False, "mem-reserve": 1 << 25}}
    spares = {"memory": 1 << 24}
    _, layout = spares_on_a_bridge(spares, 1 << 25)
    layout = changed(layout, "br1", properties={"shpc": False})
    for firmware, expected in (("seabios", set()), ("ovmf", {"the firmware heeds no reserve there"})):
        guest = {"machine": "pc", "firmware": firmware, "controllers": [bridge], "spare": [{"kind": "pci", **spares}]}
        found = verify(*pair(guest, layout.model_dump(include={"controllers", "devices", "spare"})))
        assert {one.details["reason"] for one in found} == expected


def test_a_spare_slot_without_node_may_be_on_any() -> None:
    guest = {
        "machine": "q35",
        "numa_nodes": 1,
        "spare": [{"kind": "pcie"}],
        "controllers": [{"id": "px", "model": "pxb-pcie", "numa": 0}],
    }
    expander = placed("px", "pxb-pcie", "pcie.0:02", numa=0, properties={"bus_nr": 128, "numa_node": 0})
    below = port("rp1", "px:00", 1, numa=0)
    spare = [{"kind": "pcie", "bus": "rp1", "slot": 0}]
    assert verify(*pair(guest, {"controllers": [expander, below], "devices": [], "spare": spare})) == []


def test_preset_libvirt_leaves_what_is_integrated_on_the_root_bus() -> None:
    guest = {
        "machine": "q35",
        "policy": {"preset": "libvirt"},
        "spare": [],
        "devices": [{"id": "iommu0", "model": "virtio-iommu"}],
    }
    switches = {"disable-legacy": "on", "disable-modern": "off"}
    seat = device(
        "iommu0", "virtio-iommu", "pcie.0:03", driver="virtio-iommu-pci", virtio="modern", properties=switches
    )
    assert verify(*pair(guest, {"controllers": [], "devices": [seat]})) == []


def test_a_pin_behind_a_port_wastes_nothing_where_the_device_has_no_io() -> None:
    assert verify(*wasteful("edu", "rp1:00")) == []


def test_who_is_not_pinned_joins_no_pinned_one_of_another_kind() -> None:
    guest = {
        "machine": "q35",
        "controllers": [{"id": "rp1", "model": "pcie-root-port"}],
        "devices": [{"id": "vga0", "model": "VGA", "address": "pcie.0:02.1"}],
    }
    layout = {
        "controllers": [port("rp1", "pcie.0:02.0", 1, multifunction=True)],
        "devices": [device("vga0", "VGA", "pcie.0:02.1")],
    }
    assert [finding.rule for finding in verify(*pair(guest, layout))] == ["slot-sharing"]


def test_old_machine_types_have_one_of_the_displays_with_vga_registers() -> None:
    guest, layout = GOOD["q35"]
    second = added(layout, devices=[device("vga1", "cirrus-vga", "pcie.0:09")])
    assert [finding.rule for finding in verify(guest, second)] == ["complete"]
    old = q35(machine="pc-q35-2.12").guest
    assert [one.rule for one in verify(old, second) if one.rule == "single-model"] == ["single-model"]


@pytest.mark.parametrize("rule", ["bus-numbers", "io-space", "memory-space"])
def test_what_the_firmware_fails_at_is_found_whatever_the_sums_say(rule: str) -> None:
    guest, layout = GOOD["q35"]
    known = context_of(guest, layout)
    failure = Finding(rule=rule, details={"used": 2, "limit": 1})
    assert known.prediction is not None
    failing = replace(known.prediction, failure=failure)
    known.__dict__.update(prediction=failing, memory=failing)
    assert list(CHECKS[rule](known)) == [failure]


def test_how_much_is_used_of_what_can_run_out() -> None:
    guest, layout = GOOD["q35"]
    limited = guest.model_copy(update={"policy": guest.policy.model_copy(update={"max_controllers": 40})})
    known = context_of(limited, layout)
    used, available = usage(known, "io-space") or (0, 0)
    assert sum(one.size for one in layout.io_windows if one.controller == "rp1") <= used < available
    # the main root and the expander's take one number each, every other controller one
    assert usage(known, "bus-numbers") == (1 + len(layout.controllers), 256)
    assert usage(known, "max-controllers") == (len(layout.controllers), 40)
    assert usage(context_of(guest, layout), "max-controllers") is None
    assert usage(known, "pin") is None


@pytest.mark.parametrize(
    ("machine", "stated", "expected"),
    [("pc-q35-rhel9.4.0", {}, 1), ("pc-q35-rhel9.4.0", {"machine_as": "pc-q35-8.2"}, 0), ("pc-q35-8.2", {}, 0)],
)
def test_a_machine_type_of_which_something_is_assumed(machine: str, stated: dict[str, Any], expected: int) -> None:
    guest = Guest.model_validate({"machine": machine, "devices": [], **stated})
    found = list(CHECKS["machine-version"](context_of(guest, GOOD["q35"].layout)))
    assert len([one for one in found if one.severity == "warning"]) == len(found) == expected


def test_what_ends_with_the_cpus_addresses_is_within_reach() -> None:
    guest, layout = large_bars(1, 64, "1.16.3", phys_bits=39, cpu={"vendor": "intel"})
    window = predict(layout).prefetchable_windows["rp1"]
    assert window == (448 << 30, 64 << 30)
    assert verify(guest, layout) == []
