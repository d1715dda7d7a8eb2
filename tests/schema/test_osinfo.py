"""What osinfo-db knows: reading it, the table made from it, and asking for an OS."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qslot.schema import VirtioMode
from qslot.schema.environment.osinfo import DRIVER_CLASS, OsinfoError, UnknownOs, find_os, table
from qslot.schema.environment.osinfo.read import read_osinfo, version_of
from qslot.schema.errors import QslotError

SHARED = Path(__file__).parents[3] / "shared" / "data" / "os_support.json"
COLUMNS = {
    "name": "name", "rel": "released", "eol": "ended", "st": "status", "fam": "family", "x86_64": "x86_64",
    "q35": "q35", "virtio": "virtio", "virtio_drv": "packages", "xhci": "xhci", "e1000e": "e1000e", "fw": "firmware",
}  # fmt: skip
RENAMED = {"guix-1.1", "guix-1.3", "guix-hurd-latest", "guix-latest"}
"""Of the example, which is of osinfo-db 20221203: the table is of a newer one."""
CHANGED = {
    *("centos-stream8", "centos-stream9", "freedos1.2", "msdos6.22", "slackware-current", "ubuntu22.10"),
    *("eos3.6", "eos3.7", "eos3.8", "eos3.9", "eos3.10", "eos4.0"),
}
"""Of which osinfo-db has learnt more since than dates and names."""
DATED = {"name", "released", "ended", "status"}
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


BAD = {
    "cycle": (
        {
            "a": "<short-id>a</short-id><name>A</name><derives-from id='http://x/b'/>",
            "b": "<short-id>b</short-id><name>B</name><clones id='http://x/a'/>",
        },
        ("must not derive from itself", "http://x/a, http://x/b, http://x/a"),
    ),
    "itself": (
        {"a": "<short-id>a</short-id><name>A</name><derives-from id='http://x/a'/>"},
        ("must not derive from itself", "http://x/a, http://x/a"),
    ),
    "no name": ({"a": "<short-id>a</short-id>"}, ("'http://x/a' has no <name>",)),
    "an empty name": ({"a": "<short-id>a</short-id><name/>"}, ("'http://x/a' has no <name>",)),
    "no short id": ({"a": "<name>A</name>"}, ("'http://x/a' has no <short-id>",)),
}


def in_one_file(folder: Path, oses: dict[str, str]) -> Path:
    (folder / "os").mkdir()
    entries = "".join(f'<os id="http://x/{name}">{inside}</os>' for name, inside in oses.items())
    (folder / "os" / "all.xml").write_text(f"<libosinfo>{entries}</libosinfo>")
    return folder


@pytest.mark.parametrize("case", BAD)
def test_bad_entries_are_one_error(case: str, tmp_path: Path) -> None:
    oses, says = BAD[case]
    with pytest.raises(OsinfoError) as caught:
        read_osinfo(in_one_file(tmp_path, oses))
    assert isinstance(caught.value, QslotError)
    assert (caught.value.field, str(caught.value).count("\n")) == ("osinfo_dir", 0)
    assert all(part in str(caught.value) for part in ("all.xml", *says))


def test_a_long_line_of_oses_is_read(tmp_path: Path) -> None:
    """Each of 3000 comes of the next, twice."""
    oses = {}
    for n in range(3000):
        above = f"<derives-from id='http://x/{n + 1}'/><clones id='http://x/{n + 1}'/>"
        oses[str(n)] = f"<short-id>o{n}</short-id><name>O</name>{above}"
    oses["2999"] += "<devices><device id='http://pcisig.com/pci/1af4/1041'/></devices>"
    assert read_osinfo(in_one_file(tmp_path, oses))["o0"]["virtio"] == {"net": "M"}


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
    assert theirs.keys() - table().keys() == RENAMED
    for name in theirs.keys() - RENAMED - CHANGED:
        row = table()[name]
        compared = {their: mine for their, mine in COLUMNS.items() if mine not in DATED}
        assert {mine: row.get(mine) for mine in compared.values()} == {
            mine: theirs[name].get(their) for their, mine in compared.items()
        }, name
        assert row["i440fx"] == (theirs[name]["i440fx"] is not False), name


def test_48_oses_have_q35_and_virtio_0_9_alone() -> None:
    early = [name for name, row in table().items() if row["q35"] and row["virtio"].get("net") == "L"]
    assert len(early) == 48
    assert {name.rstrip("0123456789.") for name in early} == {
        "rhel",
        "centos",
        "ol",
        "scientificlinux",
        "openindiana",
        "omnios",
        "smartos",
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


WINDOWS = ("win7", "win8", "win8.1", "win10", "win11")
SERVERS = ("win2k8r2", "win2k12", "win2k12r2", "win2k16", "win2k19", "win2k22", "win2k25")


@pytest.mark.parametrize("name", [*WINDOWS, *SERVERS])
def test_virtio_win_drives_windows_7_to_11_and_server_2008_r2_to_2025(name: str) -> None:
    known = find_os(name)
    for model in ("virtio-net", "virtio-blk", "virtio-scsi", "virtio-balloon", "virtio-serial", "virtio-rng"):
        assert (known.modes(model), known.modes(model, "packages")) == (frozenset(), frozenset(VirtioMode)), model
    assert find_os("win2k8").modes("virtio-net", "packages") == frozenset()


def test_an_installed_osinfo_db_is_read_where_it_is_newer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSINFO_SYSTEM_DIR", str(folder))
    assert find_os("rhel6.10").source == "osinfo-db 20250619"
    (folder / "VERSION").write_text("20990101\n")
    known = find_os("base1")
    assert (known.name, known.source) == ("Base 1", f"osinfo-db 20990101 in {folder}")
    with pytest.raises(UnknownOs):
        find_os("rhel6.10")


def test_a_newer_osinfo_db_that_is_broken_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSINFO_SYSTEM_DIR", str(tmp_path))
    (tmp_path / "VERSION").write_text("20990101\n")
    assert find_os("rhel6.10").source.startswith("osinfo-db 20250619, as a newer one can't be read: ")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("debian14", ("debian13", "debian12", "debian11")),
        ("fedora44", ("fedora42", "fedora41", "fedora40")),
        ("rhel9.9", ("rhel9.7", "rhel9.6", "rhel9.5")),
        ("rhel7.12", ("rhel7.9", "rhel7.8", "rhel7.7")),
        ("win12", ("win11", "win10", "win8.1")),
        ("win2k28", ("win2k25", "win2k22", "win2k19")),
        ("http://debian.org/debian/14", ("debian13", "debian12", "debian11")),
        ("http://microsoft.com/win/2k28", ("win2k25", "win2k22", "win2k19")),
        ("rhel610", ("rhel6.10", "rhel10.1", "rhel10.0")),
        ("", ()),
    ],
)
def test_the_same_family_s_newest_are_nearest(name: str, nearest: tuple[str, ...]) -> None:
    with pytest.raises(UnknownOs) as caught:
        find_os(name)
    assert caught.value.nearest == nearest
    assert (caught.value.field, caught.value.value) == ("os", name)
    assert "no short id of osinfo-db" in caught.value.mend


def test_an_os_by_the_id_in_metadata() -> None:
    assert find_os("http://microsoft.com/win/11") == find_os("win11")


@given(st.sampled_from(sorted(table())), st.sampled_from(("", "1", ".1", "x", "-")))
def test_whatever_is_unknown_has_known_neighbours(name: str, tail: str) -> None:
    if name + tail in table():
        return
    with pytest.raises(UnknownOs) as caught:
        find_os(name + tail)
    near = caught.value.nearest
    assert {*near} <= table().keys()
    assert len({*near}) == len(near) <= 3


# ---- virtio-win


@pytest.mark.parametrize("os", ["win7", "win10", "win11", "win2k8r2", "win2k12", "win2k16", "win2k19", "win2k22"])
def test_virtio_win_drives_both_interfaces_from_windows_7_on(os: str) -> None:
    for model in ("virtio-net", "virtio-blk", "virtio-scsi", "virtio-balloon", "virtio-rng", "virtio-serial"):
        assert find_os(os).modes(model, "packages") == frozenset(VirtioMode)
        assert find_os(os).modes(model) == frozenset()
    assert find_os(os).modes("virtio-tablet", "packages") == frozenset({VirtioMode.MODERN})


def test_it_agrees_with_what_osinfo_db_lists() -> None:
    """Classes that osinfo-db lists for Windows 7 and later have the same interfaces there."""
    for name in ("win7", "win8", "win8.1", "win10"):
        listed, mine = table()[name]["packages"], find_os(name).packages
        assert {kind: mine[kind] for kind in listed} == listed


def test_of_other_systems_it_says_nothing() -> None:
    for name, row in table().items():
        if row.get("family") != "winnt" or name in ("win2k", "win2k3", "winvista", "winxp"):
            assert find_os(name).packages == row.get("packages", {}), name
