"""Which firmware belongs to a QEMU, and the versions that firmware states of itself. Starts no QEMU."""

import lzma
from pathlib import Path

import pytest

from qslot.schema import Firmware
from qslot.schema.formats.ovmf_image import ovmf_image
from qslot.schema.probe import Enumeration
from qslot.schema.probe.compare import as_run
from qslot.schema.probe.firmware import COMPRESSED, firmware_version, own_ovmf

from ..layouts import small_layout


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("SeaBIOS (version 1.16.3-debian-1.16.3-2)\nBUILD: gcc", "1.16.3"),
        ("SeaBIOS (version rel-1.17.0-0-gb52ca86e094d)\n", "1.17.0"),
        ("PCI: No VGA devices found", ""),
    ],
)
def test_seabios_names_its_version(said: str, version: str) -> None:
    assert firmware_version("seabios", said, None) == version


def image(folder: Path, *texts: str) -> Path:
    """An image with these texts, as edk2 has them, in its compressed volume."""
    content = b"\x01\x00".join([b"", *(text.encode("utf-16-le") + b"\0\0" for text in texts)])
    file = folder / "code.fd"
    file.write_bytes(b"_FVH" + COMPRESSED + b"\x18\x00\x01\x00" + lzma.compress(content, lzma.FORMAT_ALONE))
    return file


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2025.02-8+deb13u1", "2025.02"),
        ("2026.08+ds-2", "2026.08"),
        ("edk2-stable202408-prebuilt.qemu.org", "2024.08"),
        ("edk2-20250221-8.fc42", "2025.02"),
        ("11/08/2025", ""),
        ("Copyright 2008 by Intel(R) Corporation.", ""),
    ],
)
def test_an_image_of_ovmf_states_its_version(tmp_path: Path, text: str, version: str) -> None:
    assert firmware_version("ovmf", "", image(tmp_path, "Socket LGA2011", text)) == version


def test_what_is_no_image_of_ovmf_states_none(tmp_path: Path) -> None:
    for n, content in enumerate((b"", b"something else", COMPRESSED + b"\x18\x00\x01\x00 not compressed")):
        file = tmp_path / f"{n}.fd"
        file.write_bytes(content)
        assert firmware_version("ovmf", "", file) == ""


def test_the_image_beside_a_qemu_is_its_own(tmp_path: Path) -> None:
    """As where a QEMU of another distribution is unpacked, or one's own is installed in a folder of its own."""
    share = tmp_path / "root" / "usr" / "share"
    qemu = tmp_path / "qemu"
    qemu.write_text(f"#!/bin/sh\n[ \"$*\" = '-L help' ] && echo {share}/qemu && echo {share}/seabios\n")
    qemu.chmod(0o755)
    for place in (share / "OVMF" / "OVMF_CODE_4M.fd", share / "qemu" / "edk2-x86_64-code.fd"):
        place.parent.mkdir(parents=True)
        place.touch()
    assert own_ovmf(str(qemu)) == share / "OVMF" / "OVMF_CODE_4M.fd"
    (share / "OVMF" / "OVMF_CODE_4M.fd").unlink()
    own_ovmf.cache_clear()
    assert own_ovmf(str(qemu)) == share / "qemu" / "edk2-x86_64-code.fd"


def test_where_no_image_is_the_places_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}/OVMF/OVMF_CODE_4M.fd"):
        ovmf_image([tmp_path / "qemu"])


def test_what_is_predicted_is_of_the_firmware_that_ran() -> None:
    layout = small_layout()
    for said, ran in (("1.16.1", "1.16.1"), ("", "1.16.3")):
        newer = as_run(layout, Enumeration([], "", "10.0.2", said))
        assert (layout.firmware.version, newer.firmware.version, newer.machine_model.qemu) == ("1.17.0", ran, (10, 0))
    own = layout.model_copy(update={"firmware": Firmware(name="seabios", version="1.14.0")})
    assert as_run(own, Enumeration([], "", "10.0.2", "")).firmware == own.firmware


def test_a_model_that_nobody_describes_is_not_predicted() -> None:
    """What only QEMU knows is held to its place: another firmware's windows cannot be worked out."""
    planned = small_layout()
    unknown = planned.devices[0].model_copy(update={"model": "cxl-type3", "driver": "cxl-type3", "bars": None})
    layout = planned.model_copy(update={"devices": (unknown, *planned.devices[1:])})
    assert as_run(layout, Enumeration([], "", "10.0.2", "1.16.3")).io_windows == planned.io_windows
