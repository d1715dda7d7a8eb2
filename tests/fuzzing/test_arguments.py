"""Broken command lines of a QEMU, the files that they name, and the small texts that are options of the command."""

from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qslot.schema.formats.convert import convert
from qslot.schema.formats.files import read_guest, read_stated
from qslot.schema.formats.unchecked import emulator_of
from qslot.schema.pci.address import Pin
from qslot.schema.pci.host_address import HostAddress
from qslot.schema.pci.machine_types import machine_type
from qslot.schema.pci.size import parse_size

from .corrupted import STRANGE_TEXTS, corrupted
from .reading import refusal

FOLDER: Final = Path(__file__).parents[1] / "schema" / "command_lines"
LINES: Final = [one.read_text(encoding="utf-8") for one in sorted(FOLDER.glob("*.args"))]
CONFIG: Final = (FOLDER / "pve-q35-4.0.cfg").read_text(encoding="utf-8")
OPTIONS: Final = (
    "-M", "-machine", "-m", "-cpu", "-smp", "-numa", "-device", "-netdev", "-nic", "-net", "-drive", "-blockdev",
    "-object", "-global", "-set", "-readconfig", "-bios", "-pflash", "-vga", "-usb", "-nodefaults", "-display",
    "-chardev", "-serial", "-soundhw", "-audio", "-watchdog", "-virtfs", "-fsdev", "-hda", "-cdrom", "-boot", "-name",
    "-accel", "-enable-kvm", "-incoming", "-device-help", "--device", "-",
)  # fmt: skip
VALUES: Final = (
    "q35", "pc-q35-7.2", "pc,usb=on", "2G", "size=4G,slots=4,maxmem=8G", "virtio-net-pci,id=n,bus=pcie.0,addr=5.0",
    '{"driver": "virtio-blk-pci", "id": "d", "bus": "pcie.0", "addr": "0x6"}', "pcie-root-port,id=rp,chassis=1,port=8",
    "vfio-pci,host=17:00.0", "if=virtio", "if=pflash,unit=0,file=OVMF_CODE.fd", "memory-backend-ram,id=m,size=1G",
    "ivshmem-plain,memdev=m", "virtio-net-pci.mq=on", "device.n.mq=on", "user,model=e1000,mac=52:54:00:12:34:56",
    "nvme,id=c", "pxb-pcie,id=e,bus_nr=254,numa_node=0", "node,nodeid=0", "virtio", "driver=x,property=y,value=z",
)  # fmt: skip
WORDS: Final = st.sampled_from(OPTIONS) | st.sampled_from(VALUES) | corrupted(VALUES) | st.sampled_from(STRANGE_TEXTS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzing")


@given(corrupted(LINES), st.sampled_from(("yaml", "argv", "stated")))
def test_a_command_line_in_a_file(folder: Path, text: str, to: str) -> None:
    path = folder / "guest.args"
    path.write_text(text, encoding="utf-8")
    refusal(lambda: read_stated(path) if to == "stated" else convert(path, to))  # type: ignore[arg-type]
    refusal(lambda: emulator_of(path))


@given(st.lists(WORDS, max_size=12))
def test_words(words: list[str]) -> None:
    for first in ((), ("qemu-system-x86_64", "-M", "q35")):
        refusal(lambda first=first: read_guest([*first, *words]))  # type: ignore[misc]
        refusal(lambda first=first: read_stated([*first, *words]))  # type: ignore[misc]


@given(corrupted([CONFIG]))
def test_a_file_of_sections(folder: Path, text: str) -> None:
    path = folder / "machine.cfg"
    path.write_text(text, encoding="utf-8")
    refusal(lambda: read_stated(["qemu-system-x86_64", "-M", "q35", "-readconfig", str(path)]))


@pytest.mark.parametrize("name", ["", ".", "/", "x" * 300, "a/" * 3000, "\ud800", "~nobody/x", "/dev/full"])
def test_a_file_that_no_file_can_be_called(name: str) -> None:
    """It is told as what could not be read: QEMU would not start."""
    guest = read_guest(["qemu-system-x86_64", "-M", "q35", "-readconfig", name])
    assert any(one.startswith("-readconfig ") for one in guest.unread), guest.unread


@given(st.text(max_size=20) | corrupted(["pcie.0:05.0", "0000:17:00.0", "pc-q35-7.2", "4GiB", "0x1000"]))
def test_small_texts(text: str) -> None:
    for read in (Pin.parse, parse_size):
        with suppress(ValueError):
            read(text)
    HostAddress.parse(text)
    machine_type(text)
