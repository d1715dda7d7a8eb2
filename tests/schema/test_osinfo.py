"""What osinfo-db knows: reading it, the table made from it, and asking for an OS."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from qslot.schema import VirtioMode
from qslot.schema.environment.osinfo import DRIVER_CLASS, OsinfoError, UnknownOs, find_os, table
from qslot.schema.environment.osinfo.read import read_osinfo, version_of

SHARED = Path(__file__).parents[3] / "shared" / "data" / "os_support.json"
COLUMNS = {
    "name": "name", "rel": "released", "eol": "ended", "st": "status", "fam": "family", "x86_64": "x86_64",
    "q35": "q35", "virtio": "virtio", "virtio_drv": "packages", "xhci": "xhci", "e1000e": "e1000e", "fw": "firmware",
}  # fmt: skip
EARLY = frozenset({VirtioMode.LEGACY, VirtioMode.TRANSITIONAL})

BASE = """
  <short-id>base1</short-id> <name>Base 1</name> <name xml:lang="de">Basis 1</name> <family>linux</family>
  <devices>
    <device id="http://pcisig.com/pci/1af4/1000"/> <device id="http://pcisig.com/pci/1af4/1041"/>
    <device id="http://pcisig.com/pci/1af4/1001"/> <device id="http://qemu.org/chipset/x86/q35"/>
  </devices>
  <firmware arch="x86_64" type="efi"/>
"""
NEXT = """
  <short-id>next1</short-id> <name>Next 1</name> <derives-from id="http://x/base"/>
  <devices> <device id="http://pcisig.com/pci/1af4/1041" supported="false"/> </devices>
  <media arch="i686"/> <firmware arch="x86_64" type="bios" supported="false"/>
"""
CLONE = """
  <short-id>clone1</short-id> <name>Clone 1</name> <clones id="http://x/next"/>
  <devices> <device id="http://qemu.org/chipset/x86/q35" supported="false"/> </devices> <media arch="all"/>
"""
DRIVERS = """
  <short-id>clone1</short-id> <name>Clone 1</name>
  <driver arch="x86_64" location="x"> <device id="http://pcisig.com/pci/1af4/1048"/> </driver>
  <driver arch="i686" location="x"> <device id="http://pcisig.com/pci/1af4/1044"/> </driver>
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path, name, inside in (
        ("os/x/base.xml", "base", BASE),
        ("os/x/next.xml", "next", NEXT),
        ("os/x/clone.xml", "clone", CLONE),
        ("os/x/clone.d/drivers.xml", "clone", DRIVERS),
    ):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'<libosinfo version="0.0.1"><os id="http://x/{name}">{inside}</os></libosinfo>')
    (tmp_path / "VERSION").write_text("20240101\n")
    return tmp_path


def test_devices_are_inherited_and_taken_away(folder: Path) -> None:
    rows = read_osinfo(folder)
    assert {name: row["virtio"] for name, row in rows.items()} == {
        "base1": {"net": "LM", "block": "L"},
        "next1": {"net": "L", "block": "L"},
        "clone1": {"net": "L", "block": "L"},
    }
    assert {name: row["q35"] for name, row in rows.items()} == {"base1": True, "next1": True, "clone1": False}
    assert rows["base1"]["name"] == "Base 1"


def test_drivers_count_for_x86_64_only(folder: Path) -> None:
    clone = find_os("clone1", folder)
    assert clone.packages == {"scsi": "M"}
    assert clone.modes("virtio-scsi") == frozenset()
    assert clone.modes("virtio-scsi", "packages") == frozenset({VirtioMode.MODERN})
    assert clone.modes("virtio-rng", "packages") == frozenset()


def test_firmware_decides_on_i440fx(folder: Path) -> None:
    assert find_os("base1", folder).i440fx
    clone = find_os("clone1", folder)
    assert (clone.i440fx, clone.firmware) == (False, {"efi": True, "bios": False})
    assert (find_os("base1", folder).x86_64, find_os("next1", folder).x86_64, clone.x86_64) == (None, False, True)


def test_what_is_no_osinfo_db(tmp_path: Path) -> None:
    with pytest.raises(OsinfoError, match="no osinfo-db"):
        read_osinfo(tmp_path)
    with pytest.raises(OsinfoError, match="VERSION"):
        version_of(tmp_path)
    (tmp_path / "os").mkdir()
    (tmp_path / "os" / "broken.xml").write_text("<libosinfo>")
    with pytest.raises(OsinfoError, match=r"broken\.xml"):
        read_osinfo(tmp_path)


def test_the_table_is_made_by_one_command(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "table.json"
    command = [
        sys.executable,
        "-m",
        "qslot.schema.environment.osinfo.generate",
        "--osinfo-dir",
        str(folder),
        "-o",
        str(target),
    ]
    subprocess.run(command, check=True)
    made = json.loads(target.read_text(encoding="utf-8"))
    assert made["source"] == "osinfo-db 20240101"
    assert {row["id"]: row for row in made["oses"]} == read_osinfo(folder)


# ---- the table


def test_the_table_equals_the_example() -> None:
    if not SHARED.exists():
        pytest.skip("../shared is beside the project only where it is developed")
    theirs = {row["id"]: row for row in json.loads(SHARED.read_text(encoding="utf-8"))["os"]}
    assert table().keys() == theirs.keys()
    for name, row in table().items():
        assert {mine: row.get(mine) for mine in COLUMNS.values()} == {
            mine: theirs[name].get(their) for their, mine in COLUMNS.items()
        }, name
        assert row["i440fx"] == (theirs[name]["i440fx"] is not False), name


def test_45_oses_have_q35_and_virtio_0_9_alone() -> None:
    early = [name for name, row in table().items() if row["q35"] and row["virtio"].get("net") == "L"]
    assert len(early) == 45
    assert {name.rstrip("0123456789.") for name in early} == {
        "rhel",
        "centos",
        "ol",
        "scientificlinux",
        "rhel6-unknown",
    }
    assert all(not {"M"} & set("".join(table()[name]["virtio"].values())) for name in early)


def test_modes_of_an_os() -> None:
    assert find_os("rhel6.10").modes("virtio-net") == EARLY
    assert find_os("rhel7.9").modes("virtio-net") == frozenset(VirtioMode)
    assert find_os("win10").modes("virtio-net") == frozenset()
    assert find_os("win10").modes("virtio-net", "packages") == frozenset(VirtioMode)
    assert find_os("rhel9.0").modes("vhost-vsock") is None


def test_every_class_is_one_of_osinfo_db() -> None:
    known = {kind for row in table().values() for kind in (*row["virtio"], *row.get("packages", ()))}
    assert set(DRIVER_CLASS.values()) == known


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("rhel610", "rhel6.10"), ("Fedora 35", "fedora35"), ("Red Hat Enterprise Linux 6.1", "rhel6.1")],
)
def test_an_unknown_os_gets_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(UnknownOs) as caught:
        find_os(name)
    assert nearest in caught.value.nearest
    assert nearest in str(caught.value)
