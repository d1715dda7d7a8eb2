"""What a program that imports qslot relies on: requests, errors, hashes, and a layout as a request."""

from typing import Any

import pytest
from pydantic import ValidationError

import qslot

from .generator import small_guest

Data = dict[str, Any]


def guest(**more: Any) -> qslot.Guest:
    return qslot.Guest.model_validate({"machine": "q35", "devices": [{"id": "net0", "model": "virtio-net"}], **more})


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
        assert (raised.value.field, raised.value.value) == ("devices[0] (a).numa", 1)
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
