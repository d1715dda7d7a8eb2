"""Why there is no layout: as data. The texts are scenarios, random guests are in tests/property."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from qslot.schema import Guest, Infeasible, Solved, Undecided
from qslot.schema.errors import ArgumentError
from qslot.schema.layout.placement import PlacementReport
from qslot.solver import Options, explain, placement
from qslot.solver.cli import qslot

from .ask import Data, device, devices, explained, host, pc, policy, q35

NICS = q35(*[host(f"h{n}", "express", 256, hotplug="required") for n in range(15)], device("disk", "nvme"))
CROWD = pc(*devices(70, "virtio-net", hotplug="required"), policy=policy(max_controllers=1))


def facts(outcome: Infeasible) -> dict[str, tuple[int, int, object]]:
    """Of each fact how many of how many clash, and its value."""
    assert outcome.conflict is not None
    return {fact.rule: (fact.least, fact.count, fact.value) for fact in outcome.conflict.facts}


def used(outcome: Infeasible) -> dict[str, dict[str, Any]]:
    return {finding.rule: dict(finding.details) for finding in outcome.findings}


def changes(outcome: Infeasible) -> list[tuple[str, object, object]]:
    return [(change.what, change.before, change.after) for remedy in outcome.remedies for change in remedy.changes]


def test_a_feasible_guest_is_solved() -> None:
    assert isinstance(explain(Guest.model_validate(q35(device("a", "nvme")))), Solved)


def test_counts_are_the_least_that_clash() -> None:
    outcome = explained(CROWD)
    assert outcome.conflict is not None
    assert outcome.conflict.minimal
    assert facts(outcome) == {"hotplug": (61, 70, None), "max-controllers": (1, 1, 1), "address-unique": (1, 1, None)}
    assert used(outcome) == {"address-unique": {"pci.0": 30, "a new pci-bridge": 31}}


def test_what_is_changed_is_a_request_that_can_be_made() -> None:
    """A listed virtual function without its group has no physical one beside it, which would be bad input."""
    pair = [device("pf", "virtio-net", group="g"), device("vf", "virtio-net", group="g", properties={"sriov-pf": "pf"})]
    outcome = explained(q35(*pair, qemu="11.1", policy={"max_controllers": 0}))
    (apart,) = (one for one in outcome.remedies if one.changes[0].what == "group")
    assert str(apart).startswith("leave out group g, and leave out sriov-pf of vf: then")


def test_limits_say_how_much_and_who() -> None:
    outcome = explained(NICS)
    assert facts(outcome) == {"hotplug": (15, 15, None), "io-space": (1, 1, "seabios")}
    assert used(outcome) == {"io-space": {"used": 61536, "available": 61436}}
    assert outcome.findings[0].subjects == tuple(f"h{n}" for n in range(15))
    first = outcome.remedies[0]
    assert (first.changes[0].what, first.changes[0].subjects, first.places) == (
        "hotplug",
        ("h14",),
        {"h14": "pcie.0:03.0"},
    )
    assert (first.limit, first.used, first.available) == ("io-space", 57696, 61436)


def test_remedies_come_smallest_first_then_the_platform_then_fewer_devices() -> None:
    found = changes(explained(CROWD))
    assert found == [("max-controllers", 1, 2), ("hotplug", None, "preferred"), ("leave-out", 70, 60)]
    assert [what for what, _, _ in changes(explained(NICS))] == ["hotplug", "machine", "leave-out"]


def test_a_spare_slot_less() -> None:
    outcome = explained(q35(spare=[{"kind": "pcie", "count": 16, "io": 256}]))
    assert facts(outcome)["spare"] == (15, 16, "pcie")
    assert ("spare", 16, 14) in changes(outcome)


def test_which_of_two_like_entries_of_spare_slots() -> None:
    eight = {"kind": "pcie", "count": 8, "io": 256}
    outcome = explained(q35(spare=[eight, {**eight, "numa": 0}], numa_nodes=1))
    entries = {change.subjects for remedy in outcome.remedies for change in remedy.changes if change.what == "spare"}
    assert entries == {("spare[0]",), ("spare[1]",)}
    assert "hint: ask for 6 spare pcie slots instead of 8 (one of spare[0] and spare[1])" in str(outcome)


def test_ids_that_new_controllers_would_have_can_be_taken() -> None:
    things = [device(name, "nvme") for name in ("newport", "newbridge", "newport2")]
    answer = placement(Guest.model_validate(q35(*things)), "newport")
    assert isinstance(answer, PlacementReport)
    assert [(one.address, one.refused) for one in answer.elsewhere if one.new] == [("newbridge2:01", "")]


def test_all_wishes_of_a_kind_where_one_is_not_enough() -> None:
    two = [device(name, "nvme", hotplug="required", address=f"pcie.0:0{n}.0") for n, name in enumerate("ab", 5)]
    (first, *_) = explained(q35(*two)).remedies
    assert [(change.what, change.subjects) for change in first.changes] == [
        ("hotplug", ("a",)),
        ("hotplug", ("b",)),
    ]


def test_several_clashes_are_gone_through_one_by_one() -> None:
    lone = device("a", "nvme", hotplug="required", address="pcie.0:05.0")
    (only,) = explained(q35(lone, device("i", "virtio-iommu", numa=1), numa_nodes=2)).remedies
    assert [change.what for change in only.changes] == ["hotplug", "numa"]


@pytest.mark.parametrize("data", [CROWD, NICS])
def test_workers_and_seed_change_nothing(data: Data) -> None:
    request = Guest.model_validate(data)
    expected = explain(request)
    assert explain(request, Options(seed=12345)) == expected
    assert explain(request, Options(workers=2)) == expected


@pytest.mark.parametrize("seconds", [1e-6, 0.001, 0.02, 0.1])
def test_a_limit_claims_nothing(seconds: float) -> None:
    """What it has no time to prove is not called proved; and feasible guests are never called infeasible."""
    feasible = Guest.model_validate(q35(*devices(30, "nvme"), *(device(f"r{n}", "rtl8139") for n in range(40))))
    assert not isinstance(explain(feasible, Options(time_limit=seconds)), Infeasible)
    outcome = explain(Guest.model_validate(CROWD), Options(time_limit=seconds))
    assert isinstance(outcome, Infeasible | Undecided)
    if isinstance(outcome, Infeasible) and outcome.conflict is not None and outcome.conflict.minimal:
        assert facts(outcome)["hotplug"] == (61, 70, None)


class TestPlacement:
    GUEST = q35(
        device("a", "nvme", hotplug="required"),
        device("b", "virtio-net", virtio="transitional"),
        device("v", "VGA", address="pcie.0:02.0"),
    )

    def ask(self, name: str, at: str | None = None, **rest: Any) -> PlacementReport:
        answer = placement(Guest.model_validate({**self.GUEST, **rest}), name, at)
        assert isinstance(answer, PlacementReport)
        return answer

    def test_where_it_is_and_what_else_there_is(self) -> None:
        known = self.ask("b")
        assert (known.bus_model, known.pinned, known.paid) == ("pcie-pci-bridge", False, ())
        root, port = known.elsewhere
        assert (root.term, root.before, root.after) == ("preferences", 0, 8)
        assert [(one.who, one.reason) for one in root.paid] == [("b", "hotplug-unmet")]
        assert (port.bus_model, port.new, port.after) == ("pcie-root-port", True, 4)

    def test_what_is_forbidden_says_which_facts(self) -> None:
        (root,) = self.ask("a", "pcie.0:05.0").elsewhere
        assert not root.possible
        assert root.conflict is not None
        assert {fact.rule for fact in root.conflict.facts} == {"hotplug", "pin"}

    def test_buses_of_the_plan_can_be_named(self) -> None:
        (there,) = self.ask("b", "rp1:00.0").elsewhere
        assert (there.term, there.after) == ("preferences", 4)

    def test_the_same_place_costs_nothing(self) -> None:
        known = self.ask("b")
        (same,) = self.ask("b", known.address).elsewhere
        assert (same.possible, same.term) == (True, None)

    def test_what_only_a_pin_allows_may_be_cheaper(self) -> None:
        """A conventional device goes behind a port by a pin only, and then needs no bridge."""
        answer = placement(Guest.model_validate(q35(device("c", "e1000"))), "c")
        assert isinstance(answer, PlacementReport)
        root, port = answer.elsewhere
        assert (port.term, port.before, port.after, port.only_by_pin) == ("controllers", 2, 1, True)
        assert not root.only_by_pin
        assert [one.only_by_pin for one in self.ask("b").elsewhere] == [False, False]

    def test_a_pinned_device(self) -> None:
        assert self.ask("v").pinned

    @pytest.mark.parametrize("at", ["rp9:00.0", ".7", "pcie.0", "pcie.0:20"])
    def test_no_such_address(self, at: str) -> None:
        with pytest.raises(ValueError, match=at.removesuffix(":20")):
            self.ask("a", at)

    def test_no_such_device(self) -> None:
        with pytest.raises(ArgumentError, match=r"device: 'x' is none of the guest's devices"):
            self.ask("x")

    def test_without_a_plan_that_is_the_answer(self) -> None:
        assert isinstance(placement(Guest.model_validate(CROWD), "d0"), Infeasible)


def run(tmp_path: Path, data: Data, *words: str) -> Result:
    path = tmp_path / "guest.json"
    path.write_text(json.dumps(data))
    return CliRunner().invoke(qslot, ["explain", str(path), *words])


def test_as_json(tmp_path: Path) -> None:
    result = run(tmp_path, CROWD, "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["answer"], told["conflict"]["minimal"]) == (3, "infeasible", True)
    crowd = {"rule": "hotplug", "whose": "device", "model": "virtio-net", "value": None, "least": 61, "count": 70}
    assert told["conflict"]["facts"][0].items() >= crowd.items()
    assert told["findings"][0]["details"] == {"pci.0": 30, "a new pci-bridge": 31}
    first = told["remedies"][0]["changes"][0]
    assert (first["what"], first["subjects"], first["before"], first["after"]) == ("max-controllers", [], 1, 2)
    del told["answer"]
    assert Infeasible.model_validate(told) == explained(CROWD)
    result = run(tmp_path, TestPlacement.GUEST, "b", "--json")
    first = json.loads(result.stdout)["elsewhere"][0]
    assert (result.exit_code, first["after"], first["only_by_pin"]) == (0, 8, False)


def test_what_only_a_pin_allows_is_told(tmp_path: Path) -> None:
    assert "controllers 2 -> 1; only by pin" in run(tmp_path, q35(device("c", "e1000")), "c").stdout


def test_bad_usage(tmp_path: Path) -> None:
    result = run(tmp_path, TestPlacement.GUEST, "bb")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "lists no such device; nearest: b" in result.stderr
    assert run(tmp_path, TestPlacement.GUEST, "--at", "pcie.0:05.0").exit_code == 2
    result = run(tmp_path, TestPlacement.GUEST, "b", "--at", "rp7:00.0")
    assert (result.exit_code, "names no bus of the plan: pcie.0, rp1" in result.stderr) == (2, True)
