"""Systems without virtio drivers of their own, Windows above all: no data is not "virtio 0.9 only"."""

from typing import Any

import pytest

from qslot.schema import Guest, Solved, VirtioMode
from qslot.schema.environment.osinfo import Drivers, find_os, table
from qslot.schema.environment.target import Environment
from qslot.schema.environment.virtio_modes import ModeChooser
from qslot.solver import advise

from .command import run

EARLY = {VirtioMode.LEGACY, VirtioMode.TRANSITIONAL}
REQUEST: dict[str, Any] = {"devices": [{"id": "net0", "model": "virtio-net"}, {"id": "disk0", "model": "virtio-blk"}]}


@pytest.mark.parametrize("os", ["win7", "win10", "win11", "win2k19", "win2k22"])
@pytest.mark.parametrize("drivers", ["inbox", "packages"])
def test_windows_has_virtio_1_0_behind_ports(os: str, drivers: Drivers) -> None:
    advice = advise(REQUEST, Environment(os=find_os(os), drivers=drivers))
    assert isinstance(advice.outcome, Solved)
    assert advice.variant == "q35"
    assert [(one.virtio, one.address) for one in advice.devices] == [("modern", "rp1:00.0"), ("modern", "rp2:00.0")]
    told = [(one.rule, one.subjects) for one in advice.warnings if one.rule == "os-driver"]
    assert told == ([] if drivers == "packages" else [("os-driver", ("net0",)), ("os-driver", ("disk0",))])
    reason = "drives virtio 0.9 and 1.0" if drivers == "packages" else "no in-box driver for it, so it is as QEMU"
    assert all(reason in one.reason for one in advice.devices)


def test_without_a_driver_it_is_as_qemu_has_it_by_default_on_pc_too() -> None:
    advice = advise({**REQUEST, "machine": "pc"}, Environment(os=find_os("win10")))
    assert [one.virtio for one in advice.devices] == ["transitional", "transitional"]
    driven = advise({**REQUEST, "machine": "pc"}, Environment(os=find_os("win10"), drivers="packages"))
    assert [one.virtio for one in driven.devices] == ["modern", "modern"]


def test_without_a_driver_it_is_legacy_on_old_machine_types() -> None:
    advice = advise({**REQUEST, "machine": "pc-q35-2.6"}, Environment(os=find_os("win10")))
    assert [(one.virtio, one.driver) for one in advice.devices] == [
        ("legacy", "virtio-net-pci"),
        ("legacy", "virtio-blk-pci"),
    ]


def test_old_windows_has_what_its_packages_drive() -> None:
    advice = advise({**REQUEST, "machine": "q35"}, Environment(os=find_os("winxp")))
    assert [one.virtio for one in advice.devices] == ["transitional", "transitional"]


def test_no_system_gets_0_9_alone_but_for_a_driver_of_0_9_alone() -> None:
    """Every OS of osinfo-db, with and without its driver packages, each class of device; one that nothing drives is as
    old as those that the OS drives."""
    models = ("virtio-net", "virtio-blk", "virtio-scsi", "virtio-rng", "virtio-balloon", "virtio-serial", "virtio-9p")
    guest = Guest.model_validate({"machine": "q35", "devices": [{"id": model, "model": model} for model in models]})
    seen = 0
    for name in table():
        os = find_os(name)
        for drivers in ("inbox", "packages"):
            for device in guest.devices:
                choice = ModeChooser(guest, device, {}, Environment(os=os, drivers=drivers)).choice()
                assert choice is not None
                driven = os.modes(device.model, "packages") or os.modes_of_all
                if choice.mode in EARLY:
                    assert VirtioMode.MODERN not in driven, (name, device.model)
                    seen += 1
                if driven == frozenset(VirtioMode):
                    assert choice.mode in (None, VirtioMode.MODERN), (name, device.model)
    assert seen > 0


# ---- the OS that a domain's metadata names

DOMAIN = """<domain type='kvm' xmlns:os="http://libosinfo.org/xmlns/libvirt/domain/1.0">
  <metadata><os:libosinfo><os:os id="{}"/></os:libosinfo></metadata>
  <memory unit='GiB'>4</memory>
  <os firmware='efi'><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/></features>
  <devices><interface type='user'><model type='virtio'/></interface><memballoon model='none'/></devices>
</domain>
"""


def test_advice_is_for_the_system_that_the_metadata_names() -> None:
    done = run("advise", "-", text=DOMAIN.format("http://microsoft.com/win/11"))
    assert done.stdout.startswith("win11: q35")
    assert "planned for win11, which the domain's metadata names" in done.stderr
    assert "warning: net0: win11 has no driver for virtio-net in mode modern" in done.stdout
    assert "--drivers packages" in done.stdout


def test_an_option_outranks_the_metadata() -> None:
    done = run("advise", "-", "--os", "rhel6.10", text=DOMAIN.format("http://microsoft.com/win/11"))
    assert done.stdout.startswith("rhel6.10: ")
    assert done.stderr == ""


@pytest.mark.parametrize("command", ["plan", "explain", "advise"])
def test_options_about_the_system_go_with_metadata(command: str) -> None:
    text = DOMAIN.format("http://redhat.com/rhel/6.10")
    done = run(command, "-", "--drivers", "packages", text=text)
    assert done.exit_code == 0
    assert "planned for rhel6.10" in done.stderr
    refused = run(command, "-", "--drivers", "packages", text=text.replace("os:os", "os:none"))
    assert refused.exit_code == 2
    assert "--os, or a domain whose metadata names its OS" in refused.stderr


def test_a_plan_without_options_keeps_the_domain_s_modes() -> None:
    done = run("plan", "-", text=DOMAIN.format("http://redhat.com/rhel/6.10"))
    assert "modern" in done.stdout
    assert "planned for" not in done.stderr


def test_a_system_that_is_not_known_is_told() -> None:
    done = run("advise", "-", text=DOMAIN.format("http://debian.org/debian/99"))
    assert done.exit_code == 0
    assert done.stdout.startswith("any OS on any host: ")
    assert "nearest: debian" in done.stderr
