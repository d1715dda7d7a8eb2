"""Layouts held against an OS and hosts, each rule broken alone."""

from typing import Any

import pytest

from qslot.schema import Layout, VirtioMode
from qslot.schema.environment.host import Host, host_of_versions
from qslot.schema.environment.osinfo import find_os
from qslot.schema.environment.target import Environment
from qslot.schema.verify.environment import verify_for

from ..real.layouts import at, controller, layout

NET = at("pcie.0:02.0", "virtio-net-pci-transitional", "net0", VirtioMode.TRANSITIONAL)
MODERN = at("pcie.0:03.0", "virtio-blk-pci", "disk0", VirtioMode.MODERN, disable_legacy="on", disable_modern="off")
PLAIN = at("pcie.0:04.0", "virtio-rng-pci", "rng0", VirtioMode.TRANSITIONAL)


def made(*seats: Any, machine: str = "pc-q35-6.2", **fields: Any) -> Layout:
    return layout(machine, *(seats or (NET, controller("pcie.0:01.0", "pcie-root-port", "rp1"))), **fields)


def environment(os: str | None = None, *hosts: str | Host, **more: Any) -> Environment:
    known = tuple(host if isinstance(host, Host) else host_of_versions(host) for host in hosts)
    return Environment(os=None if os is None else find_os(os), hosts=known, **more)


def test_who_copes_with_all_of_it() -> None:
    assert verify_for(environment("rhel6.10", "qemu=6.2,libvirt=8.0", "qemu=8.0"), made()) == []
    assert verify_for(environment(), made(NET, MODERN, PLAIN)) == []


@pytest.mark.parametrize(
    ("known", "given", "rule", "subjects", "numbers"),
    [
        (environment("cirros0.4.0"), made(), "os-machine", (), {"os": "cirros0.4.0", "machine": "q35"}),
        (environment("win11"), made(MODERN), "os-machine", (), {"os": "win11", "firmware": "seabios"}),
        (
            environment("rhel6.10"),
            made(MODERN),
            "os-driver",
            ("disk0",),
            {"os": "rhel6.10", "model": "virtio-blk", "mode": "modern"},
        ),
        (environment(None, "qemu=6.1"), made(), "host-machine", (), {"host": "qemu=6.1", "machine": "pc-q35-6.2"}),
        (
            environment(None, "qemu=6.2,libvirt=5.1"),
            made(),
            "host-model",
            ("net0",),
            {"host": "qemu=6.2,libvirt=5.1", "model": "virtio-net-pci-transitional", "mode": "transitional"},
        ),
        (
            environment(None, "qemu=6.2,libvirt=8.1"),
            made(MODERN),
            "host-model",
            ("disk0",),
            {"host": "qemu=6.2,libvirt=8.1", "model": "virtio-blk-pci", "mode": "modern"},
        ),
        (
            environment(None, Host(name="h", qemu=(6, 2), models={"virtio-rng": frozenset()})),
            made(PLAIN),
            "host-model",
            ("rng0",),
            {"host": "h (QEMU 6.2 or newer)", "model": "virtio-rng-pci", "mode": "transitional"},
        ),
    ],
)
def test_what_one_does_not_know(
    known: Environment, given: Layout, rule: str, subjects: tuple[str, ...], numbers: dict[str, str]
) -> None:
    found = [one for one in verify_for(known, given) if not (rule == "os-machine" and one.rule == "os-driver")]
    assert [(one.rule, one.subjects, one.details) for one in found] == [(rule, subjects, numbers)]


def test_the_slot_is_taken_by_every_host() -> None:
    assert verify_for(environment(None, "qemu=6.2,libvirt=1.0"), made(PLAIN)) == []
    assert verify_for(environment(None, "libvirt=9.0"), made(PLAIN)) == []


def test_what_the_os_lacks_is_a_warning_and_what_a_host_lacks_an_error() -> None:
    found = verify_for(environment("rhel6.10", "qemu=6.2,libvirt=8.1"), made(MODERN))
    assert [(one.rule, one.severity) for one in found] == [("os-driver", "warning"), ("host-model", "error")]


def test_packages_count_only_where_they_are_asked_for() -> None:
    assert [one.rule for one in verify_for(environment("win10"), made())] == ["os-driver"]
    assert verify_for(environment("win10", drivers="packages"), made()) == []
