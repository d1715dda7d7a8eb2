"""The address-level model against the solver and the oracle on random tiny guests, and where the solver was wrong."""

from typing import Any

import pytest

from qslot.schema import Guest, Infeasible, Outcome, Solved, Undecided
from qslot.solver import Options, solve
from qslot.solver.address_model import address_level, within_reach
from qslot.solver.address_model.solve import consider
from qslot.solver.search.cpsat import Limits
from qslot.testing.generator import small_guest

from ..opinions import addresses, oracle

SEEDS = range(16)
PATIENCE = Options(time_limit=60)


def costs(outcome: Outcome) -> dict[str, int]:
    assert isinstance(outcome, Solved)
    values = {term.term: term.value for term in outcome.layout.objective}
    assert all(term.value == term.bound for term in outcome.layout.objective)
    return {term: values[term] for term in ("preferences", "io_windows", "controllers", "depth")}


def planned(**request: Any) -> Outcome:
    guest = Guest.model_validate(request)
    assert within_reach(guest)
    return address_level(guest, Limits())


def test_agrees_with_the_solver() -> None:
    verdicts = {seed: addresses.opinion(guest := small_guest(seed), solve(guest, PATIENCE)) for seed in SEEDS}
    assert {seed: verdict for seed, verdict in verdicts.items() if verdict.startswith("DISAGREE")} == {}
    assert sum(verdict == "agree" for verdict in verdicts.values()) > len(SEEDS) // 2


def test_agrees_with_the_oracle() -> None:
    guests = {seed: guest for seed in SEEDS if within_reach(guest := small_guest(seed))}
    verdicts = {seed: oracle.opinion(guest, address_level(guest, Limits())) for seed, guest in guests.items()}
    assert {seed: verdict for seed, verdict in verdicts.items() if verdict.startswith("DISAGREE")} == {}
    assert sum(verdict == "agree" for verdict in verdicts.values()) > len(SEEDS) // 4


def test_one_slot_for_many_says_the_same_as_a_boolean_a_slot() -> None:
    limits = Limits(effort=2.0)
    compared = 0
    for seed in SEEDS:
        guest = small_guest(seed)
        plain, pooled = consider(guest, limits), consider(guest, limits, pooled=True)
        assert not pooled.fault, seed
        if not isinstance(plain.outcome, Undecided) and not isinstance(pooled.outcome, Undecided):
            compared += 1
            assert _said(plain.outcome) == _said(pooled.outcome), seed
    assert compared > len(SEEDS) // 2


def _said(outcome: Outcome) -> object:
    return costs(outcome) if isinstance(outcome, Solved) else type(outcome)


def test_same_answer_twice() -> None:
    guest = small_guest(7)
    assert address_level(guest, Limits()) == address_level(guest, Limits())


def test_wish_of_a_device_inside_an_open_controller_creates_its_expander() -> None:
    outcome = planned(
        machine="pc",
        numa_nodes=1,
        controllers=[{"id": "inner", "model": "pci-bridge"}],
        devices=[{"id": "nic", "model": "e1000", "numa": 0, "address": "inner:02.0"}],
    )
    assert costs(outcome) == {"preferences": 0, "io_windows": 4096, "controllers": 2, "depth": 2}


def test_joining_a_pinned_neighbour_costs_that_one_too() -> None:
    outcome = planned(
        machine="q35",
        controllers=[{"id": "port0", "model": "pcie-root-port"}],
        devices=[
            {"id": "second", "model": "virtio-net", "address": ".1"},
            {"id": "first", "model": "virtio-net", "address": "port0:00.0"},
        ],
    )
    assert costs(outcome) == {"preferences": 14, "io_windows": 0, "controllers": 1, "depth": 1}


def test_who_joins_a_device_keeps_off_its_virtual_functions() -> None:
    outcome = planned(
        machine="q35",
        policy={"max_controllers": 1},
        reserve=[f"pcie.0:{slot:02x}" for slot in range(1, 31) if slot != 5],
        devices=[
            {"id": "disk", "model": "nvme", "vfs": 2, "hotplug": "never"},
            {"id": "rng", "model": "virtio-rng", "hotplug": "never"},
        ],
    )
    assert costs(outcome)["preferences"] == 4


def test_slots_that_virtual_functions_close_are_told_apart() -> None:
    kept = (3, 4, 0x13, 0x14, 0x15)
    reserve = [f"pci.0:{slot:02x}" for slot in range(2, 32) if slot not in kept]
    nics = [{"id": f"nic{number}", "model": "igb", "hotplug": "never"} for number in range(2)]
    assert isinstance(planned(machine="pc", reserve=reserve, devices=nics), Infeasible)
    assert isinstance(planned(machine="pc", reserve=reserve, devices=nics[:1]), Solved)


def test_ovmf_reserves_a_page_for_a_bridge_on_a_port_without_hotplug() -> None:
    outcome = planned(
        machine="q35",
        firmware="ovmf:2022.11",
        controllers=[{"id": "port0", "model": "ioh3420", "hotplug": False}],
        devices=[],
        spare=[{"kind": "pci", "io": 4096}],
    )
    assert costs(outcome) == {"preferences": 0, "io_windows": 4096, "controllers": 2, "depth": 0}


def test_neighbouring_ports_with_different_reserves() -> None:
    outcome = planned(
        machine="q35",
        policy={"max_controllers": 2},
        controllers=[
            {"id": "closed", "model": "pcie-root-port", "address": "pcie.0:03.0", "properties": {"io-reserve": 0}},
            {"id": "open", "model": "pcie-root-port", "address": "pcie.0:03.1"},
        ],
        devices=[{"id": "nic", "model": "e1000e", "hotplug": "required"}],
    )
    assert costs(outcome)["controllers"] == 2


@pytest.mark.parametrize("pinned", [True, False])
def test_spare_behind_a_port_that_keeps_nothing_but_opens_a_window(pinned: bool) -> None:
    bridge = {"id": "bridge", "model": "pcie-pci-bridge"} | ({"address": "port0:00.0"} if pinned else {})
    outcome = planned(
        machine="q35",
        firmware="ovmf:2022.11",
        controllers=[{"id": "port0", "model": "ioh3420", "address": "pcie.0:01.0"}, bridge],
        spare=[{"kind": "pci", "io": 1}],
    )
    assert costs(outcome)["controllers"] == 2


def test_edk2_that_opens_no_window_by_itself_takes_another_port_for_the_spare() -> None:
    outcome = planned(
        machine="q35",
        firmware={"name": "ovmf", "version": "202311"},
        controllers=[
            {"id": "port0", "model": "ioh3420", "address": "pcie.0:01.0"},
            {"id": "b", "model": "pcie-pci-bridge"},
        ],
        spare=[{"kind": "pci", "io": 1}],
    )
    assert costs(outcome)["controllers"] == 3


def test_spare_slots_whose_common_reserve_would_not_fit_are_kept_apart() -> None:
    outcome = planned(
        machine="pc",
        firmware="ovmf",
        numa_nodes=1,
        devices=[{"id": "nic", "model": "e1000", "numa": 0}],
        spare=[{"kind": "pci", "count": 2, "io": 4096, "numa": 0}],
    )
    assert costs(outcome) == {"preferences": 0, "io_windows": 12288, "controllers": 4, "depth": 2}


def test_a_switch_uses_the_bus_numbers_that_a_port_reserves() -> None:
    outcome = planned(
        machine="q35",
        controllers=[
            {"id": "plain", "model": "i82801b11-bridge", "address": "pcie.0:02.0"},
            {"id": "port0", "model": "pcie-root-port", "hotplug": False, "properties": {"bus-reserve": 253}},
        ],
        devices=[{"id": "nic", "model": "virtio-net", "virtio": "modern", "virtio_by": "slot"}],
        reserve=[f"plain:{slot:02x}" for slot in range(1, 32)],
    )
    assert costs(outcome)["controllers"] == 4


def test_demanded_reserve_beyond_memory_is_infeasible() -> None:
    port = {"id": "port0", "model": "pcie-root-port", "properties": {"mem-reserve": 1 << 30}}
    assert isinstance(planned(machine="q35", controllers=[port]), Infeasible)


def test_bridge_created_below_an_expander_keeps_its_shpc() -> None:
    outcome = planned(
        machine="pc",
        firmware="ovmf",
        controllers=[{"id": "root", "model": "pxb"}, {"id": "second", "model": "pci-bridge", "address": "root:01.2"}],
        devices=[{"id": "disk", "model": "nvme", "hotplug": "never"}],
        reserve=[f"root:{slot:02x}" for slot in range(2, 32)],
    )
    assert costs(outcome)["controllers"] == 3


def test_required_hotplug_behind_an_unplugged_port_is_infeasible() -> None:
    port = {"id": "port0", "model": "pcie-root-port", "hotplug": False}
    device = {"id": "nic", "model": "e1000e", "hotplug": "required", "address": "port0:00.0"}
    assert isinstance(planned(machine="q35", controllers=[port], devices=[device]), Infeasible)


def test_large_guests_are_out_of_reach() -> None:
    devices = [{"id": f"disk{number}", "model": "nvme"} for number in range(30)]
    assert not within_reach(Guest.model_validate({"machine": "q35", "devices": devices}))
