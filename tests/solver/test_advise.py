"""Which machine and which modes: decisions, their alternatives, and the commands."""

from typing import Any

import pytest

from qslot.schema import Infeasible, Solved
from qslot.schema.environment.advice import Advice
from qslot.schema.environment.host import host_of_versions
from qslot.schema.environment.osinfo import find_os
from qslot.schema.environment.target import Environment
from qslot.schema.verify import verify
from qslot.schema.verify.environment import host_firmware
from qslot.solver import advise

from .ask import Data, device, devices, host, policy

DISKS = {"devices": [device("net0", "virtio-net"), device("disk0", "virtio-blk"), device("video", "VGA")]}


def advised(request: Data, os: str | None = "rhel6.10", *hosts: str, **more: Any) -> Advice:
    known = tuple(map(host_of_versions, hosts))
    return advise(request, Environment(os=None if os is None else find_os(os), hosts=known, **more))


def costs(advice: Advice) -> dict[str, dict[str, int]]:
    assert isinstance(advice.outcome, Solved)
    every = [(advice.variant, advice.outcome.layout.objective)]
    every += [(one.variant, one.objective) for one in advice.alternatives]
    return {str(variant): {term.term: term.value for term in terms if term.value} for variant, terms in every}


def test_rhel_6_on_q35() -> None:
    """Hot-pluggable behind one bridge with one window; cold on the root complex, or on i440fx, without any."""
    advice = advised(DISKS)
    assert (advice.variant, advice.machine) == ("q35-bridge", "q35")
    assert costs(advice) == {
        "q35-bridge": {"io_windows": 4096, "controllers": 2, "depth": 4},
        "i440fx": {},
        "q35-root-complex": {},
    }
    assert {one.variant: one.cold for one in advice.alternatives} == {
        "i440fx": (),
        "q35-root-complex": ("net0", "disk0"),
    }
    assert [(one.id, one.driver, one.virtio, one.virtio_by) for one in advice.devices] == [
        ("net0", "virtio-net-pci-transitional", "transitional", "type"),
        ("disk0", "virtio-blk-pci-transitional", "transitional", "type"),
        ("video", "VGA", None, None),
    ]
    assert (
        advice.devices[0].reason == "rhel6.10 drives virtio 0.9 only; on a conventional bus, which shares one IO window"
    )


def test_both_ways_on_q35_are_alternatives_to_i440fx() -> None:
    advice = advised({**DISKS, "policy": policy(preset="legacy-on-i440fx")})
    assert [one.variant for one in advice.alternatives] == ["q35-bridge", "q35-root-complex"]
    assert [one.cold for one in advice.alternatives] == [(), ("net0", "disk0")]


@pytest.mark.parametrize(
    ("hosts", "told"),
    [
        (["qemu=7.2"], ""),
        (["qemu=3.1"], "told by disable-legacy and disable-modern, as qemu=3.1 is not known to have the device types"),
        (["qemu=3.1,libvirt=5.0"], "told by its slot alone, as qemu=3.1,libvirt=5.0 is not known to take more"),
        (["qemu=3.1", "qemu=4.0,libvirt=5.2"], "told by its slot alone, as its hosts have no other means in common"),
    ],
)
def test_why_a_mode_is_told_as_it_is(hosts: list[str], told: str) -> None:
    advice = advised(DISKS, "rhel6.10", *hosts)
    parts = ["rhel6.10 drives virtio 0.9 only", told, "on a conventional bus, which shares one IO window"]
    assert advice.devices[0].reason == "; ".join(filter(None, parts))


def test_cold_devices_go_on_the_root_complex() -> None:
    advice = advised({"devices": devices(3, "virtio-net", hotplug="never")})
    assert advice.variant == "q35-root-complex"
    assert costs(advice)["q35-root-complex"] == {}
    assert costs(advice)["q35-bridge"]["io_windows"] == 4096


def test_half_of_them_on_the_root_bus_are_not_most() -> None:
    disks = [device("d0", "virtio-blk", address="pcie.0:05", hotplug="never"), device("d1", "virtio-blk")]
    disks[1]["hotplug"] = "required"
    assert advised({"machine": "q35", "devices": disks}).variant == "q35-bridge"


def test_an_os_with_virtio_1_0() -> None:
    advice = advised(DISKS, "rhel9.0")
    assert advice.variant == "q35"
    assert {one.virtio for one in advice.devices} == {"modern", None}
    assert costs(advice)["q35"] == {"controllers": 2, "depth": 2}
    assert [one.variant for one in advice.alternatives] == ["i440fx"]


@pytest.mark.parametrize(
    ("preset", "os", "machine"),
    [
        ("default", "rhel6.10", "q35"),
        ("prefer-q35", "rhel6.10", "q35"),
        ("legacy-on-i440fx", "rhel6.10", "pc"),
        ("legacy-on-i440fx", "rhel9.0", "q35"),
        ("strict-modern", "rhel9.0", "q35"),
        ("legacy-on-i440fx", "freebsd8.0", "pc"),
        ("prefer-q35", "freebsd8.0", "pc"),
    ],
)
def test_presets(preset: str, os: str, machine: str) -> None:
    assert advised({**DISKS, "policy": policy(preset=preset)}, os).machine == machine


def test_q35_only_where_it_costs_no_preference() -> None:
    """pc.0 takes hot-plug, pcie.0 does not, and there may be no bridge."""
    few = {"devices": devices(4, "virtio-net"), "policy": policy(max_controllers=0)}
    assert advised(few).machine == "pc"
    assert advised({**few, "policy": policy(max_controllers=0, preset="prefer-q35")}).machine == "q35"


def test_the_other_machine_where_one_has_no_layout() -> None:
    """More hot-pluggable windows than pc has room for; hot-plug without a bridge."""
    nics = [host(f"h{n}", "express", 256, hotplug="required") for n in range(14)]
    assert advised({"devices": nics, "policy": policy(max_controllers=14)}, "rhel9.0").machine == "q35"
    cold = devices(2, "e1000", hotplug="required")
    assert advised({"devices": cold, "policy": policy(max_controllers=0)}, "rhel9.0").machine == "pc"


def test_no_driver_is_a_warning() -> None:
    advice = advised(DISKS, "win10")
    assert [(one.rule, one.severity, one.subjects) for one in advice.warnings] == [
        ("os-driver", "warning", ("net0",)),
        ("os-driver", "warning", ("disk0",)),
    ]
    assert advised(DISKS, "win10", drivers="packages").warnings == ()


def test_what_a_stated_mode_asks_of_hosts_excludes_a_machine() -> None:
    request = {"devices": [device("n", "virtio-net", virtio="transitional", virtio_by="type")]}
    advice = advised(request, None, "qemu=3.1")
    assert isinstance(advice.outcome, Infeasible)
    assert {(one.rule, one.subjects) for one in advice.outcome.findings} == {("host-model", ("n",))}


def test_no_machine_at_all() -> None:
    advice = advised(DISKS, "rhel6.10", "qemu=10.2", "qemu=4.0")
    assert isinstance(advice.outcome, Infeasible)
    assert (advice.variant, advice.devices, advice.alternatives) == (None, (), ())
    assert [one.machine for one in advice.excluded] == ["q35", "pc"]


def test_the_same_advice_twice() -> None:
    assert advised(DISKS, "rhel6.10", "qemu=6.2") == advised(DISKS, "rhel6.10", "qemu=6.2")


def test_the_request_for_the_machine_chosen() -> None:
    advice = advised(DISKS, "rhel6.10", "qemu=6.2")
    assert advice.guest is not None
    assert (advice.guest.machine, advice.guest.devices[0].virtio) == ("pc-q35-6.2", "transitional")
    assert isinstance(advice.outcome, Solved)
    assert [one.rule for one in verify(advice.guest, advice.outcome.layout)] == ["qemu-version"]
    assert (advice.guest.qemu, advice.outcome.layout.qemu_version) == ("6.2", (6, 2))


BOOTS_ON_OLD_FIRMWARE: dict[str, Any] = {
    "machine": "pc-q35-7.2",
    "memory": "4GiB",
    "controllers": [
        {"id": "rp1", "model": "pcie-root-port"},
        {"id": "p2p1", "model": "pcie-pci-bridge", "address": "rp1:0.0"},
        {"id": "b1", "model": "pci-bridge", "address": "p2p1:1.0", "properties": {"shpc": True}},
    ],
    "devices": [{"id": "v", "model": "secondary-vga", "address": "p2p1:2.0"}],
}
"""SeaBIOS from 1.16.3 on pads the inner bridge's window to 512 MiB, which the VGA beside it keeps below 4 GiB."""


def test_a_layout_that_a_host_does_not_boot_is_not_advised_as_sound() -> None:
    alone = advised(BOOTS_ON_OLD_FIRMWARE, None, "qemu=7.2")
    assert isinstance(alone.outcome, Solved)
    assert [one.rule for one in alone.warnings] == []
    known = Environment(hosts=(host_of_versions("qemu=10.0"),))
    (found,) = host_firmware(known, alone.outcome.layout)
    assert (found.rule, found.severity) == ("host-firmware", "error")
    assert (found.details["firmware"], found.details["fails"]) == ("seabios 1.16.3", "memory-space")
    both = advised(BOOTS_ON_OLD_FIRMWARE, None, "qemu=7.2", "qemu=10.0")
    assert isinstance(both.outcome, Infeasible)


def test_hosts_with_other_addresses_are_told() -> None:
    advice = advised({"memory": "4GiB", "devices": [{"id": "n", "model": "virtio-net"}]}, None, "qemu=7.2", "qemu=11.1")
    assert isinstance(advice.outcome, Solved)
    assert (advice.outcome.layout.qemu_version, advice.outcome.layout.firmware.version) == ((11, 1), "1.17.0")
    (told,) = advice.warnings
    assert (told.rule, told.severity, told.details["firmware"]) == ("host-firmware", "warning", "seabios 1.16.2")
    assert "on qemu=7.2 (seabios 1.16.2) the firmware gives other addresses to n" in str(advice)
