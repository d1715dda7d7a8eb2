"""To type checkers a request takes lists, as documents show them; what it stores are tuples."""

import doctest
import subprocess
import sys
from pathlib import Path

from qslot.schema import Bar, Device, Guest, Policy

from .test_docs import PYTHON

ROOT = Path(__file__).parents[1]

LISTS = """
from qslot.schema import Bar, Controller, Device, Guest, Pin, Policy, Spare
from qslot.schema.environment.host import host_of_versions
from qslot.schema.environment.target import Environment

gpu = Device(id="gpu0", model="vfio-pci", connect="express", bars=[Bar(bar=0, kind="mem64", size=1 << 20)])
nic = Device(id="net0", model="virtio-net", near=["gpu0"], near_switch=["gpu0"])
guest = Guest(
    machine="q35",
    needs=["viommu"],
    devices=[gpu, nic],
    controllers=[Controller(id="rp1", model="pcie-root-port")],
    spare=[Spare(kind="pcie")],
    reserve=[Pin.parse("pcie.0:05")],
    policy=Policy(order=["moved", "guest_visible", "io_windows", "preferences", "controllers", "depth"]),
)
known = Environment(hosts=[host_of_versions("qemu=6.2")])
"""
WRONG = """
from qslot.schema import Guest

Guest(machine="q35", devices=["net0"])
"""


def mypy(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False).stdout


def test_lists_pass_and_their_items_are_checked(tmp_path: Path) -> None:
    assert mypy(tmp_path / "lists.py", LISTS) == ""
    assert 'List item 0 has incompatible type "str"; expected "Device"' in mypy(tmp_path / "wrong.py", WRONG)


def test_examples_of_documents_pass(tmp_path: Path) -> None:
    """README's, and those of docs/."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    blocks = [match["text"] for page in pages for match in PYTHON.finditer(page.read_text(encoding="utf-8"))]
    examples = [one.source for block in blocks for one in doctest.DocTestParser().get_examples(block)]
    assert examples
    assert mypy(tmp_path / "documents.py", "".join(examples)) == ""


def test_tuples_are_stored() -> None:
    bars = [Bar(bar=0, kind="mem64", size=1 << 20)]
    device = Device(id="gpu0", model="vfio-pci", connect="express", bars=bars)
    guest = Guest(machine="q35", devices=[device], policy=Policy())
    assert [guest.devices, guest.devices[0].bars, guest.policy.order] == [(device,), tuple(bars), Policy().order]
    assert hash((guest.devices[0].bars, guest.policy)) == hash((tuple(bars), Policy()))
