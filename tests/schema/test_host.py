"""What hosts know: by versions, by libvirt's capabilities, and what all of several know."""

from pathlib import Path

import pytest

from qslot.schema import VirtioMode
from qslot.schema.environment.host import Host, host_of_versions, meant_by, newest_machine
from qslot.schema.errors import InputError
from qslot.schema.formats.hosts import read_host
from qslot.schema.libvirt import SourceError
from qslot.schema.libvirt.capabilities import host_of_capabilities

LEGACY, TRANSITIONAL, MODERN = VirtioMode


def enum(name: str, *values: str) -> str:
    return f"<enum name='{name}'>{''.join(f'<value>{value}</value>' for value in values)}</enum>"


def domcaps(machine: str = "pc-q35-6.2", *devices: str, arch: str = "x86_64") -> bytes:
    inside = f"<machine>{machine}</machine><arch>{arch}</arch><devices>{''.join(devices)}</devices>"
    return f"<domainCapabilities><path>/usr/bin/qemu</path>{inside}</domainCapabilities>".encode()


def caps(*machines: str, arch: str = "x86_64") -> bytes:
    names = "".join(f"<machine maxCpus='255'>{name}</machine>" for name in machines)
    return f"<capabilities><host/><guest><arch name='{arch}'>{names}</arch></guest></capabilities>".encode()


ALL = enum("model", "virtio", "virtio-transitional", "virtio-non-transitional")
PLAIN = enum("model", "virtio")


@pytest.mark.parametrize(
    ("versions", "kind", "switched"),
    [
        ("qemu=2.3", False, False),
        ("qemu=2.4", False, True),
        ("qemu=3.1.1", False, True),
        ("qemu=4.0", True, True),
        ("qemu=7.2,libvirt=5.1", False, False),
        ("qemu=7.2,libvirt=5.2", True, False),
        ("libvirt=9.0,qemu=7.2", True, True),
        ("qemu=3.1,libvirt=9.0", False, True),
        ("libvirt=9.0", None, None),
        ("libvirt=4.0", False, False),
    ],
)
def test_means_by_version(versions: str, kind: bool | None, switched: bool | None) -> None:
    host = host_of_versions(versions)
    assert host.takes("virtio-net", TRANSITIONAL, "type") is kind
    assert host.takes("virtio-net", MODERN, "property") is switched
    assert host.takes("virtio-net", MODERN, "slot") is True


def test_models_by_version() -> None:
    old, new = host_of_versions("qemu=4.1"), host_of_versions("qemu=4.2")
    assert (old.has_model("vhost-user-fs"), new.has_model("vhost-user-fs")) == (False, True)
    assert host_of_versions("libvirt=8.0").has_model("vhost-user-fs") is None
    assert old.has_model("virtio-net") is True


@pytest.mark.parametrize("text", ["qemu=", "qemu=7.2,qemu=7.2", "qemu=7.2;libvirt=8", "libvirt=x", "qemu=7.2,"])
def test_versions_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"as qemu=6\.2,libvirt=8\.0"):
        host_of_versions(text)


def test_lists_outrank_versions() -> None:
    disk, rng = f"<disk supported='yes'>{ALL}</disk>", "<rng supported='no'/>"
    host = host_of_capabilities(domcaps("pc-q35-6.2", disk, rng), "a.xml")
    assert host.qemu == (6, 2)
    assert host.takes("virtio-blk", TRANSITIONAL, "type") is True
    assert (host.has_model("virtio-rng"), host.takes("virtio-rng", MODERN, "type")) == (False, False)
    # libvirt that has models for a disk's mode has them for all devices
    assert host.takes("virtio-net", TRANSITIONAL, "type") is True


def test_lists_tell_of_a_newer_qemu_than_the_machine_type_does() -> None:
    host = host_of_capabilities(domcaps("pc-q35-2.12", f"<disk supported='yes'>{ALL}</disk>"), "a.xml")
    assert host.qemu == (4, 0)
    assert host.takes("virtio-net", MODERN, "type") is True


def test_a_missing_list_is_unknown_and_versions_decide() -> None:
    host = host_of_capabilities(domcaps("pc-i440fx-7.2", "<disk supported='yes'/>"), "a.xml")
    assert host.takes("virtio-blk", MODERN, "type") is None
    assert host.with_statements_of(host_of_versions("libvirt=8.0")).takes("virtio-blk", MODERN, "type") is True
    assert host.with_statements_of(host_of_versions("libvirt=5.0")).takes("virtio-blk", MODERN, "type") is False


def test_a_list_without_modes() -> None:
    host = host_of_capabilities(domcaps("pc-q35-3.1", f"<disk supported='yes'>{PLAIN}</disk>"), "a.xml")
    assert host.takes("virtio-blk", TRANSITIONAL, "type") is False
    assert host.takes("virtio-blk", TRANSITIONAL, "slot") is True


def test_models_without_a_choice_of_mode() -> None:
    video = f"<video supported='yes'>{enum('modelType', 'vga', 'qxl')}</video>"
    shared = f"<filesystem supported='yes'>{enum('driverType', 'path', 'virtiofs')}</filesystem>"
    host = host_of_capabilities(domcaps("pc-q35-6.2", video, shared), "a.xml")
    assert (host.has_model("virtio-vga"), host.has_model("vhost-user-fs")) == (False, True)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<domain/>", "neither <domainCapabilities>"),
        (b"nothing", "not XML"),
        (domcaps(arch="aarch64"), "aarch64, not x86_64"),
        (caps("pc-q35-6.2", arch="aarch64"), "no machine types for x86_64"),
    ],
)
def test_what_are_no_capabilities(data: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        host_of_capabilities(data, "a.xml")


# ---- machine types


def test_listed_machine_types_are_all_there_are() -> None:
    host = host_of_capabilities(caps("pc-q35-6.2", "pc-q35-4.2", "q35", "pc-q35-jammy", "microvm"), "a.xml")
    assert host.machines == frozenset({"pc-q35-6.2", "pc-q35-4.2", "pc-q35-jammy"})
    assert (host.has_machine("pc-q35-4.2"), host.has_machine("pc-q35-5.0")) == (True, False)


@pytest.mark.parametrize(
    ("hosts", "q35", "pc"),
    [
        (["qemu=7.2"], "pc-q35-7.2", "pc-i440fx-7.2"),
        (["qemu=8.0.3", "qemu=6.2"], "pc-q35-6.2", "pc-i440fx-6.2"),
        (["qemu=2.12", "qemu=3.0"], "pc-q35-2.12", "pc-i440fx-2.12"),
        (["qemu=2.3"], None, "pc-i440fx-2.3"),
        (["qemu=10.2", "qemu=4.3"], "pc-q35-4.3", "pc-i440fx-4.3"),
        (["qemu=10.2", "qemu=4.2"], None, None),
        (["libvirt=8.0"], None, None),
    ],
)
def test_the_newest_machine_that_all_have(hosts: list[str], q35: str | None, pc: str | None) -> None:
    known = tuple(map(host_of_versions, hosts))
    assert (newest_machine("q35", known), newest_machine("pc", known)) == (q35, pc)


@pytest.mark.parametrize(
    ("qemu", "has", "lacks"),
    [
        ("7.2", ("pc-i440fx-1.4", "pc-q35-2.4", "pc-q35-7.2"), ("pc-q35-8.0", "pc-i440fx-1.3")),
        ("9.1", ("pc-i440fx-2.4", "pc-q35-2.4", "pc-q35-9.1"), ("pc-i440fx-2.3",)),
        ("10.0", ("pc-i440fx-2.4", "pc-q35-3.1", "pc-q35-10.0"), ("pc-i440fx-2.3", "pc-q35-10.1")),
        ("10.1", ("pc-q35-4.2",), ("pc-q35-4.1", "pc-q35-2.4")),
        ("11.1", ("pc-i440fx-5.2", "pc-q35-11.1"), ("pc-q35-5.1",)),
    ],
)
def test_machine_types_that_a_qemu_has(qemu: str, has: tuple[str, ...], lacks: tuple[str, ...]) -> None:
    host = host_of_versions(f"qemu={qemu}")
    assert {name: host.has_machine(name) for name in (*has, *lacks)} == dict.fromkeys(has, True) | dict.fromkeys(
        lacks, False
    )


def test_a_host_of_qemu_10_shares_machine_types_with_an_old_one() -> None:
    hosts = (host_of_versions("qemu=10.0"), host_of_versions("qemu=3.1"))
    assert (newest_machine("q35", hosts), newest_machine("pc", hosts)) == ("pc-q35-3.1", "pc-i440fx-3.1")


def test_the_newest_machine_of_lists() -> None:
    one = host_of_capabilities(caps("pc-q35-6.2", "pc-q35-4.2", "pc-q35-2.10", "pc-q35-2.9"), "one")
    other = host_of_capabilities(caps("pc-q35-2.9", "pc-q35-2.10", "pc-q35-7.0"), "other")
    assert newest_machine("q35", (one, other)) == "pc-q35-2.10"
    assert newest_machine("pc", (one, other)) is None


# ---- machine types of distributions


def host_with(*machines: str, **aliases: str) -> Host:
    """By capabilities; aliases stand there as libvirt has them, with what they stand for."""
    named = "".join(
        f"<machine canonical='{means}'>{name.replace('_', '-')}</machine>" for name, means in aliases.items()
    )
    data = caps(*machines).replace(b"</arch>", named.encode() + b"</arch>")
    return host_of_capabilities(data, "a.xml")


UBUNTU = host_with(
    *(
        "pc-q35-noble",
        "pc-i440fx-noble",
        "pc-q35-noble-hpb",
        "pc-q35-jammy",
        "pc-q35-8.2",
        "pc-i440fx-8.2",
        "pc-q35-6.2",
    ),
    **{"q35": "pc-q35-noble", "pc": "pc-i440fx-noble", "ubuntu-q35": "pc-q35-noble"},
)
RED_HAT = host_with(
    *("pc-q35-rhel9.4.0", "pc-q35-rhel9.2.0", "pc-q35-rhel8.6.0", "pc-i440fx-rhel7.6.0"),
    q35="pc-q35-rhel9.4.0",
    pc="pc-i440fx-rhel7.6.0",
)
OLDER_RED_HAT = host_with("pc-q35-rhel9.2.0", "pc-q35-rhel8.6.0", "pc-i440fx-rhel7.6.0", q35="pc-q35-rhel9.2.0")


def test_a_distribution_s_machine_types_count_as_the_versions_they_stand_for() -> None:
    assert (RED_HAT.qemu, UBUNTU.qemu) == ((8, 2), (8, 2))
    assert RED_HAT.has_machine("pc-q35-rhel9.2.0") is True
    assert RED_HAT.has_machine("pc-q35-8.2") is False
    assert UBUNTU.has_machine("ubuntu-q35") is True


@pytest.mark.parametrize(
    ("hosts", "q35", "pc"),
    [
        ((RED_HAT,), "pc-q35-rhel9.4.0", "pc-i440fx-rhel7.6.0"),
        ((RED_HAT, OLDER_RED_HAT), "pc-q35-rhel9.2.0", "pc-i440fx-rhel7.6.0"),
        ((UBUNTU,), "pc-q35-8.2", "pc-i440fx-8.2"),
        ((UBUNTU, RED_HAT), None, None),
        ((UBUNTU, host_of_versions("qemu=6.2")), "pc-q35-6.2", None),
        ((RED_HAT, host_of_versions("qemu=8.2")), None, None),
    ],
)
def test_the_newest_machine_that_all_list(hosts: tuple[Host, ...], q35: str | None, pc: str | None) -> None:
    assert (newest_machine("q35", hosts), newest_machine("pc", hosts)) == (q35, pc)


def test_domain_capabilities_tell_of_one_machine_type_and_its_vendor() -> None:
    """Red Hat's hosts have no names of upstream's; Ubuntu's do."""
    red_hat = host_of_capabilities(domcaps("pc-q35-rhel9.4.0"), "a.xml")
    assert red_hat.qemu == (8, 2)
    assert (red_hat.has_machine("pc-q35-rhel9.4.0"), red_hat.has_machine("pc-q35-8.2")) == (True, False)
    assert red_hat.has_machine("pc-q35-rhel9.2.0") is None
    assert (newest_machine("q35", (red_hat,)), newest_machine("pc", (red_hat,))) == ("pc-q35-rhel9.4.0", None)
    ubuntu = host_of_capabilities(domcaps("pc-q35-noble"), "a.xml")
    assert (newest_machine("q35", (ubuntu,)), newest_machine("pc", (ubuntu,))) == ("pc-q35-noble", "pc-i440fx-8.2")


def test_an_alias_means_what_all_hosts_take_it_for() -> None:
    assert meant_by("q35", (UBUNTU,)) == meant_by("ubuntu-q35", (UBUNTU,)) == "pc-q35-noble"
    assert meant_by("q35", (RED_HAT, OLDER_RED_HAT)) is None
    assert meant_by("q35", (host_of_versions("qemu=7.2"),)) is None


# ---- files


def test_hosts_from_files(tmp_path: Path) -> None:
    file = tmp_path / "caps.xml"
    file.write_bytes(domcaps())
    assert read_host(str(file)).qemu == (6, 2)
    assert read_host(f"{file},libvirt=8.0").libvirt == (8, 0)
    assert read_host("qemu=6.2") == Host(name="qemu=6.2", qemu=(6, 2), runs=(6, 2))
    for source, message in (
        (str(tmp_path / "no.xml"), "can't be read"),
        (f"{file},libvirt=x", "does not say versions"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            read_host(source)
        assert (caught.value.field, caught.value.value) == ("host", source)
    for bad in ("qemu=x", str(file.parent)):
        with pytest.raises(InputError) as caught:
            read_host(bad)
        assert caught.value.field == "host"


CPU = "<host><cpu><arch>x86_64</arch><vendor>Intel</vendor><maxphysaddr mode='emulate' bits='39'/></cpu></host>"
MODEL = "<mode name='host-model'><vendor>AMD</vendor><maxphysaddr mode='passthrough' limit='48'/></mode>"
CPUINFO = "processor\t: 0\nvendor_id\t: GenuineIntel\naddress sizes\t: 46 bits physical, 48 bits virtual\n"


class TestCpu:
    """What a host's CPU is."""

    def test_stated(self) -> None:
        host = host_of_versions("qemu=10.0,phys_bits=46,vendor=intel")
        assert (host.qemu, host.phys_bits, host.vendor, host.managed) == ((10, 0), 46, "intel", False)
        assert host_of_versions("phys_bits=52").phys_bits == 52

    @pytest.mark.parametrize(
        "text", ["phys_bits=31", "phys_bits=53", "phys_bits=4x", "vendor=Intel", "vendor=", "bits=4"]
    )
    def test_stated_wrongly(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"phys_bits=46,vendor=intel does \(32 to 52 bits; amd, intel or other\)"):
            host_of_versions(text)

    def test_of_capabilities(self) -> None:
        host = host_of_capabilities(caps("pc-q35-9.2").replace(b"<host/>", CPU.encode()), "a.xml")
        assert (host.phys_bits, host.vendor) == (39, "intel")
        assert host_of_capabilities(caps("pc-q35-9.2"), "a.xml").phys_bits is None

    def test_of_domain_capabilities(self) -> None:
        text = domcaps().replace(b"<devices>", f"<cpu><mode name='maximum'/>{MODEL}</cpu><devices>".encode())
        host = host_of_capabilities(text, "a.xml")
        assert (host.phys_bits, host.vendor) == (48, "amd")
        assert host_of_capabilities(domcaps(), "a.xml").vendor is None

    def test_of_cpuinfo(self, tmp_path: Path) -> None:
        file = tmp_path / "cpuinfo"
        file.write_text(CPUINFO)
        host = read_host(f"{file},qemu=9.2")
        assert (host.runs, host.phys_bits, host.vendor) == ((9, 2), 46, "intel")
        assert read_host(f"{file},phys_bits=39").phys_bits == 39
        file.write_text("vendor_id : ARM")
        with pytest.raises(InputError, match="vendor_id and address sizes are missing"):
            read_host(str(file))

    def test_who_tells_nothing_else_stands_in_nobodys_way(self) -> None:
        """All of QEMU is there, as where there is no host."""
        host, old = host_of_versions("phys_bits=46"), host_of_versions("qemu=3.1")
        assert (host.has_machine("pc-q35-2.4"), host.has_model("virtio-mem")) == (True, True)
        assert host.takes("virtio-net", TRANSITIONAL, "type")
        assert host.takes("virtio-net", MODERN, "property")
        assert newest_machine("q35", (host, old)) == newest_machine("q35", (old,)) == "pc-q35-3.1"
        assert (host_of_versions("libvirt=9.0,phys_bits=46").tells_only_cpu, old.tells_only_cpu) == (False, False)
