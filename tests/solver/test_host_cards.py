"""Functions of one card of the host: told where they are apart, in one slot where somebody asks for it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qslot.schema import Guest, Layout, Solved
from qslot.schema.libvirt import read
from qslot.schema.libvirt.domain import read_domain
from qslot.schema.request.fields import Policy
from qslot.schema.verify import verify
from qslot.solver import solve


def hostdev(function: int, place: str = "", slot: int = 0) -> str:
    return (
        f"<hostdev type='pci'><source><address bus='0x21' slot='{slot:#x}' function='{function}'/></source>{place}"
        "</hostdev>"
    )


def at(function: int, bus: int = 1) -> str:
    multifunction = " multifunction='on'" if function == 0 else ""
    return f"<address type='pci' bus='{bus:#x}' slot='0x0' function='{function}'{multifunction}/>"


def domain(*elements: str) -> str:
    return (
        "<domain type='kvm'><memory unit='MiB'>512</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>"
        "<features><acpi/></features><devices><controller type='usb' index='0' model='none'/>"
        f"<memballoon model='none'/>{''.join(elements)}</devices></domain>"
    )


def planned(guest: Guest) -> Layout:
    outcome = solve(guest)
    assert isinstance(outcome, Solved), outcome
    assert [one for one in verify(guest, outcome.layout) if one.severity == "error"] == []
    return outcome.layout


def seats(layout: Layout) -> dict[str, str]:
    return {one.id: str(one.address) for one in layout.devices}


def rules(layout: Layout) -> set[str]:
    return {one.rule for one in layout.warnings}


def wanting(text: str, **policy: Any) -> Guest:
    data = read(text.encode()).model_dump()
    return Guest.model_validate(data | {"policy": policy})


TWO = domain(hostdev(0), hostdev(1))
"""A card with two functions, as a stranger's domain had it."""


def test_a_card_that_is_split_is_told() -> None:
    layout = planned(read(TWO.encode()))
    assert seats(layout) == {"hostdev0": "rp1:00.0", "hostdev1": "rp2:00.0"}
    (found,) = (one for one in layout.warnings if one.rule == "split-card")
    assert (found.subjects, found.details) == (("hostdev0", "hostdev1"), {"host": "0000:21:00"})


@pytest.mark.parametrize("policy", [{"preset": "whole-cards"}, {"whole_cards": True, "preset": "libvirt"}])
def test_a_card_is_kept_whole_on_request(policy: dict[str, Any]) -> None:
    layout = planned(wanting(TWO, **policy))
    assert seats(layout) == {"hostdev0": "rp1:00.0", "hostdev1": "rp1:00.1"}
    assert "split-card" not in rules(layout)
    written = layout.to_libvirt(TWO)
    assert {part.id: str(part.address) for part in read_domain(written.encode()).parts} == {
        "hostdev0": "bus='0x01' slot='0x00' function='0x0'",
        "hostdev1": "bus='0x01' slot='0x00' function='0x1'",
    }


def test_functions_keep_the_numbers_that_they_have_on_the_host() -> None:
    layout = planned(wanting(domain(hostdev(3), hostdev(0), hostdev(1)), whole_cards=True))
    assert seats(layout) == {"hostdev0": "rp1:00.3", "hostdev1": "rp1:00.0", "hostdev2": "rp1:00.1"}


def test_functions_without_the_first_are_numbered_anew() -> None:
    layout = planned(wanting(domain(hostdev(3), hostdev(1)), whole_cards=True))
    assert seats(layout) == {"hostdev0": "rp1:00.1", "hostdev1": "rp1:00.0"}


def test_a_card_that_is_pinned_whole_wastes_nothing() -> None:
    """It paid for want of hot-plug, and for a slot that it shares with itself."""
    text = domain("<controller type='pci' index='1' model='pcie-root-port'/>", hostdev(0, at(0)), hostdev(1, at(1)))
    layout = planned(read(text.encode()))
    assert seats(layout) == {"hostdev0": "pci.1:00.0", "hostdev1": "pci.1:00.1"}
    assert rules(layout) == {"unknown-bars"}
    assert {term.term: term.value for term in layout.objective}["preferences"] == 0


def test_pins_in_different_slots_are_obeyed_and_told() -> None:
    text = domain(hostdev(0, at(0)), hostdev(1, at(0, bus=2)))
    layout = planned(wanting(text, whole_cards=True))
    assert seats(layout) == {"hostdev0": "pci.1:00.0", "hostdev1": "pci.2:00.0"}
    assert "split-card" in rules(layout)


def test_one_pin_is_where_the_card_goes() -> None:
    text = domain("<controller type='pci' index='1' model='pcie-root-port'/>", hostdev(1), hostdev(0, at(0)))
    layout = planned(wanting(text, whole_cards=True))
    assert seats(layout) == {"hostdev0": "pci.1:00.1", "hostdev1": "pci.1:00.0"}


def card(*groups: int | None, **more: Any) -> dict[str, Any]:
    devices: list[dict[str, Any]] = [
        {"id": f"f{n}", "model": "vfio-pci", "connect": "express", "bars": [], "iommu_group": group}
        | {"properties": {"host": f"0000:21:00.{n}"}}
        for n, group in enumerate(groups)
    ]
    return {"machine": "q35", "devices": devices, **more}


def test_what_an_iommu_keeps_apart_is_no_card() -> None:
    layout = planned(Guest.model_validate(card(14, 15, policy={"whole_cards": True})))
    assert len({seat.rpartition(".")[0] for seat in seats(layout).values()}) == 2
    assert "split-card" not in rules(layout)


def test_a_group_that_one_of_them_does_not_say_is_the_others() -> None:
    layout = planned(Guest.model_validate(card(14, None, policy={"whole_cards": True})))
    assert seats(layout) == {"f0": "rp1:00.0", "f1": "rp1:00.1"}


def test_other_slots_of_a_bus_are_other_cards() -> None:
    assert "split-card" not in rules(planned(read(domain(hostdev(0), hostdev(1, slot=2)).encode())))


def test_devices_may_be_objects() -> None:
    data = Guest.model_validate(card(1, 1)).devices
    guest = Guest(machine="q35", devices=data, policy=Policy(preset="whole-cards"))
    assert [device.group for device in guest.devices] == ["0000:21:00", "0000:21:00"]
    assert Guest.model_validate(guest.model_dump()) == guest


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_whole_or_told(data: st.DataObject) -> None:
    """Whatever functions a guest has: those of one card are in one slot where that is wanted and no pin forbids it, and
    told where they are not."""
    chosen = data.draw(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 7)), unique=True, min_size=1, max_size=9))
    groups = {slot: data.draw(st.sampled_from([None, slot + 1])) for slot in range(3)}
    devices: list[dict[str, Any]] = [
        {"id": f"d{slot}{function}", "model": "vfio-pci", "connect": "express", "bars": [], "iommu_group": groups[slot]}
        | {"properties": {"host": f"{slot:02x}:00.{function}"}}
        for slot, function in chosen
    ]
    wanted = data.draw(st.booleans())
    layout = planned(Guest.model_validate({"machine": "q35", "devices": devices, "policy": {"whole_cards": wanted}}))
    told = {one.subjects for one in layout.warnings if one.rule == "split-card"}
    for slot in {slot for slot, _ in chosen}:
        members = tuple(f"d{slot}{function}" for other, function in chosen if other == slot)
        places = {seat.rpartition(".")[0] for name, seat in seats(layout).items() if name in members}
        assert (len(places) == 1) if wanted else (members in told) == (len(places) > 1)
