"""What a program that imports qslot relies on: requests, errors, hashes, and a layout as a request."""

import json
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from pydantic import ValidationError

import qslot
from qslot.testing.generator import small_guest

Data = dict[str, Any]


def guest(**more: Any) -> qslot.Guest:
    return qslot.Guest.model_validate({"machine": "q35", "devices": [{"id": "net0", "model": "virtio-net"}], **more})


ANYTHING: Any = {}
REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "solve": (lambda: qslot.solve(ANYTHING), "guest"),
    "solve_many": (lambda: qslot.solve_many(guest()), "guests"),  # type: ignore[arg-type]
    "solve_many by anybody": (lambda: qslot.solve_many([], ANYTHING), "executor"),
    "solve_many with options": (lambda: qslot.solve_many([], options=ANYTHING), "options"),
    "solve_many with a cache": (lambda: qslot.solve_many([], cache=ANYTHING), "cache"),
    "solve with options": (lambda: qslot.solve(guest(), ANYTHING), "options"),
    "explain": (lambda: qslot.explain(ANYTHING), "guest"),
    "explain with options": (lambda: qslot.explain(guest(), ANYTHING), "options"),
    "placement": (lambda: qslot.placement(ANYTHING, "net0"), "guest"),
    "placement of nobody": (lambda: qslot.placement(guest(), "nope"), "device"),
    "placement of nothing": (lambda: qslot.placement(guest(), ANYTHING), "device"),
    "placement nowhere": (lambda: qslot.placement(guest(), "net0", "somewhere"), "at"),
    "placement at a number": (lambda: qslot.placement(guest(), "net0", ANYTHING), "at"),
    "placement on no bus": (lambda: qslot.placement(guest(), "net0", "rp9:0"), "at"),
    "placement with options": (lambda: qslot.placement(guest(), "net0", options=ANYTHING), "options"),
    "capacity": (lambda: qslot.capacity(ANYTHING), "layout"),
    "capacity of nothing": (lambda: qslot.capacity(qslot.solve(guest()).require(), ANYTHING), "model"),
    "capacity of one": (lambda: qslot.capacity(qslot.solve(guest()).require(), "nvme", {"id": "a"}), "needs"),
    "capacity with needs": (lambda: qslot.capacity(qslot.solve(guest()).require(), "nvme", 5), "needs"),  # type: ignore[arg-type]
    "capacity with options": (lambda: qslot.capacity(qslot.solve(guest()).require(), "nvme", {}, ANYTHING), "options"),
    "advise": (lambda: qslot.advise(5, qslot.Environment()), "request"),  # type: ignore[arg-type]
    "advise for nobody": (lambda: qslot.advise({}, ANYTHING), "environment"),
    "advise with options": (lambda: qslot.advise({}, qslot.Environment(), ANYTHING), "options"),
    "verify": (lambda: qslot.verify(ANYTHING, ANYTHING), "guest"),
    "verify nothing": (lambda: qslot.verify(guest(), ANYTHING), "layout"),
    "predict": (lambda: qslot.predict(ANYTHING), "layout"),
    "probe": (lambda: qslot.probe(ANYTHING), "layout"),
    "tree": (lambda: qslot.tree(ANYTHING), "layout"),
    "svg": (lambda: qslot.svg(ANYTHING), "layout"),
    "svg beside nothing": (lambda: qslot.svg(qslot.solve(guest()).require(), before=ANYTHING), "before"),
    "html": (lambda: qslot.html(ANYTHING), "layout"),
    "html beside nothing": (lambda: qslot.html(qslot.solve(guest()).require(), before=ANYTHING), "before"),
    "explanation": (lambda: qslot.explanation(ANYTHING), "outcome"),
    "read_guest": (lambda: qslot.read_guest(ANYTHING), "source"),
    "read_guest and more": (lambda: qslot.read_guest("examples/rhel6-q35.yaml", 5), "overrides"),  # type: ignore[arg-type]
    "read_layout": (lambda: qslot.read_layout(ANYTHING), "source"),
    "read_placed": (lambda: qslot.read_placed(ANYTHING), "source"),
    "adopt": (lambda: qslot.adopt(ANYTHING), "socket"),
    "convert": (lambda: qslot.convert(ANYTHING, "json"), "source"),
    "convert to another format": (lambda: qslot.convert("-", "ini"), "to"),  # type: ignore[arg-type]
    "read_pair": (lambda: qslot.read_pair(ANYTHING, ANYTHING), "source"),
    "diff": (lambda: qslot.diff(ANYTHING, ANYTHING), "old"),
    "read_host": (lambda: qslot.read_host(ANYTHING), "source"),
    "read_host of no version": (lambda: qslot.read_host("qemu=old"), "host"),
    "parse_guest": (lambda: qslot.parse_guest(ANYTHING), "text"),
    "parse_guest of another format": (lambda: qslot.parse_guest("{}", "xml"), "kind"),  # type: ignore[arg-type]
    "find_os": (lambda: qslot.find_os(ANYTHING), "name"),
    "find_os of nobody": (lambda: qslot.find_os("rhel66"), "os"),
    "find_os in nothing": (lambda: qslot.find_os("rhel6.10", ANYTHING), "folder"),
    "find_os in a folder": (lambda: qslot.find_os("rhel6.10", Path("tests")), "osinfo_dir"),
    "from_layout": (lambda: qslot.Guest.from_layout(ANYTHING), "layout"),
}
"""Calls that go wrong, and the argument or field that is at fault."""


class TestErrors:
    def test_every_contradiction_is_told_at_once_where_it_is(self) -> None:
        wrong = {
            "machine": "q35",
            "devices": [
                {"id": "a", "model": "virtio-nett"},
                {"id": "b", "model": "virtio-net", "properties": {"id": 1}},
            ],
            "controllers": [{"id": "c", "model": "pxb"}],
        }
        with pytest.raises(ValidationError) as raised:
            qslot.Guest.model_validate(wrong)
        assert {(one["loc"], one["input"]) for one in raised.value.errors()} == {
            (("devices", 0, "model"), "virtio-nett"),
            (("devices", 1, "properties", "id"), 1),
            (("controllers", 0, "model"), "pxb"),
        }

    def test_what_follows_from_another_is_not_told(self) -> None:
        """A device of an unknown model says nothing of its wishes."""
        with pytest.raises(ValidationError) as raised:
            guest(devices=[{"id": "a", "model": "virtio-nett", "numa": 3, "near": ["nobody"]}])
        assert [one["loc"] for one in raised.value.errors()] == [("devices", 0, "model")]

    def test_an_error_names_field_value_and_mend(self) -> None:
        with pytest.raises(qslot.QslotError) as raised:
            qslot.parse_guest("machine: q35\ndevices: [{id: a, model: virtio-net, numa: 1}]")
        assert (raised.value.field, raised.value.value) == ("devices.a.numa", 1)
        assert raised.value.mend == "node 1 does not exist: numa_nodes is 0"

    def test_several_are_problems_of_one_error(self) -> None:
        with pytest.raises(qslot.InputError) as raised:
            qslot.parse_guest("machine: q36\nmemory: much\n")
        assert [one.field for one in raised.value.problems] == ["machine", "memory"]

    @pytest.mark.parametrize(
        "given", [{"time_limit": 0}, {"time_limit": -1.0}, {"workers": 0}, {"seed": -1}, {"seed": 2**31}]
    )
    def test_options_are_refused_as_the_command_refuses_them(self, given: Data) -> None:
        with pytest.raises(qslot.OptionError) as raised:
            qslot.Options(**given)
        assert {raised.value.field: raised.value.value} == given

    @pytest.mark.parametrize(
        ("part", "field"),
        [
            ({"id": "a", "model": "virtio-net", "numa": 1}, "devices.a.numa"),
            ({"id": "a", "model": "virtio-net", "hotplug": "maybe"}, "devices.a.hotplug"),
            ({"id": "a", "model": "virtio-net", "colour": "red"}, "devices.a.colour"),
            ({"model": "virtio-net"}, "devices[0].id"),
            ({"id": "9 a", "model": "virtio-net"}, "devices[0].id"),
        ],
    )
    def test_a_path_has_one_spelling(self, part: Data, field: str) -> None:
        """That of `--set`; the line begins with it, as pydantic's own message does."""
        with pytest.raises(qslot.InputError) as raised:
            qslot.parse_guest(json.dumps({"machine": "q35", "devices": [part]}))
        assert raised.value.field == field
        assert str(raised.value).startswith(f"text: {field}")

    def test_ids_used_twice_say_where(self) -> None:
        with pytest.raises(ValidationError) as raised:
            guest(controllers=[{"id": "net0", "model": "pcie-root-port"}], devices=[{"id": "net0", "model": "VGA"}])
        assert [(one["loc"], one["input"]) for one in raised.value.errors()] == [(("devices", 0, "id"), "net0")]
        assert "devices[0].id: 'net0' is used 2 times" in str(raised.value)

    @pytest.mark.parametrize("name", sorted(REFUSED))
    def test_a_wrong_argument_is_named_with_value_and_mend(self, name: str) -> None:
        call, field = REFUSED[name]
        with pytest.raises(qslot.QslotError) as raised:
            call()
        assert raised.value.field == field
        assert raised.value.mend
        assert str(raised.value)

    def test_arguments_of_every_public_function_are_looked_at(self) -> None:
        functions = {name for name in qslot.__all__ if isinstance(getattr(qslot, name), FunctionType)}
        assert functions == {name.split()[0] for name in REFUSED} - {"from_layout", "to_libvirt"}

    def test_an_impossible_guest_points_to_explain(self) -> None:
        impossible = guest(policy={"max_controllers": 0}, devices=[{"id": "n", "model": "nvme", "hotplug": "required"}])
        outcome = qslot.solve(impossible)
        assert isinstance(outcome, qslot.Infeasible)
        assert "qslot.explain(guest)" in str(outcome)
        with pytest.raises(qslot.NoLayoutError, match=r"qslot.explain\(guest\)") as raised:
            outcome.require()
        assert raised.value.outcome is outcome
        assert "qslot.explain(guest)" not in str(qslot.explain(impossible))

    def test_a_solved_outcome_prints_as_the_command_does(self) -> None:
        outcome = qslot.solve(guest())
        assert isinstance(outcome, qslot.Solved)
        assert f"{outcome}\n" == f"{outcome.layout}\n" == qslot.tree(outcome.layout)

    def test_all_have_one_base(self) -> None:
        errors = [value for name in qslot.__all__ if isinstance(value := getattr(qslot, name), type)]
        raised = [one for one in errors if issubclass(one, Exception)]
        assert len(raised) > 5
        assert all(issubclass(one, qslot.QslotError) for one in raised)


class TestGuests:
    def test_one_that_was_edited_is_validated_before_it_is_solved(self) -> None:
        edited = guest().model_copy(update={"numa_nodes": 1, "machine": "q36"})
        for ask in (qslot.solve, qslot.explain, lambda one: qslot.placement(one, "net0")):
            with pytest.raises(qslot.InputError, match="machine: 'q36' is not a machine"):
                ask(edited)

    def test_a_part_that_was_edited_is_looked_at_too(self) -> None:
        device = guest().devices[0].model_copy(update={"near": ("nobody",)})
        with pytest.raises(qslot.InputError, match="'nobody' is not another device"):
            qslot.solve(guest().model_copy(update={"devices": (device,)}))

    def test_a_valid_edit_is_planned(self) -> None:
        assert isinstance(qslot.solve(guest().model_copy(update={"memory": 1 << 30})), qslot.Solved)

    def test_a_default_that_is_spelled_out_changes_no_hash(self) -> None:
        plain = guest()
        spelled = guest(memory="128MiB", firmware="seabios", numa_nodes=0, policy={"preset": "default"}, chipset={})
        assert spelled.sha256 == plain.sha256
        assert guest(memory="256MiB").sha256 != plain.sha256

    def test_a_layout_with_an_older_hash_is_read_with_a_warning(self) -> None:
        layout = qslot.solve(guest()).layout  # type: ignore[union-attr]
        assert layout is not None
        older = layout.model_copy(update={"versions": qslot.Versions(qslot="0.1.0"), "input_sha256": "0" * 64})
        assert [(one.rule, one.severity) for one in qslot.verify(guest(), older)] == [("hash", "warning")]

    def test_requests_and_layouts_hash_as_they_are_equal(self) -> None:
        one = guest(devices=[{"id": "net0", "model": "virtio-net", "properties": {"mq": True}}])
        same = guest(devices=[{"id": "net0", "model": "virtio-net", "properties": {"mq": "on"}}])
        layouts = {qslot.solve(each).layout for each in (one, same)}  # type: ignore[union-attr]
        assert len({one, same, guest()}) == 2
        assert len(layouts) == 1


@pytest.mark.parametrize("seed", range(24))
def test_a_layout_as_a_request_is_planned_as_it_stands(seed: int) -> None:
    layout = getattr(qslot.solve(small_guest(seed)), "layout", None)
    if layout is None:
        return
    pinned = qslot.Guest.from_layout(layout)
    again = qslot.solve(pinned)
    assert isinstance(again, qslot.Solved)
    assert _seats(again.layout) == _seats(layout)


def _seats(layout: qslot.Layout) -> Data:
    return {one.id: (one.address, getattr(one, "virtio", None)) for one in (*layout.controllers, *layout.devices)}
