"""What is left out of a request may be so or not: one guest for each kind of fact that others may rest on.

Each has a layout, and none once the request is made without the fact; that is no proof that the others clash.
"""

from dataclasses import replace

import pytest

from qslot.schema import Guest
from qslot.schema.explanation.conflict import Facts
from qslot.schema.explanation.facts import facts_of
from qslot.schema.explanation.restrict import Relaxation, restricted
from qslot.solver.aggregate.bus_classes import KeptRoom
from qslot.solver.aggregate.controller_reserves import DECISIVE, LeastReserves
from qslot.solver.search.cpsat import Limits
from qslot.solver.search.feasibility import prove_infeasible

from .ask import Data, device, devices, only, pc, planned, policy, q35

LIMITS = Limits().steady


def controller(name: str, model: str, **rest: object) -> Data:
    return {"id": name, "model": model, **rest}


def ports(**rest: object) -> list[Data]:
    """One more than there are windows, where each would open one."""
    return [controller(f"rp{n}", "pcie-root-port", **rest) for n in range(15)]


RESTING: dict[str, tuple[Data, tuple[str, ...], tuple[str, ...]]] = {
    "the device at function 0": (
        pc(
            device("b", "rtl8139", hotplug="never", address="pci.0:05.0"),
            device("c", "e1000", address="pci.0:05.1"),
        ),
        ("complete", "pin"),
        ("b",),
    ),
    "a device that joins function 1": (
        q35(
            device("b", "e1000", hotplug="never"),
            device("c", "e1000", hotplug="never", address=".1"),
            reserve=only(*(f"{n:02x}" for n in range(1, 31))),
        ),
        ("complete",),
        ("b",),
    ),
    "a bridge pinned beside a device": (
        pc(
            device("c", "e1000", address="pci.0:05.1"),
            controllers=[controller("b", "pci-bridge", address="pci.0:05.0")],
        ),
        ("pin",),
        ("b",),
    ),
    "a seat that only pins give": (
        q35(
            device("a", "e1000", hotplug="required", address="rp:00.0"),
            controllers=[controller("rp", "pcie-root-port")],
            policy=policy(max_controllers=1),
        ),
        ("pin",),
        ("a",),
    ),
    "a group in one slot": (
        q35(*devices(2, "nvme", hotplug="required", group="g"), policy=policy(max_controllers=1)),
        ("group",),
        ("d0", "d1"),
    ),
    "a group pinned to one slot": (
        pc(
            device("d0", "e1000", hotplug="required", group="g", address="pci.0:05.0"),
            device("d1", "e1000", hotplug="required", group="g"),
            policy=policy(max_controllers=0),
            reserve=[place for place in only(machine="pc") if not place.startswith("pci.0:05")],
        ),
        ("group",),
        ("d0", "d1"),
    ),
    "a mode": (
        q35(
            *devices(2, "virtio-net", virtio="transitional"),
            controllers=[
                controller("rp", "pcie-root-port", address="pcie.0:05.0"),
                controller("p2p", "pcie-pci-bridge", address="rp:00.0"),
            ],
            policy=policy(preset="libvirt", max_controllers=2),
        ),
        ("as-requested",),
        ("d0", "d1"),
    ),
    "the only wish for an expander": (
        q35(
            device("a", "nvme", hotplug="required", numa=0),
            device("b", "nvme", hotplug="required"),
            numa_nodes=1,
            reserve=only("01.0"),
            policy=policy(max_controllers=3),
        ),
        ("numa",),
        ("a",),
    ),
    "a port without a window of its own": (
        {**q35(controllers=ports(properties={"io-reserve": 0})), "machine": "pc-q35-6.1"},
        ("as-requested",),
        tuple(f"rp{n}" for n in range(15)),
    ),
    "a port that takes no hot-plug": (
        {**q35(controllers=ports(hotplug=False)), "machine": "pc-q35-6.1"},
        ("hotplug",),
        tuple(f"rp{n}" for n in range(15)),
    ),
    "a bridge that nobody creates": (
        q35(
            *devices(2, "e1000", hotplug="never"),
            controllers=[controller("b", "i82801b11-bridge")],
            reserve=only("01.0"),
            policy=policy(max_controllers=1),
        ),
        ("complete",),
        ("b",),
    ),
    "a controller on the chipset's slot": (
        q35(
            device("a", "nvme", hotplug="required"),
            controllers=[controller("rp", "pcie-root-port", address="pcie.0:1f.4")],
            reserve=only("1f.4"),
        ),
        ("pin",),
        ("rp",),
    ),
    "the first video card, which libvirt has on the root bus": (
        q35(
            device("v0", "VGA", hotplug="never"),
            device("v1", "bochs-display", hotplug="required"),
            controllers=[controller("rp", "pcie-root-port", address="pcie.0:05.0")],
            policy=policy(preset="libvirt", max_controllers=1),
        ),
        ("complete",),
        ("v0",),
    ),
}


def without(guest: Guest, rules: tuple[str, ...], subjects: tuple[str, ...]) -> Facts:
    """Without whole facts; of like controllers all have the property, of which none is kept."""
    facts = facts_of(guest)
    gone = [fact for fact in facts if fact.rule in rules and {*subjects} & {*fact.subjects}]
    assert gone
    return tuple(fact for fact in facts if fact not in gone)


@pytest.mark.parametrize("name", RESTING)
def test_what_others_rest_on_is_left_out(name: str) -> None:
    data, rules, subjects = RESTING[name]
    guest = Guest.model_validate(data)
    planned(guest)
    kept = without(guest, rules, subjects)
    request = restricted(guest, kept)
    assert prove_infeasible(Relaxation(request, request), LIMITS), (
        "this guest tests nothing: the request without has a layout"
    )
    assert not prove_infeasible(Relaxation.of(guest, kept), LIMITS, thorough=True)


@pytest.mark.parametrize("name", RESTING)
def test_nothing_kept_but_limits(name: str) -> None:
    guest = Guest.model_validate(RESTING[name][0])
    kept = [fact for fact in facts_of(guest) if not fact.subjects]
    assert not prove_infeasible(Relaxation.of(guest, kept), LIMITS, thorough=True)


def test_every_measure_of_a_controller_is_the_least() -> None:
    """Of one that may have its properties or not; a new measure must say which of two asks less."""
    guest = Guest.model_validate({**q35(controllers=ports()), "machine": "pc-q35-6.1"})
    own = guest.controllers[0].model_copy(
        update={"properties": {"io-reserve": 8192, "bus-reserve": 4, "mem-reserve": 1 << 21}}
    )
    plain, asked, least = (
        LeastReserves(guest).of(one) for one in ([guest.controllers[0]], [own], [guest.controllers[0], own])
    )
    assert asked != plain
    assert least == replace(plain, room=KeptRoom())
    assert LeastReserves(guest).of([own, guest.controllers[0]]) == least


@pytest.mark.parametrize("name", DECISIVE)
def test_controllers_that_keep_otherwise_are_not_alike(name: str) -> None:
    """What one keeps is remembered for others; a property that decides it must tell them apart."""
    guest = Guest.model_validate(q35(controllers=[{"id": "br", "model": "pci-bridge"}]))
    plain = guest.controllers[0]
    value = False if name == "shpc" else 32 if name == "bus-reserve" else 1 << 23
    stated = plain.model_copy(update={"properties": {name: value}})
    known = LeastReserves(guest)
    assert known.of([plain]) != known.of([stated])
    assert known.of([stated]) == LeastReserves(guest).of([stated])
