"""What QEMU and lspci call things is understood: device types, addresses, firmware with its version."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from qslot.schema import Guest, Solved
from qslot.schema.catalog import models, named_by_qemu
from qslot.schema.environment.osinfo import find_os
from qslot.schema.environment.target import Environment
from qslot.solver import advise, placement, solve

from .command import run

SUFFIXES = {"transitional": "-transitional", "modern": "-non-transitional"}


def guest(*devices: dict[str, Any], machine: str = "q35", **more: Any) -> Guest:
    return Guest.model_validate({"machine": machine, "devices": devices, **more})


# ---- device types


@pytest.mark.parametrize("name", [one.name for one in models().values() if one.virtio is not None])
def test_every_virtio_device_type_is_its_model(name: str) -> None:
    """By QEMU's plain name, and by that of each mode that has one: the same request, so the same hash."""
    model = models()[name]
    assert model.virtio is not None
    plain = guest({"id": "a", "model": name})
    assert guest({"id": "a", "model": model.driver}) == plain
    for mode in model.virtio.suffixed:
        spelled = guest({"id": "a", "model": model.driver + SUFFIXES[mode]})
        assert spelled == guest({"id": "a", "model": name, "virtio": mode})
        assert spelled.sha256 == guest({"id": "a", "model": name, "virtio": mode}).sha256


def test_other_names_are_as_they_were() -> None:
    assert [named_by_qemu(name) for name in ("e1000", "virtio-vga", "virtio-net", "virtio-vga-transitional", "x")] == [
        *(None, None, None, None, None)
    ]


def test_a_name_and_another_mode_contradict_each_other() -> None:
    with pytest.raises(ValidationError, match=r"devices\.a\.virtio: virtio-net-pci-transitional is transitional"):
        guest({"id": "a", "model": "virtio-net-pci-transitional", "virtio": "modern"})


def test_an_os_does_not_decide_what_the_name_says() -> None:
    request = {"devices": [{"id": "a", "model": "virtio-net-pci-transitional"}, {"id": "b", "model": "virtio-net-pci"}]}
    advice = advise(request, Environment(os=find_os("rhel9.0")))
    assert [one.virtio for one in advice.devices] == ["transitional", "modern"]


def test_what_is_planned_may_be_listed_by_its_driver_again() -> None:
    outcome = solve(guest({"id": "a", "model": "virtio-blk", "virtio": "transitional"}))
    assert isinstance(outcome, Solved)
    (placed,) = outcome.layout.devices
    assert guest({"id": "a", "model": placed.driver}).devices[0].virtio == "transitional"


def test_the_catalogue_knows_them() -> None:
    assert run("catalog", "virtio-blk-pci-transitional").stdout == run("catalog", "virtio-blk").stdout
    assert run("catalog", "virtio-vga-transitional").exit_code == 2


# ---- firmware, spare slots


def test_firmware_with_its_version_in_one_text() -> None:
    assert guest(firmware="ovmf:2025.02").firmware == guest(firmware={"name": "ovmf", "version": "2025.02"}).firmware
    for wrong in ("ovmf:", "ovmf:new", "bios:1.2"):
        with pytest.raises(ValidationError, match="firmware"):
            guest(firmware=wrong)


def test_no_pcie_slots_are_none_on_pc() -> None:
    nic = {"id": "nic", "model": "e1000"}
    none, asked = (solve(guest(nic, machine="pc", **more)) for more in ({}, {"spare": {"pcie": 0, "pci": 0}}))
    assert isinstance(none, Solved)
    assert isinstance(asked, Solved)
    assert asked.layout.spare == ()
    assert asked.layout.devices == none.layout.devices
    with pytest.raises(ValidationError, match="slots of ports are kept on q35 only"):
        guest(machine="pc", spare={"pcie": 1})


# ---- addresses


@pytest.mark.parametrize(
    ("seen", "planned"),
    [
        ("00:05.0", "pcie.0:05.0"),
        ("0000:00:05.0", "pcie.0:05.0"),
        ("01:00.0", "rp1:00.0"),
        ("0000:02:00", "rp2:00"),
    ],
)
def test_lspcis_addresses(seen: str, planned: str) -> None:
    two = guest({"id": "a", "model": "e1000e"}, {"id": "b", "model": "e1000e"})
    assert placement(two, "a", seen) == placement(two, "a", planned)


@pytest.mark.parametrize("seen", ["07:00.0", "0001:00:05.0", "000:05.0"])
def test_lspcis_addresses_that_there_are_not(seen: str) -> None:
    with pytest.raises(ValueError, match=f"{seen} names no bus of the plan: pcie.0, rp1"):
        placement(guest({"id": "a", "model": "e1000e"}), "a", seen)


def test_the_command_takes_them() -> None:
    text = json.dumps({"machine": "q35", "devices": [{"id": "a", "model": "e1000e"}]})
    assert "pcie.0:05.0" in run("explain", "-", "a", "--at", "00:05.0", text=text).stdout
