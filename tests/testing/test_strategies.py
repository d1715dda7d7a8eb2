"""What `qslot.testing` draws: valid, of what was asked for, with the verdict asked for, and it shrinks."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

import qslot
from qslot.testing import devices, guests, layouts
from qslot.testing.scarcity import infeasible, limited, tight

PLAIN = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@given(guests(most=6))
@settings(deadline=None)
def test_guests_have_one_to_most_devices(guest: qslot.Guest) -> None:
    assert 1 <= len(guest.devices) <= 6 + 2
    assert qslot.Guest.model_validate(guest.model_dump(mode="json")) == guest


@given(st.data(), st.sampled_from(("q35", "pc")), st.sampled_from(("seabios", "ovmf")))
@settings(deadline=None)
def test_guests_are_of_what_is_asked_for(data: st.DataObject, family: Any, firmware: Any) -> None:
    guest = data.draw(guests(family=family, firmware=firmware, most=3))
    assert (guest.machine_model.family, guest.firmware.name) == (family, firmware)


@pytest.mark.parametrize("machine", ["pc-q35-6.1", "pc-i440fx-2.6", "q35", "pc"])
def test_guests_are_of_the_machine_type(machine: str) -> None:
    @given(guests(machine=machine, most=3))
    @settings(max_examples=30, deadline=None)
    def holds(guest: qslot.Guest) -> None:
        assert guest.machine == machine

    holds()


@given(guests(most=4, small=True, ordered=True))
@settings(deadline=None)
def test_ordered_ones_ask_for_an_order(guest: qslot.Guest) -> None:
    assert 2 <= len(guest.order) <= 3
    assert {*guest.order} <= {one.id for one in guest.devices}


@pytest.mark.parametrize(
    ("given_", "field"),
    [({"most": 0}, "most"), ({"machine": "pc-q36"}, "machine"), ({"machine": "pc", "family": "q35"}, "machine")],
)
def test_what_cannot_be_drawn_is_refused(given_: dict[str, Any], field: str) -> None:
    with pytest.raises(qslot.ArgumentError) as raised:
        find(guests(**given_), lambda _: True)
    assert raised.value.field == field


@given(guests(most=3, small=True, verdict="feasible"))
@PLAIN
def test_feasible_ones_have_a_layout(guest: qslot.Guest) -> None:
    assert isinstance(qslot.solve(guest), qslot.Solved)


@given(guests(most=3, small=True, verdict="tight"))
@PLAIN
def test_tight_ones_have_a_layout_and_with_one_controller_fewer_none(guest: qslot.Guest) -> None:
    most = guest.policy.max_controllers
    assert most is not None
    fewer = limited(guest, most - 1)
    assert fewer is not None
    assert isinstance(qslot.solve(guest), qslot.Solved)
    assert isinstance(qslot.solve(fewer), qslot.Infeasible)


@given(guests(most=3, small=True, verdict="infeasible"))
@PLAIN
def test_infeasible_ones_have_none(guest: qslot.Guest) -> None:
    assert isinstance(qslot.solve(guest), qslot.Infeasible)


def test_a_guest_without_controllers_is_neither_made_tight_nor_infeasible() -> None:
    alone = qslot.Guest(machine="pc", devices=[qslot.Device(id="net0", model="e1000")])
    assert tight(alone) is None
    assert infeasible(alone) is None


@given(st.lists(devices(), min_size=1, max_size=3, unique_by=lambda one: one.id))
@settings(deadline=None)
def test_devices_go_into_a_guest(drawn: list[qslot.Device]) -> None:
    """But for those of which a guest has one: these are refused by name."""
    single = ("virtio-balloon", "virtio-iommu")
    kept = [one for one in drawn if one.model not in single]
    assert qslot.Guest(machine="q35", devices=kept).devices == tuple(kept)


@given(devices(model="nvme"))
def test_devices_are_of_the_model_asked_for(device: qslot.Device) -> None:
    assert device.model == "nvme"


@given(layouts(guests(most=3, small=True)))
@PLAIN
def test_layouts_keep_every_rule(layout: qslot.Layout) -> None:
    assert layout.status == "optimal"
    request = qslot.Guest.from_layout(layout)
    own = layout.model_copy(
        update={"input_sha256": request.sha256, "objective": (), "unmet": None, "status": "feasible"}
    )
    found = qslot.verify(request, own)
    assert [str(one) for one in found if one.severity == "error"] == []


def test_layouts_shrink_to_one_device() -> None:
    quick = settings(max_examples=60, database=None, suppress_health_check=list(HealthCheck))
    smallest = find(layouts(), lambda drawn: bool(drawn.controllers), settings=quick)
    assert len(smallest.devices) <= 2
    assert len(smallest.controllers) <= 2


@pytest.mark.parametrize("kind", ["Guest", "Device", "Layout"])
def test_hypothesis_knows_the_types_by_itself(kind: str) -> None:
    """By the entry point: nothing of qslot.testing is imported."""
    script = (
        "import warnings, qslot; from hypothesis import strategies as st; warnings.simplefilter('ignore')\n"
        f"drawn = st.from_type(qslot.{kind}).example(); assert isinstance(drawn, qslot.{kind}), drawn"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=300)


def test_the_package_itself_needs_no_hypothesis() -> None:
    """What a wheel without the extra has: everything but the strategies."""
    script = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "import qslot, qslot.testing, qslot.testing.generator, qslot.solver.cli\n"
        "assert qslot.testing.generator.small_guest(1).devices\n"
        "try:\n    qslot.testing.guests\nexcept ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, timeout=300, capture_output=True, text=True)
    assert "qslot[testing]" in done.stdout
