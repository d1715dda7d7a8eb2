"""Layouts held against an OS and hosts, each rule broken alone."""

from typing import Any

import pytest

from qslot.schema import Cpu, Firmware, Layout, VirtioMode
from qslot.schema.environment.host import Host, host_of_versions
from qslot.schema.environment.osinfo import find_os
from qslot.schema.environment.target import Environment
from qslot.schema.environment.words import because
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


def bits_of(layout: Layout, cpu: Cpu, phys_bits: int | None = None) -> Layout:
    """On a machine whose RAM and large BAR go above 4 GiB."""
    platform = layout.platform.model_copy(update={"memory": 8 << 30, "cpu": cpu, "phys_bits": phys_bits})
    return layout.model_copy(update={"platform": platform, "firmware": Firmware(name="seabios", version="1.17.0")})


LARGE = made(at("pcie.0:02.0", "pci-testdev", "t", membar=8 << 30), machine="pc-q35-7.2")
NEWEST = "qemu=11.1"


@pytest.mark.parametrize(
    ("cpu", "phys_bits", "host", "told"),
    [
        (Cpu(), 46, "phys_bits=39", {"host-phys-bits"}),
        (Cpu(), 46, "phys_bits=46", set()),
        (Cpu(), 46, NEWEST, set()),
        (Cpu(), None, "phys_bits=39", {"host-phys-bits"}),  # AMD's 40 bits, which SeaBIOS uses to the end
        (Cpu(vendor="intel"), None, "phys_bits=39", set()),  # Intel's 40 bits, which it does not believe
        (Cpu(host=True, vendor="amd"), 46, "phys_bits=46", set()),
        (Cpu(host=True, vendor="amd"), 46, "phys_bits=48", set()),  # 1.17 uses 44 at most here
        (Cpu(host=True, vendor="amd"), 41, "phys_bits=43", {"host-firmware"}),
        (Cpu(host=True, vendor="amd"), 43, "phys_bits=41", {"host-firmware", "host-phys-bits"}),
        (Cpu(model="EPYC", host_phys_bits=True), 41, "phys_bits=43", {"host-firmware"}),
        (Cpu(model="EPYC", host_phys_bits=True, host_phys_bits_limit=41), 41, "phys_bits=43", set()),
        (Cpu(model="EPYC"), 41, "phys_bits=43", set()),
        (Cpu(host=True), 40, "phys_bits=40,vendor=intel", {"host-firmware"}),
        (Cpu(host=True, vendor="amd"), 40, "phys_bits=40,vendor=intel", set()),
    ],
)
def test_address_bits_of_hosts(cpu: Cpu, phys_bits: int | None, host: str, told: set[str]) -> None:
    found = verify_for(environment(None, host), bits_of(LARGE, cpu, phys_bits))
    assert {one.rule for one in found} == told
    assert {one.severity for one in found} <= {"warning"}


def test_bits_beyond_a_host_in_words() -> None:
    (found,) = verify_for(environment(None, "phys_bits=39"), bits_of(LARGE, Cpu(), 46))
    assert found.details == {"host": "phys_bits=39", "phys_bits": 46, "has": 39}
    assert because(found) == "the CPU of phys_bits=39 has 39 physical address bits, and the guest's 46"
