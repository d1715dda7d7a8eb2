"""Requests that leave machine and modes open, resolved for an OS and hosts."""

from collections.abc import Sequence
from typing import Any

import pytest

from qslot.schema import Guest, VirtioMode
from qslot.schema.environment.candidates import Candidate, candidates
from qslot.schema.environment.host import Host, host_of_versions
from qslot.schema.environment.osinfo import find_os
from qslot.schema.environment.target import Environment

Data = dict[str, Any]

EVERYTHING = frozenset({VirtioMode.TRANSITIONAL, VirtioMode.MODERN, None})
SPOKEN_OLD = ["qemu=7.2", "qemu=3.1"]
MUTE = ["qemu=7.2", "qemu=3.1,libvirt=4.0"]


def resolved(request: Data, os: str | None = "rhel6.10", hosts: Sequence[str | Host] = ()) -> dict[str, Candidate]:
    known = tuple(host if isinstance(host, Host) else host_of_versions(host) for host in hosts)
    environment = Environment(os=None if os is None else find_os(os), hosts=known)
    return {one.family: one for one in candidates(request, environment)}


def net(**fields: Any) -> Data:
    return {"devices": [{"id": "net0", "model": "virtio-net", **fields}]}


def told(candidate: Candidate) -> tuple[str | None, str]:
    assert candidate.guest is not None, candidate
    device = candidate.guest.devices[0]
    return device.virtio, device.virtio_by


def excluded(candidate: Candidate) -> list[tuple[str, dict[str, Any]]]:
    assert candidate.guest is None
    return [(finding.rule, dict(finding.details)) for finding in candidate.findings]


@pytest.mark.parametrize(
    ("os", "q35", "pc"),
    [
        ("rhel6.10", "transitional", "transitional"),
        ("rhel7.9", "modern", "modern"),
        ("win10", "auto", "auto"),  # no driver of its own: as QEMU has it
        ("freebsd8.0", None, "auto"),
    ],
)
def test_the_os_decides(os: str, q35: str | None, pc: str) -> None:
    known = resolved(net(), os)
    assert told(known["pc"]) == (pc, "type")
    if q35 is None:
        assert excluded(known["q35"]) == [("os-machine", {"os": os, "machine": "q35"})]
    else:
        assert told(known["q35"]) == (q35, "type")


@pytest.mark.parametrize(
    ("os", "hosts", "q35", "pc"),
    [
        ("rhel6.10", SPOKEN_OLD, ("transitional", "property"), ("transitional", "property")),
        ("rhel6.10", MUTE, ("transitional", "slot"), ("transitional", "slot")),
        ("rhel7.9", SPOKEN_OLD, ("modern", "property"), ("modern", "property")),
        ("rhel7.9", MUTE, ("auto", "slot"), ("transitional", "slot")),
        ("rhel7.9", ["libvirt=9.0"], ("auto", "slot"), ("transitional", "slot")),
        ("rhel6.10", ["qemu=2.6,libvirt=4.0"], ("legacy", "slot"), ("legacy", "slot")),
        (None, ["qemu=7.2"], ("auto", "type"), ("auto", "type")),
        (None, SPOKEN_OLD, ("auto", "property"), ("auto", "property")),
        (None, MUTE, ("auto", "slot"), ("transitional", "slot")),
    ],
)
def test_hosts_decide_how_it_is_told(
    os: str | None, hosts: list[str | Host], q35: tuple[str, str], pc: tuple[str, str]
) -> None:
    known = resolved(net(), os, hosts)
    assert (told(known["q35"]), told(known["pc"])) == (q35, pc)


def test_lists_of_one_device_decide_for_it_alone() -> None:
    """A host whose list of disk models has no modes, though its QEMU is new."""
    plain = Host(name="plain", qemu=(7, 2), libvirt=(9, 0), managed=True, models={"virtio-blk": frozenset({None})})
    request = {"devices": [{"id": "d", "model": "virtio-blk"}, {"id": "n", "model": "virtio-net"}]}
    guest = resolved(request, "rhel6.10", [plain])["q35"].guest
    assert guest is not None
    assert [(one.virtio, one.virtio_by) for one in guest.devices] == [
        ("transitional", "property"),
        ("transitional", "type"),
    ]


def test_what_is_stated_stays() -> None:
    assert told(resolved(net(virtio="modern"))["q35"]) == ("modern", "type")
    assert told(resolved(net(virtio="legacy"), hosts=["qemu=7.2"])["q35"]) == ("legacy", "property")
    assert told(resolved(net(virtio="auto"), hosts=["qemu=7.2"])["q35"]) == ("auto", "type")
    assert told(resolved(net(virtio_by="slot"))["q35"]) == ("transitional", "slot")
    assert told(resolved(net(virtio_by="property"))["q35"]) == ("transitional", "property")


def test_a_slot_that_is_stated_and_makes_no_mode_that_is_driven() -> None:
    known = resolved({"devices": [{"id": "s", "model": "virtio-scsi", "virtio_by": "slot"}]}, "rhel9.0")
    assert told(known["q35"]) == ("modern", "slot")
    assert excluded(known["pc"]) == [("virtio-slot", {"machine": "pc", "mode": "modern"})]


def test_hosts_that_take_no_mode_are_named() -> None:
    """rhel9.0 drives virtio-scsi by 1.0 only; plain virtio on pc is never modern."""
    known = resolved({"devices": [{"id": "s", "model": "virtio-scsi"}]}, "rhel9.0", MUTE)
    assert told(known["q35"]) == ("modern", "slot")
    (finding,) = known["pc"].findings
    assert (finding.rule, finding.subjects) == ("host-model", ("s",))
    lacks = {"mode": "modern", "lacks": "type, property"}
    assert finding.details == {"host": "qemu=3.1,libvirt=4.0", "model": "virtio-scsi", **lacks}


def test_hosts_that_take_no_means_in_common_are_named_each() -> None:
    known = resolved(
        {"devices": [{"id": "s", "model": "virtio-scsi"}]}, "rhel9.0", ["qemu=2.4", "qemu=4.0,libvirt=5.2"]
    )
    for one in known.values():
        assert [(finding.details["host"], finding.details["lacks"]) for finding in one.findings] == [
            ("qemu=2.4", "type"),
            ("qemu=4.0,libvirt=5.2", "property"),
        ]


def test_hosts_without_the_model_are_named() -> None:
    known = resolved({"devices": [{"id": "f", "model": "vhost-user-fs"}]}, "rhel9.0", ["qemu=4.1", "qemu=6.0"])
    for one in known.values():
        (finding,) = one.findings
        assert (finding.subjects, finding.details) == (("f",), {"host": "qemu=4.1", "model": "vhost-user-fs"})


# ---- machines


def test_machines_are_versioned_where_hosts_tell() -> None:
    known = resolved(net(), hosts=["qemu=8.0", "qemu=6.2"])
    assert {one.machine for one in known.values()} == {"pc-q35-6.2", "pc-i440fx-6.2"}
    assert {one.machine for one in resolved(net()).values()} == {"q35", "pc"}
    assert {one.machine for one in resolved(net(), hosts=["libvirt=8.0"]).values()} == {"q35", "pc"}
    assert [one.machine for one in resolved({"machine": "q35", **net()}, hosts=["qemu=6.2"]).values()] == ["pc-q35-6.2"]


def test_a_stated_machine_that_a_host_does_not_have() -> None:
    (one,) = resolved({"machine": "pc-q35-7.0", **net()}, hosts=["qemu=7.2", "qemu=6.2"]).values()
    assert excluded(one) == [("host-machine", {"host": "qemu=6.2", "machine": "pc-q35-7.0"})]


def test_hosts_without_a_machine_in_common() -> None:
    for one in resolved(net(), hosts=["qemu=10.2", "qemu=4.0"]).values():
        assert excluded(one) == [("host-machine", {"machine": one.family, "hosts": "qemu=10.2; qemu=4.0"})]


@pytest.mark.parametrize(
    ("more", "need"),
    [
        ({"needs": ["secure-boot"], "firmware": "ovmf"}, "secure-boot"),
        ({"needs": ["viommu"]}, "viommu"),
        ({"chipset": {"sata": True}}, "AHCI (chipset.sata)"),
        ({"numa_nodes": 1, "spare": [{"kind": "pci", "numa": 0}]}, "a PCI Express expander (numa)"),
    ],
)
def test_needs_that_only_q35_meets(more: Data, need: str) -> None:
    known = resolved({**net(), **more}, "rhel7.9")
    assert excluded(known["pc"]) == [("machine-needs", {"need": need})]
    assert known["q35"].guest is not None
    stated = resolved({"machine": "pc", **net(), "chipset": {"sata": True}}, "rhel7.9")["pc"]
    assert stated.guest is not None


def test_what_the_request_says_can_contradict_a_machine() -> None:
    known = resolved({"devices": [{"id": "n", "model": "nvme", "address": "pcie.0:05.0"}]}, "rhel7.9")
    assert known["q35"].guest is not None
    assert "names no bus" in known["pc"].problems[0]


def test_an_os_that_needs_uefi_gets_it() -> None:
    known = resolved(net(), "win11")
    assert excluded(known["pc"]) == [("os-machine", {"os": "win11", "machine": "pc"})]
    assert known["q35"].guest is not None
    assert known["q35"].guest.firmware.name == "ovmf"


def test_strict_modern() -> None:
    strict = {"policy": {"preset": "strict-modern"}}
    assert told(resolved({**net(), **strict}, "rhel7.9")["q35"]) == ("modern", "type")
    known = resolved({**net(), **strict}, "rhel6.10")
    expected = [("os-driver", {"os": "rhel6.10", "model": "virtio-net", "mode": "modern"})]
    assert excluded(known["q35"]) == excluded(known["pc"]) == expected


def test_a_request_is_not_changed_by_what_is_found() -> None:
    request = net()
    resolved(request)
    assert request == net()
    Guest.model_validate({"machine": "q35", **request})
