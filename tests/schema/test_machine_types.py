"""Names of machine types: which machine, which upstream version, and what is doubtful about that."""

import json
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qslot.schema import Guest, Layout, Solved
from qslot.schema.pci.machine_types import MachineType, machine_type
from qslot.solver import solve

VENDORS = json.loads((files("qslot.schema.pci") / "vendor_machines.json").read_text(encoding="utf-8"))
NIC = {"id": "nic", "model": "virtio-net", "hotplug": "required"}


def known(name: str) -> MachineType:
    found = machine_type(name)
    assert found is not None
    return found


def guest(machine: str, **more: Any) -> Guest:
    return Guest.model_validate({"machine": machine, "devices": [NIC], **more})


def planned(machine: str, **more: Any) -> Layout:
    outcome = solve(guest(machine, **more))
    assert isinstance(outcome, Solved)
    return outcome.layout


@pytest.mark.parametrize(
    ("name", "family", "version"),
    [
        ("q35", "q35", None),
        ("pc", "pc", None),
        ("q35+pve0", "q35", None),
        ("pc+pve1", "pc", None),
        ("ubuntu", "pc", None),
        ("ubuntu-q35", "q35", None),
        ("pc-q35-4.0.1", "q35", (4, 0)),
        ("pc-q35-8.1+pve0", "q35", (8, 1)),
        ("pc-i440fx-9.2.1+pve1", "pc", (9, 2)),
        ("pc-i440fx-2.6.pxe", "pc", (2, 6)),
        ("pc-1.0", "pc", (1, 0)),
        ("pc-0.14", "pc", (0, 14)),
        ("rhel6.5.0", "pc", (0, 12)),
        ("pc-i440fx-rhel7.6.0", "pc", (2, 12)),
        ("pc-q35-rhel9.4.0", "q35", (8, 2)),
        ("pc-q35-noble-v2", "q35", (8, 2)),
        ("pc-i440fx-jammy-hpb-maxcpus", "pc", (6, 2)),
    ],
)
def test_names(name: str, family: str, version: tuple[int, int] | None) -> None:
    assert (known(name).family, known(name).version, known(name).known) == (family, version, True)


@pytest.mark.parametrize("name", ["microvm", "isapc", "q36", "pcx", "virt-8.2", "none", "", "q35 ", "q35\n"])
def test_what_is_no_machine_here(name: str) -> None:
    assert machine_type(name) is None


@pytest.mark.parametrize("name", ["pc-q35-acme1", "pc-i440fx-rhel99.0.0", "pc-q35-rhel9.4.0-hpb", "pc-banana"])
def test_a_version_that_nobody_knows_has_to_be_said(name: str) -> None:
    with pytest.raises(ValidationError, match=r"machine_as: pc-(q35|i440fx)-8\.2, or --machine-as"):
        guest(name)


def test_a_version_that_is_said() -> None:
    layout = planned("pc-q35-acme1", machine_as="pc-q35-6.0")
    assert (layout.machine, layout.platform.machine_as, layout.machine_model.version) == (
        "pc-q35-acme1",
        "pc-q35-6.0",
        (6, 0),
    )
    assert layout.warnings == ()
    assert Guest.from_layout(layout).machine_model == layout.machine_model


@pytest.mark.parametrize("said", ["pc-i440fx-6.0", "pc-q35-acme2", "banana"])
def test_what_it_cannot_stand_for(said: str) -> None:
    with pytest.raises(ValidationError, match="machine_as"):
        guest("pc-q35-acme1", machine_as=said)


def test_what_is_doubtful() -> None:
    assert known("pc-q35-8.1+pve0").doubts == known("ubuntu-q35").doubts == known("pc-q35-resolute").doubts == ()
    assert "not read" in "; ".join(known("pc-q35-jammy").doubts)
    assert "without many device models" in "; ".join(known("pc-q35-rhel9.4.0").doubts)
    assert "none before 1.4" in "; ".join(known("pc-1.0").doubts)
    assert "none before 2.4" in "; ".join(known("pc-q35-2.3").doubts)
    assert known("pc-q35-2.4").doubts == known("pc-i440fx-1.4").doubts == ()


def test_address_bits_of_the_host() -> None:
    assert [known(f"pc-q35-{name}").host_phys_bits for name in ("jammy", "jammy-hpb", "rhel9.4.0", "8.2")] == [
        *(False, True, True, False)
    ]
    (told,) = planned("pc-q35-resolute-hpb").warnings
    assert told.rule == "machine-version"
    assert "phys_bits" in str(told)
    assert planned("pc-q35-resolute-hpb", phys_bits=46).warnings == ()


def test_upstream_names() -> None:
    assert [known(name).upstream for name in ("pc-i440fx-trusty", "pc-q35-focal", "rhel6.5.0", "pc+pve0")] == [
        *("pc-i440fx-2.0", "pc-q35-4.2", "pc-0.12", "pc")
    ]


VENDOR_NAMES = st.builds(
    lambda chip, row, suffix: f"pc-{chip}-{row['name']}{suffix if row['vendor'] == 'Ubuntu' else ''}",
    st.sampled_from(["q35", "i440fx"]),
    st.sampled_from(VENDORS["names"]),
    st.sampled_from(["", "-hpb", "-maxcpus", "-v2"]),
)
PROXMOX_NAMES = st.builds(
    lambda chip, version, revision: f"pc-{chip}-{version[0]}.{version[1]}+pve{revision}",
    st.sampled_from(["q35", "i440fx"]),
    st.tuples(st.integers(2, 11), st.integers(0, 12)),
    st.integers(0, 9),
)


@given(VENDOR_NAMES | PROXMOX_NAMES, st.booleans())
def test_the_plan_is_that_of_the_upstream_version(name: str, plain: bool) -> None:
    """All but the name, what is warned of, and the hash of the request."""
    devices = [NIC | ({"virtio_by": "slot"} if plain else {}), {"id": "disk", "model": "nvme"}]
    mine, upstream = (planned(one, devices=devices) for one in (name, known(name).upstream))
    assert mine.machine == name
    told = [one for one in mine.warnings if one.rule != "machine-version"]
    beside = {"machine", "warnings", "input_sha256"}
    assert mine.model_dump(exclude=beside) == upstream.model_dump(exclude=beside)
    assert told == [one for one in upstream.warnings if one.rule != "machine-version"]


def test_each_name_has_a_vendor_and_stands_once() -> None:
    rows = VENDORS["names"]
    assert {row["vendor"] for row in rows} < {*VENDORS["vendors"]}
    assert len({row["name"] for row in rows}) == len(rows)
    assert all(one["source"] for one in VENDORS["vendors"].values())
