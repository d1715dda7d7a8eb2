"""Which QEMU runs a guest, as the options say it: --qemu, --all-hosts."""

import json
from pathlib import Path

import pytest
from click.testing import Result

from .command import run

DOMAIN = """<domain type='kvm'><name>a</name><memory unit='MiB'>512</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os><devices><emulator>{}</emulator></devices></domain>"""


@pytest.fixture
def guest(tmp_path: Path) -> str:
    path = tmp_path / "guest.json"
    path.write_text(json.dumps({"machine": "pc-q35-7.2", "devices": [{"id": "n", "model": "virtio-net"}]}))
    return str(path)


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "qemu"
    path.write_text("#!/bin/sh\necho 'QEMU emulator version 10.0.13 (Debian)'\n")
    path.chmod(0o755)
    return str(path)


def heading(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return ", ".join(result.stdout.splitlines()[0].split(";")[0].split(", ")[1:])


def test_a_version(guest: str) -> None:
    assert heading(run("plan", guest)).startswith("QEMU 11.1 (assumed), ")
    assert heading(run("plan", guest, "--qemu", "11.1")) == "QEMU 11.1, seabios 1.17.0"
    assert heading(run("plan", guest, "--qemu", "11.1", "--firmware", "ovmf")) == "QEMU 11.1, ovmf 2026.08"
    assert heading(run("plan", guest, "--firmware", "ovmf:2025.02")) == "QEMU 10.0 (assumed), ovmf 2025.02"


def test_a_program_is_asked(guest: str, program: str, tmp_path: Path) -> None:
    result = run("plan", guest, "--qemu", program)
    assert (heading(result), result.stderr) == ("QEMU 10.0, seabios 1.16.3", f"{program} is QEMU 10.0\n")
    domain = tmp_path / "a.xml"
    domain.write_text(DOMAIN.format(program))
    assert heading(run("plan", str(domain), "--qemu", "emulator")) == "QEMU 10.0, seabios 1.16.3"
    # nobody asked for it to be started
    assert heading(run("plan", str(domain))).startswith("QEMU 11.1 (assumed)")


@pytest.mark.parametrize(
    ("said", "mend"),
    [
        ("/no/qemu", "can't be started: no such file"),
        ("true", "does not answer as QEMU does"),
        ("emulator", "neither domain XML"),
    ],
)
def test_what_does_not_answer(guest: str, said: str, mend: str) -> None:
    result = run("plan", guest, "--qemu", said)
    assert result.exit_code == 2
    assert f"--qemu {said}: " in result.stderr
    assert mend in result.stderr


def test_a_machine_type_that_it_lacks(guest: str) -> None:
    result = run("plan", guest, "--qemu", "11.1", "--set", "machine=pc-q35-5.1")
    assert result.exit_code == 2
    assert "machine: QEMU 11.1 has no 'pc-q35-5.1' but pc-q35-5.2 to pc-q35-11.1" in result.stderr


def test_all_hosts(guest: str) -> None:
    assert heading(run("plan", guest, "--all-hosts")) == "QEMU 11.1, seabios 1.17.0"
    result = run("plan", guest, "--all-hosts", "--set", "machine=pc-q35-3.1")
    assert heading(result) == "QEMU 10.0, seabios 1.16.3"
    assert "left out, for want of machine pc-q35-3.1: qemu=11.1" in result.stderr


def test_an_unmeasured_one_is_told(guest: str) -> None:
    result = run("plan", guest, "--qemu", "8.2")
    assert "warning qemu-version: this version of QEMU was not measured" in result.stdout
