"""Machine types of distributions, from a domain or a file to every form of the answer."""

import json

import pytest

from qslot.schema import Infeasible, Solved
from qslot.schema.environment.host import Host
from qslot.schema.environment.target import Environment
from qslot.schema.libvirt import read
from qslot.schema.libvirt.capabilities import host_of_capabilities
from qslot.solver import advise, solve

from .command import run

DOMAIN = """<domain type='kvm'>
  <memory unit='GiB'>8</memory>
  <os firmware='efi'><type arch='x86_64' machine='{}'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <interface type='user'><model type='e1000e'/></interface>
    <shmem name='screen'><model type='ivshmem-plain'/><size unit='M'>64</size></shmem>
    <video><model type='vga'/></video>
    <memballoon model='none'/>
  </devices>
</domain>
"""
NIC = {"id": "nic", "model": "virtio-net"}


@pytest.mark.parametrize("name", ["pc-q35-rhel9.4.0", "pc-i440fx-focal", "pc-q35-8.1+pve0", "ubuntu-q35", "pc-1.0"])
def test_a_domain_keeps_the_name_of_its_machine(name: str) -> None:
    outcome = solve(read(DOMAIN.format(name).encode()))
    assert isinstance(outcome, Solved)
    written = outcome.layout.to_libvirt(DOMAIN.format(name))
    assert f"machine='{name}'" in written
    assert (outcome.layout.machine, read(written.encode()).machine) == (name, name)


@pytest.mark.parametrize("name", ["pc-q35-rhel9.4.0", "pc-q35-8.1+pve0"])
def test_qemu_is_told_the_name(name: str) -> None:
    done = run("plan", "-", "--to", "argv", "--standalone", text=f"{{machine: '{name}', devices: []}}")
    assert f"\n-machine {name}," in done.stdout or f"\n-machine '{name}," in done.stdout


def test_giving_a_domain_back_warns_of_its_machine() -> None:
    done = run("plan", "-", "--to", "libvirt", text=DOMAIN.format("pc-q35-rhel9.4.0"))
    assert done.exit_code == 0
    assert "machine-version" in done.stderr
    assert "pc-q35-8.2" in done.stderr


def test_a_name_that_nobody_knows() -> None:
    text = DOMAIN.format("pc-q35-acme7")
    refused = run("plan", "-", text=text)
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert "pc-q35-acme7" in refused.stderr
    assert "--machine-as" in refused.stderr
    done = run("plan", "-", "--machine-as", "pc-q35-5.0", "--json", text=text)
    layout = json.loads(done.stdout)
    assert (layout["machine"], layout["platform"]["machine_as"]) == ("pc-q35-acme7", "pc-q35-5.0")


# ---- hosts


def host(*machines: str, **aliases: str) -> Host:
    listed = [f"<machine>{name}</machine>" for name in machines]
    listed += [f"<machine canonical='{meant}'>{name}</machine>" for name, meant in aliases.items()]
    text = f"<capabilities><guest><arch name='x86_64'>{''.join(listed)}</arch></guest></capabilities>"
    return host_of_capabilities(text.encode(), "caps.xml")


RED_HAT = host("pc-q35-rhel9.4.0", "pc-q35-rhel9.2.0", "pc-i440fx-rhel7.6.0", q35="pc-q35-rhel9.2.0")


@pytest.mark.parametrize(
    ("stated", "chosen"),
    [
        (None, "pc-q35-rhel9.4.0"),
        ("auto", "pc-q35-rhel9.4.0"),
        ("q35", "pc-q35-rhel9.2.0"),
        ("pc-q35-rhel9.4.0", "pc-q35-rhel9.4.0"),
    ],
)
def test_only_what_a_host_lists_is_advised(stated: str | None, chosen: str) -> None:
    request = {"devices": [NIC], **({} if stated is None else {"machine": stated})}
    advice = advise(request, Environment(hosts=(RED_HAT,)))
    assert advice.machine == chosen
    assert {one.machine for one in advice.alternatives} <= {"pc-i440fx-rhel7.6.0"}


def test_what_a_host_does_not_list_is_refused() -> None:
    advice = advise({"devices": [NIC], "machine": "pc-q35-8.2"}, Environment(hosts=(RED_HAT,)))
    assert isinstance(advice.outcome, Infeasible)
    assert [one.rule for one in advice.outcome.findings] == ["host-machine"]


def test_hosts_without_a_name_in_common() -> None:
    ubuntu = host("pc-q35-noble", "pc-q35-8.2")
    advice = advise({"devices": [NIC]}, Environment(hosts=(RED_HAT, ubuntu)))
    assert advice.machine is None
    assert "no version of it is known to all hosts" in str(advice)
