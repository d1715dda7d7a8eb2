"""Planning beside a previous layout: what stays, what moves, what the guest sees of it, and what cannot be one."""

from pathlib import Path

import pytest

from qslot.schema import Guest, Infeasible, Layout, Solved, Undecided
from qslot.schema.errors import ArgumentError, InputError
from qslot.schema.formats.files import read_request
from qslot.schema.formats.previous import read_previous
from qslot.schema.formats.written import to_json
from qslot.schema.layout.layout import ObjectiveTerm
from qslot.schema.previous import standing_of
from qslot.solver import explain, solve
from qslot.solver.replanning.least_seen import least_seen

from .ask import Data, device, devices, pc, planned, policy, q35, seats


def beside(data: Data, previous: Data) -> Layout:
    return planned({**data, "previous": previous})


def term(layout: Layout, name: str) -> ObjectiveTerm:
    return next(one for one in layout.objective if one.term == name)


def names_and_addresses(layout: Layout, name: str) -> tuple[str | None, str | None]:
    return layout.guest_addresses[name], layout.guest_names[name]


NICS = [device("net0", "virtio-net"), device("net1", "virtio-net")]
RNG = device("rng", "virtio-rng")


@pytest.mark.parametrize("firmware", ["seabios", "ovmf"])
@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_what_is_added_first_comes_last(machine: str, firmware: str) -> None:
    """An RNG device that is listed before the NICs would take ens3 from them."""
    kind = {"machine": machine, "firmware": firmware}
    before = planned({**kind, "devices": NICS})
    after = beside({**kind, "devices": [RNG, *NICS]}, {**kind, "devices": NICS})
    for name in ("net0", "net1"):
        assert names_and_addresses(after, name) == names_and_addresses(before, name)
    assert (term(after, "moved").value, term(after, "guest_visible").value) == (0, 0)
    assert names_and_addresses(planned({**kind, "devices": [RNG, *NICS]}), "net0") != names_and_addresses(
        before, "net0"
    )


def test_without_a_previous_layout_nothing_is_told_of_it() -> None:
    layout = planned(pc(*NICS))
    assert layout.replanned is None
    assert "replanned" not in to_json(layout)
    assert "devices that move" not in str(layout)


def test_a_seat_that_is_given_up_is_open_to_others() -> None:
    after = beside(pc(RNG, NICS[1]), pc(*NICS))
    assert seats(after) == {"rng": "pci.0:02.0", "net1": "pci.0:03.0"}


def test_one_moves_where_its_seat_is_taken() -> None:
    after = beside(pc(*NICS, device("first", "e1000", address="pci.0:02.0")), pc(*NICS))
    assert seats(after)["net1"] == "pci.0:03.0"
    assert after.replanned is not None
    assert after.replanned.moved == after.replanned.guest_visible == ("net0",)
    assert term(after, "moved").bound == 1


def test_a_device_that_the_request_puts_elsewhere_moves() -> None:
    moved = device("net0", "virtio-net", address="pci.0:09.0")
    after = beside(pc(moved, NICS[1]), pc(*NICS))
    assert after.replanned is not None
    assert after.replanned.moved == ("net0",)


def test_a_device_in_another_mode_moves_though_its_place_is_the_same() -> None:
    after = beside(
        q35(device("net0", "virtio-net", virtio="transitional", address="rp1:00.0"), controllers=PORT), BOUND
    )
    assert seats(after)["net0"] == "rp1:00.0"
    assert term(after, "moved").value == 1


PORT = [device("rp1", "pcie-root-port")]
BOUND = q35(device("net0", "virtio-net", address="rp1:00.0"), controllers=PORT)


def test_a_device_of_another_model_is_a_new_one() -> None:
    after = beside(pc(device("net0", "e1000"), NICS[1]), pc(*NICS))
    assert after.replanned is not None
    assert after.replanned.moved == ()


def test_controllers_are_known_by_place_and_keep_their_properties() -> None:
    """Listed under another id, and without what the plan gave it."""
    before = q35(NICS[0], controllers=[device("rp1", "pcie-root-port", properties={"io-reserve": 8192})])
    listed = [device("port0", "pcie-root-port", address="pcie.0:01.0")]
    after = beside(q35(*NICS, controllers=listed), before)
    (kept,) = (one for one in after.controllers if one.id == "port0")
    assert kept.properties["io-reserve"] == 8192
    assert seats(after)["net0"] == "port0:00.0"


def test_a_new_device_may_have_the_id_of_a_controller_of_before() -> None:
    after = beside(q35(NICS[0], device("rp1", "virtio-net")), q35(NICS[0]))
    assert seats(after)["net0"] == "rp1-before:00.0"


def test_new_ports_come_after_old_ones_where_slots_before_are_free() -> None:
    """So that no bus gets another number."""
    old = [device("rp9", "pcie-root-port", address="pcie.0:09.0")]
    at = device("net0", "virtio-net", address="rp9:00.0")
    after = beside(q35(at, NICS[1], controllers=old), q35(at, controllers=old))
    assert seats(after)["rp1"] > "pcie.0:09.0"
    assert names_and_addresses(after, "net0") == ("01:00.0", "enp1s0")


def test_nobody_joins_an_interface_whose_name_would_change() -> None:
    """ens3 would be ens3f0."""
    full = [*(f"pci.0:{slot:02x}" for slot in range(4, 32)), *(f"pci.0:01.{function}" for function in (2, 4, 5, 6, 7))]
    two = [device("net0", "e1000", hotplug="never"), device("d0", "nvme", hotplug="never")]
    after = beside(pc(*two, device("d1", "nvme", hotplug="never"), reserve=full), pc(*two))
    assert after.guest_names["net0"] == "ens2"
    assert seats(after)["d1"] == "pci.0:03.1"


def test_only_what_left_the_root_bus_is_known_to_be_seen_otherwise_where_numbers_may_fall() -> None:
    before = planned(q35(*NICS, device("vga", "VGA")))
    guest = Guest.model_validate(q35(*NICS, device("vga", "VGA"), policy=policy(prune=True)))
    assert least_seen(standing_of(guest, before), ["net0", "vga"]) == 1


def test_what_is_seen_otherwise_and_may_not_have_to_be_is_told_with_its_gap() -> None:
    """net0 could have its old bus number only if its old port had another."""
    before = planned(q35(*NICS))
    guest = Guest.model_validate(
        q35(*NICS, device("d", "nvme", address="rp2:00.0"), controllers=[device("rp2", "pcie-root-port")])
    )
    outcome = solve(guest, previous=before)
    assert isinstance(outcome, Undecided | Solved)
    assert outcome.layout is not None
    assert term(outcome.layout, "moved").bound == term(outcome.layout, "moved").value == 1


def test_many_devices_move_few() -> None:
    """Too many to plan every choice of who moves: counting proves how many."""
    crowd = devices(40, "e1000")
    taken = [f"pci.0:{slot:02x}" for slot in range(10, 15)]
    before = planned(pc(*crowd))
    guest = Guest.model_validate(pc(*crowd, reserve=taken))
    outcome = solve(guest, previous=before)
    assert isinstance(outcome, Undecided | Solved)
    assert outcome.layout is not None
    here = [one for one in before.devices if one.bus == "pci.0" and 10 <= one.slot < 15]
    assert term(outcome.layout, "moved").value == term(outcome.layout, "moved").bound == len(here) == 5


def test_frozen_names_what_stands_in_the_way() -> None:
    before = planned(pc(*NICS))
    outcome = explain(
        Guest.model_validate(pc(*NICS, reserve=["pci.0:02"], policy=policy(frozen=True))), previous=before
    )
    assert isinstance(outcome, Infeasible)
    assert "slot 02 of pci.0 is reserved" in str(outcome)
    assert "error frozen: net0" in str(outcome)


def test_frozen_and_moved_by_the_request_itself() -> None:
    before = planned(pc(*NICS))
    moved = device("net0", "virtio-net", address="pci.0:09.0")
    outcome = solve(Guest.model_validate(pc(moved, NICS[1], policy=policy(frozen=True))), previous=before)
    assert isinstance(outcome, Infeasible)
    assert [(one.rule, one.subjects) for one in outcome.findings] == [("frozen", ("net0",))]


@pytest.mark.parametrize(
    ("previous", "says"),
    [
        pytest.param(pc(*devices(2, "e1000")), "another guest's layout: none of its devices", id="another guest"),
    ],
)
def test_what_is_no_layout_of_before(previous: Data, says: str) -> None:
    with pytest.raises(InputError, match=says):
        solve(Guest.model_validate(pc(*NICS)), previous=planned(previous))


def test_an_edited_layout_is_refused() -> None:
    layout = planned(pc(*NICS))
    twice = layout.model_copy(update={"devices": tuple(one.model_copy(update={"slot": 3}) for one in layout.devices)})
    with pytest.raises(InputError, match="previous layout: not a sound layout"):
        solve(Guest.model_validate(pc(*NICS)), previous=twice)


def test_other_terms_cannot_come_before_what_moves() -> None:
    order = ["preferences", "moved", "guest_visible", "io_windows", "controllers", "depth"]
    guest = Guest.model_validate(pc(*NICS, policy=policy(order=order)))
    with pytest.raises(ArgumentError, match="must begin with moved"):
        solve(guest, previous=planned(pc(*NICS)))


DOMAIN = (
    "<domain type='kvm'><os><type machine='pc'>hvm</type></os><features><acpi/></features><devices>{}"
    "<memballoon model='none'/></devices></domain>"
)


def nic(mac: str, slot: int = 0) -> str:
    address = f"<address type='pci' domain='0' bus='0' slot='{slot}' function='0'/>" if slot else ""
    return f"<interface type='user'><mac address='52:54:00:00:00:{mac}'/><model type='e1000'/>{address}</interface>"


def test_interfaces_of_domains_are_known_by_their_mac(tmp_path: Path) -> None:
    """The first one is gone, so that the second is now called net0."""
    (tmp_path / "before.xml").write_text(DOMAIN.format(nic("01", 5) + nic("02", 7)))
    (tmp_path / "after.xml").write_text(DOMAIN.format(nic("02") + nic("03")))
    guest, text = read_request(tmp_path / "after.xml")
    previous, notes = read_previous(tmp_path / "before.xml", guest, text)
    assert notes == ()
    layout = solve(guest, previous=previous).require()
    assert {name: seat for name, seat in seats(layout).items() if name.startswith("net")} == {
        "net0": "pci.0:07.0",
        "net1": "pci.0:02.0",
    }


def test_devices_of_a_domain_that_are_only_numbered_are_not_guessed(tmp_path: Path) -> None:
    disk = "<disk type='file'><source file='/a'/><target dev='vda' bus='virtio'/></disk>"
    (tmp_path / "before.xml").write_text(DOMAIN.format(nic("01", 5) + nic("02", 7) + disk))
    guest, text = read_request(tmp_path / "before.xml")
    (tmp_path / "before.json").write_text(to_json(solve(guest).require()))
    (tmp_path / "after.xml").write_text(DOMAIN.format(nic("02") + disk))
    guest, text = read_request(tmp_path / "after.xml")
    previous, notes = read_previous(tmp_path / "before.json", guest, text)
    assert "net0" not in {one.id for one in previous.devices}
    assert "net0: told apart by their order alone" in notes[0]
