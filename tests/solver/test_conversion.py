"""Planning a guest of pc for q35, and back: nothing stays, hot-plug is kept, addresses where they cost nothing."""

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from pydantic import ValidationError

from qslot.schema import Guest, Infeasible, Layout, Solved, Undecided
from qslot.schema.comparison import diff
from qslot.schema.errors import InputError
from qslot.schema.formats.files import read_guest
from qslot.schema.formats.previous import read_previous
from qslot.schema.libvirt import SourceError
from qslot.schema.pci.address import Pin
from qslot.schema.previous import standing_of
from qslot.schema.verify import verify
from qslot.solver import solve
from qslot.testing.generator import small_guest

from .ask import Data, device, pc, planned, policy, q35, seats

NICS = [device("net0", "virtio-net"), device("net1", "e1000")]
COLD = [device("vga", "VGA"), device("usb", "usb-ehci")]


def terms(layout: Layout) -> dict[str, tuple[int, int]]:
    return {one.term: (one.value, one.bound) for one in layout.objective}


def converted(request: Data, previous: Data) -> Layout:
    return planned({**request, "previous": previous})


def test_hotplug_is_kept_and_nothing_is_said_to_move() -> None:
    layout = converted(q35(*NICS, *COLD), pc(*NICS, *COLD))
    assert layout.replanned is not None
    assert (layout.replanned.moved, layout.replanned.guest_visible) == ((), ("net0", "net1"))
    assert list(terms(layout)) == ["preferences", "guest_visible", "io_windows", "controllers", "depth"]
    assert terms(layout)["preferences"] == (0, 0)
    assert terms(layout)["guest_visible"] == (2, 2)
    assert "devices that move" not in str(layout)


def test_who_may_sit_on_the_root_bus_keeps_its_address() -> None:
    """By itself the display would be at 01.0."""
    layout = converted(q35(*NICS, *COLD), pc(*NICS, *COLD))
    before = planned(pc(*NICS, *COLD))
    assert {one: layout.guest_addresses[one] for one in ("vga", "usb")} == {
        one: before.guest_addresses[one] for one in ("vga", "usb")
    }


def test_a_slot_that_is_taken_there_is_no_reason_to_fail() -> None:
    """1f is the chipset's on q35."""
    layout = converted(q35(device("vga", "VGA")), pc(device("vga", "VGA", address="pci.0:1f.0")))
    assert terms(layout)["guest_visible"] == (1, 1)


def test_back_to_pc_no_bus_has_slot_0() -> None:
    layout = converted(pc(NICS[0]), q35(NICS[0]))
    assert terms(layout)["guest_visible"] == (1, 1)
    assert seats(layout) == {"net0": "pci.0:02.0"}


def test_what_cannot_be_said_is_told_with_its_gap() -> None:
    """With enough bridges net1 could have its bus number."""
    outcome = solve(Guest.model_validate(pc(*NICS)), previous=planned(q35(*NICS)))
    assert isinstance(outcome, Undecided)
    assert outcome.reason == "replanned"
    assert outcome.layout is not None
    assert terms(outcome.layout)["guest_visible"] == (2, 1)


def test_frozen_is_refused_in_one_line() -> None:
    frozen = Guest.model_validate(q35(*NICS, policy=policy(frozen=True)))
    with pytest.raises(InputError, match=r"machine pc, but the guest's is q35: nothing can stay .* policy.frozen"):
        solve(frozen, previous=planned(pc(*NICS)))


def test_none_is_none() -> None:
    none = Guest.model_validate(q35(device("n", "nvme", hotplug="required"), policy=policy(max_controllers=0)))
    assert isinstance(solve(none, previous=planned(pc(device("n", "nvme")))), Infeasible)


def test_the_diff_says_what_is_traded() -> None:
    found = diff(planned(pc(*NICS, *COLD)), planned(q35(*NICS, *COLD, device("disk", "virtio-blk"))))
    assert found.trade.new_adapters == ("net0", "net1")
    assert found.trade.drivers == (
        "AHCI, for disks of the chipset's own controller, in place of IDE",
        "virtio 1.0, for net0: the device ID and the registers are others",
        "Windows: that of the controller it boots from, installed before, where that is the chipset's own",
    )
    assert found.trade.hotplug_lost == ("usb",)


SEEDS = range(60)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_layout_of_the_same_cost_shows_fewer_devices_otherwise(seed: int) -> None:
    """Every choice of devices pinned to the addresses that they had: none is below the bound."""
    pair = _pair(seed)
    if pair is None:
        pytest.skip("no two such guests")
    guest, previous = pair
    outcome = solve(guest, previous=previous)
    if isinstance(outcome, Infeasible):
        assert isinstance(solve(guest), Infeasible)
        return
    assert outcome.layout is not None
    assert [str(one) for one in verify(guest, outcome.layout, previous) if one.severity == "error"] == []
    bound = terms(outcome.layout)["guest_visible"][1]
    cost = terms(outcome.layout)["preferences"][0]
    before = standing_of(guest, previous).before
    for request in _pinned(guest, previous):
        other = solve(request)
        if isinstance(other, Solved) and terms(other.layout)["preferences"][0] == cost:
            findings = verify(guest, other.layout)
            if not [one for one in findings if one.severity == "error" and one.rule != "hash"]:
                assert len(before.otherwise_in(other.layout)) >= bound, seats(other.layout)


def _pair(seed: int) -> tuple[Guest, Layout] | None:
    """A guest without anything of its machine's own, and a plan of it on the other machine."""
    drawn = small_guest(seed)
    data = drawn.model_dump(mode="json", exclude_defaults=True)
    kept = {name: data[name] for name in ("firmware", "memory") if name in data}
    bare = [
        {name: one[name] for name in ("id", "model", "hotplug") if name in one}
        for one in data.get("devices", [])
        if one["model"] != "vfio-pci"
    ]
    other = {"q35": "pc", "pc": "q35"}[drawn.machine_model.family]
    try:
        guest, before = (
            Guest.model_validate({**kept, "machine": one, "devices": bare})
            for one in (drawn.machine_model.family, other)
        )
    except ValueError:
        return None
    outcome = solve(before)
    return (guest, outcome.layout) if isinstance(outcome, Solved) and 1 <= len(guest.devices) <= 5 else None


def _pinned(guest: Guest, previous: Layout) -> Iterator[Guest]:
    seen = {name: address for name, address in previous.guest_addresses.items() if address and address[:3] == "00:"}
    names = [one.id for one in guest.devices if one.id in seen]
    for number in range(len(names) + 1):
        for some in combinations(names, number):
            pins = {one: Pin(guest.machine_model.root, int(seen[one][3:5], 16), int(seen[one][6:])) for one in some}
            devices = (one.model_copy(update={"address": pins.get(one.id)}) for one in guest.devices)
            try:
                yield guest.model_copy(update={"devices": tuple(devices)}).validated()
            except ValueError:
                continue


PC_DOMAIN = """<domain type='kvm'>
  <os><type machine='pc'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <controller type='pci' index='0' model='pci-root'/>
    <controller type='pci' index='1' model='pci-bridge'>
      <address type='pci' domain='0' bus='0' slot='6' function='0'/>
    </controller>
    <interface type='user'><alias name='ua-nic'/><model type='virtio'/>
      <address type='pci' domain='0' bus='1' slot='3' function='0'/>
    </interface>
    <video><model type='vga'/><address type='pci' domain='0' bus='0' slot='2' function='0'/></video>
    <memballoon model='none'/>
  </devices>
</domain>
"""
PC_LINE = (
    "qemu-system-x86_64 -M pc -nodefaults -device pci-bridge,id=br,chassis_nr=1,addr=6"
    " -device e1000,id=nic,bus=br,addr=3"
)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (
            "guest.xml",
            PC_DOMAIN,
            ["addresses of ua-nic and video0:", "controllers pci.1:", "the chipset's USB controller:"],
        ),
        ("guest.args", PC_LINE, ["addresses of nic:", "controllers br:"]),
    ],
)
def test_what_another_program_says_of_places_goes(tmp_path: Path, name: str, text: str, told: list[str]) -> None:
    file = tmp_path / name
    file.write_text(text)
    guest = read_guest(file, {"machine": "q35"})
    assert [one.partition(":")[0] + ":" for one in guest.unread] == told
    assert all("of machine pc, and q35 has other buses" in one for one in guest.unread)
    assert ([one.address for one in guest.devices], guest.controllers) == ([None] * len(guest.devices), ())
    before = read_previous(file, guest, text).layout
    layout = solve(guest, previous=before).require()
    assert layout.machine_model.family == "q35"
    assert diff(before, layout).trade.lines()
    assert read_guest(file, {"machine": "pc"}).controllers


def test_what_the_reader_says_of_places_stands(tmp_path: Path) -> None:
    file = tmp_path / "guest.xml"
    file.write_text(PC_DOMAIN)
    guest = read_guest(file, {"machine": "q35", "devices.ua-nic.address": "pcie.0:05.0"})
    assert [str(one.address) for one in guest.devices if one.id == "ua-nic"] == ["pcie.0:05.0"]


def test_the_domain_itself_is_not_written_for_another_machine(tmp_path: Path) -> None:
    file = tmp_path / "guest.xml"
    file.write_text(PC_DOMAIN)
    with pytest.raises(SourceError, match=r"is of machine pc, the plan of q35: .*qslot convert"):
        solve(read_guest(file, {"machine": "q35"})).require().to_libvirt(PC_DOMAIN)


def test_a_request_of_one_s_own_is_told_which_machine_it_means() -> None:
    pinned = q35(device("net0", "e1000", address="pci.0:05.0"))
    with pytest.raises(ValidationError, match="names no bus of this guest, but of machine pc: leave out addresses"):
        Guest.model_validate(pinned)
