"""Broken texts of lspci and trees of sysfs: whatever is not understood is not known, and never a crash."""

from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qslot.schema.host_devices import Sources, read_host_devices
from qslot.schema.host_devices.sysfs import Sysfs
from qslot.schema.pci.host_address import HostAddress

from ..host_tree import HOST, lspci, write_tree
from .corrupted import corrupted
from .reading import refusal

RESOURCE: Final = (
    "0x00000000e0000000 0x00000000e0ffffff 0x0000000000040200\n"
    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
    "0x0000004000000000 0x00000043ffffffff 0x000000000014220c\n" + "0x0 0x0 0x0\n" * 10
)


def looked_up(sources: Sources) -> None:
    host = read_host_devices(sources)
    for one in HOST:
        address = HostAddress.parse(one.address)
        assert address is not None
        found = host.find(address)
        assert found is None or all(bar.size > 0 for bar in found.bars or ())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzing")


@given(corrupted([lspci(HOST), lspci(HOST, root=False)]))
def test_lspci(folder: Path, text: str) -> None:
    path = folder / "lspci.txt"
    path.write_text(text, encoding="utf-8")
    refusal(lambda: looked_up([path]))


@given(st.binary(max_size=300) | corrupted([RESOURCE]).map(str.encode), st.binary(max_size=300))
def test_sysfs(tmp_path_factory: pytest.TempPathFactory, resource: bytes, config: bytes) -> None:
    tree = write_tree(tmp_path_factory.mktemp("sysfs"), HOST)
    for one in HOST:
        (tree / one.address / "resource").write_bytes(resource)
        (tree / one.address / "config").write_bytes(config)
    refusal(lambda: looked_up([tree]))


def test_a_tree_of_what_is_no_file(tmp_path: Path) -> None:
    tree = write_tree(tmp_path, HOST[:1])
    for name in ("resource", "config", "iommu_group"):
        place = tree / HOST[0].address / name
        if place.is_symlink() or place.exists():
            place.unlink()
        place.mkdir()
    address = HostAddress.parse(HOST[0].address)
    assert address is not None
    assert Sysfs(tree).find(address) is None


@pytest.mark.parametrize("size", ["[size=0]", "[size=3K]", "[size=" + "9" * 5000 + "K]", "[size=999999999T]"])
def test_a_size_that_no_bar_has(tmp_path: Path, size: str) -> None:
    (tmp_path / "lspci").write_text(lspci(HOST[:1]).replace("[size=16M]", size), encoding="utf-8")
    assert size in (tmp_path / "lspci").read_text()
    refusal(lambda: looked_up([tmp_path / "lspci"]))


def test_a_file_without_an_end() -> None:
    """It was read until memory ran out."""
    message = refusal(lambda: read_host_devices(["/dev/zero"]))
    assert message == "/dev/zero: larger than 32 MiB, the most that is read"
